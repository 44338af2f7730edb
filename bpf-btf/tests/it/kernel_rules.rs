//! The rules of the kernel's validator.

use bpf_btf::{Btf, ByteOrder, KernelRule, TypeId};

use crate::asm::{ORDERS, SIGNED, asm, every_kind, header, split};
use crate::kernel_rows::{Row, rows};

#[test]
fn the_first_broken_rule_is_named_with_its_place() {
    for row in rows() {
        for order in ORDERS {
            let btf = Btf::parse(row.blob.write(order)).unwrap();
            let broken = btf.check_kernel_rules().err();
            let broken = broken.map(|found| (found.id.get(), found.element, found.rule));
            let Row { what, since, until, .. } = &row;
            assert_eq!(
                broken, row.broken,
                "{what}, {order:?}, as kernels from {since:?} to {until:?}"
            );
        }
    }
}

#[test]
fn rules_for_the_blob_have_no_type() {
    let int = |strings: &[u8]| asm().raw_strings(strings).int("int", 4, SIGNED);
    let words = |order: ByteOrder| int(b"").write(order).split_off(24);
    for order in ORDERS {
        let check = |blob: Vec<u8>, expected: Option<KernelRule>| {
            let broken = Btf::parse(blob).unwrap().check_kernel_rules().err();
            assert_eq!(broken.map(|found| found.rule), expected, "{order:?}");
            assert!(broken.is_none_or(|found| found.id == TypeId::VOID && found.element.is_none()));
        };
        let with = |len: u32, fields: &[u32], tail: &[u8]| {
            let mut blob = header(order, len, fields);
            blob.extend(words(order));
            blob.extend_from_slice(tail);
            blob
        };
        check(int(b"").write(order), None);
        check(with(24, &[0, 16, 16, 5], b""), None);
        check(with(32, &[0, 16, 16, 5, 0, 0], b""), None);
        check(with(40, &[0, 16, 16, 5, 0, 0, 0, 0], b""), None);
        check(with(40, &[0, 16, 16, 5, 0, 0, 0, 1], b""), Some(KernelRule::Header));
        check(with(24, &[0, 16, 16, 5], b"\0"), Some(KernelRule::Sections));
        let mut gap = with(24, &[0, 16, 17, 5], b"");
        gap.insert(24 + 16, 0);
        check(gap, Some(KernelRule::Sections));
        let large = vec![0; 16 << 20];
        check(int(&large).write(order), Some(KernelRule::BlobSize));
        let layout = int(b"").layout(&[(0, 0), (4, 0)]);
        check(layout.write(order), None);
    }
}

#[test]
fn types_of_a_base_count_as_checked() {
    for order in ORDERS {
        // A base that the kernel would not take, and good types on it.
        let base = asm().int("int", 4, SIGNED).structure("Vec<u8>", 4, &[("a", 1, 0)]);
        let own = split(base.string_len()).typedef("mine", 2).array(2, 1, 3).structure(
            "own",
            12,
            &[("a", 4, 0)],
        );
        let bad = own.clone().structure("small", 11, &[("a", 4, 0)]);
        let base = Btf::parse(base.write(order)).unwrap();
        assert_eq!(base.check_kernel_rules().unwrap_err().rule, KernelRule::Name);
        let own = Btf::parse_split(own.write(order), &base).unwrap();
        assert_eq!(own.check_kernel_rules(), Ok(()));
        let bad = Btf::parse_split(bad.write(order), &base).unwrap();
        let text = bad.check_kernel_rules().unwrap_err().to_string();
        assert_eq!(text, "type 6, element 0: the member reaches beyond the end");
        // Nothing is in it, but it is not the kernel's only blob.
        let nothing = Btf::parse_split(split(0).write(order), &base);
        assert_eq!(nothing.unwrap().check_kernel_rules(), Ok(()));
    }
}

#[test]
fn all_kinds_together_keep_the_rules() {
    for order in ORDERS {
        assert_eq!(Btf::parse(every_kind().write(order)).unwrap().check_kernel_rules(), Ok(()));
    }
}
