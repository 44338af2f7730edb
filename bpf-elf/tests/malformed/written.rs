//! Objects that are read although they contradict themselves: what is written of them is settled.

use bpf_btf::{BtfBuilder, Definition, NewSectionEntry, VarLinkage};
use bpf_elf::spec::CollectionSpec;

use crate::testing::{Elf, GLOBAL, OBJECT, ORDERS};

/// `.data` with two variables, of which the DATASEC names these, by number.
fn variables(elf: &mut Elf, named: &[usize]) {
    let mut btf = BtfBuilder::new();
    let int = Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false };
    let target = btf.add(&int).unwrap();
    let linkage = VarLinkage::Global;
    let ids = ["a", "b"].map(|name| btf.add(&Definition::Var { name, target, linkage }).unwrap());
    let entries: Vec<_> =
        named.iter().map(|number| NewSectionEntry::new(ids[*number], 0, 4)).collect();
    btf.add(&Definition::Datasec { name: ".data", size: 0, entries: &entries }).unwrap();
    elf.btf(&btf).data(".data", &[1, 0, 0, 0, 2, 0, 0, 0]);
    elf.symbol("a", ".data", 0, 4, GLOBAL | OBJECT).symbol("b", ".data", 4, 4, GLOBAL | OBJECT);
}

#[test]
fn a_datasec_names_each_variable_once() {
    let rows: [(&str, &[usize]); 5] = [
        ("each once", &[0, 1]),
        ("one twice", &[0, 0, 1]),
        ("one twice and the other not", &[1, 1]),
        ("one only", &[1]),
        ("in another order", &[1, 0, 1, 0]),
    ];
    for (name, named) in rows {
        for order in ORDERS {
            let mut elf = Elf::new(order);
            variables(&mut elf, named);
            let spec = CollectionSpec::parse(&elf.build()).unwrap();
            let once = CollectionSpec::parse(&spec.write_elf().unwrap()).unwrap();
            let twice = CollectionSpec::parse(&once.write_elf().unwrap()).unwrap();
            assert_eq!(once, twice, "{name}, {order:?}");
            for (name, bytes) in [("a", [1, 0, 0, 0]), ("b", [2, 0, 0, 0])] {
                assert_eq!(once.variable(name).unwrap().bytes(), Some(&bytes[..]), "{name}");
            }
        }
    }
}
