//! Objects that are read although they contradict themselves: what is written of them is settled.

use bpf_btf::{BtfBuilder, Definition, NewMember, NewSectionEntry, VarLinkage};
use bpf_elf::spec::CollectionSpec;

use crate::testing::{Elf, GLOBAL, OBJECT, ORDERS};

/// `.maps` takes no room in the file, whatever size it has.
#[test]
fn a_map_far_from_the_start_of_its_section_does_not_fill_the_file() {
    const SIZE: u64 = 1 << 28;
    for order in ORDERS {
        let mut btf = BtfBuilder::new();
        let int = Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false };
        let int = btf.add(&int).unwrap();
        let array = btf.add(&Definition::Array { element: int, index: int, len: 2 }).unwrap();
        let target = btf.add(&Definition::Ptr { target: array }).unwrap();
        let members = [NewMember::new("type", target, 0)];
        let target = btf.add(&Definition::Struct { name: "", size: 8, members: &members }).unwrap();
        let linkage = VarLinkage::Global;
        let variable = btf.add(&Definition::Var { name: "m", target, linkage }).unwrap();
        let entries = [NewSectionEntry::new(variable, 0, 8)];
        btf.add(&Definition::Datasec { name: ".maps", size: 0, entries: &entries }).unwrap();
        let mut elf = Elf::new(order);
        elf.btf(&btf).zeros(".maps", SIZE).symbol("m", ".maps", SIZE - 8, 8, GLOBAL | OBJECT);
        let spec = CollectionSpec::parse(&elf.build()).unwrap();
        let written = spec.write_elf().unwrap();
        assert!(written.len() < 4096, "{} bytes", written.len());
        assert_eq!(CollectionSpec::parse(&written).unwrap(), spec);
    }
}

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
