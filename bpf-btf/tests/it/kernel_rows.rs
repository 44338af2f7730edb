//! Blobs that the kernel's validator takes or refuses. The tests of the crate and tests against a running kernel share them.

use bpf_btf::KernelRule as Rule;

use super::asm::{Asm, BOOL, CHAR, FLAG, SIGNED, asm};

/// A blob and what becomes of it.
pub(crate) struct Row {
    pub(crate) what: &'static str,
    pub(crate) blob: Asm,
    /// Id and element that break a rule; `None` for a good blob.
    pub(crate) broken: Option<(u32, Option<u32>, Rule)>,
    /// The first kernel that judges so.
    pub(crate) since: (u32, u32),
    /// The first kernel that judges otherwise again.
    pub(crate) until: (u32, u32),
}

/// Later than any kernel.
const NEVER: (u32, u32) = (u32::MAX, 0);

impl Row {
    /// For what older kernels judge otherwise.
    fn since(self, major: u32, minor: u32) -> Self {
        Self { since: (major, minor), ..self }
    }

    /// For what newer kernels judge otherwise.
    fn until(self, major: u32, minor: u32) -> Self {
        Self { until: (major, minor), ..self }
    }
}

fn good(what: &'static str, blob: Asm) -> Row {
    Row { what, blob, broken: None, since: (0, 0), until: NEVER }
}

fn bad(what: &'static str, blob: Asm, id: u32, rule: Rule) -> Row {
    Row { what, blob, broken: Some((id, None, rule)), since: (0, 0), until: NEVER }
}

fn bad_at(what: &'static str, blob: Asm, id: u32, element: u32, rule: Rule) -> Row {
    Row { what, blob, broken: Some((id, Some(element), rule)), since: (0, 0), until: NEVER }
}

/// `int` as type 1.
fn int() -> Asm {
    asm().int("int", 4, SIGNED)
}

/// `int` as type 1, `char` as type 2.
fn numbers() -> Asm {
    int().int("char", 1, 0)
}

/// A prototype of no parameters as type 2.
fn proto() -> Asm {
    int().prototype(1, &[])
}

/// A variable as type 2.
fn var() -> Asm {
    int().var("v", 1, 1)
}

/// A name of so many bytes.
fn long_name(len: usize) -> String {
    "n".repeat(len)
}

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = names();
    rows.extend(heads());
    rows.extend(integers());
    rows.extend(composites());
    rows.extend(bitfields());
    rows.extend(arrays());
    rows.extend(functions());
    rows.extend(sections());
    rows.extend(tags());
    rows.extend(references());
    rows
}

fn names() -> Vec<Row> {
    vec![
        good("structure without a name", int().structure("", 0, &[])),
        good("letters, digits, underscores", int().typedef("_a9_Z", 1)),
        good("point in a name", int().typedef("a.b", 1)).since(6, 4),
        good("point first in a name", int().typedef(".a", 1)).since(6, 4),
        good("integer with any name", asm().int("int <0>", 4, 0)),
        good("integer without a name", asm().int("", 4, 0)),
        good("float with any name", asm().float("a b", 4)).since(5, 13),
        good("name of 127 bytes", int().typedef(&long_name(127), 1)),
        good("name of 512 bytes", int().typedef(&long_name(512), 1)).since(6, 1),
        bad("name of 513 bytes", int().typedef(&long_name(513), 1), 2, Rule::Name),
        bad("digit first", int().typedef("9a", 1), 2, Rule::Name),
        bad("space in a name", int().typedef("a b", 1), 2, Rule::Name),
        bad("angle brackets in a name", int().structure("Vec<u8>", 0, &[]), 2, Rule::Name),
        bad("umlaut in a name", int().structure("größe", 0, &[]), 2, Rule::Name),
        bad("typedef without a name", int().typedef("", 1), 2, Rule::Name),
        bad("forward declaration without a name", int().fwd("", false), 2, Rule::Name),
        bad("union with a bad name", int().union("a-b", 0, &[]), 2, Rule::Name),
        bad("enumeration with a bad name", asm().enumeration("a-b", 4, false, &[]), 1, Rule::Name),
        bad("wide enumeration with a bad name", asm().enum64("a-b", 8, false, &[]), 1, Rule::Name)
            .since(6, 0),
        bad("function without a name", proto().func("", 2, 1), 3, Rule::Name),
        bad("variable without a name", int().var("", 1, 1), 2, Rule::Name),
        bad("variable with a bad name", int().var("a-b", 1, 1), 2, Rule::Name),
        bad("pointer with a name", int().head("p", 2, 0, 1), 2, Rule::NoName),
        bad("const with a name", int().head("c", 10, 0, 1), 2, Rule::NoName),
        bad("volatile with a name", int().head("v", 9, 0, 1), 2, Rule::NoName),
        bad("restrict with a name", int().head("r", 11, 0, 1), 2, Rule::NoName),
        bad("array with a name", int().head("a", 3, 0, 0).words(&[1, 1, 1]), 2, Rule::NoName),
        bad("prototype with a name", int().head("p", 13, 0, 1), 2, Rule::NoName),
        bad_at(
            "member with a bad name",
            int().structure("s", 4, &[("a b", 1, 0)]),
            2,
            0,
            Rule::MemberName,
        ),
        bad_at(
            "enumerator without a name",
            asm().enumeration("e", 4, false, &[("A", 0), ("", 1)]),
            1,
            1,
            Rule::EnumeratorName,
        ),
        bad_at(
            "enumerator with a bad name",
            asm().enum64("e", 8, false, &[("A B", 0)]),
            1,
            0,
            Rule::EnumeratorName,
        )
        .since(6, 0),
    ]
}

fn heads() -> Vec<Row> {
    vec![
        good("forward declaration of a union", int().fwd("u", true)),
        good("signed enumeration", asm().enumeration("e", 4, true, &[("A", -1)])).since(6, 0),
        good("empty enumeration", asm().enumeration("e", 4, false, &[])),
        good("enumeration of one byte", asm().enumeration("e", 1, false, &[("A", 0)])),
        good("enumeration of 8 bytes", asm().enumeration("e", 8, false, &[("A", 0)])),
        good("wide enumeration", asm().enum64("e", 8, true, &[("A", 1 << 40)])).since(6, 0),
        bad("enumeration of 3 bytes", asm().enumeration("e", 3, false, &[]), 1, Rule::EnumSize),
        bad("enumeration of no bytes", asm().enumeration("e", 0, false, &[]), 1, Rule::EnumSize),
        bad("enumeration of 16 bytes", asm().enumeration("e", 16, false, &[]), 1, Rule::EnumSize),
        bad("wide enumeration of 16 bytes", asm().enum64("e", 16, false, &[]), 1, Rule::EnumSize)
            .since(6, 0),
        bad("no types", asm(), 0, Rule::NoTypes),
        bad("integer with vlen", asm().head("int", 1, 1, 4).words(&[32]), 1, Rule::Vlen),
        bad("pointer with vlen", int().head("", 2, 1, 1), 2, Rule::Vlen),
        bad("typedef with vlen", int().head("t", 8, 1, 1), 2, Rule::Vlen),
        bad("array with vlen", int().head("", 3, 1, 0).words(&[1, 1, 1]), 2, Rule::Vlen),
        bad("forward declaration with vlen", asm().head("f", 7, 1, 0), 1, Rule::Vlen),
        bad("variable with vlen", int().head("v", 14, 1, 1).words(&[0]), 2, Rule::Vlen),
        bad("float with vlen", asm().head("float", 16, 1, 4), 1, Rule::Vlen).since(5, 13),
        bad(
            "declaration tag with vlen",
            int().typedef("t", 1).head("tag", 17, 1, 2).words(&[u32::MAX]),
            3,
            Rule::Vlen,
        )
        .since(5, 16),
        bad("type tag with vlen", int().head("tag", 18, 1, 1), 2, Rule::Vlen).since(5, 17),
        bad("integer with the flag", asm().head("int", 1, FLAG, 4).words(&[32]), 1, Rule::KindFlag),
        bad("pointer with the flag", int().head("", 2, FLAG, 1), 2, Rule::KindFlag),
        bad("const with the flag", int().head("", 10, FLAG, 1), 2, Rule::KindFlag),
        bad("typedef with the flag", int().head("t", 8, FLAG, 1), 2, Rule::KindFlag),
        bad("array with the flag", int().head("", 3, FLAG, 0).words(&[1, 1, 1]), 2, Rule::KindFlag),
        bad("function with the flag", proto().head("f", 12, FLAG, 2), 3, Rule::KindFlag),
        bad("prototype with the flag", int().head("", 13, FLAG, 1), 2, Rule::KindFlag),
        bad("variable with the flag", int().head("v", 14, FLAG, 1).words(&[0]), 2, Rule::KindFlag),
        bad(
            "section with the flag",
            var().head(".data", 15, FLAG | 1, 4).words(&[2, 0, 4]),
            3,
            Rule::KindFlag,
        ),
        bad("float with the flag", asm().head("float", 16, FLAG, 4), 1, Rule::KindFlag)
            .since(5, 13),
        bad(
            "size word of an array",
            int().head("", 3, 0, 4).words(&[1, 1, 1]),
            2,
            Rule::ArraySizeWord,
        ),
        bad("type word of a forward declaration", int().head("f", 7, 0, 1), 2, Rule::FwdTypeWord),
        bad(
            "kind described by the layout section only",
            int().head("later", 20, 0, 0).layout(&[(0, 0); 21]),
            2,
            Rule::Kind,
        ),
    ]
}

fn integers() -> Vec<Row> {
    let coded = |size, word| asm().head("int", 1, 0, size).words(&[word]);
    let mut rows = vec![
        good("128 bits", asm().int("__int128", 16, SIGNED)),
        good("integer of no bits", coded(4, 0)),
        good("three bits with an offset", coded(4, 3 | 5 << 16)),
        good("bits between width and offset", coded(4, 32 | 0xff << 8)),
        good("char", asm().int("char", 1, CHAR)),
        good("bool", asm().int("_Bool", 1, BOOL)),
        bad("129 bits", coded(32, 129), 1, Rule::IntWidth),
        bad("128 bits with an offset", coded(32, 128 | 1 << 16), 1, Rule::IntWidth),
        bad("33 bits in 4 bytes", coded(4, 33), 1, Rule::IntSize),
        bad("bits behind the size", coded(4, 8 | 25 << 16), 1, Rule::IntSize),
        bad("signed char", asm().int("char", 1, SIGNED | CHAR), 1, Rule::IntEncoding),
        bad("fourth encoding", asm().int("int", 4, 8 << 24), 1, Rule::IntEncoding),
        bad("upper bits of the encoding", asm().int("int", 4, 1 << 28), 1, Rule::IntReserved),
    ];
    for size in [2, 4, 8, 12, 16] {
        rows.push(good("float of a size that machines have", asm().float("f", size)).since(5, 13));
    }
    for size in [0, 1, 3, 10, 32] {
        let row =
            bad("float of a size that no machine has", asm().float("f", size), 1, Rule::FloatSize);
        rows.push(row.since(5, 13));
    }
    rows
}

fn composites() -> Vec<Row> {
    let one = |size, offset| int().structure("s", size, &[("a", 1, offset)]);
    let pointer = |size, offset| int().ptr(1).structure("s", size, &[("a", 2, offset)]);
    let float = |size, offset| asm().float("double", 8).structure("s", size, &[("a", 1, offset)]);
    let inner = |size, offset| {
        int().structure("in", 4, &[("a", 1, 0)]).structure("s", size, &[("a", 2, offset)])
    };
    vec![
        good("members without gaps", int().structure("s", 8, &[("a", 1, 0), ("b", 1, 32)])),
        good("members with a gap", int().structure("s", 16, &[("a", 1, 0), ("b", 1, 96)])),
        good("members at one place", int().structure("s", 4, &[("a", 1, 0), ("b", 1, 0)])),
        good("unaligned member", int().structure("s", 5, &[("a", 1, 8)])),
        good(
            "flexible array",
            int().array(1, 1, 0).structure("s", 4, &[("n", 1, 0), ("a", 2, 32)]),
        ),
        good("pointer to itself", int().structure("s", 8, &[("next", 3, 0)]).ptr(2)),
        good("members of a union", int().union("u", 8, &[("a", 1, 0), ("b", 1, 0)])),
        good("const member", int().constant(1).structure("s", 4, &[("a", 2, 0)])),
        good("aligned float", float(16, 64)).since(5, 13),
        good(
            "integer with an offset",
            asm().head("b", 1, 0, 4).words(&[3 | 5 << 16]).structure("s", 1, &[("a", 1, 0)]),
        ),
        bad_at("member behind the end", one(4, 64), 2, 0, Rule::MemberEnd),
        bad_at("member over the end", one(4, 8), 2, 0, Rule::MemberEnd),
        bad_at("member of an empty structure", one(0, 0), 2, 0, Rule::MemberEnd),
        bad_at(
            "members in the wrong order",
            int().structure("s", 8, &[("a", 1, 32), ("b", 1, 0)]),
            2,
            1,
            Rule::MemberOrder,
        ),
        bad_at(
            "union with an offset",
            int().union("u", 8, &[("a", 1, 0), ("b", 1, 32)]),
            2,
            1,
            Rule::MemberOrder,
        ),
        bad_at(
            "member of type void",
            int().structure("s", 4, &[("a", 0, 0)]),
            2,
            0,
            Rule::MemberType,
        ),
        bad_at(
            "member declared forward",
            asm().fwd("f", false).structure("s", 4, &[("a", 1, 0)]),
            2,
            0,
            Rule::MemberType,
        ),
        bad_at(
            "prototype as a member",
            proto().structure("s", 8, &[("a", 2, 0)]),
            3,
            0,
            Rule::MemberType,
        ),
        bad_at(
            "function as a member",
            proto().func("f", 2, 1).structure("s", 8, &[("a", 3, 0)]),
            4,
            0,
            Rule::MemberType,
        ),
        bad_at(
            "variable as a member",
            var().structure("s", 8, &[("a", 2, 0)]),
            3,
            0,
            Rule::MemberType,
        ),
        bad_at(
            "const void as a member",
            int().constant(0).structure("s", 8, &[("a", 2, 0)]),
            3,
            0,
            Rule::MemberType,
        ),
        bad_at("pointer within a byte", pointer(16, 4), 3, 0, Rule::MemberAlignment),
        bad_at("pointer over the end", pointer(8, 8), 3, 0, Rule::MemberEnd),
        bad_at("structure within a byte", inner(16, 4), 3, 0, Rule::MemberAlignment),
        bad_at("structure over the end", inner(4, 8), 3, 0, Rule::MemberEnd),
        bad_at(
            "enumeration within a byte",
            asm().enumeration("e", 4, false, &[]).structure("s", 8, &[("a", 1, 4)]),
            2,
            0,
            Rule::MemberAlignment,
        ),
        bad_at(
            "array within a byte",
            int().array(1, 1, 2).structure("s", 16, &[("a", 2, 4)]),
            3,
            0,
            Rule::MemberAlignment,
        ),
        bad_at(
            "array over the end",
            int().array(1, 1, 2).structure("s", 7, &[("a", 2, 0)]),
            3,
            0,
            Rule::MemberEnd,
        ),
        bad_at("unaligned float", float(16, 32), 2, 0, Rule::MemberAlignment).since(5, 13),
        bad_at("float over the end", float(12, 64), 2, 0, Rule::MemberEnd).since(5, 13),
        bad_at(
            "float over the end through a typedef",
            asm().float("double", 8).typedef("d", 1).structure("s", 12, &[("a", 2, 64)]),
            3,
            0,
            Rule::MemberEnd,
        )
        .since(5, 13),
        bad_at(
            "128 bits within a byte",
            asm().int("wide", 16, 0).structure("s", 17, &[("a", 1, 1)]),
            2,
            0,
            Rule::BitfieldSpan,
        ),
        bad_at(
            "integer with an offset over the end",
            asm().head("b", 1, 0, 4).words(&[3 | 6 << 16]).structure("s", 1, &[("a", 1, 0)]),
            2,
            0,
            Rule::MemberEnd,
        ),
    ]
}

fn bitfields() -> Vec<Row> {
    let one = |size, offset, width| int().bitfields("s", size, &[("a", 1, offset, width)]);
    let of = |size, width| {
        asm().enumeration("e", 4, false, &[("A", 0)]).bitfields("s", size, &[("a", 1, 0, width)])
    };
    let old = asm().head("b", 1, 0, 4).words(&[3]);
    vec![
        good("bitfields", int().bitfields("s", 4, &[("a", 1, 0, 3), ("b", 1, 3, 29)])),
        good("no bitfield in a structure with the flag", one(4, 0, 0)),
        good("bitfield of an enumeration", of(4, 3)),
        good("enumeration in a structure with the flag", of(4, 0)),
        good("bitfield of a typedef", int().typedef("t", 1).bitfields("s", 4, &[("a", 2, 5, 3)])),
        good(
            "pointer in a structure with the flag",
            int().ptr(1).bitfields("s", 8, &[("a", 2, 0, 0)]),
        ),
        good("integer of three bits", old.clone().structure("s", 4, &[("a", 1, 5)])),
        bad_at("33 bits of 32", one(8, 0, 33), 2, 0, Rule::BitfieldSize),
        bad_at("33 bits of an enumeration", of(8, 33), 2, 0, Rule::BitfieldSize),
        bad_at("bitfield over the end", one(4, 30, 3), 2, 0, Rule::MemberEnd),
        bad_at("bitfield of an enumeration over the end", of(0, 3), 2, 0, Rule::MemberEnd),
        bad_at(
            "enumeration of one byte in one byte",
            asm().enumeration("e", 1, false, &[]).bitfields("s", 1, &[("a", 1, 0, 0)]),
            2,
            0,
            Rule::MemberEnd,
        ),
        bad_at("no bitfield, but within a byte", one(8, 3, 0), 2, 0, Rule::MemberAlignment),
        bad_at(
            "enumeration within a byte with the flag",
            asm().enumeration("e", 4, false, &[]).bitfields("s", 8, &[("a", 1, 3, 0)]),
            2,
            0,
            Rule::MemberAlignment,
        ),
        bad_at(
            "bitfield of a bitfield",
            old.bitfields("s", 4, &[("a", 1, 0, 2)]),
            2,
            0,
            Rule::BitfieldType,
        ),
        bad_at(
            "bitfield of a pointer",
            int().ptr(1).bitfields("s", 8, &[("a", 2, 0, 3)]),
            3,
            0,
            Rule::BitfieldSize,
        ),
        bad_at(
            "bitfield of a structure",
            int().structure("in", 4, &[("a", 1, 0)]).bitfields("s", 8, &[("a", 2, 0, 3)]),
            3,
            0,
            Rule::BitfieldSize,
        ),
        bad_at(
            "bitfield of a float",
            asm().float("f", 4).bitfields("s", 8, &[("a", 1, 0, 3)]),
            2,
            0,
            Rule::BitfieldSize,
        )
        .since(5, 13),
        bad_at(
            "bitfield of 128 bits within a byte",
            asm().int("wide", 16, 0).bitfields("s", 17, &[("a", 1, 1, 128)]),
            2,
            0,
            Rule::BitfieldSpan,
        ),
    ]
}

fn arrays() -> Vec<Row> {
    vec![
        good("array", int().array(1, 1, 3)),
        good("array of arrays", int().array(1, 1, 3).array(2, 1, 2)),
        good("array before what it needs", asm().array(2, 2, 3).int("int", 4, 0)),
        good("index through a typedef", int().typedef("t", 1).array(1, 2, 3)),
        good("array of pointers to itself", int().array(3, 1, 2).ptr(2)),
        good("array of no elements", int().array(1, 1, 0)),
        good("array of 4 GiB less 1", numbers().array(2, 1, u32::MAX)),
        bad("array of void", int().array(0, 1, 3), 2, Rule::ArrayElement),
        bad("index void", int().array(1, 0, 3), 2, Rule::ArrayIndex),
        bad("array of const void", int().constant(0).array(2, 1, 3), 3, Rule::ArrayElement),
        bad("array of functions", proto().func("f", 2, 1).array(3, 1, 3), 4, Rule::ArrayElement),
        bad("array of prototypes", proto().array(2, 1, 3), 3, Rule::ArrayElement),
        bad(
            "array of what is declared forward",
            int().fwd("f", false).array(2, 1, 3),
            3,
            Rule::ArrayElement,
        ),
        bad("array of variables", var().array(2, 1, 3), 3, Rule::ArrayElement),
        bad("index is a pointer", int().ptr(1).array(1, 2, 3), 3, Rule::ArrayIndex),
        bad(
            "index is an enumeration",
            int().enumeration("e", 4, false, &[]).array(1, 2, 3),
            3,
            Rule::ArrayIndex,
        ),
        bad(
            "index of three bits",
            int().head("b", 1, 0, 4).words(&[3]).array(1, 2, 3),
            3,
            Rule::ArrayIndex,
        ),
        bad("index is a variable", var().array(1, 2, 3), 3, Rule::ArrayIndex),
        bad(
            "elements of three bits",
            int().head("b", 1, 0, 4).words(&[3]).array(2, 1, 3),
            3,
            Rule::ArrayElement,
        ),
        bad("array of 16 GiB", int().array(1, 1, u32::MAX), 2, Rule::ArrayOverflow),
        bad(
            "arrays of 16 GiB",
            int().array(1, 1, 1 << 16).array(2, 1, 1 << 16),
            3,
            Rule::ArrayOverflow,
        ),
        bad("array of itself", int().array(2, 1, 1), 2, Rule::Loop),
    ]
}

fn functions() -> Vec<Row> {
    let with = |params: &[(&str, u32)]| int().prototype(1, params);
    vec![
        good("function", with(&[("a", 1), ("b", 1)]).func("f", 2, 1)),
        good("static function", with(&[]).func("f", 2, 0)),
        good("variadic function", with(&[("a", 1), ("", 0)]).func("f", 2, 1)),
        good("prototype of nothing but `...`", with(&[("", 0)])),
        good("parameter without a name", with(&[("", 1)])),
        good("result void", asm().prototype(0, &[]).func("f", 1, 1)),
        good("prototype before what it needs", asm().prototype(2, &[("", 2)]).int("int", 4, 0)),
        good(
            "structure as a parameter",
            int().structure("s", 4, &[("a", 1, 0)]).prototype(1, &[("", 2)]),
        ),
        good("pointer to a function", proto().func("f", 2, 1).ptr(3)).since(5, 16),
        bad("extern function", with(&[]).func("f", 2, 2), 3, Rule::FuncLinkage),
        bad("linkage that is not known", with(&[]).func("f", 2, 3), 3, Rule::FuncLinkage),
        bad_at(
            "function whose parameter has no name",
            with(&[("a", 1), ("", 1)]).func("f", 2, 1),
            3,
            1,
            Rule::FuncParam,
        ),
        bad_at("`...` with a name", with(&[("a", 1), ("b", 0)]), 2, 1, Rule::Param),
        bad_at("parameter void in the middle", with(&[("", 0), ("b", 1)]), 2, 0, Rule::Param),
        bad_at("parameter with a bad name", with(&[("a b", 1)]), 2, 0, Rule::Param),
        bad_at(
            "parameter declared forward",
            int().fwd("f", false).prototype(1, &[("", 2)]),
            3,
            0,
            Rule::Param,
        ),
        bad_at("prototype as a parameter", proto().prototype(1, &[("", 2)]), 3, 0, Rule::Param),
        bad_at(
            "const void as a parameter",
            int().constant(0).prototype(1, &[("", 2)]),
            3,
            0,
            Rule::Param,
        ),
        bad_at("variable as a parameter", var().prototype(1, &[("", 2)]), 3, 0, Rule::Param)
            .since(6, 2),
        bad(
            "result declared forward",
            asm().fwd("f", false).prototype(1, &[]),
            2,
            Rule::ReturnType,
        ),
        bad("result const void", asm().constant(0).prototype(1, &[]), 2, Rule::ReturnType),
        bad("prototype as a result", proto().prototype(2, &[]), 3, Rule::ReturnType),
        bad("variable as a result", var().prototype(2, &[]), 3, Rule::ReturnType).since(6, 2),
    ]
}

fn sections() -> Vec<Row> {
    let two =
        |size, entries: &[(u32, u32, u32)]| var().var("w", 1, 1).datasec(".data", size, entries);
    vec![
        good("section", two(8, &[(2, 0, 4), (3, 4, 4)])),
        good("section with gaps", two(20, &[(2, 4, 4), (3, 12, 4)])),
        good("section of nothing", asm().datasec(".bss", 4, &[])).since(5, 12),
        good("entry larger than its type", two(8, &[(2, 0, 8)])),
        good("static variable", int().var("v", 1, 0)),
        good("question mark in a name of a section", var().datasec("?.data", 4, &[(2, 0, 4)]))
            .since(6, 9),
        good(
            "any printable characters in a name of a section",
            var().datasec("a b/[c]", 4, &[(2, 0, 4)]),
        )
        .since(6, 11),
        good("section before its variable", int().datasec(".data", 4, &[(3, 0, 4)]).var("v", 1, 1)),
        good(
            "section whose variables lead to a pointer and a structure",
            int()
                .datasec(".data", 12, &[(3, 0, 8), (4, 8, 4)])
                .var("p", 5, 1)
                .var("s", 6, 1)
                .ptr(6)
                .structure("s", 4, &[("a", 1, 0)]),
        )
        .since(6, 3),
        good("accent in a name of a section", var().datasec("caf\u{e9}", 4, &[(2, 0, 4)]))
            .since(6, 11),
        bad(
            "umlaut in a name of a section",
            var().datasec("Stra\u{df}e", 4, &[(2, 0, 4)]),
            3,
            Rule::Name,
        ),
        bad("section of size 0", two(0, &[]), 4, Rule::SectionSize),
        bad("section without a name", asm().datasec("", 4, &[]), 1, Rule::Name),
        bad(
            "control character in a name of a section",
            asm().datasec("a\tb", 4, &[]),
            1,
            Rule::Name,
        ),
        bad_at(
            "entries in the wrong order",
            two(8, &[(2, 4, 4), (3, 0, 4)]),
            4,
            1,
            Rule::SectionOffset,
        ),
        bad_at("entries that overlap", two(8, &[(2, 0, 4), (3, 3, 4)]), 4, 1, Rule::SectionOffset),
        bad_at("entry behind the end", two(4, &[(2, 4, 4)]), 4, 0, Rule::SectionOffset),
        bad_at("entry over the end", two(4, &[(2, 1, 4)]), 4, 0, Rule::SectionOffset),
        bad_at("entry of no bytes", two(4, &[(2, 0, 0)]), 4, 0, Rule::SectionEntrySize),
        bad_at("entry larger than the section", two(4, &[(2, 0, 5)]), 4, 0, Rule::SectionEntrySize),
        bad_at("entry smaller than its type", two(4, &[(2, 0, 3)]), 4, 0, Rule::SectionEntrySize),
        bad_at("entry void", two(4, &[(0, 0, 4)]), 4, 0, Rule::SectionEntry),
        bad_at("entry is an integer", two(4, &[(1, 0, 4)]), 4, 0, Rule::SectionEntry),
        bad_at(
            "entry is a function",
            proto().func("f", 2, 1).datasec(".ksyms", 4, &[(3, 0, 4)]),
            4,
            0,
            Rule::SectionEntry,
        ),
        bad("variable void", asm().var("v", 0, 1), 1, Rule::VarType),
        bad("variable const void", int().constant(0).var("v", 2, 1), 3, Rule::VarType),
        bad("variable declared forward", asm().fwd("f", false).var("v", 1, 1), 2, Rule::VarType),
        bad("variable of a prototype", proto().var("v", 2, 1), 3, Rule::VarType),
        bad("variable of a variable", var().var("w", 2, 1), 3, Rule::Target),
        bad(
            "variable of a section",
            var().datasec(".data", 4, &[(2, 0, 4)]).var("w", 3, 1),
            4,
            Rule::Target,
        ),
        bad("extern variable", int().var("v", 1, 2), 2, Rule::VarLinkage),
        bad("linkage of a variable that is not known", int().var("v", 1, 3), 2, Rule::VarLinkage),
    ]
}

fn tags() -> Vec<Row> {
    let whole = u32::MAX;
    let point = || int().structure("s", 8, &[("a", 1, 0), ("b", 1, 32)]);
    let func = || int().prototype(1, &[("a", 1)]).func("f", 2, 1);
    let rows = vec![
        good("tag of a structure", point().decl_tag("t", 2, whole)),
        good("tag of a member", point().decl_tag("t", 2, 1)),
        good("tag of a function", func().decl_tag("t", 3, whole)),
        good("tag of a parameter", func().decl_tag("t", 3, 0)),
        good("tag of a variable", var().decl_tag("t", 2, whole)),
        good("tag of a typedef", int().typedef("t", 1).decl_tag("t", 2, whole)).since(5, 16),
        good("any text in a tag", point().decl_tag("contains:a b", 2, whole)),
        good(
            "tag before its function",
            int().decl_tag("t", 3, whole).func("f", 4, 1).prototype(1, &[]),
        ),
        bad("tag without text", point().decl_tag("", 2, whole), 3, Rule::Name),
        bad("tag of an integer", int().decl_tag("t", 1, whole), 2, Rule::TagTarget),
        bad("tag of void", int().decl_tag("t", 0, whole), 2, Rule::TagTarget),
        bad("tag of a pointer", int().ptr(1).decl_tag("t", 2, whole), 3, Rule::TagTarget),
        bad(
            "tag of a tag",
            point().decl_tag("t", 2, whole).decl_tag("u", 3, whole),
            4,
            Rule::TagTarget,
        ),
        bad("tag of no member", point().decl_tag("t", 2, 2), 3, Rule::TagComponent),
        bad("tag of no parameter", func().decl_tag("t", 3, 1), 4, Rule::TagComponent),
        bad("tag of a part of a variable", var().decl_tag("t", 2, 0), 3, Rule::TagComponent),
        bad(
            "tag of a part of a typedef",
            int().typedef("t", 1).decl_tag("t", 2, 0),
            3,
            Rule::TagComponent,
        ),
        bad("tag of the member -2", point().decl_tag("t", 2, 0xffff_fffe), 3, Rule::TagComponent),
        bad("pointer to a tag", point().decl_tag("t", 2, whole).ptr(3), 4, Rule::Target),
    ];
    let mut rows = rows.into_iter().map(|row| row.since(5, 16)).collect::<Vec<_>>();
    let types = vec![
        good("type tag", int().type_tag("user", 1).ptr(2)),
        good(
            "type tags before a modifier",
            int().constant(1).type_tag("a", 2).type_tag("b", 3).ptr(4),
        ),
        bad("type tag without text", int().type_tag("", 1), 2, Rule::Name),
    ];
    rows.extend(types.into_iter().map(|row| row.since(5, 17)));
    // No longer asked for by 7.3.
    let order = vec![
        bad("type tag behind const", int().type_tag("a", 1).constant(2).ptr(3), 3, Rule::TagOrder),
        bad("type tag behind a typedef", int().type_tag("a", 1).typedef("t", 2), 3, Rule::TagOrder),
    ];
    rows.extend(order.into_iter().map(|row| row.since(5, 17).until(7, 0)));
    rows.push(
        good("type tag that is an attribute", int().head("a", 18, FLAG, 1).ptr(2)).since(6, 15),
    );
    rows.push(
        good("tag that is an attribute", point().head("a", 17, FLAG, 2).words(&[whole]))
            .since(6, 15),
    );
    rows
}

/// A chain of so many pointers to what comes next, and an integer.
fn chain(len: u32) -> Asm {
    let mut blob = asm();
    for id in 1..=len {
        blob = blob.ptr(id + 1);
    }
    blob.int("int", 4, 0)
}

/// The same the other way around: each type refers to the one before.
fn backward(len: u32, add: impl Fn(Asm, u32) -> Asm) -> Asm {
    (1..=len).fold(int(), add)
}

fn references() -> Vec<Row> {
    vec![
        good("pointer to void", asm().ptr(0)),
        good("typedef of void", asm().typedef("t", 0)),
        good("pointer to what is declared forward", asm().fwd("f", false).ptr(1)),
        good("pointer to a prototype", proto().ptr(2)),
        good("32 pointers at once", chain(32)),
        good("40 pointers one after the other", backward(40, Asm::ptr)),
        good("40 modifiers one after the other", backward(40, Asm::constant)),
        good("const before its type", asm().constant(2).int("int", 4, 0)),
        good(
            "structures that point to each other",
            asm().structure("a", 8, &[("b", 3, 0)]).structure("b", 8, &[("a", 4, 0)]).ptr(2).ptr(1),
        ),
        bad("33 pointers at once", chain(33), 1, Rule::Depth),
        bad("pointer to itself and nothing else", asm().ptr(1), 1, Rule::Loop),
        bad("typedef of itself", asm().typedef("t", 1), 1, Rule::Loop),
        bad("const and volatile of each other", asm().constant(2).volatile(1), 1, Rule::Loop),
        bad("pointer and const of each other", asm().ptr(2).constant(1), 1, Rule::Loop),
        bad(
            "structure that contains itself",
            asm().structure("s", 8, &[("a", 1, 0)]),
            1,
            Rule::Loop,
        ),
        bad(
            "structure that contains itself in an array",
            int().structure("s", 8, &[("a", 3, 0)]).array(2, 1, 1),
            2,
            Rule::Loop,
        ),
        bad(
            "structure that contains itself through a typedef",
            int().structure("s", 8, &[("a", 3, 0)]).typedef("t", 2),
            2,
            Rule::Loop,
        ),
        bad("pointer to a variable", var().ptr(2), 3, Rule::Target),
        bad(
            "pointer to a section",
            var().datasec(".data", 4, &[(2, 0, 4)]).ptr(3),
            4,
            Rule::Target,
        ),
        bad("const of a variable", var().constant(2), 3, Rule::Target),
    ]
}
