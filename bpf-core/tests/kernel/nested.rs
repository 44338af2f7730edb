//! Maps of maps and arrays of programs, filled by the object and by hand.

use bpf_core::{ErrorKind, Map, MapSpec, MapType, TestRun};

use crate::support::{NoLeak, load, load_spec, run, spec};

#[test]
fn slots_of_an_array_of_maps_are_filled() {
    let _leak = NoLeak::new();
    let collection = load("inner_maps");
    let program = collection.program("count_in_slot").unwrap();
    // Slots by the length: 64 is slot 0, 65 slot 1 and so on.
    assert_eq!([64, 65, 66, 67, 64].map(|len| run(program, len)), [1, 0, 1, 0, 1]);
    for (name, expected) in [("first", 2), ("second", 1)] {
        let map = collection.map(name).unwrap().typed::<u32, u64>().unwrap();
        assert_eq!(map.get(&0).unwrap(), Some(expected), "{name}");
    }
    let outer = collection.map("by_index").unwrap();
    let inner = outer.inner_map(&2_u32.to_ne_bytes()).unwrap().unwrap();
    assert_eq!(inner.id().unwrap(), collection.map("second").unwrap().id().unwrap());
    assert!(outer.inner_map(&1_u32.to_ne_bytes()).unwrap().is_none());
}

#[test]
fn a_hash_of_maps_is_filled() {
    let _leak = NoLeak::new();
    let collection = load("inner_maps");
    assert_eq!(run(collection.program("count_by_key").unwrap(), 77), 1);
    let numbers = collection.map("numbers").unwrap().typed::<u32, u32>().unwrap();
    assert_eq!(numbers.get(&3).unwrap(), Some(77));
}

#[test]
fn a_map_can_be_put_in_later() {
    let _leak = NoLeak::new();
    let collection = load("inner_maps");
    let (outer, program) =
        (collection.map("empty").unwrap(), collection.program("look_in_empty").unwrap());
    assert_eq!(run(program, 64), 0);
    let inner = Map::create(&MapSpec::new("late", MapType::ARRAY, 4, 8, 4)).unwrap();
    outer.set_map(&0_u32.to_ne_bytes(), &inner).unwrap();
    assert_eq!(run(program, 64), 1);
    let wrong = Map::create(&MapSpec::new("wrong", MapType::ARRAY, 4, 4, 4)).unwrap();
    let error = outer.set_map(&0_u32.to_ne_bytes(), &wrong).unwrap_err();
    assert_eq!(error.errno(), Some(bpf_core::Errno::EINVAL), "{error}");
}

#[test]
fn tail_calls_go_where_the_object_says() {
    let _leak = NoLeak::new();
    let collection = load("prog_array");
    let program = collection.program("jump").unwrap();
    // `mark` lies at offset 8 of `struct __sk_buff`.
    let jump = |mark: u32| {
        let mut context = vec![0; 192];
        context[8..12].copy_from_slice(&mark.to_ne_bytes());
        let run = TestRun::new().with_data([0; 64]).with_context(context);
        program.test_run(&run).unwrap().return_value
    };
    assert_eq!([0, 1, 2, 3, 99].map(jump), [10, 1, 50, 1, 1]);
    assert_eq!(run(collection.program("jump_to_nothing").unwrap(), 64), 2);
    let empty = collection.map("empty").unwrap();
    empty.set_program(&0_u32.to_ne_bytes(), collection.program("return_ten").unwrap()).unwrap();
    assert_eq!(run(collection.program("jump_to_nothing").unwrap(), 64), 10);
    let there = empty.program_at(&0_u32.to_ne_bytes()).unwrap().unwrap();
    assert_eq!(there.id().unwrap(), collection.program("return_ten").unwrap().id().unwrap());
}

#[test]
fn a_slot_that_names_what_is_not_loaded_is_an_error() {
    let _leak = NoLeak::new();
    let mut edited = spec("prog_array");
    edited.programs.get_mut("return_length").unwrap().autoload = false;
    let error = bpf_core::Collection::load(&edited, &bpf_core::LoadOptions::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidSpec);
    assert!(
        error
            .to_string()
            .contains("slot 2 names the program `return_length`, which was not loaded"),
        "{error}"
    );
    let mut edited = spec("inner_maps");
    edited.maps.get_mut("second").unwrap().autocreate = false;
    let error = bpf_core::Collection::load(&edited, &bpf_core::LoadOptions::new()).unwrap_err();
    assert!(
        error.to_string().contains("slot 2 names the map `second`, which was not created"),
        "{error}"
    );
    edited.maps.get_mut("by_index").unwrap().contents = bpf_core::MapContents::None;
    drop(load_spec(&edited));
}
