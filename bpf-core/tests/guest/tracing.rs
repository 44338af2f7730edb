//! The tracing hooks, attached by section name, with real hits.

use bpf_core::{
    AttachType, Collection, CollectionSpec, ErrorKind, LoadOptions, ProgramOptions, ProgramType,
    TestRun,
};
use testdata::{Order, in_guest, open_fds};

/// The fixture `tracing`, counting this process only.
fn spec() -> CollectionSpec {
    assert!(in_guest(), "this test attaches to the kernel: it runs in a guest only");
    let mut spec = CollectionSpec::parse(testdata::object("tracing", Order::NATIVE)).unwrap();
    spec.set_variable("target", &std::process::id()).unwrap();
    spec
}

/// Leaves only these programs.
fn only(spec: &mut CollectionSpec, names: &[&str]) {
    for (name, program) in &mut spec.programs {
        program.autoload = names.contains(&name);
    }
}

fn hits(collection: &Collection, name: &str) -> u64 {
    collection.variable(name).unwrap().get().unwrap()
}

/// One row: a program, what it attaches to instead of what its section says, what makes it hit, and at least how often.
#[track_caller]
fn check(
    program: &str,
    target: Option<&str>,
    hit: impl Fn(&Collection),
    counter: &str,
    at_least: u64,
) {
    let before = open_fds();
    let mut spec = spec();
    only(&mut spec, &[program]);
    let mut options = LoadOptions::new();
    if let Some(target) = target {
        options = options.with_program(program, ProgramOptions::new().with_attach_to(target));
    }
    let collection = Collection::load(&spec, &options).unwrap();
    assert_eq!(hits(&collection, counter), 0, "{program}");
    let link = collection.program(program).unwrap().attach().unwrap();
    hit(&collection);
    let seen = hits(&collection, counter);
    assert!(seen >= at_least, "{program}: {seen} hits, expected {at_least}");
    drop(link);
    let seen = hits(&collection, counter);
    hit(&collection);
    assert_eq!(hits(&collection, counter), seen, "{program}: detached, and still hit");
    drop(collection);
    assert_eq!(open_fds(), before, "{program}: descriptors left open");
}

/// Three system calls `getppid`.
fn getppid(_: &Collection) {
    for _ in 0..3 {
        assert_ne!(std::os::unix::process::parent_id(), u32::MAX);
    }
}

#[test]
fn kprobes_hit() {
    check("on_kprobe", Some("__x64_sys_getppid"), getppid, "hits_kprobe", 3);
    check("on_kretprobe", Some("__x64_sys_getppid"), getppid, "hits_kretprobe", 3);
    check("on_ksyscall", Some("getppid"), getppid, "hits_ksyscall", 3);
}

#[test]
fn tracepoints_hit() {
    check("on_tracepoint", Some("syscalls/sys_enter_getppid"), getppid, "hits_tracepoint", 3);
    check("on_tp", None, getppid, "hits_tp", 3);
    check("on_raw_tp", None, getppid, "hits_raw_tp", 3);
    check("on_tp_btf", None, getppid, "hits_tp_btf", 3);
}

/// A test run of a tracing program calls the kernel's `bpf_fentry_test` functions.
fn fentry_test(collection: &Collection) {
    for (_, program) in collection.programs() {
        program.test_run(&TestRun::new()).unwrap();
    }
}

#[test]
fn functions_hit_at_entry_and_exit() {
    check("on_fentry", None, fentry_test, "hits_fentry", 1);
    check("on_fexit", None, fentry_test, "hits_fexit", 1);
    let mut spec = spec();
    only(&mut spec, &["on_fentry", "on_fexit"]);
    let collection = Collection::load(&spec, &LoadOptions::new()).unwrap();
    let _links: Vec<_> =
        collection.programs().map(|(_, program)| program.attach().unwrap()).collect();
    collection.program("on_fentry").unwrap().test_run(&TestRun::new()).unwrap();
    let value = |name| collection.variable(name).unwrap().get::<i32>().unwrap();
    assert_eq!((value("fentry_argument"), value("fexit_result")), (1, 2));
}

#[test]
fn a_function_of_this_program_hits() {
    let mut spec = spec();
    only(&mut spec, &["on_uprobe_main"]);
    // Another process runs `main`.
    spec.set_variable("target", &0_u32).unwrap();
    let collection = Collection::load(&spec, &LoadOptions::new()).unwrap();
    let link = collection.program("on_uprobe_main").unwrap().attach().unwrap();
    let again = || {
        let mut command = std::process::Command::new("/proc/self/exe");
        assert!(
            command.arg("--list").stdout(std::process::Stdio::null()).status().unwrap().success()
        );
    };
    again();
    assert_eq!(hits(&collection, "hits_uprobe_main"), 1);
    drop(link);
    again();
    assert_eq!(hits(&collection, "hits_uprobe_main"), 1);
}

/// Makes `on_raw_tp`, which only counts, a program of another kind.
fn turn(
    spec: &mut CollectionSpec,
    kind: ProgramType,
    attach: AttachType,
    hook: &str,
    target: &str,
) {
    let program = spec.programs.get_mut("on_raw_tp").unwrap();
    program.program_type = kind;
    program.attach_type = Some(attach);
    program.section = format!("{hook}/{target}");
    program.attach_to = Some(target.to_owned());
    program.needs_btf_target = true;
    only(spec, &["on_raw_tp"]);
}

#[test]
fn hooks_of_security_modules_hit() {
    let mut spec = spec();
    turn(&mut spec, ProgramType::LSM, AttachType::LSM_MAC, "lsm", "file_open");
    let collection = Collection::load(&spec, &LoadOptions::new()).unwrap();
    let link = collection.program("on_raw_tp").unwrap().attach().unwrap();
    let open = || drop(std::fs::File::open("/proc/self/stat").unwrap());
    open();
    let active = std::fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    let runs = active.split(',').any(|name| name.trim() == "bpf");
    let seen = hits(&collection, "hits_raw_tp");
    assert_eq!(seen > 0, runs, "{seen} hits, active: {active}");
    drop(link);
    let seen = hits(&collection, "hits_raw_tp");
    open();
    assert_eq!(hits(&collection, "hits_raw_tp"), seen);
}

#[test]
fn iterators_run_when_they_are_read() {
    let mut spec = spec();
    turn(&mut spec, ProgramType::TRACING, AttachType::TRACE_ITER, "iter", "task");
    let collection = Collection::load(&spec, &LoadOptions::new()).unwrap();
    let link = collection.program("on_raw_tp").unwrap().attach().unwrap();
    assert_eq!(hits(&collection, "hits_raw_tp"), 0);
    let mut text = String::new();
    std::io::Read::read_to_string(&mut link.read_iter().unwrap(), &mut text).unwrap();
    // One run for each task, and one at the end; nothing is printed.
    assert!(hits(&collection, "hits_raw_tp") > 1 && text.is_empty(), "{text}");
}

#[test]
fn functions_of_loaded_programs_hit() {
    let before = open_fds();
    {
        let object = testdata::object("subprograms", Order::NATIVE);
        let target = CollectionSpec::parse(object).unwrap();
        let target = Collection::load(&target, &LoadOptions::new()).unwrap();
        let program = target.program("call_global").unwrap();
        let mut spec = spec();
        only(&mut spec, &["on_fexit"]);
        let load = |function: &str| {
            let options = ProgramOptions::new().with_attach_program(program, function);
            Collection::load(&spec, &LoadOptions::new().with_program("on_fexit", options))
        };
        let collection = load("global_square").unwrap();
        let _link = collection.program("on_fexit").unwrap().attach().unwrap();
        let run = program.test_run(&TestRun::new().with_data([0; 54])).unwrap();
        // The length of 40, and 5 more, squared.
        assert_eq!(run.return_value, 45 * 45);
        assert_eq!(hits(&collection, "hits_fexit"), 1);
        let result = collection.variable("fexit_result").unwrap().get::<i32>().unwrap();
        assert_eq!(result, 45 * 45);
        let error = load("no_such_function").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.to_string().contains("`no_such_function`"), "{error}");
    }
    assert_eq!(open_fds(), before);
}

#[test]
fn every_section_that_names_its_hook_attaches() {
    let before = open_fds();
    {
        let collection = Collection::load(&spec(), &LoadOptions::new()).unwrap();
        for (name, program) in collection.programs() {
            let bare = !program.section().contains('/');
            match program.attach() {
                Ok(_) => assert!(!bare, "{name}"),
                Err(error) => {
                    assert!(bare, "{name}: {error}");
                    assert_eq!(error.kind(), ErrorKind::InvalidSpec);
                    assert!(error.to_string().contains("does not say to what"), "{error}");
                }
            }
        }
    }
    assert_eq!(open_fds(), before);
}

#[test]
fn hooks_that_do_not_exist_are_not_found() {
    for (program, target) in [
        ("on_kprobe", "no_such_function"),
        ("on_tracepoint", "syscalls/no_such_event"),
        ("on_raw_tp", "no_such_event"),
        ("on_uprobe_main", "/proc/self/exe:no_such_function"),
        ("on_uprobe_main", "/no/such/file:main"),
    ] {
        let mut spec = spec();
        only(&mut spec, &[program]);
        let options = ProgramOptions::new().with_attach_to(target);
        let options = LoadOptions::new().with_program(program, options);
        let collection = Collection::load(&spec, &options).unwrap();
        let error = collection.program(program).unwrap().attach().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{target}: {error}");
        assert!(error.to_string().contains(program), "{error}");
    }
    for program in ["on_fentry", "on_tp_btf"] {
        let mut spec = spec();
        only(&mut spec, &[program]);
        let options = ProgramOptions::new().with_attach_to("no_such_hook");
        let options = LoadOptions::new().with_program(program, options);
        let error = Collection::load(&spec, &options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.to_string().contains("no_such_hook"), "{error}");
    }
}
