//! CO-RE against the running kernel: what programs see is what is there.

use bpf_btf::{BtfBuilder, ByteOrder, Definition, NewMember};
use bpf_core::{
    Collection, Context, ErrorKind, LoadOptions, ModuleSearch, ProgramOptions, TestRun,
};

use crate::support::{NoLeak, load, spec};

/// Runs a tracing program once, in this thread.
fn trace(collection: &Collection, program: &str) {
    collection.program(program).unwrap().test_run(&TestRun::new()).unwrap();
}

fn get<T: zerocopy::FromBytes + zerocopy::IntoBytes>(collection: &Collection, name: &str) -> T {
    collection.variable(name).unwrap().get().unwrap()
}

#[test]
fn fields_are_read_where_this_kernel_has_them() {
    let _leak = NoLeak::new();
    let collection = load("core");
    trace(&collection, "read_task");
    let comm = std::fs::read_to_string("/proc/thread-self/comm").unwrap();
    let seen: [u8; 16] = get(&collection, "saw_comm");
    let seen = seen.split(|byte| *byte == 0).next().unwrap();
    assert_eq!(String::from_utf8_lossy(seen), comm.trim_end());
    // Numbers of the outermost process namespace, which this process may not know; a process and its parent differ. A thread may have a lower
    // number than its process, since numbers are used again.
    let (pid, tgid, parent): (u32, u32, u32) =
        (get(&collection, "saw_pid"), get(&collection, "saw_tgid"), get(&collection, "saw_parent"));
    assert!(tgid > 0 && pid > 0 && parent != tgid, "{pid} {tgid} {parent}");
}

#[test]
fn questions_have_the_answers_of_this_kernel() {
    let _leak = NoLeak::new();
    let collection = load("core");
    for program in
        ["ask_about_fields", "ask_about_bit_field", "ask_about_types", "ask_about_enumerators"]
    {
        trace(&collection, program);
    }
    let number = |name| get::<u32>(&collection, name);
    assert_eq!((number("exists_pid"), number("exists_never")), (1, 0));
    assert_eq!((number("type_exists"), number("type_missing")), (1, 0));
    assert_eq!((number("enumerator_exists"), number("enumerator_missing")), (1, 0));
    assert_eq!(number("type_matches"), 1);
    let wide = |name| get::<u64>(&collection, name);
    assert_eq!(wide("enumerator"), 1);
    assert_eq!(wide("size_of_comm"), 16);
    assert!(wide("size_of_task") > 1000 && wide("offset_of_tgid") < wide("size_of_task"));
    assert_ne!(number("id_local"), number("id_target"));
}

#[test]
fn an_access_to_what_no_kernel_has_loads_behind_a_guard_only() {
    let _leak = NoLeak::new();
    let collection = load("core");
    trace(&collection, "guarded");

    let context = Context::new();
    let options = LoadOptions::new()
        .with_context(&context)
        .with_program("unguarded", ProgramOptions::new().with_autoload(true));
    let error = Collection::load(&spec("core"), &options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Verifier);
    let text = error.to_string();
    for part in ["`unguarded`", "task_struct", "pid_that_never_was"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn types_of_modules_that_are_not_there_leave_a_program_that_loads() {
    let _leak = NoLeak::new();
    // Kernels may have the modules built in: types of another one stand for theirs.
    let empty = Context::with_kernel_btf(BtfBuilder::new().write(ByteOrder::NATIVE).unwrap());
    let options = LoadOptions::new().with_context(&empty).with_module_search(ModuleSearch::Never);
    let collection = Collection::load(&spec("core_module"), &options).unwrap();
    trace(&collection, "ask_about_tun");
    trace(&collection, "ask_about_others");
    let number = |name| get::<u32>(&collection, name);
    assert_eq!([number("tun_type"), number("tun_exists"), number("tun_never")], [0; 3]);
    assert_eq!(get::<u64>(&collection, "tun_size"), 0);
    assert_eq!(number("handshake_exists"), 0);
}

#[test]
fn a_further_target_answers_for_what_the_kernel_does_not_have() {
    let _leak = NoLeak::new();
    let mut types = BtfBuilder::new();
    let int = Definition::Bits { name: "unsigned int", size: 4, encoding: 32 };
    let int = types.add(&int).unwrap();
    let members = [NewMember::new("numqueues", int, 0), NewMember::new("flags", int, 96)];
    types.add(&Definition::Struct { name: "tun_struct", size: 4242, members: &members }).unwrap();
    let types = types.write(ByteOrder::NATIVE).unwrap();

    let empty = Context::with_kernel_btf(BtfBuilder::new().write(ByteOrder::NATIVE).unwrap());
    let options = LoadOptions::new()
        .with_context(&empty)
        .with_core_target("made", types)
        .with_program("read_tun", ProgramOptions::new().with_autoload(false));
    let collection = Collection::load(&spec("core_module"), &options).unwrap();
    trace(&collection, "ask_about_tun");
    let number = |name| get::<u32>(&collection, name);
    assert_eq!([number("tun_type"), number("tun_exists"), number("tun_never")], [1, 1, 0]);
    assert_eq!((get(&collection, "tun_size"), get(&collection, "tun_offset")), (4242_u64, 12_u64));

    let options = LoadOptions::new().with_context(&empty).with_core_target("broken", *b"no BTF");
    let error = Collection::load(&spec("core_module"), &options).unwrap_err();
    assert!(error.to_string().contains("`broken`"), "{error}");
}
