//! Blobs with other ids and strings: appended, permuted, with their `.BTF.ext`.

use bpf_btf::{
    Btf, BtfBuilder, BtfExt, BuildError, ByteOrder, Kind, Type, TypeId, dedup, permute,
    sort_by_name,
};

use crate::asm::{Asm, ORDERS, SIGNED, asm, every_kind, header, split, u32_bytes};

/// One line for each type, with everything but offsets of strings.
pub(crate) fn lines(btf: &Btf) -> Vec<String> {
    let types = btf.types().map(|(_, found)| {
        let rest = match found {
            Type::Int(int) => format!("{} {:#x}", int.size(), int.encoding()),
            Type::Array(array) => format!("{} {} {}", array.element(), array.index(), array.len()),
            Type::Struct(composite) | Type::Union(composite) => {
                format!("{} {:?}", composite.size(), composite.members())
            }
            Type::Enum(values) | Type::Enum64(values) => {
                format!("{} {} {:?}", values.size(), values.is_signed(), values.values())
            }
            Type::Fwd(fwd) => format!("{}", fwd.is_union()),
            Type::Func(func) => format!("{} {:?}", func.prototype(), func.linkage()),
            Type::FuncProto(proto) => format!("{} {:?}", proto.return_type(), proto.params()),
            Type::Var(var) => format!("{} {:?}", var.type_id(), var.linkage()),
            Type::Datasec(section) => format!("{} {:?}", section.size(), section.entries()),
            Type::Float(float) => format!("{}", float.size()),
            Type::DeclTag(tag) => format!("{} {:?}", tag.target(), tag.component()),
            other => {
                let reference = other.reference();
                format!("{:?}", reference.map(|to| (to.target(), to.is_attribute())))
            }
        };
        format!("{found:?} {rest}")
    });
    types.collect()
}

fn id(number: u32) -> TypeId {
    TypeId::new(number)
}

#[test]
fn appended_types_refer_to_each_other_as_before() {
    let first = asm().int("int", 4, SIGNED).structure("s", 4, &[("int", 1, 0)]);
    let second =
        asm().structure("node", 16, &[("int", 2, 0), ("next", 3, 64)]).int("int", 4, 0).ptr(1);
    let both = asm()
        .int("int", 4, SIGNED)
        .structure("s", 4, &[("int", 1, 0)])
        .structure("node", 16, &[("int", 4, 0), ("next", 5, 64)])
        .int("int", 4, 0)
        .ptr(3);
    for order in ORDERS {
        let [first, second, both] =
            [&first, &second, &both].map(|blob| Btf::parse(blob.write(order)).unwrap());
        let mut builder = BtfBuilder::new();
        builder.add_btf(&first).unwrap();
        let ids = builder.add_btf(&second).unwrap();
        let merged = Btf::parse(builder.write(order).unwrap()).unwrap();
        assert_eq!(lines(&merged), lines(&both));
        assert_eq!([1, 2, 3].map(|old| ids.get(id(old))), [3, 4, 5].map(|new| Some(id(new))));
        assert_eq!((ids.get(id(0)), ids.get(id(4))), (Some(id(0)), None));
        assert_eq!(ids.iter().count(), 3);
    }
}

#[test]
fn split_blobs_are_appended_on_their_own_base_only() {
    let base = asm().int("int", 4, SIGNED);
    let own = split(base.string_len()).ptr(1).structure("own", 8, &[("int", 2, 0)]);
    let base = Btf::parse(base.write(ByteOrder::NATIVE)).unwrap();
    let btf = Btf::parse_split(own.write(ByteOrder::NATIVE), &base).unwrap();
    let mut builder = BtfBuilder::split(&base);
    builder.add_btf(&btf).unwrap();
    let ids = builder.add_btf(&btf).unwrap();
    assert_eq!([1, 2, 3].map(|old| ids.get(id(old))), [1, 4, 5].map(|new| Some(id(new))));
    let bytes = builder.write(ByteOrder::NATIVE).unwrap();
    let twice = Btf::parse_split(bytes, &base).unwrap();
    let own = |number| twice.get(id(number)).and_then(|found| found.composite());
    assert_eq!(own(5).unwrap().member(0).unwrap().type_id(), id(4));
    assert_eq!(BtfBuilder::new().add_btf(&btf), Err(BuildError::Base));
    let other = Btf::parse(every_kind().write(ByteOrder::NATIVE)).unwrap();
    assert_eq!(BtfBuilder::split(&other).add_btf(&btf), Err(BuildError::Base));
}

#[test]
fn types_are_put_into_another_order() {
    for order in ORDERS {
        let blob = asm().int("int", 4, SIGNED).ptr(3).structure("s", 8, &[("next", 2, 0)]);
        let btf = Btf::parse(blob.write(order)).unwrap();
        let turned = permute(&btf, &[id(3), id(1), id(2)]).unwrap();
        let expected = asm().structure("s", 8, &[("next", 3, 0)]).int("int", 4, SIGNED).ptr(1);
        let expected = Btf::parse(expected.write(order)).unwrap();
        let after = Btf::parse(turned.builder.write(order).unwrap()).unwrap();
        assert_eq!(lines(&after), lines(&expected));
        assert_eq!(after.string(1), btf.string(1), "strings stay where they are");
        assert_eq!(
            [1, 2, 3].map(|old| turned.ids.get(id(old))),
            [2, 3, 1].map(|new| Some(id(new)))
        );
        for (wrong, culprit) in
            [(&[3, 1][..], 2), (&[3, 1, 1], 1), (&[3, 2, 1, 4], 4), (&[0, 1, 2], 0)]
        {
            let wrong = wrong.iter().copied().map(id).collect::<Vec<_>>();
            let error = permute(&btf, &wrong).unwrap_err();
            assert_eq!(error, BuildError::Order { id: id(culprit) });
        }
    }
}

#[test]
fn sorted_types_begin_with_those_without_a_name() {
    for order in ORDERS {
        let btf = Btf::parse(every_kind().write(order)).unwrap();
        let sorted = sort_by_name(&btf).unwrap();
        let after = Btf::parse(sorted.builder.write(order).unwrap()).unwrap();
        let names = after.types().map(|(_, found)| found.name()).collect::<Vec<_>>();
        assert!(names.is_sorted(), "{names:?}");
        for (old, found) in btf.types() {
            let new = sorted.ids.get(old).unwrap();
            assert_eq!(
                after.get(new).map(|new| (new.kind(), new.name())),
                Some((found.kind(), found.name()))
            );
            if !found.name().is_empty() {
                assert_eq!(after.find(found.name(), found.kind()), Some(new));
            }
        }
    }
}

/// A `.BTF.ext` section with one record of each part, of the given sizes.
fn ext(order: ByteOrder, func: &[u32], line: &[u32], core: &[u32]) -> Vec<u8> {
    let mut body = Vec::new();
    let mut fields = Vec::new();
    for part in [func, line, core] {
        fields.push(u32::try_from(body.len()).unwrap());
        fields.push(u32::try_from(part.len() * 4).unwrap());
        body.extend(part.iter().flat_map(|word| u32_bytes(*word, order)));
    }
    let mut out = header(order, 32, &fields);
    out.extend(body);
    out
}

/// Types with names for sections, files and access strings.
fn program() -> (Asm, [u32; 4]) {
    let mut blob = asm()
        .int("int", 4, SIGNED) // 1
        .int("int", 4, SIGNED) // 2
        .prototype(2, &[]) // 3
        .func("main", 3, 1) // 4
        .structure("s", 4, &[("x", 2, 0)]); // 5
    let names = ["xdp", "file.c", "0:0"].map(|name| blob.string(name));
    let line = blob.string_len();
    // A line of source in an encoding that is not UTF-8.
    (blob.raw_strings(b"caf\xe9\0"), [names[0], names[1], names[2], line])
}

#[test]
fn ext_records_follow_their_types_and_strings() {
    for (from, to) in [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(a, b)| (ORDERS[a], ORDERS[b])) {
        let (blob, [section, file, access, line]) = program();
        let btf = Btf::parse(blob.write(from)).unwrap();
        // Function records have a word more than is known.
        let bytes = ext(
            from,
            &[12, section, 1, 0, 4, 77],
            &[16, section, 1, 8, file, line, 3 << 10 | 5],
            &[16, section, 1, 16, 5, access, 2],
        );
        let before = BtfExt::parse(&bytes).unwrap();
        let mut merged = dedup(&btf).unwrap();
        let written = merged.write_ext(&btf, &before, to).unwrap();
        let after = Btf::parse(merged.builder.write(to).unwrap()).unwrap();
        let ext = BtfExt::parse(&written).unwrap();
        assert_eq!(ext.byte_order(), to);
        assert_eq!((ext.func_info_size(), ext.line_info_size()), (12, 16));

        let func = ext.func_infos().next().unwrap();
        assert_eq!(after.string(func.name_offset), Some("xdp"));
        let func = func.records.clone().next().unwrap();
        assert_eq!((func.insn_offset, func.type_id), (0, id(3)));
        assert_eq!(func.tail, u32_bytes(77, to));
        let info = ext.line_infos().next().unwrap().records.clone().next().unwrap();
        assert_eq!((info.insn_offset, info.line(), info.column()), (8, 3, 5));
        assert_eq!(after.string(info.file_name_offset), Some("file.c"));
        assert_eq!(after.string_bytes(info.line_offset), Some(&b"caf\xe9"[..]));
        let relo = ext.core_relos().next().unwrap().records.clone().next().unwrap();
        assert_eq!((relo.insn_offset, relo.type_id, relo.kind), (16, id(4), 2));
        assert_eq!(after.string(relo.access_offset), Some("0:0"));
        assert_eq!(after.find("s", Kind::Struct), Some(id(4)));
    }
}

#[test]
fn an_empty_ext_stays_empty() {
    let (blob, _) = program();
    let btf = Btf::parse(blob.write(ORDERS[0])).unwrap();
    let bytes = ext(ORDERS[0], &[], &[], &[]);
    let mut merged = dedup(&btf).unwrap();
    let written = merged.write_ext(&btf, &BtfExt::parse(&bytes).unwrap(), ORDERS[0]).unwrap();
    assert_eq!(written, bytes);
}
