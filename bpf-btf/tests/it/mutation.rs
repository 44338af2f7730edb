//! Whatever the bytes are, reading ends without a panic.

use bpf_btf::core::Resolver;
use bpf_btf::{
    Btf, BtfBuilder, BtfExt, BtfFeatures, ByteOrder, CHeaderOptions, CPrinter, CoreRelo, Kind,
    Minimizer, TypeId, ValueOptions, c_header, dedup, distill, relocate_base, sanitize,
    sort_by_name,
};

use crate::asm::{ORDERS, asm, every_kind, header, u32_bytes};

/// A generator of numbers that only has to be the same on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }
}

/// Changes 1 to 8 bytes or cuts the end off.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    if random.below(8) == 0 {
        bytes.truncate(random.below(bytes.len()));
    }
    for _ in 0..=random.below(8) {
        let at = random.below(bytes.len());
        let value = match random.below(4) {
            0 => 0,
            1 => 0xff,
            2 => bytes.get(at).map_or(0, |byte| byte ^ (1 << random.below(8))),
            _ => u8::try_from(random.below(256)).unwrap(),
        };
        if let Some(byte) = bytes.get_mut(at) {
            *byte = value;
        }
    }
}

/// Asks everything there is to ask.
fn exercise(btf: &Btf) {
    for (id, found) in btf.types() {
        let _ = (found.name(), btf.size_of(id), btf.align_of(id), btf.strip(id), btf.resolve(id));
        assert!(btf.display_name(id).to_string().len() < 1 << 20);
        let _ = format!("{found:?} {:?}", found.composite().map(|composite| composite.members()));
        let _ =
            format!("{:?}", found.enumeration().map(|values| values.values().collect::<Vec<_>>()));
        let _ = btf.find(found.name(), found.kind());
    }
    let _ = (btf.pointer_size(), btf.find("point", Kind::Struct));
    let _ = (btf.check_kernel_rules(), btf.find_flavours("point").count());
    let mut printer = CPrinter::new(btf).with_decl_tags();
    for (id, _) in btf.types() {
        let _ = printer.define(id);
        let _ = btf.value_text(id, &[0x5a; 64], btf.byte_order(), &ValueOptions::default());
        assert!(btf.post_order(id).count() <= btf.len() as usize);
    }
    let _ = c_header(btf, &CHeaderOptions::default());
    let mut minimizer = Minimizer::new(btf);
    for (id, found) in btf.types().take(4) {
        assert!(btf.types_equal(id, btf, id));
        assert_eq!(btf.type_hash(id), btf.type_hash(found.id()));
        minimizer.keep(id);
    }
    // All that follows refuses what is not valid, which only a trusted blob can be.
    let valid = btf.validate().is_ok();
    let _ = minimizer.finish().map(|small| small.builder.write(ByteOrder::NATIVE));
    if let (Some(base), Ok(distilled)) = (btf.base(), distill(btf)) {
        let split = distilled.split.write(ByteOrder::NATIVE).unwrap();
        let split = Btf::parse_split(split, &distilled.base).unwrap();
        let _ = relocate_base(&split, base).map(|builder| builder.write(ByteOrder::NATIVE));
    }
    for rewritten in [dedup(btf), sort_by_name(btf)].into_iter().flatten() {
        assert!(rewritten.builder.write(ByteOrder::NATIVE).is_ok());
    }
    let mut builder = BtfBuilder::from_btf(btf);
    assert_eq!(builder.write(ByteOrder::NATIVE).is_ok(), valid);
    let _ = (builder.define_ksyms(), builder.write(ByteOrder::NATIVE));
    if let Ok(bytes) = sanitize(btf, &BtfFeatures::NONE) {
        if btf.base().is_none() {
            assert!(Btf::parse(bytes).is_ok());
        }
    }
}

#[test]
fn changed_blobs_never_panic() {
    let mut random = Random(0x5eed);
    let base = Btf::parse(every_kind().write(ORDERS[0])).unwrap();
    let mut read = 0;
    for order in ORDERS {
        let blob = every_kind().layout(&[(0, 0), (4, 0), (0, 0), (12, 0), (0, 12)]).write(order);
        for _ in 0..4_000 {
            let mut bytes = blob.clone();
            mutate(&mut bytes, &mut random);
            if let Ok(btf) = Btf::parse(bytes.clone()) {
                read += 1;
                exercise(&btf);
            }
            if let Ok(btf) = Btf::parse_split(bytes, &base) {
                exercise(&btf);
            }
        }
    }
    assert!(read > 200, "too few of the changed blobs could be read: {read}");
}

#[test]
fn changed_blobs_that_are_trusted_never_panic() {
    let mut random = Random(0x7a57);
    let (mut valid, mut wrong) = (0, 0);
    for order in ORDERS {
        let blob = every_kind().layout(&[(0, 0), (4, 0), (0, 0), (12, 0), (0, 12)]).write(order);
        let mut base = Btf::parse(blob.clone()).unwrap();
        for _ in 0..1_500 {
            let mut bytes = blob.clone();
            mutate(&mut bytes, &mut random);
            let parsed = Btf::parse(bytes.clone());
            let trusted = Btf::parse_trusted(bytes.clone());
            if let Ok(btf) = &trusted {
                exercise(btf);
                assert_eq!(btf.validate(), parsed.as_ref().map(|_| ()).map_err(Clone::clone));
                // On bases that are wrong themselves.
                base = btf.clone();
                if parsed.is_ok() {
                    valid += 1;
                } else {
                    wrong += 1;
                }
            } else {
                assert!(parsed.is_err(), "whatever can be parsed can be trusted");
            }
            if let Ok(btf) = Btf::parse_split_trusted(bytes, &base) {
                exercise(&btf);
            }
        }
    }
    assert!(valid > 200 && wrong > 500, "{valid} valid, {wrong} wrong");
}

#[test]
fn changed_blobs_give_context_parameters_without_a_panic() {
    let mut random = Random(0xc0de);
    let tagged = every_kind().decl_tag("arg:ctx", 13, 0);
    for order in ORDERS {
        let blob = tagged.write(order);
        for _ in 0..2_000 {
            let mut bytes = blob.clone();
            mutate(&mut bytes, &mut random);
            let Ok(btf) = Btf::parse(bytes) else { continue };
            for (id, found) in btf.types() {
                let mut builder = bpf_btf::BtfBuilder::from_btf(&btf);
                let copy = builder.with_context_params(id, "xdp_md");
                assert_eq!(copy.is_ok(), found.kind() == Kind::Func, "{found:?}");
                assert!(Btf::parse(builder.write(order).unwrap()).is_ok());
            }
        }
    }
}

#[test]
fn every_cut_is_refused_or_read() {
    for order in ORDERS {
        let blob = every_kind().write(order);
        for len in 0..blob.len() {
            assert!(Btf::parse(blob[..len].to_vec()).is_err(), "{len} of {} bytes", blob.len());
        }
    }
}

#[test]
fn changed_ext_sections_never_panic() {
    let mut random = Random(0xe47);
    for order in ORDERS {
        let words = [8_u32, 10, 1, 0, 3, 16, 10, 1, 8, 1, 2, 3, 16, 10, 1, 16, 9, 1, 2];
        let mut blob = header(order, 32, &[0, 20, 20, 28, 48, 28]);
        blob.extend(words.iter().flat_map(|word| u32_bytes(*word, order)));
        assert!(BtfExt::parse(&blob).is_ok());
        for _ in 0..4_000 {
            let mut bytes = blob.clone();
            mutate(&mut bytes, &mut random);
            if let Ok(ext) = BtfExt::parse(&bytes) {
                let funcs = ext.func_infos().map(|section| section.records.count()).sum::<usize>();
                let lines = ext.line_infos().map(|section| section.records.count()).sum::<usize>();
                let relos = ext.core_relos().map(|section| section.records.count()).sum::<usize>();
                assert!(funcs + lines + relos <= bytes.len() / 8);
            }
        }
    }
}

#[test]
fn allocation_is_bounded_by_the_input() {
    // A count of records that the bytes cannot hold must not be believed.
    for order in ORDERS {
        let blob = asm().words(&[0, 5 << 24 | 0x00ff_ffff, 0]).write(order);
        assert!(Btf::parse(blob).is_err());
    }
}

#[test]
fn changed_blobs_are_relocated_without_a_panic() {
    relocate_changed(false);
}

#[test]
fn changed_kernels_that_are_trusted_are_relocated_against_without_a_panic() {
    relocate_changed(true);
}

fn relocate_changed(trusted: bool) {
    let mut random = Random(0xc0e);
    let (mut matched, mut told) = (0, 0);
    for order in ORDERS {
        let mut local = every_kind();
        let accesses = ["0", "0:0", "0:1", "1:0", "0:1:0", "1"].map(|access| local.string(access));
        let blob = local.write(order);
        for _ in 0..1_500 {
            let [mut ours, mut theirs] = [blob.clone(), blob.clone()];
            mutate(&mut ours, &mut random);
            mutate(&mut theirs, &mut random);
            let ours = Btf::parse(ours).or_else(|_| Btf::parse(blob.clone())).unwrap();
            let whole = || Btf::parse(blob.clone());
            let theirs = if trusted { Btf::parse_trusted(theirs) } else { Btf::parse(theirs) };
            let theirs = theirs.or_else(|_| whole()).unwrap();
            let relos = (0..24)
                .map(|_| {
                    let id = TypeId::new(u32::try_from(random.below(22)).unwrap());
                    let kind = u32::try_from(random.below(14)).unwrap();
                    CoreRelo::new(0, id, accesses[random.below(accesses.len())], kind)
                })
                .collect::<Vec<_>>();
            let mut resolver = Resolver::new(&ours, &relos);
            resolver.search_kernel(&theirs);
            for fixup in resolver.resolve() {
                match fixup {
                    Ok(fixup) => {
                        matched += 1;
                        if let Some(story) = fixup.story {
                            assert!(story.to_string().len() < 1 << 16);
                            told += 1;
                        }
                    }
                    Err(error) => assert!(!error.to_string().is_empty()),
                }
            }
        }
    }
    assert!(matched > 1000 && told > 100, "{matched} {told}");
}
