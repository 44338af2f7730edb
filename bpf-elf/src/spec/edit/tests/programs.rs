//! Changes to programs and functions: what is taken and what is refused, by rule.
use bpf_asm::{Code, R0, R1};
use bpf_sys::abi::{MapFlags, ProgramFlags};

use super::*;
use crate::spec::{CodeProblem, ExternKind, ExternSpec, LineInfo, Linkage, MapProblem, ProgramMut};

type Change = fn(&mut ProgramMut<'_>) -> Result<(), EditError>;

/// A program, a change, and what the error says about the program; nothing if the change is good.
type Row = (&'static str, Change, &'static str);

const RETURN: &str = "r0 = 0\nexit";

fn programs(order: ByteOrder) -> CollectionSpec {
    let mut spec = CollectionSpec::new(order);
    spec.add_map(MapSpec::new("counts", MapType::ARRAY, 4, 8, 4)).unwrap();
    let mut data = MapSpec::new(".data", MapType::ARRAY, 4, 8, 1);
    data.contents = MapContents::Zeroed;
    data.flags = MapFlags::MMAPABLE;
    spec.add_map(data).unwrap();
    let code = Code::assemble(RETURN).unwrap();
    for (name, program_type, attach_type, section) in [
        ("xdp", ProgramType::XDP, Some(AttachType::XDP), "xdp"),
        ("entry", ProgramType::TRACING, Some(AttachType::TRACE_FENTRY), "fentry/f"),
        ("probe", ProgramType::KPROBE, None, "kprobe/f"),
        ("user", ProgramType::KPROBE, None, "uprobe"),
        ("made", ProgramType::KPROBE, None, ""),
        ("point", ProgramType::TRACEPOINT, None, "tp/a/b"),
        (
            "bind",
            ProgramType::CGROUP_SOCK_ADDR,
            Some(AttachType::CGROUP_INET4_BIND),
            "cgroup/bind4",
        ),
        ("filter", ProgramType::SOCKET_FILTER, None, "socket"),
        ("call", ProgramType::SYSCALL, None, "syscall"),
    ] {
        let program = spec.add_program(name, program_type, &code).unwrap();
        program.set_type(program_type, attach_type);
        section.clone_into(&mut program.section);
    }
    let helpers = "<global>:\nr0 = 1\nexit\n<lonely>:\ncall lonely\nexit";
    spec.add_functions(&Code::assemble(helpers).unwrap()).unwrap();
    spec.functions.get_mut("global").unwrap().linkage = Linkage::Global;
    spec.externs.insert("jiffies", ExternSpec::new("jiffies", ExternKind::Ksym));
    spec.check().unwrap();
    for name in spec.programs.names() {
        assert_eq!(spec.check_program(name), Ok(()), "{name}");
    }
    spec
}

#[track_caller]
fn check(rows: &[Row]) {
    for order in [ByteOrder::NATIVE, FOREIGN] {
        let before = programs(order);
        for (at, (name, change, expected)) in rows.iter().enumerate() {
            let mut spec = before.clone();
            let result = change(&mut spec.program_mut(name).unwrap());
            if expected.is_empty() {
                assert_eq!(result, Ok(()), "row {at}: {name}");
                assert_ne!(spec, before, "row {at}: {name}");
                continue;
            }
            let text = result.expect_err(&format!("row {at}: {name} is taken")).to_string();
            let kind = if text.starts_with("program") { "program" } else { "function" };
            let wanted = format!("{kind} {name:?}: {expected}");
            assert!(text.starts_with(&wanted), "row {at}: {text}, not {wanted}");
            assert_eq!(spec, before, "row {at}: {name} is changed by what is refused");
        }
    }
}

#[test]
fn a_type_fixes_attach_types() {
    use AttachType as A;
    use ProgramType as P;
    check(&[
        ("xdp", |p| p.set_attach_type(A::XDP_DEVMAP).map(drop), ""),
        (
            "xdp",
            |p| p.set_attach_type(A::TCX_INGRESS).map(drop),
            "a program of type xdp has no attach type tcx_ingress",
        ),
        ("xdp", |p| p.set_attach_type(A(9999)).map(drop), ""),
        ("bind", |p| p.set_attach_type(A::CGROUP_INET6_CONNECT).map(drop), ""),
        (
            "bind",
            |p| p.set_attach_type(A::CGROUP_INET_EGRESS).map(drop),
            "a program of type cgroup_sock_addr has no attach type",
        ),
        (
            "bind",
            |p| p.edit(|p| p.attach_type = None).map(drop),
            "a program of type cgroup_sock_addr needs an attach type",
        ),
        (
            "filter",
            |p| p.set_attach_type(A::SK_LOOKUP).map(drop),
            "a program of type socket_filter has no attach type",
        ),
        ("filter", |p| p.set_type(P::SK_LOOKUP, Some(A::SK_LOOKUP)).map(drop), ""),
        (
            "filter",
            |p| p.set_type(P::SK_LOOKUP, None).map(drop),
            "a program of type sk_lookup needs an attach type",
        ),
        ("filter", |p| p.set_type(P::LSM, Some(A::LSM_MAC)).map(drop), ""),
        (
            "filter",
            |p| p.set_type(P::LSM, Some(A::TRACE_FENTRY)).map(drop),
            "a program of type lsm has no attach type trace_fentry",
        ),
        ("filter", |p| p.set_type(P::STRUCT_OPS, Some(A(3))).map(drop), ""),
        ("filter", |p| p.set_type(P(9999), Some(A::XDP)).map(drop), ""),
        ("probe", |p| p.set_attach_type(A::TRACE_KPROBE_MULTI).map(drop), ""),
        (
            "probe",
            |p| p.set_attach_type(A::TRACE_FEXIT).map(drop),
            "a program of type kprobe has no attach type",
        ),
    ]);
}

#[test]
fn a_type_fixes_what_a_target_looks_like() {
    check(&[
        ("entry", |p| p.set_attach_to("module:function").map(drop), ""),
        ("probe", |p| p.set_attach_to("function+0x10").map(drop), ""),
        ("probe", |p| p.set_attach_to("a:b").map(drop), "section \"kprobe/a:b\""),
        ("user", |p| p.set_attach_to("/bin/a:f").map(drop), ""),
        (
            "user",
            |p| p.set_attach_to("f").map(drop),
            "section \"uprobe/f\" should end in PATH:FUNCTION",
        ),
        ("made", |p| p.set_attach_to("/bin/a:f").map(drop), ""),
        ("made", |p| p.set_attach_to("f").map(drop), ""),
        ("point", |p| p.set_attach_to("sched/sched_switch").map(drop), ""),
        (
            "point",
            |p| p.set_attach_to("sched_switch").map(drop),
            "section \"tp/sched_switch\" should end in CATEGORY/NAME",
        ),
        (
            "filter",
            |p| p.set_attach_to("f").map(drop),
            "a program of type socket_filter attached so has no target to name: \"f\"",
        ),
        (
            "xdp",
            |p| p.set_attach_to("eth0").map(drop),
            "a program of type xdp attached so has no target",
        ),
        (
            "filter",
            |p| p.edit(|p| p.needs_btf_target = true).map(drop),
            "a program of type socket_filter has no target in BTF",
        ),
    ]);
}

#[test]
fn a_type_fixes_flags() {
    use ProgramFlags as F;
    check(&[
        ("entry", |p| p.set_flags(F::SLEEPABLE).map(drop), ""),
        (
            "filter",
            |p| p.set_flags(F::SLEEPABLE).map(drop),
            "a program of type socket_filter does not take ProgramFlags(SLEEPABLE)",
        ),
        ("xdp", |p| p.set_flags(F::XDP_HAS_FRAGS).map(drop), ""),
        (
            "entry",
            |p| p.set_flags(F::XDP_HAS_FRAGS).map(drop),
            "a program of type tracing does not take",
        ),
        (
            "filter",
            |p| p.set_flags(F::XDP_DEV_BOUND_ONLY).map(drop),
            "a program of type socket_filter does not take",
        ),
        ("filter", |p| p.set_flags(F::STRICT_ALIGNMENT).map(drop), ""),
        ("filter", |p| p.set_flags(F::from_bits(1 << 30)).map(drop), ""),
        (
            "call",
            |p| p.set_flags(F::NONE).map(drop),
            "a program of type syscall needs ProgramFlags(SLEEPABLE)",
        ),
        ("call", |p| p.set_autoload(false).map(drop), ""),
        (
            "xdp",
            |p| p.edit(|p| p.name = "x".into()).map(drop),
            "its field `name` is \"x\": give it another name",
        ),
        ("xdp", |p| p.edit(|p| p.exception_callback = Some("global".into())).map(drop), ""),
        (
            "xdp",
            |p| p.edit(|p| p.exception_callback = Some("lonely".into())).map(drop),
            "exception callback \"lonely\" is no global function",
        ),
        (
            "xdp",
            |p| p.edit(|p| p.exception_callback = Some("no".into())).map(drop),
            "exception callback \"no\" is no global function",
        ),
    ]);
    let mut spec = programs(ByteOrder::NATIVE);
    let mut program = spec.program_mut("filter").unwrap();
    program.set_type(ProgramType::TRACING, Some(AttachType::TRACE_FEXIT)).unwrap();
    assert!(program.spec().unwrap().needs_btf_target);
}

fn line(slot: usize) -> LineInfo {
    LineInfo { slot, file_name: 0, line_text: 0, line: 1, column: 1 }
}

/// Replaces the code of `xdp`.
fn code(program: &mut ProgramMut<'_>, text: &str) -> Result<(), EditError> {
    program.set_code(&Code::assemble(text).unwrap()).map(drop)
}

#[test]
fn other_code_is_whole_and_names_what_is_there() {
    check(&[
        ("xdp", |p| code(p, "r0 = 2\nexit"), ""),
        ("xdp", |p| code(p, "if r1 == 0 goto +1\nr0 = 2\nr0 = 1\nexit"), ""),
        (
            "xdp",
            |p| code(p, "if r1 == 0 goto +4\nr0 = 2\nr0 = 1\nexit"),
            "slot 0: a jump to slot 5, which is outside",
        ),
        (
            "xdp",
            |p| code(p, "if r1 == 0 goto -2\nr0 = 2\nexit"),
            "slot 0: a jump to slot -1, which is outside",
        ),
        (
            "xdp",
            |p| code(p, "goto +1\nr1 = 0x1 ll\nexit"),
            "slot 0: a jump to slot 2, which is the second half",
        ),
        (
            "xdp",
            |p| code(p, "r0 = 2"),
            "slot 0: the last instruction is neither an exit nor a jump",
        ),
        ("xdp", |p| code(p, "if r1 == 0 goto -1"), "slot 0: the last instruction is neither"),
        ("xdp", |p| code(p, "r0 = 2\ngoto -2"), ""),
        ("xdp", |p| code(p, "r1 = map[counts] ll\nexit"), ""),
        ("xdp", |p| code(p, "r1 = map[no] ll\nexit"), "slot 0: the collection has no map \"no\""),
        ("xdp", |p| code(p, "r1 = map[.data][0]+4 ll\nexit"), ""),
        (
            "xdp",
            |p| code(p, "r1 = map[.data][0]+8 ll\nexit"),
            "slot 0: byte 8 of the value of map \".data\"",
        ),
        ("xdp", |p| code(p, "call global\nexit"), ""),
        ("xdp", |p| code(p, "call no\nexit"), "slot 0: the collection has no function \"no\""),
        ("xdp", |p| code(p, "r1 = ksym[jiffies] ll\nexit"), ""),
        ("xdp", |p| code(p, "call kfunc[bpf_new]\nexit"), ""),
        ("xdp", |p| code(p, "<x>:\ncall more\nexit\n<more>:\nr0 = 1\nexit"), ""),
        (
            "xdp",
            |p| {
                let mut function = Function::new("f", vec![Slot::mov64(R0, 0), Slot::exit()]);
                function.references.push(Reference::new(0, Target::Map { name: "counts".into() }));
                p.set_function(function).map(drop)
            },
            "slot 0: the instruction cannot name a map",
        ),
        (
            "xdp",
            |p| {
                let slots = vec![Slot::ld_imm64(R1, 1)[0], Slot::exit()];
                p.set_function(Function::new("f", slots)).map(drop)
            },
            "slot 0: a 64-bit load without its second half",
        ),
        (
            "xdp",
            |p| {
                let slots = vec![Slot::call_function(0), Slot::exit()];
                p.set_function(Function::new("f", slots)).map(drop)
            },
            "slot 0: a call by distance",
        ),
        (
            "xdp",
            |p| {
                let mut function = Function::new("f", vec![Slot::exit()]);
                function.line_infos.push(line(1));
                p.set_function(function).map(drop)
            },
            "a line of slot 1, which the function does not have",
        ),
        ("xdp", |p| p.set_function(Function::new("f", vec![])).map(drop), "it has no instructions"),
        (
            "xdp",
            |p| {
                let mut slots = vec![Slot::mov64(R0, 0); 1_000_000];
                slots.push(Slot::exit());
                p.set_function(Function::new("f", slots)).map(drop)
            },
            "1000001 slots: the kernel takes a million",
        ),
    ]);
}

#[test]
fn replaced_code_loses_what_belonged_to_the_old_one() {
    let mut spec = programs(ByteOrder::NATIVE);
    let function = &mut spec.programs.get_mut("xdp").unwrap().function;
    function.line_infos.push(line(0));
    function.type_id = Some(7);
    spec.replace_code(
        "xdp",
        &Code::assemble("<any>:\ncall also\nexit\n<also>:\ncall any\nexit").unwrap(),
    )
    .unwrap();
    let program = spec.programs.get("xdp").unwrap();
    assert_eq!((program.section.as_str(), program.function.type_id), ("xdp", Some(7)));
    assert_eq!((program.function.line_infos.len(), program.function.slots.len()), (0, 2));
    let back = Target::Call { function: "xdp".into() };
    assert_eq!(spec.functions.get("also").unwrap().references[0].target, back);
    spec.replace_code("global", &Code::assemble(RETURN).unwrap()).unwrap();
    let global = spec.functions.get("global").unwrap();
    assert_eq!((global.slots[0].imm, global.linkage), (0, Linkage::Global));
    spec.check().unwrap();
    let before = spec.clone();
    let again = Code::assemble("<any>:\nexit\n<also>:\nexit").unwrap();
    let taken = EditError::Taken { kind: "program or function", name: "also".into() };
    assert_eq!(spec.replace_code("xdp", &again), Err(taken));
    assert_eq!(spec, before);
}

#[test]
fn a_program_gets_the_code_although_a_function_has_its_name() {
    let mut spec = programs(ByteOrder::NATIVE);
    let function = spec.functions.get("global").unwrap().clone();
    spec.functions.insert("xdp", function.clone());
    let code = Code::assemble("r0 = 7\nexit").unwrap();
    spec.program_mut("xdp").unwrap().set_code(&code).unwrap();
    assert_eq!(spec.programs.get("xdp").unwrap().function.slots, code.slots);
    assert_eq!(spec.functions.get("xdp"), Some(&function));
    // Elsewhere the name is that of the function.
    let code = Code::assemble("r0 = 8\nexit").unwrap();
    spec.replace_code("xdp", &code).unwrap();
    assert_eq!(spec.functions.get("xdp").unwrap().slots, code.slots);
    assert_eq!(spec.programs.get("xdp").unwrap().function.slots[0].imm, 7);
}

/// A byte of a value is there or not, whichever of the two is asked: the map, or the program that uses the byte.
#[test]
fn code_reaches_the_bytes_of_one_value() {
    for (map_type, value_size, offset, reached) in [
        (MapType::ARRAY, 8, 7, true),
        (MapType::ARRAY, 8, 8, false),
        (MapType::ARRAY, 0, 0, false),
        (MapType::PERCPU_ARRAY, 8, 7, true),
        (MapType::PERCPU_ARRAY, 8, 8, false),
        (MapType::ARENA, 0, 1 << 20, true),
        (MapType::HASH, 8, 0, false),
    ] {
        let mut spec = programs(ByteOrder::NATIVE);
        spec.maps.insert("of", MapSpec::new("of", map_type, 4, value_size, 1));
        let mut function = Function::new("xdp", Code::assemble("r1 = 0 ll\nexit").unwrap().slots);
        let target = Target::MapValue { map: "of".into(), offset };
        function.references.push(Reference::new(0, target));
        spec.programs.get_mut("xdp").unwrap().function = function;
        let row = format!("{map_type} {value_size} {offset}");
        let told = matches!(
            spec.check_program("xdp"),
            Err(EditError::Code { problem: CodeProblem::MapValue { .. }, .. })
        );
        assert_eq!(told, !reached, "the program: {row}");
        let map = spec.maps.get("of").unwrap();
        let found = spec.map_problems("of", map);
        let told = found.iter().any(|found| matches!(found, MapProblem::DirectValue { .. }));
        assert_eq!(told, !reached, "the map: {row}");
    }
}

#[test]
fn code_that_is_added_is_whole() {
    let mut spec = programs(ByteOrder::NATIVE);
    let before = spec.clone();
    let end = |function: &str| EditError::Code {
        function: function.into(),
        problem: CodeProblem::End { slot: 0 },
    };
    let added = spec.add_program("new", ProgramType::XDP, &Code::assemble("call 1").unwrap());
    assert_eq!(added.map(drop), Err(end("new")));
    let code = Code::assemble("<good>:\nexit\n<bad>:\nr0 = 1").unwrap();
    assert_eq!(spec.add_functions(&code), Err(end("bad")));
    let name = |problem| EditError::Name { kind: "program", name: "a/b".into(), problem };
    let code = Code::assemble(RETURN).unwrap();
    let added = spec.add_program("a/b", ProgramType::XDP, &code);
    assert_eq!(added.map(drop), Err(name("it has a slash")));
    assert_eq!(spec, before);
}

#[test]
fn functions_are_removed_and_renamed_with_those_that_name_them() {
    let mut spec = programs(ByteOrder::NATIVE);
    spec.replace_code("xdp", &Code::assemble("call global\nexit").unwrap()).unwrap();
    spec.programs.get_mut("filter").unwrap().exception_callback = Some("global".into());
    let in_use = |user: &str| EditError::InUse {
        kind: "function",
        name: "global".into(),
        user: user.into(),
    };
    assert_eq!(spec.remove_function("global").map(drop), Err(in_use("function \"xdp\"")));
    spec.rename_function("global", "common").unwrap();
    spec.check().unwrap();
    assert_eq!(spec.functions.get("common").unwrap().name, "common");
    assert_eq!(spec.programs.get("filter").unwrap().exception_callback.as_deref(), Some("common"));
    spec.rename_function("common", "global").unwrap();
    spec.replace_code("xdp", &Code::assemble(RETURN).unwrap()).unwrap();
    assert_eq!(spec.remove_function("global").map(drop), Err(in_use("program \"filter\"")));
    spec.programs.get_mut("filter").unwrap().exception_callback = None;
    spec.remove_function("global").unwrap();
    // It only calls itself.
    spec.remove_function("lonely").unwrap();
    assert!(spec.functions.is_empty());
    let missing = EditError::missing("function", "lonely");
    assert_eq!(spec.remove_function("lonely").map(drop), Err(missing));
}

#[test]
fn a_name_is_one_in_a_file_and_in_the_kernel() {
    let long = "n".repeat(512);
    let rows = [
        ("a.b$c@d+0x10", None),
        (&long[..511], None),
        ("", Some("it is empty")),
        (&long, Some("it has more than 511 bytes")),
        ("a\0", Some("it has a space or control character")),
        ("a b", Some("it has a space or control character")),
        ("a/b", Some("it has a slash")),
    ];
    for (name, problem) in rows {
        let before = programs(ByteOrder::NATIVE);
        for kind in ["map", "program", "function"] {
            let mut spec = before.clone();
            let result = match kind {
                "map" => spec.rename_map("counts", name),
                "program" => spec.rename_program("xdp", name),
                _ => spec.rename_function("global", name),
            };
            let expected = match problem {
                Some(problem) => Err(EditError::Name { kind, name: name.into(), problem }),
                None => Ok(()),
            };
            assert_eq!(result, expected, "{kind} {name:?}");
            assert_eq!(spec == before, problem.is_some());
        }
    }
}

#[test]
fn an_extern_stays_as_long_as_something_names_it() {
    let mut spec = programs(ByteOrder::NATIVE);
    spec.replace_code("xdp", &Code::assemble("r1 = ksym[jiffies] ll\nexit").unwrap()).unwrap();
    let user = "function \"xdp\"".to_owned();
    let in_use = EditError::InUse { kind: "extern", name: "jiffies".into(), user };
    assert_eq!(spec.remove_extern("jiffies").map(drop), Err(in_use));
    spec.replace_code("xdp", &Code::assemble(RETURN).unwrap()).unwrap();
    spec.remove_extern("jiffies").unwrap();
    assert_eq!(
        spec.remove_extern("jiffies").map(drop),
        Err(EditError::missing("extern", "jiffies"))
    );
}
