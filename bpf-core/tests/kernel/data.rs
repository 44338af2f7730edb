//! Data sections: edited before, read and written after.

use bpf_core::{Collection, ErrorKind, LoadOptions, TestRun};
use testdata::requires;

use crate::support::{NoLeak, load, load_spec, run, spec};

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

#[test]
fn sections_with_names_of_their_own_are_maps() {
    let _leak = NoLeak::new();
    let mut edited = spec("data_custom");
    edited.set_variable("tuned", &30_u32).unwrap();
    let options = LoadOptions::new().with_object_name("custom_object");
    let collection = Collection::load(&edited, &options).unwrap();
    // plain_data 1 + plain_rodata 2 + (5 + 30 + 4) + 30
    assert_eq!(run(collection.program("sum").unwrap(), 64), 72);
    assert_eq!(collection.variable("state").unwrap().get::<u32>().unwrap(), 39);
    assert_eq!(collection.variable("scratch").unwrap().get::<[u64; 4]>().unwrap(), [0, 30, 0, 0]);
    let names = [
        (".data", "custom_o.data"),
        (".rodata", "custom_o.rodata"),
        (".data.tuning", ".data.tuning"),
    ];
    for (name, in_kernel) in names {
        let map = collection.map(name).unwrap();
        assert_eq!((map.name(), &*map.info().unwrap().name), (name, in_kernel));
    }
}

#[test]
fn variables_of_every_type_are_edited_before_and_read_after() {
    let _leak = NoLeak::new();
    let mut edited = spec("variables");
    edited.set_variable("s8", &-100_i8).unwrap();
    edited.set_variable("u64", &u64::MAX).unwrap();
    edited.set_variable("array", &[10_u16, 20, 30]).unwrap();
    edited.set_variable("constant", &1_u32).unwrap();
    let collection = load_spec(&edited);
    // constant 1 + constant_point.y 2 + 'o' + internal_constant 6
    assert_eq!(run(collection.program("set_all").unwrap(), 64), 1 + 2 + u32::from(b'o') + 6);
    let variable = |name: &str| collection.variable(name).unwrap();
    assert_eq!(variable("flag").get::<u8>().unwrap(), 0);
    assert_eq!(variable("s8").get::<i8>().unwrap(), -99);
    assert_eq!(variable("s16").get::<i16>().unwrap(), -15);
    assert_eq!(variable("u64").get::<u64>().unwrap(), 0);
    assert_eq!(variable("array").get::<[u16; 3]>().unwrap(), [10, 21, 30]);
    assert_eq!(variable("matrix").get::<[[u16; 3]; 2]>().unwrap(), [[1, 2, 3], [4, 6, 6]]);
    assert_eq!(&variable("text").get::<[u8; 16]>().unwrap()[..7], b"Sixteen");
    assert_eq!(variable("point").get::<[i32; 2]>().unwrap(), [4, -4]);
    assert_eq!(variable("weak").get::<u32>().unwrap(), 13);
    assert_eq!(variable("aligned").get::<u32>().unwrap(), 14);
    // Not all of a variable, and what is no variable.
    let error = collection.variable("internal").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(
        error.to_string().starts_with("cannot find variable `internal` in the collection"),
        "{error}"
    );
}

#[test]
fn constants_without_a_name_are_loaded() {
    let _leak = NoLeak::new();
    let collection = load("constants");
    let quad = collection.program("read_quad").unwrap();
    assert_eq!([64, 65, 66, 67].map(|len| run(quad, len)), [11, 22, 33, 44]);
    assert_eq!(
        run(collection.program("read_strings").unwrap(), 64),
        u32::from(b'l') + u32::from(b'r')
    );
}

#[test]
fn a_variable_is_shared_between_threads_and_programs() {
    let _leak = NoLeak::new();
    let collection = load("data");
    let counter = collection.variable("counter").unwrap();
    counter.set(&0_u32).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..100 {
                run(collection.program("increment").unwrap(), 64);
            }
        });
        let mut last = 0;
        while last < 100 {
            let now = counter.get::<u32>().unwrap();
            assert!(now >= last && now <= 100, "{now} after {last}");
            last = now;
        }
    });
}

#[test]
fn options_of_the_kernel_are_read_or_given() {
    let _leak = NoLeak::new();
    let mut edited = spec("kconfig_ksyms");
    for (name, program) in &mut edited.programs {
        program.autoload = matches!(name, "read_config" | "read_symbols" | "call_kernel");
    }
    let text = "CONFIG_HZ=321\nCONFIG_BPF_SYSCALL=y\nCONFIG_TUN=m\nCONFIG_DEFAULT_HOSTNAME=\"(none)\"\nCONFIG_MODULES=0\n";
    let collection = Collection::load(&edited, &LoadOptions::new().with_kconfig(text)).unwrap();
    let trace = |name| collection.program(name).unwrap().test_run(&TestRun::new()).unwrap();
    trace("read_config");
    let variable = |name: &str| collection.variable(name).unwrap();
    let (major, minor) = testdata::kernel_release();
    assert_eq!(variable("version").get::<u32>().unwrap() >> 8, (major << 8) | minor);
    assert_eq!(variable("hz").get::<u64>().unwrap(), 321);
    assert_eq!(variable("has_bpf").get::<u32>().unwrap(), 1);
    assert_eq!(variable("tun").get::<u32>().unwrap(), 2);
    assert_eq!(&variable("hostname").get::<[u8; 16]>().unwrap(), b"(none)\0\0\0\0\0\0\0\0\0\0");
    assert_eq!(variable("missing").get::<u64>().unwrap(), 0);
    trace("read_symbols");
    let listed = std::fs::read_to_string("/proc/kallsyms").unwrap();
    let line = listed.lines().find(|line| line.ends_with(" bpf_fentry_test1")).unwrap();
    let address = u64::from_str_radix(line.split(' ').next().unwrap(), 16).unwrap();
    assert_eq!(variable("address").get::<u64>().unwrap(), address);
    assert_eq!(variable("no_address").get::<u64>().unwrap(), 0);
    // A kernel function where there is one.
    assert_eq!(run(collection.program("call_kernel").unwrap(), 64), 0);
    let called = if testdata::kernel_release() >= (6, 2) { 2 } else { 1 };
    assert_eq!(variable("called").get::<u32>().unwrap(), called);
}

#[test]
fn a_kernel_function_of_another_prototype_is_none_and_a_variable_of_another_type_an_error() {
    let _leak = NoLeak::new();
    if !requires("bpf_rcu_read_lock", (6, 2)) {
        return;
    }
    let mut edited = spec("kconfig_ksyms");
    for (name, program) in &mut edited.programs {
        program.autoload = name == "call_kernel";
    }
    let options = LoadOptions::new().with_kconfig("CONFIG_HZ=1\nCONFIG_BPF_SYSCALL=y\n");
    // Declared as the other one is, with an argument and a result.
    let other = edited.externs.get("no_such_kfunc").unwrap().type_id;
    let lock = edited.externs.get_mut("bpf_rcu_read_lock").unwrap();
    lock.type_id = other;
    let collection = Collection::load(&edited, &options).unwrap();
    assert_eq!(run(collection.program("call_kernel").unwrap(), 64), 0);
    let called = collection.variable("called").unwrap().get::<u32>().unwrap();
    assert_eq!(called, 1, "a weak function counts as missing");
    edited.externs.get_mut("bpf_rcu_read_lock").unwrap().weak = false;
    let error = Collection::load(&edited, &options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidSpec, "{error}");
    assert!(error.to_string().contains("`bpf_rcu_read_lock`"), "{error}");

    let mut edited = spec("kconfig_ksyms");
    for (name, program) in &mut edited.programs {
        program.autoload = name == "read_typed";
    }
    // An integer in the kernel; a weak variable is no exception.
    let active = edited.externs.get_mut("bpf_prog_active").unwrap();
    assert!(active.weak);
    active.type_id = other;
    let error = Collection::load(&edited, &options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidSpec, "{error}");
    assert!(error.to_string().contains("`bpf_prog_active`"), "{error}");
}

#[test]
fn an_option_that_is_nowhere_is_an_error_with_a_way_out() {
    let _leak = NoLeak::new();
    let error = Collection::load(
        &spec("kconfig_ksyms"),
        &LoadOptions::new().with_kconfig("CONFIG_BPF_SYSCALL=y\nCONFIG_HZ=x"),
    );
    let text = error.unwrap_err().to_string();
    assert!(text.contains("`CONFIG_HZ` is `x` in the kernel's configuration"), "{text}");
}
