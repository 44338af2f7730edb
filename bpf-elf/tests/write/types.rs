//! Specs whose types were edited: what is written follows the symbols of the object.

use bpf_btf::{Btf, BtfBuilder, ByteOrder, Kind, NewSectionEntry, Type, VarLinkage};

use crate::edits::check;

/// A variable of `.bss` that `.rodata` names as its own, too, which no compiler writes: it stays what it is in `.bss`.
#[test]
fn a_variable_of_two_sections_stays_where_its_symbol_is() {
    check(
        "tracing",
        |spec| {
            let btf = spec.btf().unwrap();
            let named = |name| btf.find(name, Kind::Datasec).unwrap();
            let Some(Type::Datasec(bss)) = btf.get(named(".bss")) else { panic!("no section") };
            let (_, variable) =
                bss.variables().find(|(_, found)| found.name() == "hits_fentry").unwrap();
            let mut builder = BtfBuilder::from_btf(btf);
            let entries = vec![NewSectionEntry::new(variable.id(), 0, 8)];
            builder.set_section(named(".rodata"), 0, entries).unwrap();
            let changed = Btf::parse(builder.write(ByteOrder::NATIVE).unwrap()).unwrap();
            spec.set_btf(Some(changed));
        },
        |spec| {
            let Some(Type::Datasec(bss)) =
                spec.btf().and_then(|btf| btf.get(btf.find(".bss", Kind::Datasec)?))
            else {
                return false;
            };
            let mut global =
                bss.variables().filter(|(_, found)| found.linkage() == VarLinkage::Global);
            global.any(|(_, found)| found.name() == "hits_fentry")
        },
    );
}
