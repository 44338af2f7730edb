//! What needs no kernel, by the names of the facade alone: reading, editing, writing, linking, comparing.
#![forbid(unsafe_code)]
#![cfg(target_os = "linux")]

use bpf_core::diff::Difference;
use bpf_core::{
    CollectionSpec, EditError, LinkError, Linker, Listing, ReadError, ReadOptions, SpecDiff,
    SpecDigest, WriteError,
};
use testdata::{Order, object, part};

#[test]
fn an_object_is_edited_written_and_compared() -> Result<(), Box<dyn std::error::Error>> {
    for order in Order::BOTH {
        let old = CollectionSpec::parse_with(object("ring", order), &ReadOptions::default())?;
        let mut new = old.clone();
        let refused: Result<_, EditError> =
            new.map_mut("records")?.set_max_entries(5000).map(|_| ());
        assert!(matches!(refused, Err(EditError::Map { .. })));
        let unchanged: SpecDigest = old.digest();
        assert_eq!(unchanged, new.digest());

        new.map_mut("records")?.set_max_entries(1 << 20)?;
        let bytes: Result<Vec<u8>, WriteError> = new.write_elf();
        let written = CollectionSpec::parse(&bytes?)?;
        assert_ne!(unchanged, written.digest());
        let diff = SpecDiff::new(&old, &written);
        let changed = diff.maps.iter().find(|map| map.name == "records").unwrap();
        assert!(matches!(changed.difference, Difference::Changed(_)));

        let program = new.programs.names().next().unwrap();
        let listing: Listing<'_> = written.listing(program).unwrap();
        assert_eq!(
            listing.code.slots.len(),
            new.programs.get(program).unwrap().function.slots.len()
        );
    }
    Ok(())
}

#[test]
fn objects_are_linked_into_one() {
    for order in Order::BOTH {
        let mut linker = Linker::new();
        for name in ["first", "second"] {
            linker = linker.add(name, part(name, order)).unwrap();
        }
        let linked = CollectionSpec::parse(&linker.link().unwrap()).unwrap();
        assert!(!linked.programs.is_empty());
    }
    assert!(matches!(Linker::new().link(), Err(LinkError::NoObjects)));
    let error: ReadError = CollectionSpec::parse(b"no object").unwrap_err();
    assert!(!error.to_string().is_empty());
}
