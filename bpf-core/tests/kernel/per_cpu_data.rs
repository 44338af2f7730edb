//! Data sections with a value for each CPU: `.percpu`.

use bpf_core::asm::{ByteOrder, Code};
use bpf_core::{
    Collection, CollectionSpec, ErrorKind, LoadOptions, MapContents, MapSpec, MapType, ProgramType,
    VariableSpec,
};
use testdata::requires;

use crate::support::{NoLeak, load_spec, run};

/// `int first; long second;` in `.percpu`.
fn section() -> CollectionSpec {
    let mut spec = CollectionSpec::new(ByteOrder::NATIVE);
    "GPL".clone_into(&mut spec.license);
    let mut map = MapSpec::new(".percpu", MapType::PERCPU_ARRAY, 4, 16, 1);
    map.section = ".percpu".into();
    map.contents = MapContents::Bytes(vec![0; 16]);
    spec.add_map(map).unwrap();
    for (name, offset, size) in [("first", 0, 4), ("second", 8, 8)] {
        spec.variables.insert(name, VariableSpec::new(name, ".percpu", offset, size));
    }
    spec.set_variable("first", &7_u32).unwrap();
    spec.set_variable("second", &u64::MAX).unwrap();
    assert_eq!(spec.variable("first").unwrap().get::<u32>(), Ok(7));
    spec.check().unwrap();
    spec
}

#[test]
fn every_cpu_begins_with_the_value_of_the_specification() {
    let _leak = NoLeak::new();
    let collection = load_spec(&section());
    let [first, second] = ["first", "second"].map(|name| collection.variable(name).unwrap());
    assert!(first.is_per_cpu() && !first.is_read_only());
    let cpus = collection.map(".percpu").unwrap().per_cpu::<u32, [u64; 2]>().unwrap().zeroed();
    assert!(!cpus.is_empty());
    let values = first.get_per_cpu::<u32>().unwrap();
    assert_eq!(values.iter().collect::<Vec<_>>(), vec![7; cpus.len()]);
    let mut values = second.get_per_cpu::<u64>().unwrap();
    assert_eq!(values.iter().collect::<Vec<_>>(), vec![u64::MAX; cpus.len()]);

    for (cpu, value) in (0..values.len()).zip(100..) {
        assert!(values.set(cpu, &value));
    }
    second.set_per_cpu(&values).unwrap();
    assert_eq!(second.get_per_cpu::<u64>().unwrap(), values);
    let values = first.get_per_cpu::<u32>().unwrap();
    assert_eq!(values.iter().collect::<Vec<_>>(), vec![7; cpus.len()]);
}

#[test]
fn one_value_is_not_one_for_each_cpu() {
    let _leak = NoLeak::new();
    let collection = load_spec(&section());
    let first = collection.variable("first").unwrap();
    for error in [first.get::<u32>().unwrap_err(), first.set(&1_u32).unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::WrongType);
        assert!(error.to_string().contains("each CPU has its own value"), "{error}");
    }
    assert_eq!(first.get_per_cpu::<u64>().unwrap_err().kind(), ErrorKind::WrongSize);
    let shared = crate::support::load("data");
    let error = shared.variable("counter").unwrap().get_per_cpu::<u32>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongType);
}

/// Kernels without such addresses say so, and nothing is left behind.
#[test]
fn programs_have_the_value_of_their_cpu() {
    let _leak = NoLeak::new();
    let mut spec = section();
    let code = "r1 = map[.percpu][0]+0 ll\nr0 = *(u32 *)(r1 +0)\nexit";
    let code = Code::assemble(code).unwrap();
    spec.add_program("read", ProgramType::SOCKET_FILTER, &code).unwrap();
    spec.check().unwrap();
    match Collection::load(&spec, &LoadOptions::new()) {
        Ok(collection) => assert_eq!(run(collection.program("read").unwrap(), 64), 7),
        Err(error) => {
            let log = error.verifier_log().map_or("", bpf_core::VerifierLog::text);
            assert!(log.contains("no direct value access support"), "{error}\n{log}");
            assert!(!requires("global data for each CPU", (7, 3)), "{error}\n{log}");
        }
    }
}
