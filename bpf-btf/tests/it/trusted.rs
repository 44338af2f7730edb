//! Blobs that are believed when they are opened: what is looked at, what is answered when they are wrong, and what makes
//! sure first.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bpf_btf::core::{CoreKind, Resolver};
use bpf_btf::{
    Btf, BtfBuilder, BtfFeatures, BuildError, ByteOrder, CDeclarationOptions, CError,
    CHeaderOptions, CPrinter, CoreRelo, Error, KernelRule, Kind, Minimizer, RelocateError, Type,
    TypeId, c_header, dedup, distill, permute, relocate_base, sanitize, sort_by_name,
};

use crate::asm::{Asm, FLAG, ORDERS, SIGNED, asm, every_kind, split};
use crate::rewrite::lines;

fn id(number: u32) -> TypeId {
    TypeId::new(number)
}

/// Blobs that only their types' words make wrong, and what is wrong with them.
fn wrong() -> Vec<(&'static str, Asm, Error)> {
    let int = || asm().int("int", 4, SIGNED);
    let target = |number| Error::NoSuchTarget { id: id(2), target: id(number) };
    let name = |number, offset| Error::StringOffset { id: id(number), offset };
    let not_prototype = |number, target| Error::NotPrototype { id: id(number), target: id(target) };
    let not_text = |number| Error::NameEncoding { id: id(number), offset: 1 };
    let members = [("a", 1, 0), ("b", 5, 0)];
    vec![
        ("pointer beyond the ids", int().ptr(3), target(3)),
        ("typedef far beyond the ids", int().typedef("t", u32::MAX), target(u32::MAX)),
        ("array element", int().array(7, 1, 1), target(7)),
        ("array index", int().array(1, 7, 1), target(7)),
        ("member", int().structure("s", 4, &members), target(5)),
        ("parameter", int().prototype(1, &[("p", 5)]), target(5)),
        ("section entry", int().datasec(".data", 4, &[(5, 0, 4)]), target(5)),
        ("tagged declaration", int().decl_tag("t", 5, u32::MAX), target(5)),
        ("function of an integer", int().func("f", 1, 0), not_prototype(2, 1)),
        ("function of void", int().func("f", 0, 0), not_prototype(2, 0)),
        ("function of itself", int().func("f", 2, 0), not_prototype(2, 2)),
        ("function of a later integer", asm().func("f", 2, 0).int("i", 4, 0), not_prototype(1, 2)),
        ("name beyond the strings", asm().words(&[1, 7 << 24, 0]), name(1, 1)),
        ("name at 4 GiB", asm().words(&[u32::MAX, 7 << 24, 0]), name(1, u32::MAX)),
        ("member's name", int().words(&[0, 4 << 24 | 1, 4, 5, 1, 0]), name(2, 5)),
        ("enumerator's name", asm().words(&[0, 6 << 24 | 1, 4, 99, 1]), name(1, 99)),
        (
            "name that is not UTF-8",
            asm().words(&[1, 7 << 24, 0]).raw_strings(b"caf\xe9\0"),
            not_text(1),
        ),
    ]
}

/// All that has to refuse a blob which is not valid.
fn refuse(what: &str, btf: &Btf, error: &Error) {
    let source = BuildError::Source(error.clone());
    let order = btf.types().map(|(id, _)| id).collect::<Vec<_>>();
    let mut beside = btf.base().map_or_else(BtfBuilder::new, BtfBuilder::split);
    let mut makers = vec![
        ("dedup", dedup(btf).err()),
        ("sort", sort_by_name(btf).err()),
        ("permute", permute(btf, &order).err()),
        ("minimise", Minimizer::new(btf).finish().err()),
        ("sanitize", sanitize(btf, &BtfFeatures::NONE).err()),
        ("sanitize nothing", sanitize(btf, &BtfFeatures::ALL).err()),
        ("write", BtfBuilder::from_btf(btf).write(ByteOrder::NATIVE).err()),
        ("write on it", BtfBuilder::split(btf).write(ByteOrder::NATIVE).err()),
        ("append", beside.add_btf(btf).err()),
    ];
    if btf.base().is_some() {
        makers.push(("distill", distill(btf).err()));
    }
    for (maker, refused) in makers {
        assert_eq!(refused.as_ref(), Some(&source), "{what}, {maker}");
    }
    let text = Some(CError::Types(error.clone()));
    assert_eq!(c_header(btf, &CHeaderOptions::default()).err(), text, "{what}");
    let mut printer = CPrinter::new(btf);
    assert_eq!(printer.define(btf.first_id()).err(), text, "{what}");
    let declared = printer.declaration(btf.first_id(), "name", &CDeclarationOptions::default());
    assert_eq!(declared.err(), text, "{what}");
    let empty = split(u32::try_from(btf.bytes().len()).unwrap());
    let on_it = empty.write(ByteOrder::NATIVE);
    assert_eq!(Btf::parse_split(on_it.clone(), btf), Err(error.clone()), "{what}");
    let on_it = Btf::parse_split_trusted(on_it, btf).unwrap();
    assert_eq!(on_it.validate(), Err(error.clone()), "{what}: the base counts too");
    let moved = relocate_base(&on_it, btf).err();
    assert_eq!(moved, Some(RelocateError::Build(source)), "{what}");
    let violation = btf.check_kernel_rules().unwrap_err();
    assert!(matches!(violation.rule, KernelRule::Name | KernelRule::Target), "{what}: {violation}");
}

#[test]
fn what_was_put_off_is_found_by_validating() {
    for (what, blob, error) in wrong() {
        for order in ORDERS {
            let bytes = blob.write(order);
            assert_eq!(Btf::parse(bytes.clone()), Err(error.clone()), "{what}");
            let open = || Btf::parse_trusted(bytes.clone()).unwrap();
            let btf = open();
            assert_eq!(btf.byte_order(), order);
            let clone = btf.clone();
            for asked in [&btf, &clone, &btf] {
                assert_eq!(asked.validate(), Err(error.clone()), "{what}, {order:?}");
            }
            // By whoever asks first.
            refuse(what, &open(), &error);
        }
    }
}

#[test]
fn validating_looks_at_the_bytes_once() {
    /// Counts how often someone asks for the bytes.
    struct Counting(Vec<u8>, AtomicUsize);
    impl AsRef<[u8]> for Counting {
        fn as_ref(&self) -> &[u8] {
            self.1.fetch_add(1, Ordering::Relaxed);
            &self.0
        }
    }
    let bad = asm().int("int", 4, SIGNED).ptr(7);
    for blob in [every_kind(), bad] {
        let counting = Arc::new(Counting(blob.write(ByteOrder::NATIVE), AtomicUsize::new(0)));
        let count = || counting.1.load(Ordering::Relaxed);
        let shared: Arc<dyn AsRef<[u8]> + Send + Sync> = counting.clone();
        let btf = Btf::parse_trusted(shared.clone()).unwrap();
        let opened = count();
        let outcome = btf.validate();
        let validated = count();
        assert!(validated > opened, "validating looks at the bytes");
        assert_eq!((btf.clone().validate(), btf.validate()), (outcome.clone(), outcome));
        assert_eq!(count(), validated, "the outcome is remembered");
        if let Ok(btf) = Btf::parse(shared) {
            let parsed = count();
            assert_eq!((btf.validate(), count()), (Ok(()), parsed), "what was parsed is valid");
        }
    }
}

#[test]
fn what_was_put_off_of_split_blobs_is_found_too() {
    let base = asm().int("int", 4, SIGNED);
    let first = base.string_len();
    let target = |target| Error::NoSuchTarget { id: id(2), target: id(target) };
    let rows = [
        ("pointer", split(first).ptr(9), target(9)),
        (
            "name",
            split(first).words(&[99, 7 << 24, 0]),
            Error::StringOffset { id: id(2), offset: 99 },
        ),
        (
            "function of the base's integer",
            split(first).func("f", 1, 0),
            Error::NotPrototype { id: id(2), target: id(1) },
        ),
    ];
    for order in ORDERS {
        let checked = Btf::parse(base.write(order)).unwrap();
        let trusted = Btf::parse_trusted(base.write(order)).unwrap();
        for (what, blob, error) in &rows {
            let bytes = blob.write(order);
            assert_eq!(Btf::parse_split(bytes.clone(), &checked), Err(error.clone()), "{what}");
            for base in [&checked, &trusted] {
                let btf = Btf::parse_split_trusted(bytes.clone(), base).unwrap();
                refuse(what, &btf, error);
                assert_eq!(base.validate(), Ok(()), "{what}: the base is not at fault");
            }
        }
    }
}

#[test]
fn what_is_valid_reads_the_same_whoever_vouches_for_it() {
    let layout = [vec![(0, 0); 20], vec![(0, 0), (4, 8)]].concat();
    let rows = [
        asm(),
        every_kind(),
        asm().structure("größe", 0, &[]),
        asm().func("f", 2, 0).prototype(0, &[]),
        asm().typedef("loop", 1).structure("s", 4, &[("s", 2, 0)]),
        asm().head("later", 21, 2 | FLAG, 77).words(&[1, 2, 3, 4, 5]).ptr(1).layout(&layout),
    ];
    for blob in rows {
        for order in ORDERS {
            let checked = Btf::parse(blob.write(order)).unwrap();
            let trusted = Btf::parse_trusted(blob.write(order)).unwrap();
            assert_eq!((trusted.len(), lines(&trusted)), (checked.len(), lines(&checked)));
            for (id, found) in checked.types() {
                let asked = [&checked, &trusted].map(|btf| {
                    let known = btf.find_all(found.name()).collect::<Vec<_>>();
                    (btf.size_of(id), btf.align_of(id), btf.display_name(id).to_string(), known)
                });
                assert_eq!(asked[0], asked[1], "{found:?}");
            }
            assert_eq!(trusted, checked);
            assert_eq!((trusted.validate(), checked.validate()), (Ok(()), Ok(())));
            let rewritten = [&checked, &trusted].map(|btf| dedup(btf).map(|made| made.ids));
            assert_eq!(rewritten[0], rewritten[1]);
            let module = split(blob.string_len()).typedef("own", 1);
            assert!(Btf::parse_split(module.write(order), &trusted).is_ok());
        }
    }
}

#[test]
fn what_keeps_lookups_in_bounds_is_never_put_off() {
    let layout = [(0, 0); 22];
    let rows = [
        asm().words(&[0, 0, 0]),
        asm().words(&[0, 20 << 24, 0]),
        asm().words(&[0, 22 << 24, 0]).layout(&layout),
        asm().words(&[0, 0, 0]).layout(&layout),
        asm().int("int", 4, 0).words(&[0, 2 << 24]),
        asm().words(&[0, 4 << 24 | 0x00ff_ffff, 4, 0, 1, 0]),
        asm().words(&[0, 3 << 24, 0, 1, 1]),
        asm().words(&[0, 1 << 24, 4]),
        asm().words(&[0, 19 << 24 | 1, 4, 0, 0]),
        asm().raw_strings(b"no end"),
    ];
    for blob in rows {
        for order in ORDERS {
            let bytes = blob.write(order);
            let error = Btf::parse(bytes.clone()).unwrap_err();
            assert_eq!(Btf::parse_trusted(bytes), Err(error));
        }
    }
    for order in ORDERS {
        let blob = every_kind().write(order);
        for len in 0..blob.len() {
            let cut = blob[..len].to_vec();
            let error = Btf::parse(cut.clone()).unwrap_err();
            assert_eq!(Btf::parse_trusted(cut), Err(error), "{len} of {} bytes", blob.len());
        }
    }
}

#[test]
fn names_and_ids_that_do_not_exist_are_none() {
    for order in ORDERS {
        let blob = asm()
            .int("int", 4, SIGNED) // 1
            .structure("s", 8, &[("gone", 99, 0), ("x", 1, 32)]) // 2
            .words(&[77, 8 << 24, 1]) // 3: a typedef without a name
            .func("f", 1, 0) // 4
            .typedef("loop", 5) // 5
            .words(&[5, 4 << 24 | 1, 4, u32::MAX, 1, 0]) // 6: a member whose name is beyond the strings
            .typedef("away", 99); // 7
        let btf = Btf::parse_trusted(blob.write(order)).unwrap();
        assert_eq!(btf.get(id(99)).map(|found| found.kind()), None);
        assert_eq!(btf.get(id(3)).unwrap().name(), "");
        assert_eq!(btf.size_of(id(3)), Ok(4));
        assert_eq!(btf.size_of(id(7)), Err(Error::NoSuchType { id: id(99) }));
        assert_eq!(btf.align_of(id(2)), Err(Error::NoSuchType { id: id(99) }));
        assert_eq!(btf.size_of(id(5)), Err(Error::TooDeep { id: id(5) }));
        assert_eq!(btf.display_name(id(99)).to_string(), "?");
        assert_eq!(btf.resolve(id(7)).map(|found| found.id()), None);
        let Some(Type::Func(func)) = btf.get(id(4)) else { panic!("4 is a function") };
        assert_eq!(func.prototype(), id(1));
        let member = btf.get(id(6)).unwrap().composite().unwrap().member(0).unwrap();
        assert_eq!((member.name(), member.is_named("x")), ("", false));
        assert_eq!(btf.find("s", Kind::Struct), Some(id(2)));
        assert_eq!(btf.find_all("").next(), None);
        assert_eq!(btf.post_order(id(2)).collect::<Vec<_>>(), [id(1), id(2)]);
    }
}

#[test]
fn relocations_pass_by_what_does_not_exist() {
    for order in ORDERS {
        let mut local = asm().int("int", 4, SIGNED).structure(
            "s",
            12,
            &[("x", 1, 0), ("gone", 1, 32), ("lost", 1, 64)],
        );
        let accesses = ["0:0", "0:1", "0:2"].map(|access| local.string(access));
        let local = Btf::parse(local.write(order)).unwrap();
        let kernel = asm()
            .int("int", 4, SIGNED)
            .structure("s", 8, &[("gone", 99, 0), ("x", 1, 32)])
            .words(&[77, 4 << 24 | 1, 8, 1, 1, 0]);
        let kernel = Btf::parse_trusted(kernel.write(order)).unwrap();
        let kind = CoreKind::FieldByteOffset.number();
        let relos = accesses.map(|access| CoreRelo::new(0, id(2), access, kind));
        let mut resolver = Resolver::new(&local, &relos);
        resolver.search_kernel(&kernel);
        let fixups = resolver.resolve().into_iter().map(Result::unwrap).collect::<Vec<_>>();
        let told = fixups.iter().map(|fixup| (fixup.value, fixup.poison)).collect::<Vec<_>>();
        assert_eq!(told, [(4, false), (0, true), (0, true)]);
        let story = fixups[1].story.as_ref().unwrap().to_string();
        assert!(story.contains("member gone is ?, which cannot be read as int"), "{story}");
    }
}
