//! The builder: every kind, both orders, ranges.

use bpf_btf::{
    Btf, BtfBuilder, BuildError, ByteOrder, Definition, FuncLinkage, Kind, NewEnumValue, NewMember,
    NewParam, NewSectionEntry, TypeId, VarLinkage,
};

use crate::asm::{ORDERS, asm, every_kind, split};

fn id(number: u32) -> TypeId {
    TypeId::new(number)
}

const INT: Definition<'_> =
    Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false };

/// The definitions of `every_kind`.
fn definitions() -> Vec<Definition<'static>> {
    vec![
        INT,
        Definition::Ptr { target: TypeId::new(1) },
        Definition::Array { element: TypeId::new(1), index: TypeId::new(1), len: 3 },
        Definition::Struct {
            name: "point",
            size: 8,
            members: const {
                &[NewMember::new("x", TypeId::new(1), 0), NewMember::new("y", TypeId::new(1), 32)]
            },
        },
        Definition::Union {
            name: "either",
            size: 8,
            members: const {
                &[
                    NewMember::new("number", TypeId::new(1), 0),
                    NewMember::new("pointer", TypeId::new(2), 0),
                ]
            },
        },
        Definition::Enum {
            name: "color",
            size: 4,
            signed: true,
            values: const { &[NewEnumValue::new("RED", -1), NewEnumValue::new("GREEN", 7)] },
        },
        Definition::Fwd { name: "opaque", union: true },
        Definition::Typedef { name: "number_t", target: id(1) },
        Definition::Volatile { target: id(1) },
        Definition::Const { target: id(9) },
        Definition::Restrict { target: id(2) },
        Definition::FuncProto {
            return_type: id(1),
            params: const { &[NewParam::new("first", TypeId::new(2)), NewParam::new("", TypeId::VOID)] },
        },
        Definition::Func { name: "work", prototype: id(12), linkage: FuncLinkage::Global },
        Definition::Var { name: "counter", target: id(1), linkage: VarLinkage::Global },
        Definition::Datasec {
            name: ".data",
            size: 4,
            entries: const { &[NewSectionEntry::new(TypeId::new(14), 0, 4)] },
        },
        Definition::Float { name: "double", size: 8 },
        Definition::DeclTag { name: "note", target: id(4), component: Some(1), attribute: false },
        Definition::TypeTag { name: "user", target: id(1), attribute: false },
        Definition::Enum64 {
            name: "wide",
            size: 8,
            signed: false,
            values: const { &[NewEnumValue::new("BIG", 0xffff_ffff_0000_0001)] },
        },
        Definition::Struct {
            name: "flags",
            size: 4,
            members: const {
                &[
                    NewMember::bitfield("low", TypeId::new(1), 0, 3),
                    NewMember::bitfield("high", TypeId::new(1), 3, 29),
                ]
            },
        },
    ]
}

#[test]
fn every_kind_is_written_as_the_format_says() {
    for order in ORDERS {
        let mut builder = BtfBuilder::new();
        for (number, definition) in (1..).zip(definitions()) {
            assert_eq!(builder.add(&definition), Ok(id(number)));
        }
        assert_eq!(builder.write(order).unwrap(), every_kind().write(order), "{order:?}");
    }
}

#[test]
fn imported_blobs_are_written_unchanged() {
    let layout = [(0, 0), (4, 0), (0, 0)];
    let blobs =
        [asm(), every_kind(), every_kind().layout(&layout), asm().raw_strings(b"caf\xe9\0")];
    for blob in blobs {
        for from in ORDERS {
            let btf = Btf::parse(blob.write(from)).unwrap();
            for to in ORDERS {
                assert_eq!(
                    BtfBuilder::from_btf(&btf).write(to).unwrap(),
                    blob.write(to),
                    "{from:?} to {to:?}"
                );
            }
        }
    }
    let base = asm().int("int", 4, 0);
    let blob = split(base.string_len()).ptr(1).structure("own", 8, &[("int", 2, 0)]);
    let base = Btf::parse(base.write(ByteOrder::NATIVE)).unwrap();
    let btf = Btf::parse_split(blob.write(ByteOrder::NATIVE), &base).unwrap();
    for order in ORDERS {
        assert_eq!(BtfBuilder::from_btf(&btf).write(order).unwrap(), blob.write(order));
    }
}

#[test]
fn strings_are_stored_once_also_after_an_import() {
    let btf = Btf::parse(every_kind().write(ByteOrder::NATIVE)).unwrap();
    let len = btf.bytes().len();
    let mut builder = BtfBuilder::from_btf(&btf);
    let known = builder.add_string("point").unwrap();
    assert_eq!(btf.string(known), Some("point"));
    assert_eq!(builder.add_string(""), Ok(0));
    assert_eq!(builder.write(ByteOrder::NATIVE).unwrap().len(), len);
    // Enough new ones to make the table grow more than once.
    let offsets = (0..500)
        .map(|number| builder.add_string(&format!("name {number}")).unwrap())
        .collect::<Vec<_>>();
    for (number, offset) in (0..).zip(&offsets) {
        assert_eq!(builder.add_string(&format!("name {number}")), Ok(*offset));
    }
    let written = Btf::parse(builder.write(ByteOrder::NATIVE).unwrap()).unwrap();
    assert_eq!(written.string(offsets[77]), Some("name 77"));
}

#[test]
fn split_blobs_are_built_on_a_base() {
    let base = Btf::parse(every_kind().write(ORDERS[1])).unwrap();
    for order in ORDERS {
        let mut builder = BtfBuilder::split(&base);
        let pointer = builder.add(&Definition::Ptr { target: id(4) }).unwrap();
        assert_eq!(
            (pointer, builder.name(id(4)), builder.kind(id(4))),
            (id(21), "point", Some(Kind::Struct))
        );
        builder.add(&Definition::Typedef { name: "new name", target: pointer }).unwrap();
        let btf = Btf::parse_split(builder.write(order).unwrap(), &base).unwrap();
        assert_eq!(btf.find("new name", Kind::Typedef), Some(id(22)));
        assert_eq!(btf.display_name(pointer).to_string(), "struct point *");
    }
}

#[test]
fn types_may_be_reserved_and_replaced() {
    let mut builder = BtfBuilder::new();
    let node = builder.reserve().unwrap();
    let pointer = builder.add(&Definition::Ptr { target: node }).unwrap();
    assert_eq!(builder.write(ByteOrder::NATIVE), Err(BuildError::Undefined { id: node }));
    builder
        .set(
            node,
            &Definition::Struct {
                name: "node",
                size: 8,
                members: &[NewMember::new("next", pointer, 0)],
            },
        )
        .unwrap();
    builder.set(pointer, &Definition::Const { target: node }).unwrap();
    let btf = Btf::parse(builder.write(ByteOrder::NATIVE).unwrap()).unwrap();
    assert_eq!(btf.get(pointer).map(|found| found.kind()), Some(Kind::Const));
    assert_eq!((btf.len(), btf.find("node", Kind::Struct)), (3, Some(node)));
    assert_eq!(builder.set(id(9), &INT), Err(BuildError::NoSuchType { id: id(9) }));
    assert_eq!(builder.set(id(0), &INT), Err(BuildError::NoSuchType { id: id(0) }));
}

#[test]
fn what_does_not_fit_is_refused() {
    let text = str::to_owned;
    let wide = 0x0100_0000;
    let far = [NewMember::new("far", id(1), wide), NewMember::bitfield("bit", id(1), 0, 1)];
    let zero = [NewMember::bitfield("none", id(1), 0, 0)];
    let broad = [NewMember::bitfield("broad", id(1), 0, 256)];
    let rows: [(Definition<'_>, BuildError); 16] = [
        (
            Definition::Typedef { name: "a\0b", target: id(0) },
            BuildError::Nul { name: text("a\0b") },
        ),
        (
            Definition::Struct { name: "s", size: 8, members: &far },
            BuildError::MemberOffset { name: text("s"), member: text("far"), bit_offset: wide },
        ),
        (
            Definition::Struct { name: "s", size: 8, members: &zero },
            BuildError::BitfieldSize { name: text("s"), member: text("none"), width: 0 },
        ),
        (
            Definition::Union { name: "u", size: 8, members: &broad },
            BuildError::BitfieldSize { name: text("u"), member: text("broad"), width: 256 },
        ),
        (
            Definition::Bits { name: "i", size: 3, encoding: 24 },
            BuildError::Size { name: text("i"), size: 3 },
        ),
        (
            Definition::Bits { name: "i", size: 4, encoding: 33 },
            BuildError::IntBits { name: text("i"), size: 4, bits: 33, bit_offset: 0 },
        ),
        (
            Definition::Bits { name: "i", size: 4, encoding: 1 << 16 | 32 },
            BuildError::IntBits { name: text("i"), size: 4, bits: 32, bit_offset: 1 },
        ),
        (
            Definition::Enum {
                name: "e",
                size: 4,
                signed: true,
                values: &[NewEnumValue::new("A", 1 << 31)],
            },
            BuildError::EnumValue { name: text("A"), value: 1 << 31 },
        ),
        (
            Definition::Enum {
                name: "e",
                size: 4,
                signed: false,
                values: &[NewEnumValue::new("A", -1)],
            },
            BuildError::EnumValue { name: text("A"), value: -1 },
        ),
        (
            Definition::Enum64 {
                name: "e",
                size: 8,
                signed: true,
                values: &[NewEnumValue::new("A", 1 << 63)],
            },
            BuildError::EnumValue { name: text("A"), value: 1 << 63 },
        ),
        (
            Definition::Enum64 {
                name: "e",
                size: 8,
                signed: false,
                values: &[NewEnumValue::new("A", 1 << 64)],
            },
            BuildError::EnumValue { name: text("A"), value: 1 << 64 },
        ),
        (
            Definition::Enum { name: "e", size: 3, signed: false, values: &[] },
            BuildError::Size { name: text("e"), size: 3 },
        ),
        (
            Definition::Enum64 { name: "e", size: 0, signed: false, values: &[] },
            BuildError::Size { name: text("e"), size: 0 },
        ),
        (Definition::Float { name: "f", size: 5 }, BuildError::Size { name: text("f"), size: 5 }),
        (
            Definition::Func { name: "f", prototype: id(1), linkage: FuncLinkage::Unknown(wide) },
            BuildError::TooManyElements { name: text("f"), count: 0x0100_0000 },
        ),
        (
            Definition::Int { name: "i", size: 0, signed: false, char: false, bool: false },
            BuildError::Size { name: text("i"), size: 0 },
        ),
    ];
    for (definition, error) in rows {
        let mut builder = BtfBuilder::new();
        assert_eq!(builder.add(&definition), Err(error), "{definition:?}");
        assert_eq!(builder.add(&INT), Ok(id(1)), "a refused type takes no id");
        assert!(Btf::parse(builder.write(ByteOrder::NATIVE).unwrap()).is_ok());
    }
}

#[test]
fn edges_of_ranges_are_kept() {
    for order in ORDERS {
        let mut builder = BtfBuilder::new();
        let int = builder.add(&INT).unwrap();
        let members = [
            NewMember::new("far", int, 0x00ff_ffff),
            NewMember::bitfield("bit", int, 0x00ff_fffe, 255),
        ];
        let odd =
            builder.add(&Definition::Struct { name: "s", size: 8, members: &members }).unwrap();
        let plain = [NewMember::new("far", int, u32::MAX)];
        let plain =
            builder.add(&Definition::Union { name: "u", size: 8, members: &plain }).unwrap();
        let values = [
            NewEnumValue::new("LOW", i128::from(i64::MIN)),
            NewEnumValue::new("HIGH", i128::from(i64::MAX)),
        ];
        let wide = builder
            .add(&Definition::Enum64 { name: "e", size: 8, signed: true, values: &values })
            .unwrap();
        let huge = vec![NewParam::new("", int); 70_000];
        let proto =
            builder.add(&Definition::FuncProto { return_type: int, params: &huge }).unwrap();
        let btf = Btf::parse(builder.write(order).unwrap()).unwrap();
        let members = |id| {
            btf.get(id)
                .unwrap()
                .composite()
                .unwrap()
                .members()
                .map(|m| (m.bit_offset(), m.bitfield_size()))
                .collect::<Vec<_>>()
        };
        assert_eq!(members(odd), [(0x00ff_ffff, None), (0x00ff_fffe, Some(255))]);
        assert_eq!(members(plain), [(u32::MAX, None)]);
        let values = btf
            .get(wide)
            .unwrap()
            .enumeration()
            .unwrap()
            .values()
            .map(|value| value.value())
            .collect::<Vec<_>>();
        assert_eq!(values, [i128::from(i64::MIN), i128::from(i64::MAX)]);
        let Some(bpf_btf::Type::FuncProto(proto)) = btf.get(proto) else {
            unreachable!("a prototype was added")
        };
        assert_eq!(proto.param_count(), 70_000);
    }
}

#[test]
fn targets_are_checked_when_writing() {
    let mut builder = BtfBuilder::new();
    let pointer = builder.add(&Definition::Ptr { target: id(5) }).unwrap();
    let error = BuildError::NoSuchTarget { id: pointer, target: id(5) };
    assert_eq!(builder.write(ByteOrder::NATIVE), Err(error));
    builder.set(pointer, &INT).unwrap();
    let func = builder
        .add(&Definition::Func { name: "f", prototype: pointer, linkage: FuncLinkage::Static })
        .unwrap();
    assert_eq!(
        builder.write(ByteOrder::NATIVE),
        Err(BuildError::NotPrototype { id: func, target: pointer })
    );
}

#[test]
fn more_elements_than_16_bits_count_are_written_whole() {
    let names = (0..70_000).map(|index| format!("m{index}")).collect::<Vec<_>>();
    for order in ORDERS {
        let mut builder = BtfBuilder::new();
        let int = builder.add(&INT).unwrap();
        let members = names.iter().map(|name| NewMember::new(name, int, 0)).collect::<Vec<_>>();
        builder.add(&Definition::Union { name: "u", size: 4, members: &members }).unwrap();
        let values = (0..).zip(&names).map(|(value, name)| NewEnumValue::new(name, value));
        let values = values.collect::<Vec<_>>();
        let e = Definition::Enum { name: "e", size: 4, signed: false, values: &values };
        let e = builder.add(&e).unwrap();
        let btf = Btf::parse(builder.write(order).unwrap()).unwrap();
        let found = btf.get(e).and_then(|found| found.enumeration()).unwrap();
        assert_eq!(found.value_count(), 70_000);
        let last = found.value(69_999).unwrap();
        assert_eq!((last.name(), last.value()), ("m69999", 69_999));
        let union = btf.find("u", bpf_btf::Kind::Union).and_then(|id| btf.get(id)).unwrap();
        assert_eq!(union.composite().map(|union| union.member_count()), Some(70_000));
    }
}
