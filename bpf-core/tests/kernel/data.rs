//! Data sections: edited before, read and written after.

use bpf_core::ErrorKind;

use crate::support::{NoLeak, load, run};

#[test]
fn data_is_loaded_and_read_back() {
    let _leak = NoLeak::new();
    let collection = load("data");
    let counter = collection.variable("counter").unwrap();
    assert_eq!(counter.get::<u32>().unwrap(), 7);
    assert_eq!(run(collection.program("increment").unwrap(), 64), 8);
    assert_eq!(counter.get::<u32>().unwrap(), 8);
    assert_eq!(collection.variable("wide").unwrap().get::<u64>().unwrap(), 0x1122_3344_5566_7787);
    counter.set(&41_u32).unwrap();
    assert_eq!(run(collection.program("increment").unwrap(), 64), 42);
    assert_eq!(collection.variable("untouched").unwrap().get::<u32>().unwrap(), 0xdead_beef);
}

#[test]
fn constants_are_read_only_after_loading() {
    let _leak = NoLeak::new();
    let collection = load("rodata");
    assert_eq!(run(collection.program("read_constants").unwrap(), 64), 42);
    let answer = collection.variable("answer").unwrap();
    assert_eq!(answer.get::<u32>().unwrap(), 42);
    assert!(answer.is_read_only());
    let error = answer.set(&1_u32).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
    assert!(error.to_string().starts_with("cannot set variable `answer`: read-only"), "{error}");
    let map = collection.map(".rodata").unwrap();
    let error =
        map.update(&[0; 4], &vec![0; map.value_len()], bpf_core::UpdateFlags::ANY).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error}");
}

#[test]
fn zero_initialised_data_of_more_than_a_page() {
    let _leak = NoLeak::new();
    let collection = load("bss");
    let (runs, bytes) =
        (collection.variable("runs").unwrap(), collection.variable("last_bytes").unwrap());
    assert_eq!(runs.get::<u64>().unwrap(), 0);
    assert_eq!(bytes.size(), 8192);
    for len in [64, 65, 66] {
        run(collection.program("remember").unwrap(), len);
    }
    assert_eq!(runs.get::<u64>().unwrap(), 3);
    assert_eq!(collection.variable("length").unwrap().get::<u32>().unwrap(), 66);
    let mut seen = vec![0; 8192];
    bytes.read(&mut seen).unwrap();
    assert_eq!(seen[..5], [0, 64, 65, 66, 0]);
}

#[test]
fn a_value_of_another_size_is_refused() {
    let collection = load("data");
    let counter = collection.variable("counter").unwrap();
    for error in [
        counter.get::<u64>().unwrap_err(),
        counter.set(&1_u16).unwrap_err(),
        counter.read(&mut []).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::WrongSize);
        assert!(error.to_string().contains("it has 4 bytes, not"), "{error}");
    }
}
