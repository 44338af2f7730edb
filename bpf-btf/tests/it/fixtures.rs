//! What clang writes, in both byte orders.

use bpf_btf::core::{CoreKind, Resolver};
use bpf_btf::{Btf, BtfBuilder, BtfExt, BtfFeatures, ByteOrder, CoreRelo, sanitize};
use testdata::{OBJECTS, Order, object};

use crate::elf::section;

const BOTH: [(Order, ByteOrder); 2] =
    [(Order::Little, ByteOrder::Little), (Order::Big, ByteOrder::Big)];

#[test]
fn all_objects_are_read_alike_in_both_orders() {
    let mut with_types = 0;
    for name in OBJECTS {
        let blobs = BOTH.map(|(order, expected)| {
            let bytes = section(object(name, order), ".BTF")?;
            let btf =
                Btf::parse(bytes.to_vec()).unwrap_or_else(|error| unreachable!("{name}: {error}"));
            assert_eq!(btf.byte_order(), expected);
            assert_eq!(
                BtfBuilder::from_btf(&btf).write(expected).unwrap(),
                bytes,
                "{name} is written as it was"
            );
            for (id, found) in btf.types() {
                let _ = (
                    found.name(),
                    btf.size_of(id),
                    btf.align_of(id),
                    btf.display_name(id).to_string(),
                );
                assert!(
                    found.name().is_empty() || btf.find_all(found.name()).any(|other| other == id)
                );
            }
            for features in [BtfFeatures::ALL, BtfFeatures::NONE] {
                let bytes = sanitize(&btf, &features).unwrap();
                assert!(Btf::parse(bytes).is_ok(), "{name}");
            }
            Some(btf)
        });
        let [Some(little), Some(big)] = blobs else { continue };
        assert_eq!(little.len(), big.len(), "{name}");
        with_types += 1;
    }
    assert!(with_types > 20, "only {with_types} objects have types");
}

#[test]
fn all_records_of_objects_are_read() {
    let (mut funcs, mut lines, mut relos) = (0, 0, 0);
    for name in OBJECTS {
        for (order, _) in BOTH {
            let (Some(btf), Some(bytes)) =
                (section(object(name, order), ".BTF"), section(object(name, order), ".BTF.ext"))
            else {
                continue;
            };
            let btf = Btf::parse(btf.to_vec()).unwrap();
            let ext = BtfExt::parse(bytes).unwrap();
            for section in ext.func_infos() {
                assert!(btf.string(section.name_offset).is_some_and(|name| !name.is_empty()));
                for func in section.records {
                    assert_eq!(
                        btf.get(func.type_id).map(|found| found.kind()),
                        Some(bpf_btf::Kind::Func),
                        "{name}"
                    );
                    funcs += 1;
                }
            }
            for line in ext.line_infos().flat_map(|section| section.records) {
                assert!(btf.string_bytes(line.line_offset).is_some() && line.line() > 0, "{name}");
                assert!(
                    btf.string(line.file_name_offset).is_some_and(|file| file.contains('.')),
                    "{name}"
                );
                lines += 1;
            }
            relos += ext.core_relos().map(|section| section.records.count()).sum::<usize>();
        }
    }
    assert!(funcs > 40 && lines > 100 && relos > 20, "{funcs} {lines} {relos}");
}

/// The relocations of an object.
fn relos(bytes: &[u8]) -> Vec<CoreRelo> {
    BtfExt::parse(bytes).unwrap().core_relos().flat_map(|section| section.records).collect()
}

#[test]
fn an_object_relocated_against_itself_stays_as_it_is() {
    for name in OBJECTS {
        for (order, _) in BOTH {
            let (Some(btf), Some(ext)) =
                (section(object(name, order), ".BTF"), section(object(name, order), ".BTF.ext"))
            else {
                continue;
            };
            let btf = Btf::parse(btf.to_vec()).unwrap();
            let relos = relos(ext);
            let mut resolver = Resolver::new(&btf, &relos);
            resolver.search_kernel(&btf);
            for (relo, fixup) in relos.iter().zip(resolver.resolve()) {
                // Flavours of one type in one object are candidates for each other, and may disagree.
                let flavoured = |id| {
                    btf.get(id).is_some_and(|found: bpf_btf::Type<'_>| found.name().contains("___"))
                };
                if btf.types().any(|(id, _)| flavoured(id)) && fixup.is_err() {
                    continue;
                }
                let fixup = fixup.unwrap();
                if fixup.kind != CoreKind::TypeIdTarget && !flavoured(relo.type_id) {
                    assert_eq!(
                        (fixup.value, fixup.poison),
                        (fixup.original, false),
                        "{name}: {fixup:?}"
                    );
                }
            }
        }
    }
}
