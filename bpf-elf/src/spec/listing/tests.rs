//! Listings of the fixtures.

use bpf_asm::{ByteOrder, Code, Slot};
use bpf_sys::abi::ProgramType;
use testdata::{OBJECTS, Order, object};

use crate::prepare::{PrepareOptions, prepare_program};
use crate::spec::{
    CollectionSpec, CoreKind, CoreRelocation, Function, JumpTable, LineInfo, Listing, ProgramSpec,
    Reference, Target,
};

fn spec(name: &str, order: Order) -> CollectionSpec {
    CollectionSpec::parse(object(name, order)).unwrap()
}

fn all(spec: &CollectionSpec) -> Vec<Code> {
    let alone = spec.functions.names().chain(spec.programs.names());
    let alone = alone.map(|key| spec.listing(key).unwrap().code);
    let whole = spec.programs.values().map(|of| spec.program_listing(of).unwrap().code);
    alone.chain(whole).collect()
}

#[test]
fn every_listing_assembles_to_its_code() {
    for name in OBJECTS {
        for order in Order::BOTH {
            for code in all(&spec(name, order)) {
                let text = code.to_string();
                let again = Code::assemble(&text).unwrap_or_else(|e| panic!("{name}: {e}\n{text}"));
                assert_eq!(again, code, "{name}:\n{text}");
            }
        }
    }
}

#[test]
fn numbers_that_a_loader_writes_over_are_not_listed() {
    // Left by a compiler where the id of a kernel function, or the index of its module, will stand.
    for (imm, offset) in [(0, 0), (-1, 0), (0, 255), (7, -1)] {
        let call = Slot::call_kfunc(0, offset).with_imm(imm);
        let mut function = Function::new("f", vec![call, Slot::exit()]);
        let name = "bpf_of_a_module".into();
        function.references.push(Reference::new(0, Target::Kfunc { name }));
        let mut spec = CollectionSpec::new(ByteOrder::Little);
        spec.functions.insert("f", function);
        let code = spec.listing("f").unwrap().code;
        assert_eq!(Code::assemble(&code.to_string()).as_ref(), Ok(&code), "{imm} {offset}");
    }
}

#[test]
fn both_byte_orders_have_the_same_listings() {
    for name in OBJECTS {
        assert_eq!(all(&spec(name, Order::Little)), all(&spec(name, Order::Big)), "{name}");
    }
}

/// The lines of a listing that hold one of these texts.
fn lines(listing: &Listing<'_>, marks: &[&str]) -> Vec<String> {
    let text = listing.to_string();
    let wanted = text.lines().filter(|line| marks.iter().any(|mark| line.contains(mark)));
    wanted.map(|line| line.trim().to_owned()).collect()
}

#[test]
fn instructions_show_what_the_source_names() {
    let rows: &[(&str, &str, &[&str], &[&str])] = &[
        (
            "core",
            "read_task",
            &["core:"],
            &[
                "; core: task_struct->pid (field_byte_offset)",
                "; core: task_struct->tgid (field_byte_offset)",
                "; core: task_struct->real_parent (field_byte_offset)",
                "; core: task_struct->comm (field_byte_offset)",
            ],
        ),
        (
            "callback",
            "sum_halves",
            &["map[", "func["],
            &["r1 = map[values] ll", "r2 = func[add] ll"],
        ),
        (
            "subprograms",
            "global_chain",
            &["call ", "<"],
            &["<global_chain>:", "call counted", "call global_square", "call twice"],
        ),
        ("kconfig_ksyms", "call_missing", &["kfunc["], &["call kfunc[no_such_kfunc]"]),
        ("kconfig_ksyms", "read_symbols", &["ksym["], &["r2 = ksym[no_such_symbol] ll"]),
        ("jump_table", "choose", &["jump table"], &["; jump table: L9 L28 L19 L24 L14 L33 L40"]),
    ];
    for (object, function, marks, expected) in rows {
        for order in Order::BOTH {
            let spec = spec(object, order);
            let found = lines(&spec.listing(function).unwrap(), marks);
            assert!(
                found.len() >= expected.len() && found.iter().zip(*expected).all(|(f, e)| f == e),
                "{object} {function}: {found:#?}"
            );
        }
    }
}

#[test]
fn a_whole_program_has_the_slots_of_its_preparation() {
    let mut compared = 0;
    for name in OBJECTS {
        let spec = spec(name, Order::Little);
        for program in spec.programs.values() {
            let listing = spec.program_listing(program).unwrap();
            assert_eq!(listing.code.undefined_functions().count(), 0, "{name}");
            // Some need the types of a kernel.
            let options = PrepareOptions::new();
            let Ok(prepared) = prepare_program(&spec, &program.name, &options) else { continue };
            let starts: Vec<_> = listing.code.functions.iter().map(|of| of.slot).collect();
            let expected: Vec<_> = prepared.functions.iter().map(|(_, slot)| *slot).collect();
            assert_eq!(starts, expected, "{name} {}", program.name);
            assert_eq!(listing.code.slots.len(), prepared.slots.len());
            compared += 1;
        }
    }
    assert!(compared > 40, "{compared}");
}

#[test]
fn a_program_and_a_function_of_one_name_are_told_apart() {
    let mut spec = CollectionSpec::new(ByteOrder::Little);
    let code = |slots| vec![Slot::exit(); slots];
    let mut entry = Function::new("main", code(2));
    entry.slots[0] = Slot::call_function(-1);
    entry.references.push(Reference::new(0, Target::Call { function: "main".into() }));
    spec.functions.insert("main", Function::new("main", code(3)));
    spec.programs.insert("main", ProgramSpec::new("main", ProgramType::XDP, entry));
    let listing = spec.program_listing(spec.programs.get("main").unwrap()).unwrap();
    assert_eq!(listing.to_string().lines().next(), Some("<main_>:"));
    // The function, which starts at slot 2, and not the program.
    assert_eq!(listing.code.slots[0].imm, 1);
    assert_eq!(spec.listing("main").unwrap().code.slots.len(), 3);
    assert_eq!(spec.listing("other"), None);
}

#[test]
fn records_that_point_nowhere_do_no_harm() {
    let mut spec = CollectionSpec::new(ByteOrder::Little);
    let mut function = Function::new("f", vec![Slot::exit()]);
    for slot in [0, 1, usize::MAX] {
        function.references.push(Reference::new(slot, Target::Map { name: "m".into() }));
        function.references.push(Reference::new(slot, Target::JumpTable { index: 0 }));
        function.references.push(Reference::new(slot, Target::Kconfig { name: "c".into() }));
        let (file_name, line_text) = (7, 7);
        function.line_infos.push(LineInfo { slot, file_name, line_text, line: 3, column: 0 });
        let kind = CoreKind(99);
        function.core_relocations.push(CoreRelocation { slot, kind, type_id: 9, access: 9 });
    }
    let targets = vec![0, 1, usize::MAX];
    function.jump_tables.push(JumpTable { name: "t".to_owned(), targets });
    spec.functions.insert("f", function);
    let listing = spec.listing("f").unwrap();
    assert_eq!(listing.lines.len(), 1);
    assert!(listing.to_string().contains("exit"), "{listing}");
}
