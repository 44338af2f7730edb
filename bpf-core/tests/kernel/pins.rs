//! Pins: by name, by path, reuse, what does not fit.

use bpf_core::{Collection, ErrorKind, LoadOptions, Map, Program};

use crate::support::{Folder, NoLeak, run, spec};

#[test]
fn pinned_maps_are_found_by_the_next_load() {
    let _leak = NoLeak::new();
    let folder = Folder::new("reuse");
    let spec = spec("pinned");
    let first = folder.load(&spec).unwrap();
    assert!(folder.0.join("pinned").exists());
    assert!(!folder.0.join("private").exists());
    run(first.program("count").unwrap(), 64);
    let id = first.map("pinned").unwrap().id().unwrap();
    drop(first);
    let second = folder.load(&spec).unwrap();
    let map = second.map("pinned").unwrap();
    assert_eq!(map.id().unwrap(), id);
    run(second.program("count").unwrap(), 64);
    assert_eq!(map.typed::<u32, u64>().unwrap().get(&0).unwrap(), Some(2));
    let opened = Map::from_pin(folder.0.join("pinned")).unwrap();
    assert_eq!((opened.id().unwrap(), opened.name()), (id, "pinned"));
}

#[test]
fn a_pinned_map_that_differs_is_refused_with_all_differences() {
    let _leak = NoLeak::new();
    let folder = Folder::new("differs");
    let mut spec = spec("pinned");
    drop(folder.load(&spec).unwrap());
    let map = spec.maps.get_mut("pinned").unwrap();
    map.max_entries += 1;
    let error = folder.load(&spec).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Incompatible);
    let differences: Vec<String> = error.mismatches().iter().map(ToString::to_string).collect();
    assert_eq!(differences, ["max_entries is 8, not 9"]);
    assert!(
        error.to_string().contains(&format!("it is pinned at {}/pinned", folder.0.display())),
        "{error}"
    );
}

#[test]
fn a_failed_load_leaves_no_pin() {
    let _leak = NoLeak::new();
    let folder = Folder::new("undo");
    let mut spec = spec("pinned");
    for program in spec.programs.values_mut() {
        // Falls off the end.
        program.function.slots.pop();
    }
    let error = folder.load(&spec).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Verifier, "{error}");
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0);
}

#[test]
fn a_program_lives_on_in_its_pin() {
    let _leak = NoLeak::new();
    let folder = Folder::new("program");
    let collection = folder.load(&spec("pinned")).unwrap();
    let path = folder.0.join("a_program");
    let id = {
        let (_, program) = collection.programs().next().unwrap();
        program.pin(&path).unwrap();
        assert_eq!(program.pin(&path).unwrap_err().kind(), ErrorKind::Exists);
        program.id().unwrap()
    };
    drop(collection);
    assert_eq!(Program::from_pin(&path).unwrap().id().unwrap(), id);
    // A program is no map.
    assert!(Map::from_pin(&path).is_err());
    Program::unpin(&path).unwrap();
    assert_eq!(Program::from_pin(&path).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(Program::unpin(&path).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn pins_need_a_bpffs() {
    let _leak = NoLeak::new();
    let error =
        Collection::load(&spec("pinned"), &LoadOptions::new().with_pin_path("/tmp")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoBpffs);
    assert_eq!(
        error.to_string(),
        "cannot pin in /tmp: not a BPF file system: no bpffs at /tmp; mount -t bpf bpf /tmp"
    );
    let map = Map::create(&bpf_core::MapSpec::new("m", bpf_core::MapType::ARRAY, 4, 4, 1)).unwrap();
    let error = map.pin("/tmp/bpf-core-no-such-pin").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoBpffs, "{error}");
}
