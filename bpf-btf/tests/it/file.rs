//! BTF in files: as it is, in ELF, in images of kernels, compressed.

use bpf_btf::{Btf, ByteOrder, Error, FileError, Kind};

use crate::asm::{ORDERS, SIGNED, asm, every_kind, split};

/// An ELF file of a class with one section per name, type, flags and bytes, and their names last.
fn elf(wide: bool, order: ByteOrder, sections: &[(&str, u32, u32, &[u8])]) -> Vec<u8> {
    let number = |value: usize, len: usize| {
        let mut bytes = value.to_le_bytes()[..len].to_vec();
        if order == ByteOrder::Big {
            bytes.reverse();
        }
        bytes
    };
    let word = if wide { 8 } else { 4 };
    let (head, entry) = if wide { (64, 64) } else { (52, 40) };
    let mut names = vec![0_u8];
    let mut bodies = Vec::new();
    let mut table = vec![0; entry];
    let mut header = |name: usize, kind: u32, flags: u32, body: &[u8]| {
        let mut out = number(name, 4);
        out.extend(number(kind as usize, 4));
        out.extend(number(flags as usize, word));
        out.extend(number(0, word));
        out.extend(number(head + bodies.len(), word));
        out.extend(number(body.len(), word));
        out.resize(entry, 0);
        bodies.extend_from_slice(body);
        table.extend(out);
    };
    for (name, kind, flags, body) in sections {
        header(names.len(), *kind, *flags, body);
        names.extend_from_slice(name.as_bytes());
        names.push(0);
    }
    let own = names.clone();
    header(0, 3, 0, &own);
    let mut out = b"\x7fELF".to_vec();
    out.extend([if wide { 2 } else { 1 }, if order == ByteOrder::Little { 1 } else { 2 }, 1]);
    out.resize(16, 0);
    out.extend(number(1, 2));
    out.extend(number(247, 2));
    out.extend(number(1, 4));
    out.extend(number(0, word));
    out.extend(number(0, word));
    out.extend(number(head + bodies.len(), word));
    out.extend(number(0, 4));
    for half in [head, 0, 0, entry, sections.len() + 2, sections.len() + 1] {
        out.extend(number(half, 2));
    }
    assert_eq!(out.len(), head);
    out.extend(bodies);
    out.extend(table);
    out
}

/// An image of a kernel for x86 that holds something.
fn image(payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 3 * 512 + 7];
    out[0x1f1] = 2;
    out[0x202..0x206].copy_from_slice(b"HdrS");
    out[0x248..0x24c].copy_from_slice(&7_u32.to_le_bytes());
    out[0x24c..0x250].copy_from_slice(&u32::try_from(payload.len()).unwrap().to_le_bytes());
    out.extend_from_slice(payload);
    out.extend_from_slice(b"behind");
    out
}

fn each_elf(check: impl Fn(ByteOrder, &dyn Fn(&[(&str, u32, u32, &[u8])]) -> Vec<u8>)) {
    for order in ORDERS {
        for wide in [false, true] {
            check(order, &|sections| elf(wide, order, sections));
        }
    }
}

#[test]
fn all_forms_give_the_same_types() {
    each_elf(|order, elf| {
        let raw = every_kind().write(order);
        let plain = Btf::parse(raw.clone()).unwrap();
        let object = elf(&[(".text", 1, 6, b"code"), (".BTFx", 1, 0, b"no"), (".BTF", 1, 0, &raw)]);
        for file in [raw.clone(), object.clone(), image(&object), image(&raw), image(&image(&raw))]
        {
            let read = Btf::parse_file(file).unwrap();
            assert_eq!((read.byte_order(), &read), (order, &plain));
        }
    });
    for (name, order) in [("data", testdata::Order::Little), ("data", testdata::Order::Big)] {
        let read = Btf::parse_file(testdata::object(name, order).to_vec()).unwrap();
        assert!(read.find(".data", Kind::Datasec).is_some(), "{read:?}");
    }
}

#[test]
fn modules_are_read_on_their_kernel() {
    each_elf(|order, elf| {
        let kernel = asm().int("int", 4, SIGNED).structure("task", 4, &[("pid", 1, 0)]);
        let module = split(kernel.string_len()).structure("own", 4, &[("task", 2, 0)]).write(order);
        let kernel = Btf::parse(kernel.write(order)).unwrap();
        for file in [module.clone(), elf(&[(".BTF", 1, 0, &module)])] {
            let read = Btf::parse_split_file(file, &kernel).unwrap();
            let own = read.find("own", Kind::Struct).and_then(|id| read.get(id)).unwrap();
            let task = own.composite().unwrap().member(0).unwrap();
            assert_eq!(read.display_name(task.type_id()).to_string(), "struct task");
        }
    });
}

#[test]
fn a_module_with_a_base_of_its_own_fits_another_kernel() {
    each_elf(|order, elf| {
        // The module knows its kernel's structure as type 1, the kernel has it as type 3.
        let own_base = asm().structure("task", 4, &[]);
        let module = split(own_base.string_len()).ptr(1).typedef("task_p", 2).write(order);
        let file = elf(&[(".BTF", 1, 0, &module), (".BTF.base", 1, 0, &own_base.write(order))]);
        let kernel = asm().int("int", 4, SIGNED).ptr(1).structure("task", 4, &[("pid", 1, 0)]);
        let kernel = Btf::parse(kernel.write(order)).unwrap();
        let read = Btf::parse_split_file(file.clone(), &kernel).unwrap();
        let pointer = read.find("task_p", Kind::Typedef).unwrap();
        assert_eq!(read.display_name(read.strip(pointer)).to_string(), "struct task *");
        assert_eq!(read.base(), Some(&kernel));
        let other = Btf::parse(asm().int("int", 4, SIGNED).write(order)).unwrap();
        let error = Btf::parse_split_file(file, &other).unwrap_err();
        assert!(matches!(error, FileError::Relocate(_)), "{error}");
    });
}

#[test]
fn what_cannot_be_read_says_why() {
    let check = |what: &str, file: Vec<u8>, expected: FileError| {
        assert_eq!(Btf::parse_file(file).unwrap_err(), expected, "{what}");
    };
    check("nothing", vec![], FileError::Btf(Error::TooShort { len: 0 }));
    check("text", b"hello".to_vec(), FileError::Btf(Error::Magic { magic: 0x6568 }));
    check("cut image", image(&[0; 100])[..1600].to_vec(), FileError::ImageCut);
    for (name, magic) in [
        ("xz", b"\xfd7zXZ\0".as_slice()),
        ("zstd", b"\x28\xb5\x2f\xfd"),
        ("lz4", b"\x02\x21\x4c\x18"),
        ("bzip2", b"BZh9"),
        #[cfg(not(feature = "gzip"))]
        ("gzip", b"\x1f\x8b\x08"),
    ] {
        check(name, magic.to_vec(), FileError::Compression { name });
        check(name, image(magic), FileError::Compression { name });
    }
    let mut deep = every_kind().write(ByteOrder::NATIVE);
    for _ in 0..4 {
        deep = image(&deep);
    }
    check("image of an image of an image", deep, FileError::Layers);
    each_elf(|order, elf| {
        let raw = every_kind().write(order);
        check("no section", elf(&[(".text", 1, 6, b"code")]), FileError::NoSection);
        let none = elf(&[(".BTF", 8, 0, &raw)]);
        check("section without bytes", none, FileError::Btf(Error::TooShort { len: 0 }));
        let packed = elf(&[(".BTF", 1, 0x800, &raw)]);
        check("compressed", packed, FileError::CompressedSection { section: ".BTF" });
        // A file may end anywhere; what follows the size in the last header is not needed.
        let whole = elf(&[(".BTF", 1, 0, &raw)]);
        for len in 4..whole.len() - 24 {
            let error = Btf::parse_file(whole[..len].to_vec()).unwrap_err();
            assert!(matches!(error, FileError::Elf { .. }), "{len} bytes: {error}");
        }
    });
}

#[test]
fn elf_with_wrong_words_is_refused_or_read() {
    each_elf(|order, elf| {
        let raw = every_kind().write(order);
        let whole = elf(&[(".BTF", 1, 0, &raw)]);
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut file = whole.clone();
                file[at] = value;
                if let Ok(read) = Btf::parse_file(file) {
                    assert!(read.len() <= 21 + 2, "{at} {value}");
                }
            }
        }
    });
}

#[cfg(feature = "gzip")]
mod gzip {
    use std::io::Write;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn compressed_files_give_the_same_types() {
        each_elf(|order, elf| {
            let raw = every_kind().write(order);
            let plain = Btf::parse(raw.clone()).unwrap();
            let object = elf(&[(".BTF", 1, 0, &raw)]);
            let mut trailing = gzip(&raw);
            trailing.extend_from_slice(b"behind the end");
            for file in [gzip(&raw), gzip(&object), image(&gzip(&object)), trailing] {
                assert_eq!(Btf::parse_file(file).unwrap(), plain);
            }
            let module = split(every_kind().string_len()).write(order);
            assert!(Btf::parse_split_file(gzip(&module), &plain).is_ok());
        });
    }

    #[test]
    fn headers_may_have_every_part() {
        let raw = every_kind().write(ByteOrder::NATIVE);
        let mut builder = flate2::GzBuilder::new().extra("extra").filename("f").comment("c");
        builder = builder.mtime(7);
        let mut encoder = builder.write(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&raw).unwrap();
        assert_eq!(Btf::parse_file(encoder.finish().unwrap()).unwrap().len(), 21);
    }

    #[test]
    fn broken_files_are_refused() {
        let whole = gzip(&every_kind().write(ByteOrder::NATIVE));
        for len in 2..whole.len() {
            assert_eq!(
                Btf::parse_file(whole[..len].to_vec()).unwrap_err(),
                FileError::Gzip,
                "{len}"
            );
        }
        for at in whole.len() - 8..whole.len() {
            let mut wrong = whole.clone();
            wrong[at] ^= 1;
            assert_eq!(Btf::parse_file(wrong).unwrap_err(), FileError::Gzip, "byte {at}");
        }
        let mut method = whole;
        method[2] = 7;
        assert_eq!(Btf::parse_file(method).unwrap_err(), FileError::Gzip);
        // What says that it is large is read only as far as it goes.
        let mut large = gzip(&[0; 100]);
        let end = large.len();
        large[end - 4..].copy_from_slice(&[0xff; 4]);
        assert_eq!(Btf::parse_file(large).unwrap_err(), FileError::Gzip);
    }
}

#[cfg(feature = "std")]
#[test]
fn a_folder_has_a_kernel_and_modules() {
    use bpf_btf::{BtfFolder, OpenError};

    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    let path = folder.path();
    assert!(matches!(BtfFolder::open(path), Err(OpenError::NoKernel { .. })));
    assert!(matches!(BtfFolder::open(path.join("none")), Err(OpenError::Io { .. })));
    put("vmlinux", b"no BTF");
    assert!(matches!(BtfFolder::open(path), Err(OpenError::File { .. })));

    let kernel = asm().int("int", 4, SIGNED);
    let module = split(kernel.string_len()).typedef("own", 1).write(ByteOrder::NATIVE);
    put("vmlinux", &kernel.write(ByteOrder::NATIVE));
    put("nf_tables", &module);
    put("snd-seq.ko", &elf(true, ByteOrder::NATIVE, &[(".BTF", 1, 0, &module)]));
    put("broken.btf", b"no BTF");
    std::fs::create_dir(path.join("folder")).unwrap();
    let types = BtfFolder::open(path).unwrap();
    assert_eq!(types.modules().collect::<Vec<_>>(), ["broken", "nf_tables", "snd_seq"]);
    assert_eq!(types.kernel().len(), 2);
    for module in ["nf_tables", "snd_seq"] {
        let read = types.module(module).unwrap();
        assert!(read.find("own", Kind::Typedef).is_some() && read.find("int", Kind::Int).is_some());
    }
    assert!(matches!(types.module("broken"), Err(OpenError::File { .. })));
    let error = types.module("none").unwrap_err();
    assert!(error.to_string().ends_with("has no file for the module `none`"), "{error}");
}
