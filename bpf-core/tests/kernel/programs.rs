//! Programs: loaded, run, described.

use bpf_core::{
    Collection, CollectionSpec, ErrorKind, LoadOptions, LogLevel, MapType, Program, ProgramOptions,
    ProgramType, StatsGuard, TestRun,
};
use testdata::{Order, requires};

use crate::support::{NoLeak, load, load_spec, run, spec};

#[test]
fn counters_count_in_four_kinds_of_maps() {
    let _leak = NoLeak::new();
    let collection = load("counter");
    for len in [64, 64, 100] {
        let returned = run(collection.program("count_filter").unwrap(), len);
        assert_eq!(returned, u32::try_from(len).unwrap());
    }
    run(collection.program("count_xdp").unwrap(), 64);
    let runs = collection.map("runs").unwrap().typed::<u32, u64>().unwrap();
    let counts = [0, 1, 2, 3].map(|slot| runs.get(&slot).unwrap());
    assert_eq!(counts, [Some(3), Some(1), Some(0), Some(0)]);
    let by_cpu = collection.map("runs_by_cpu").unwrap().per_cpu::<u32, u64>().unwrap();
    assert_eq!(by_cpu.get(&0).unwrap().unwrap().iter().sum::<u64>(), 3);
    let by_length = collection.map("by_length").unwrap().typed::<u32, u64>().unwrap();
    let mut by_length: Vec<(u32, u64)> = by_length.iter().map(Result::unwrap).collect();
    by_length.sort_unstable();
    assert_eq!(by_length, [(64, 3), (100, 1)]);
}

#[test]
fn subprograms_are_called() {
    let _leak = NoLeak::new();
    let collection = load("subprograms");
    let rows = [
        ("call_static", 40, 80),
        ("call_global", 35, 1600),
        ("call_chain", 6 + 34, 3201),
        ("call_hidden", 50, 50),
        ("call_program", 50, 1),
        ("call_nothing", 50, 3),
    ];
    for (name, len, expected) in rows {
        assert_eq!(run(collection.program(name).unwrap(), len), expected, "{name}");
    }
    let calls = collection.map("calls").unwrap().typed::<u32, u64>().unwrap();
    assert_eq!([calls.get(&0).unwrap(), calls.get(&1).unwrap()], [Some(1), Some(1)]);
    assert_eq!(collection.variable("last").unwrap().get::<u32>().unwrap(), 35);
}

#[test]
fn objects_without_btf_and_with_old_map_definitions_load() {
    let _leak = NoLeak::new();
    let collection = load("no_btf");
    assert_eq!(run(collection.program("advance").unwrap(), 64), 1002);
    let collection = load("legacy_maps");
    assert_eq!(run(collection.program("use_both").unwrap(), 64), 1);
    let map = collection.map("old_hash").unwrap().typed::<u32, u64>().unwrap();
    assert_eq!(map.get(&0).unwrap(), Some(64));
    for name in ["no_license", "license_version"] {
        drop(load(name));
    }
}

#[test]
fn names_and_facts_are_in_the_kernel() {
    let _leak = NoLeak::new();
    let collection = load("counter");
    let program = collection.program("count_filter").unwrap();
    let info = program.info().unwrap();
    assert_eq!(info.name, "count_filter");
    assert_eq!(info.program_type, ProgramType::SOCKET_FILTER);
    assert_eq!(info.id, program.id().unwrap());
    assert_eq!(info.loaded_by_uid, 0);
    assert!(info.translated_size > 0 && info.gpl_compatible && info.btf_id.is_some());
    let mut ids: Vec<_> = info.map_ids.iter().map(|id| id.0).collect();
    let mut maps: Vec<_> = collection.maps().map(|(_, map)| map.id().unwrap().0).collect();
    ids.sort_unstable();
    maps.sort_unstable();
    assert_eq!(ids, maps);
    let map = collection.map("by_length").unwrap().info().unwrap();
    assert_eq!((map.name.as_str(), map.map_type), ("by_length", MapType::HASH));
    assert!(map.btf_id.is_some() && map.value_type_id != 0);
    // Cut to 15 bytes in the kernel, whole here.
    let map = collection.map("by_length_and_cpu").unwrap();
    assert_eq!((map.name(), &*map.info().unwrap().name), ("by_length_and_cpu", "by_length_and_c"));
    let again = Program::from_id(info.id).unwrap();
    assert_eq!((again.name(), again.info().unwrap()), ("count_filter", info));
}

#[test]
fn a_test_run_gives_packet_context_and_time() {
    let _leak = NoLeak::new();
    let collection = load("counter");
    let program = collection.program("count_xdp").unwrap();
    let packet: Vec<u8> = (0..100).collect();
    let output =
        program.test_run(&TestRun::new().with_data(packet.clone()).with_repeat(50)).unwrap();
    assert_eq!((output.return_value, output.data), (2, packet));
    let runs = collection.map("runs").unwrap().typed::<u32, u64>().unwrap();
    assert_eq!(runs.get(&1).unwrap(), Some(50));
    // Larger than any kernel takes.
    let error = program.test_run(&TestRun::new().with_data(vec![0; 4 << 20])).unwrap_err();
    assert!(error.errno().is_some());
    assert!(error.to_string().starts_with("cannot test-run program `count_xdp`: "), "{error}");
}

#[test]
fn runs_are_counted_while_statistics_are_on() {
    let _leak = NoLeak::new();
    let collection = load("counter");
    let program = collection.program("count_filter").unwrap();
    run(program, 64);
    assert_eq!(program.stats().unwrap().run_count, 0);
    let guard = StatsGuard::new().unwrap();
    for _ in 0..5 {
        run(program, 64);
    }
    drop(guard);
    run(program, 64);
    // Test runs count since 5.12 or so.
    let stats = program.stats().unwrap();
    assert!(stats.run_count == 5 || stats.run_count == 0, "{stats:?}");
    assert_eq!(stats.run_count == 0, stats.run_time.is_zero());
}

#[test]
fn programs_can_be_left_out_by_the_object_the_spec_and_the_options() {
    let _leak = NoLeak::new();
    let mut edited = spec("counter");
    edited.programs.get_mut("count_egress").unwrap().autoload = false;
    let options = LoadOptions::new()
        .with_program("count_xdp", ProgramOptions::new().with_autoload(false))
        .with_program("count_egress", ProgramOptions::new().with_autoload(true));
    let collection = Collection::load(&edited, &options).unwrap();
    let names: Vec<&str> = collection.programs().map(|(name, _)| name).collect();
    assert_eq!(names, ["count_filter", "count_ingress", "count_egress"]);
    let error = collection.program("count_xdp").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let options = LoadOptions::new().with_program("no_such", ProgramOptions::new());
    let error = Collection::load(&edited, &options).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().contains("`no_such`")),
        (ErrorKind::NotFound, true)
    );
}

#[test]
fn objects_of_the_other_byte_order_are_refused() {
    let _leak = NoLeak::new();
    let other = if Order::NATIVE == Order::Little { Order::Big } else { Order::Little };
    let spec = CollectionSpec::parse(testdata::object("counter", other)).unwrap();
    let error = Collection::load(&spec, &LoadOptions::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidSpec);
    assert!(error.to_string().contains("compile for the target `bpf"), "{error}");
}

#[test]
fn a_log_of_a_good_program_can_be_asked_for() {
    let _leak = NoLeak::new();
    let options = LoadOptions::new()
        .with_log_level(LogLevel::Statistics)
        .with_program("count_filter", ProgramOptions::new().with_log_level(LogLevel::Paths));
    let collection = Collection::load(&spec("counter"), &options).unwrap();
    let log = |name| collection.program(name).unwrap().verifier_log().unwrap().text();
    assert!(log("count_xdp").contains("processed "));
    assert!(!log("count_xdp").contains("0: (") && log("count_filter").contains("0: ("));
    assert!(load("counter").program("count_xdp").unwrap().verifier_log().is_none());
}

#[test]
fn a_map_can_be_kept_by_a_program_that_does_not_use_it() {
    let _leak = NoLeak::new();
    if !requires("binding of maps", (5, 10)) {
        return;
    }
    let (first, second) = (load("counter"), load("data"));
    let program = first.program("count_filter").unwrap();
    let map = second.map(".data").unwrap();
    program.bind_map(map).unwrap();
    assert!(program.info().unwrap().map_ids.contains(&map.id().unwrap()));
}

#[test]
fn maps_and_programs_can_be_moved_out() {
    let _leak = NoLeak::new();
    let mut collection = load("data");
    let variable = collection.variable("counter").unwrap();
    let (map, program) =
        (collection.take_map(".data").unwrap(), collection.take_program("increment").unwrap());
    assert_eq!(collection.take_map(".data").unwrap_err().kind(), ErrorKind::NotFound);
    drop(collection);
    assert_eq!(run(&program, 64), 8);
    assert_eq!(variable.get::<u32>().unwrap(), 8);
    assert_eq!(map.lookup(&[0; 4]).unwrap().unwrap()[..4], 8_u32.to_ne_bytes());
    let clone = program.try_clone().unwrap();
    assert_eq!(run(&clone, 64), 9);
}

#[test]
fn a_map_replaces_one_of_the_object() {
    let _leak = NoLeak::new();
    let first = load("counter");
    let runs = first.map("runs").unwrap();
    let second =
        Collection::load(&spec("counter"), &LoadOptions::new().with_map("runs", runs)).unwrap();
    run(first.program("count_filter").unwrap(), 64);
    run(second.program("count_filter").unwrap(), 64);
    assert_eq!(runs.typed::<u32, u64>().unwrap().get(&0).unwrap(), Some(2));
    let other = first.map("by_length").unwrap();
    let error = Collection::load(&spec("counter"), &LoadOptions::new().with_map("runs", other))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Incompatible);
    let text = "type is hash, not array, max_entries is 16, not 4";
    assert!(error.to_string().ends_with(text), "{error}");
    let error =
        Collection::load(&spec("counter"), &LoadOptions::new().with_map("nope", runs)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn sections_that_stand_for_nothing_need_a_type() {
    let _leak = NoLeak::new();
    let mut edited = spec("unknown_section");
    let untyped: Vec<String> = edited
        .programs
        .iter()
        .filter(|(_, program)| program.program_type == ProgramType::UNSPEC && program.autoload)
        .map(|(name, _)| name.to_owned())
        .collect();
    assert!(!untyped.is_empty());
    let error = Collection::load(&edited, &LoadOptions::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidSpec);
    assert!(
        error.to_string().contains("stands for no program type: set `program_type`"),
        "{error}"
    );
    for name in &untyped {
        edited.programs.get_mut(name).unwrap().program_type = ProgramType::SOCKET_FILTER;
    }
    drop(load_spec(&edited));
}
