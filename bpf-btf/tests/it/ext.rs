//! `.BTF.ext` in both orders.

use bpf_btf::{BtfExt, ByteOrder, ExtError, TypeId};

use crate::asm::{ORDERS, header, u32_bytes};

/// A section of three parts given as words.
fn ext(order: ByteOrder, full: bool, parts: [&[u32]; 3]) -> Vec<u8> {
    let mut fields = Vec::new();
    let mut offset = 0;
    for part in parts.iter().take(if full { 3 } else { 2 }) {
        let len = u32::try_from(part.len() * 4).unwrap();
        fields.extend([offset, len]);
        offset += len;
    }
    let mut out = header(order, u32::try_from(8 + fields.len() * 4).unwrap(), &fields);
    out.extend(parts.iter().flat_map(|part| part.iter()).flat_map(|word| u32_bytes(*word, order)));
    out
}

#[test]
fn all_records_are_read() {
    let func: &[u32] = &[8, 10, 2, 0, 3, 64, 4, 20, 1, 0, 5];
    let line: &[u32] = &[16, 10, 1, 8, 100, 200, 7 << 10 | 5];
    let core: &[u32] = &[16, 10, 1, 16, 9, 300, 2];
    for order in ORDERS {
        let bytes = ext(order, true, [func, line, core]);
        let ext = BtfExt::parse(&bytes).unwrap();
        assert_eq!((ext.byte_order(), ext.func_info_size(), ext.line_info_size()), (order, 8, 16));
        let funcs = ext.func_infos().map(|section| {
            let records = section.records.map(|func| (func.insn_offset, func.type_id.get()));
            (section.name_offset, records.collect::<Vec<_>>())
        });
        assert_eq!(funcs.collect::<Vec<_>>(), [(10, vec![(0, 3), (64, 4)]), (20, vec![(0, 5)])]);
        let lines = ext.line_infos().flat_map(|section| section.records).collect::<Vec<_>>();
        assert_eq!(lines.len(), 1);
        let line = lines[0];
        assert_eq!((line.insn_offset, line.file_name_offset, line.line_offset), (8, 100, 200));
        assert_eq!((line.line(), line.column()), (7, 5));
        let relos = ext.core_relos().flat_map(|section| section.records).collect::<Vec<_>>();
        assert_eq!(relos, [bpf_btf::CoreRelo::new(16, TypeId::new(9), 300, 2)]);
    }
}

#[test]
fn the_short_header_has_no_relocations() {
    for order in ORDERS {
        let bytes = ext(order, false, [&[8, 10, 1, 0, 3], &[16, 10, 1, 0, 1, 1, 1024], &[]]);
        let ext = BtfExt::parse(&bytes).unwrap();
        assert_eq!(ext.func_infos().count(), 1);
        assert_eq!(ext.line_infos().count(), 1);
        assert_eq!(ext.core_relos().count(), 0);
    }
}

#[test]
fn larger_records_keep_their_size() {
    for order in ORDERS {
        let bytes =
            ext(order, true, [&[12, 10, 2, 0, 3, 0, 8, 4, 0], &[20, 10, 1, 0, 1, 2, 1024, 0], &[]]);
        let ext = BtfExt::parse(&bytes).unwrap();
        assert_eq!((ext.func_info_size(), ext.line_info_size()), (12, 20));
        let funcs = ext.func_infos().flat_map(|section| section.records).collect::<Vec<_>>();
        assert_eq!(
            funcs.iter().map(|func| (func.insn_offset, func.tail)).collect::<Vec<_>>(),
            [(0, &[0; 4][..]), (8, &[0; 4][..])]
        );
        assert_eq!(
            ext.line_infos()
                .flat_map(|section| section.records)
                .map(|line| line.tail.len())
                .collect::<Vec<_>>(),
            [4]
        );
    }
}

#[test]
fn records_are_cut_where_the_code_ends() {
    // The last record is of the same code again, but not with the first ones.
    let offsets = [8, 16, 24, 40, 8];
    for (order, size) in ORDERS.into_iter().flat_map(|order| [(order, 8_u32), (order, 12)]) {
        let mut words = vec![size, 10, u32::try_from(offsets.len()).unwrap()];
        for offset in offsets {
            words.extend([offset, 3, 99].iter().take(size as usize / 4));
        }
        let bytes = ext(order, true, [&words, &[], &[]]);
        let ext = BtfExt::parse(&bytes).unwrap();
        let records = || ext.func_infos().next().unwrap().records;
        // Rows: the code, and how many records come before the first one outside of it.
        for (code, count) in [(0..8, 0), (0..9, 1), (8..32, 3), (0..99, 5), (9..99, 0), (8..8, 0)] {
            let (first, rest) = records().split_within(code.clone());
            let seen = [first.clone(), rest.clone()]
                .map(|part| part.map(|record| record.insn_offset).collect::<Vec<_>>());
            let expected = offsets.split_at(count);
            assert_eq!(seen, [expected.0, expected.1], "{code:?}, {size} bytes, {order:?}");
            assert_eq!((first.len(), rest.first_offset()), (count, expected.1.first().copied()));
        }
        // At once or one by one.
        let one_by_one = std::iter::from_fn({
            let mut records = records();
            move || records.next()
        });
        let mut at_once = Vec::new();
        records().for_each(|record| at_once.push(record));
        assert_eq!(one_by_one.collect::<Vec<_>>(), at_once);
    }
}

#[test]
fn what_is_wrong_is_refused() {
    let ok: &[u32] = &[];
    let size = |part, size| ExtError::RecordSize { part, size };
    let cut = |part, offset| ExtError::Truncated { part, offset };
    let none = |part, offset| ExtError::NoRecords { part, offset };
    let rows: [([&[u32]; 3], ExtError); 14] = [
        ([&[0, 10, 1, 0, 3], ok, ok], size("func_info", 0)),
        ([&[4, 10, 1, 0], ok, ok], size("func_info", 4)),
        ([&[9, 10, 1, 0, 3, 0], ok, ok], size("func_info", 9)),
        ([&[u32::MAX - 3, 10, 1, 0, 3], ok, ok], cut("func_info", 4)),
        ([&[8, 10, u32::MAX, 0, 3], ok, ok], cut("func_info", 4)),
        ([&[8, 10, 1, 0, 3, 11], ok, ok], cut("func_info", 20)),
        ([&[8, 10], ok, ok], cut("func_info", 4)),
        ([&[8, 10, 0], ok, ok], none("func_info", 4)),
        ([ok, &[12, 10, 1, 0, 0, 0], ok], size("line_info", 12)),
        ([ok, &[16, 10, 1, 0, 0, 0], ok], cut("line_info", 4)),
        ([ok, &[16, 10, 1, 0, 0, 0, 0, 10, 0], ok], none("line_info", 28)),
        ([ok, ok, &[8, 10, 1, 0, 0]], size("core_relo", 8)),
        ([ok, ok, &[16, 10, 2, 0, 0, 0, 0]], cut("core_relo", 4)),
        ([ok, ok, &[16, 10, 0]], none("core_relo", 4)),
    ];
    for (parts, error) in rows {
        for order in ORDERS {
            assert_eq!(BtfExt::parse(&ext(order, true, parts)).unwrap_err(), error, "{parts:?}");
        }
    }
}

#[test]
fn wrong_headers_are_refused() {
    for order in ORDERS {
        let empty = ext(order, true, [&[], &[], &[]]);
        assert!(BtfExt::parse(&empty).is_ok());
        let with = |at: usize, value: u8| {
            let mut bytes = empty.clone();
            bytes[at] = value;
            BtfExt::parse(&bytes).unwrap_err()
        };
        assert_eq!(with(0, 0), ExtError::Magic);
        assert_eq!(with(2, 3), ExtError::Version { version: 3 });
        assert_eq!(with(3, 1), ExtError::Flags { flags: 1 });
        let low = if order == ByteOrder::Little { 4 } else { 7 };
        assert_eq!(with(low, 23), ExtError::HeaderLength { len: 23 });
        assert_eq!(with(low, 40), ExtError::TooShort { len: 32 });
        let part = |part, offset, len| ExtError::Part { part, offset, len };
        assert_eq!(with(low + 4, 1), part("func_info", 1, 0));
        assert_eq!(with(low + 8, 4), part("func_info", 0, 4));
        assert_eq!(with(low + 16, 4), part("line_info", 0, 4));
        assert_eq!(with(low + 24, 4), part("core_relo", 0, 4));
        for len in 0..empty.len() {
            assert!(BtfExt::parse(&empty[..len]).is_err(), "{len}");
        }
    }
}

#[test]
fn sections_are_written_in_either_order() {
    let func: &[u32] = &[12, 10, 2, 0, 3, 0, 8, 4, 0x0102_0304, 20, 1, 0, 5, 6];
    let line: &[u32] = &[20, 10, 1, 0, 1, 2, 1024, 7];
    let core: &[u32] = &[24, 10, 1, 16, 9, 300, 2, 8, 9];
    for from in ORDERS {
        for to in ORDERS {
            for parts in [[func, line, core], [func, &[], core], [&[], line, &[]], [&[], &[], &[]]]
            {
                let bytes = ext(from, true, parts);
                let written = BtfExt::parse(&bytes).unwrap().to_bytes(to);
                assert_eq!(written, ext(to, true, parts), "{from:?} to {to:?}");
            }
            // The short header becomes the long one; parts may be anywhere, and a record size alone is dropped.
            let bytes = ext(from, false, [func, line, &[]]);
            let written = BtfExt::parse(&bytes).unwrap().to_bytes(to);
            assert_eq!(written, ext(to, true, [func, line, &[]]));
            let bytes = ext(from, true, [&[8], &[16], &[16]]);
            let written = BtfExt::parse(&bytes).unwrap().to_bytes(to);
            assert_eq!(written, ext(to, true, [&[], &[], &[]]));
            let short: &[u32] = &[8, 10, 1, 0, 3];
            let mut apart = header(from, 24, &[32, 20, 0, 32]);
            apart.extend(line.iter().chain(short).flat_map(|word| u32_bytes(*word, from)));
            let written = BtfExt::parse(&apart).unwrap().to_bytes(to);
            assert_eq!(written, ext(to, true, [short, line, &[]]));
        }
    }
}
