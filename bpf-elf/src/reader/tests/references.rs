//! Tests of reading what instructions refer to.
use bpf_asm::{Opcode, Register, Slot};
use bpf_btf::VarLinkage;

use super::{Types, exits, fails, reads};
use crate::spec::{Function, Target};
use crate::testing::{Elf, FUNC, GLOBAL, LOCAL, NOTYPE, OBJECT, SECTION};

fn load(imm: i32) -> [Slot; 2] {
    let [mut low, high] = Slot::ld_imm64(Register::R1, 0);
    low.imm = imm;
    [low, high]
}

/// An object with something of each kind to refer to, and a program `p` in `xdp` that begins with these slots.
fn object(elf: &mut Elf, slots: &[Slot]) {
    let mut types = Types::new();
    let kind = types.number(2);
    let definition = types.attributes("", &[("type", kind)]);
    let map = types.variable("m", definition, VarLinkage::Global);
    let other = types.variable("n", definition, VarLinkage::Global);
    types.section(".maps", &[(map, 8), (other, 8)]);
    let mut code = slots.to_vec();
    code.push(Slot::exit());
    elf.btf(&types.btf)
        .code("xdp", &code)
        .code(".text", &exits(4))
        .code("library", &exits(2))
        .data(".maps", &[0; 16])
        .data(".data", &[0; 32])
        .data(".data.empty", &[])
        .data("other", &[0; 8])
        .symbol("p", "xdp", 0, 8 * code.len() as u64, GLOBAL | FUNC)
        .symbol(".text", ".text", 0, 0, LOCAL | SECTION)
        .symbol("static", ".text", 16, 16, LOCAL | FUNC)
        .symbol("f", ".text", 0, 16, GLOBAL | FUNC)
        .symbol("in_library", "library", 8, 8, GLOBAL | FUNC)
        .symbol("m", ".maps", 0, 8, GLOBAL | OBJECT)
        .symbol("n", ".maps", 8, 8, GLOBAL | OBJECT)
        .symbol("v", ".data", 8, 4, GLOBAL | OBJECT)
        .symbol("nothing", ".data.empty", 0, 0, GLOBAL | OBJECT)
        .symbol("o", "other", 0, 4, GLOBAL | OBJECT)
        .undefined("missing", GLOBAL | NOTYPE);
    let absolute = elf.index(".data");
    elf.symbol("absolute", ".data", 0, 0, GLOBAL | OBJECT);
    assert_ne!(absolute, 0);
    elf.symbols.last_mut().unwrap().section = Some(0xfff1);
}

/// The program's only reference, and the first slots.
fn only(function: &Function) -> (usize, Target, Slot, Slot) {
    let [reference] = &function.references[..] else { panic!("{:?}", function.references) };
    let at = reference.slot;
    let next = function.slots.get(at + 1).copied().unwrap_or_default();
    (at, reference.target.clone(), function.slots[at], next)
}

#[track_caller]
fn check(
    slots: &[Slot],
    offset: u64,
    symbol: &str,
    expected: &Target,
    src: u8,
    imm: i32,
    high: i32,
) {
    reads(
        |elf| {
            object(elf, slots);
            elf.relocation("xdp", offset, symbol);
        },
        |spec| {
            let (at, target, low, next) = only(&spec.programs.get("p").unwrap().function);
            assert_eq!((at as u64 * 8, &target), (offset, expected));
            assert_eq!((low.src().number(), low.imm), (src, imm));
            if low.is_ld_imm64() {
                assert_eq!(next.imm, high);
            }
        },
    );
}

fn call(function: &str) -> Target {
    Target::Call { function: function.into() }
}

fn address(function: &str) -> Target {
    Target::FunctionAddress { function: function.into() }
}

fn value(offset: u32) -> Target {
    Target::MapValue { map: ".data".into(), offset }
}

#[test]
fn loads_and_calls_name_what_their_symbol_is() {
    let nop = Slot::exit();
    let call_to = |imm| [nop, Slot::call_function(imm)];
    let after_nop = |imm| [nop, load(imm)[0], load(imm)[1]];
    // A global function: the call holds -1, the symbol is its start.
    check(&call_to(-1), 8, "f", &call("f"), 1, -1, 0);
    check(&call_to(-1), 8, "in_library", &call("in_library"), 1, -1, 0);
    // A static one: by the section, the call holds the slot before it.
    check(&call_to(1), 8, ".text", &call("static"), 1, -1, 0);
    check(&after_nop(0), 8, "f", &address("f"), 4, -1, 0);
    check(&after_nop(16), 8, ".text", &address("static"), 4, -1, 0);
    for (name, imm) in [("m", 0), ("n", 0), ("n", 77)] {
        check(&after_nop(imm), 8, name, &Target::Map { name: name.into() }, 1, 0, 0);
    }
    check(&after_nop(0), 8, "v", &value(8), 2, 0, 8);
    check(&after_nop(20), 8, "v", &value(28), 2, 0, 28);
    check(&after_nop(-8), 8, "v", &value(0), 2, 0, 0);
}

#[test]
fn calls_without_relocation_hold_the_distance() {
    reads(
        |elf| {
            let slots =
                [Slot::call_function(2), Slot::exit(), Slot::call_function(-3), Slot::exit()];
            elf.code("xdp", &slots)
                .symbol("first", "xdp", 0, 16, GLOBAL | FUNC)
                .symbol("second", "xdp", 16, 8, GLOBAL | FUNC)
                .symbol("third", "xdp", 24, 8, LOCAL | FUNC);
        },
        |spec| {
            let target = |name| only(&spec.programs.get(name).unwrap().function).1;
            assert_eq!((target("first"), target("second")), (call("third"), call("first")));
        },
    );
    fails(
        |elf| {
            elf.code("xdp", &[Slot::call_function(5), Slot::exit()]).symbol(
                "p",
                "xdp",
                0,
                16,
                GLOBAL | FUNC,
            );
        },
        "instruction at 0x0 of section \"xdp\" refers to byte 48 of section \"xdp\", where no function starts",
    );
}

#[test]
fn a_second_half_of_a_load_is_no_instruction() {
    reads(
        |elf| {
            let [low, mut high] = load(0);
            high.opcode = Opcode::CALL;
            high.set_src(Register::R1);
            elf.code("xdp", &[low, high, Slot::exit()]).symbol("p", "xdp", 0, 24, GLOBAL | FUNC);
        },
        |spec| assert!(spec.programs.get("p").unwrap().function.references.is_empty()),
    );
}

#[test]
fn relocations_outside_of_functions_belong_to_dropped_code() {
    reads(
        |elf| {
            elf.code("xdp", &[load(0), load(0)].concat())
                .symbol("p", "xdp", 16, 16, GLOBAL | FUNC)
                .undefined("gone", GLOBAL | NOTYPE)
                .relocation("xdp", 0, "gone");
        },
        |spec| assert!(spec.programs.get("p").unwrap().function.references.is_empty()),
    );
}

#[test]
fn relocations_that_lead_nowhere_are_refused() {
    let at = "relocation at 0x0 of section \"xdp\"";
    let rows: &[(&[Slot], &str, &str)] = &[
        (
            &load(0),
            "missing",
            "symbol \"missing\", used at 0x0 of section \"xdp\", is not defined: link the objects that define it, or declare it __ksym or __kconfig",
        ),
        (
            &load(0),
            "o",
            "AT leads to symbol \"o\" of section \"other\", which is in a section that programs cannot use",
        ),
        (
            &load(0),
            "nothing",
            "AT leads to symbol \"nothing\" of section \".data.empty\", which is in an empty section",
        ),
        (&load(0), "absolute", "AT leads to symbol \"absolute\", which is in no section"),
        (
            &load(-9),
            "v",
            "AT leads to symbol \"v\" of section \".data\", which is used outside of its section",
        ),
        (
            &[Slot::call_function(-1)],
            "v",
            "AT leads to symbol \"v\" of section \".data\", which is not a function, and called",
        ),
        (
            &[Slot::call_function(0)],
            "f",
            "instruction at 0x0 of section \"xdp\" refers to byte 8 of section \".text\", where no function starts",
        ),
        (
            &[Slot::call_function(-7)],
            "f",
            "instruction at 0x0 of section \"xdp\" refers to byte -48 of section \".text\", where no function starts",
        ),
        (&[Slot::exit()], "f", "AT applies to opcode 0x95, not to a 64-bit load or a call"),
    ];
    for (slots, symbol, message) in rows {
        let build = |elf: &mut Elf| {
            object(elf, slots);
            elf.relocation("xdp", 0, symbol);
        };
        fails(build, &message.replace("AT", at));
    }
}

#[test]
fn relocations_have_an_instruction_and_a_symbol_of_their_own() {
    fails(
        |elf| {
            object(elf, &load(0));
            elf.relocation("xdp", 4, "m");
        },
        "relocation at 0x4 of section \"xdp\" applies to no instruction of its own, not to a 64-bit load or a call",
    );
    fails(
        |elf| {
            object(elf, &load(0));
            elf.relocation("xdp", 0, "m").relocation("xdp", 0, "n");
        },
        "relocation at 0x0 of section \"xdp\" applies to no instruction of its own, not to a 64-bit load or a call",
    );
    fails(
        |elf| {
            object(elf, &load(0));
            elf.raw_relocation("xdp", 0, 99);
        },
        "relocation at 0x0 of section \"xdp\" names symbol 99, which does not exist",
    );
    fails(
        |elf| {
            object(elf, &load(0));
            elf.relocation("xdp", 0, "m");
            elf.find(".relxdp").kind = 4;
        },
        "section \".relxdp\" has relocations with addends (SHT_RELA): BPF objects have none",
    );
    // A load that the end of its function cuts off has a first half all the same: it is for the kernel to refuse.
    reads(
        |elf| {
            object(elf, &load(0)[..1]);
            elf.symbols.iter_mut().find(|s| s.name == "p").unwrap().size = 8;
            elf.relocation("xdp", 0, "m");
        },
        |spec| assert_eq!(spec.programs.get("p").unwrap().function.slots.len(), 1),
    );
}
