//! CO-RE, functions and variables of the kernel, maps that are not created.

use bpf_asm::Slot;
use bpf_sys::abi::MapType;

use super::*;
use crate::spec::{CoreKind, CoreRelocation, ExternKind, ExternSpec, MapSpec, Reference, Target};

/// The types of the object: `struct task { int pid; int gone; }`, `int f(int)`, `int f(void *)`, `int`.
struct Local {
    btf: Btf,
    task: u32,
    function: u32,
    number: u32,
    pid: u32,
    gone: u32,
}

fn local() -> Local {
    let mut builder = BtfBuilder::new();
    let number = builder.add(&int("int", 4)).unwrap();
    let members = [NewMember::new("pid", number, 0), NewMember::new("gone", number, 32)];
    let task =
        builder.add(&Definition::Struct { name: "task", size: 8, members: &members }).unwrap();
    let function = builder.len() + 1;
    add_functions(&mut builder, &["called"], number, number);
    let (pid, gone) = (builder.add_string("0:0").unwrap(), builder.add_string("0:1").unwrap());
    let btf = Btf::parse(builder.write(bpf_btf::ByteOrder::NATIVE).unwrap()).unwrap();
    Local { btf, task: task.get(), function, number: number.get(), pid, gone }
}

const OFFSET: CoreKind = CoreKind(0);
const EXISTS: CoreKind = CoreKind(2);

/// A program that reads a member, with a question before it if `guarded`.
fn reads(member: fn(&Local) -> u32, guarded: bool) -> CollectionSpec {
    let local = local();
    let access = member(&local);
    let offset = if access == local.gone { 4 } else { 0 };
    let mut spec =
        object(&format!("r1 = {}\nif r1 == 0 goto out\nr2 = {offset}\nout:\nr0 = 0\nexit", 1));
    let relocations = &mut spec.programs.get_mut("p").unwrap().function.core_relocations;
    let record = |slot, kind| CoreRelocation { slot, kind, type_id: local.task, access };
    if guarded {
        relocations.push(record(0, EXISTS));
    }
    relocations.push(record(2, OFFSET));
    spec.btf = Some(local.btf);
    spec
}

#[test]
fn an_access_breaks_only_where_it_is_reached() {
    let world = World::default();
    compare(&reads(|local| local.pid, false), &world, &[]);
    compare(&reads(|local| local.pid, true), &world, &[]);
    compare(&reads(|local| local.gone, true), &world, &[(Kind::Core, Note, "task->gone")]);
    let report =
        compare(&reads(|local| local.gone, false), &world, &[(Kind::Core, Breaks, "task->gone")]);
    let finding = &report.programs[0].findings[0];
    assert!(finding.text.contains("nothing in the target matches"), "{finding:?}");
    assert!(finding.story.as_ref().unwrap().contains("has no member gone"), "{finding:?}");
    let with = World { members: vec!["gone", "pid"], ..World::default() };
    compare(&reads(|local| local.gone, false), &with, &[]);
}

#[test]
fn a_load_of_64_bits_is_one_access() {
    let local = local();
    let mut spec = object("r2 = 4 ll\nr0 = 0\nexit");
    let access = local.gone;
    let relocation = CoreRelocation { slot: 0, kind: OFFSET, type_id: local.task, access };
    spec.programs.get_mut("p").unwrap().function.core_relocations.push(relocation);
    spec.btf = Some(local.btf);
    compare(&spec, &World::default(), &[(Kind::Core, Breaks, "task->gone")]);
}

#[test]
fn a_relocation_that_cannot_be_decided_breaks_whether_it_is_reached_or_not() {
    let mut spec = reads(|local| local.pid, true);
    let relocations = &mut spec.programs.get_mut("p").unwrap().function.core_relocations;
    relocations[1].kind = CoreKind(77);
    compare(&spec, &World::default(), &[(Kind::Core, Breaks, "p")]);
}

/// A program that calls the kernel function `name`.
fn calls(name: &str, weak: bool, guarded: bool) -> CollectionSpec {
    let local = local();
    let mut spec = object("r1 = 0 ll\nif r1 == 0 goto out\ncall kfunc[id:1]\nout:\nr0 = 0\nexit");
    let mut function = ExternSpec::new(name, ExternKind::Kfunc);
    function.weak = weak;
    function.type_id = local.function;
    function.type_name = Some("int (int)".into());
    spec.externs.insert(name, function);
    spec.btf = Some(local.btf);
    let program = &mut spec.programs.get_mut("p").unwrap().function;
    if guarded {
        let target = Target::KfuncAddress { name: name.into() };
        program.references.push(Reference::new(0, target));
    } else {
        // Any number but zero.
        program.slots[0].imm = 1;
    }
    program.references.push(Reference::new(3, Target::Kfunc { name: name.into() }));
    spec
}

#[test]
fn kernel_functions_are_found_by_name_and_prototype() {
    let gone = World { functions: Vec::new(), ..World::default() };
    let other =
        World { functions: Vec::new(), pointer_functions: vec!["called"], ..World::default() };
    let module = World { functions: Vec::new(), module: Some(vec!["called"]), ..World::default() };
    let missing = |severity| [(Kind::Kfunc, severity, "called")];
    let rows: [(&str, bool, bool, &World, Expected<'_>); 11] = [
        ("called", false, false, &World::default(), &[]),
        ("called___mine", false, false, &World::default(), &[]),
        ("called", false, false, &module, &[]),
        ("called", false, false, &gone, &missing(Breaks)),
        // A strong one is wanted at load.
        ("called", false, true, &gone, &missing(Breaks)),
        ("called", true, false, &gone, &missing(Breaks)),
        ("called", true, true, &gone, &missing(Note)),
        ("called", false, false, &other, &missing(Breaks)),
        ("called", true, true, &other, &missing(Note)),
        ("called", true, true, &World::default(), &[]),
        ("called___mine", true, true, &gone, &missing(Note)),
    ];
    for (name, weak, guarded, world, expected) in rows {
        compare(&calls(name, weak, guarded), world, expected);
    }
}

#[test]
fn functions_that_are_not_for_programs_cannot_be_called() {
    let marked =
        |kfunc| World { functions: vec!["called"], kfuncs: vec![kfunc], ..World::default() };
    compare(&calls("called", false, false), &marked("other"), &[(Kind::Kfunc, Breaks, "called")]);
    let tagged = World { functions: Vec::new(), kfuncs: vec!["called"], ..World::default() };
    compare(&calls("called", false, false), &tagged, &[]);
}

#[test]
fn functions_are_called_since_5_13() {
    let old = World { version: Some((5, 10)), ..World::default() };
    let expected = [(Kind::Instruction, Breaks, "call kfunc")];
    compare(&calls("called", false, false), &old, &expected);
    // What is missing and weak is not called.
    let gone = World { functions: Vec::new(), ..old };
    compare(&calls("called", true, true), &gone, &[(Kind::Kfunc, Note, "called")]);
}

/// A program that loads the address of the symbol `name` and fails where that is not null.
fn loads(name: &str, weak: bool, typed: bool) -> CollectionSpec {
    let local = local();
    let mut spec = object("r1 = 0 ll\nif r1 == 0 goto out\ncall 5000\nout:\nr0 = 0\nexit");
    let mut symbol = ExternSpec::new(name, ExternKind::Ksym);
    symbol.weak = weak;
    if typed {
        symbol.type_id = local.number;
        symbol.type_name = Some("const int".into());
    } else {
        symbol.type_name = Some("const void".into());
    }
    spec.externs.insert(name, symbol);
    spec.btf = Some(local.btf);
    let references = &mut spec.programs.get_mut("p").unwrap().function.references;
    references.push(Reference::new(0, Target::Ksym { name: name.into() }));
    spec
}

#[test]
fn symbols_are_found_by_their_type_or_not_at_all() {
    let call = |severity| (Kind::Helper, severity, "helper 5000");
    let gone = World { variables: Vec::new(), ..World::default() };
    let rows: [(bool, bool, &World, Expected<'_>); 6] = [
        (false, true, &World::default(), &[call(Breaks)]),
        (true, true, &World::default(), &[call(Breaks)]),
        (false, true, &gone, &[(Kind::Ksym, Breaks, "variable"), call(Breaks)]),
        (true, true, &gone, &[call(Note)]),
        // Only an address: not in BTF.
        (false, false, &World::default(), &[call(Breaks), (Kind::Ksym, Unknown, "variable")]),
        (true, false, &World::default(), &[call(Unknown)]),
    ];
    for (weak, typed, world, expected) in rows {
        compare(&loads("variable", weak, typed), world, expected);
    }
    let mut other = loads("variable", true, true);
    other.externs.get_mut("variable").unwrap().type_id = local().task;
    let report = super::check(&other, &World::default().kernel());
    assert_eq!(findings(&report)[0], (Kind::Ksym, Breaks, "variable".to_owned()));
}

#[test]
fn a_map_that_is_not_created_breaks_what_uses_it() {
    let mut spec = object("r1 = 0 ll\nr0 = 0\nexit");
    let target = Target::Map { name: "map".into() };
    let references = &mut spec.programs.get_mut("p").unwrap().function.references;
    references.push(Reference::new(0, target));
    spec.maps.insert("map", MapSpec::new("map", MapType::HASH, 4, 4, 1));
    compare(&spec, &World::default(), &[]);
    spec.maps.get_mut("map").unwrap().autocreate = false;
    compare(&spec, &World::default(), &[(Kind::Object, Breaks, "map")]);
}

#[test]
fn places_have_function_slot_and_line() {
    let mut spec = reads(|local| local.gone, false);
    let mut builder = BtfBuilder::from_btf(spec.btf.as_ref().unwrap());
    let file_name = builder.add_string("p.c").unwrap();
    spec.btf = Some(Btf::parse(builder.write(bpf_btf::ByteOrder::NATIVE).unwrap()).unwrap());
    let line =
        |slot, line| crate::spec::LineInfo { slot, file_name, line_text: 0, line, column: 1 };
    let function = &mut spec.programs.get_mut("p").unwrap().function;
    function.line_infos = vec![line(0, 7), line(1, 8), line(3, 9)];
    assert_eq!(function.slots[2], Slot::mov64(bpf_asm::R2, 4));
    let report = super::check(&spec, &World::default().kernel());
    let place = report.programs[0].findings[0].place.clone().unwrap();
    assert_eq!((place.slot, &*place.function, place.line), (2, "p", Some(("p.c".into(), 8))));
}

/// There may be a finding for each instruction.
#[test]
fn names_of_places_are_cut() {
    for (len, expected) in [(511, 511), (4096, 4096), (500_000, 4096)] {
        let mut spec = reads(|local| local.gone, false);
        spec.programs.get_mut("p").unwrap().function.name = "f".repeat(len);
        let report = check(&spec, &World::default().kernel());
        let place = report.programs[0].findings[0].place.as_ref().unwrap();
        assert_eq!(place.function.len(), expected);
    }
}
