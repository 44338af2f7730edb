//! What errors say by themselves, and what with all that they go back to.
use std::error::Error as StdError;
use std::iter::successors;

use bpf_asm::{AssembleError, Code};
use bpf_btf::core::CoreError;
use bpf_btf::{BuildError, CError, FileError, RelocateError, TypeId};

use super::*;
use crate::prepare::PrepareError;
use crate::spec::EditError;
use crate::{LinkError, WriteError};

/// An error whose text, with those of its sources behind it as `anyhow` has them with `{:#}`, is this.
#[track_caller]
fn check(error: &(dyn StdError + 'static), expected: &str) {
    let chain = successors(Some(error), |error: &&(dyn StdError + 'static)| (*error).source());
    let texts: Vec<String> = chain.map(ToString::to_string).collect();
    assert_eq!(texts.join(": "), expected);
    for pair in texts.windows(2) {
        assert!(!pair[0].contains(&pair[1]), "says what its source says: {}", pair[0]);
    }
}

fn assembled(text: &str) -> AssembleError {
    Code::assemble(text).unwrap_err()
}

#[test]
fn no_error_says_what_its_source_says() {
    let broken = || BtfError::new(&bpf_btf::Error::TooShort { len: 3 });
    let types = || bpf_btf::Error::TooShort { len: 3 };
    let short = "blob of 3 bytes is too short for a BTF header";
    let id = TypeId::new(7);
    let (object, path) = (|| "a.o".to_owned(), PathBuf::from("a.o"));
    let rows: [(Box<dyn StdError>, &str); 22] = [
        (
            Box::new(Error::Io { path, source: std::io::Error::other("gone") }),
            "reading \"a.o\": gone",
        ),
        (Box::new(Error::Elf(ElfError::NotElf)), "not an ELF file"),
        (Box::new(Error::Btf { section: ".BTF", source: broken() }), "section \".BTF\": {short}"),
        (
            Box::new(WriteError::Spec(EditError::Missing { kind: "map", name: "m".into() })),
            "the collection has no map \"m\"",
        ),
        (Box::new(WriteError::Btf(broken())), "section \".BTF\": {short}"),
        (
            Box::new(WriteError::Unreadable(Box::new(Error::Version { size: 3 }))),
            "what the spec describes cannot be read back: section \"version\" has 3 bytes instead of 4",
        ),
        (
            Box::new(LinkError::Elf { object: object(), source: ElfError::NotElf }),
            "a.o: not an ELF file",
        ),
        (
            Box::new(LinkError::Btf { object: object(), section: ".BTF.ext", source: broken() }),
            "a.o: section \".BTF.ext\": {short}",
        ),
        (Box::new(LinkError::Types(broken())), "the types of the linked object: {short}"),
        (
            Box::new(PrepareError::from(BuildError::NoSuchType { id })),
            "BTF of the object: type 7 does not exist in the builder",
        ),
        (
            Box::new(PrepareError::from(BuildError::Source(types()))),
            "BTF of the object: the blob to build from is not valid: {short}",
        ),
        // What is kept as text has all of it.
        (
            Box::new(BtfError::new(&BuildError::Read(types()))),
            "the blob that was built cannot be read: {short}",
        ),
        (
            Box::new(assembled("exit\nif r1 == 0 goto nowhere")),
            "line 2: slot 1: label nowhere is not defined in this function",
        ),
        (
            Box::new(assembled("r11 = 0")),
            "line 1, column 1: register r11 does not exist: the last is r10",
        ),
        (
            Box::new(bpf_asm::BuildError::from(bpf_asm::LinkError::NotAReference { slot: 3 })),
            "slot 3 cannot refer to a function",
        ),
        (Box::new(BuildError::Source(types())), "the blob to build from is not valid: {short}"),
        (Box::new(BuildError::Read(types())), "the blob that was built cannot be read: {short}"),
        (
            Box::new(CoreError::Size { access: "struct s".into(), source: types() }),
            "size of a type in struct s is not known: {short}",
        ),
        (Box::new(CError::Types(types())), "the types are not valid BTF: {short}"),
        (Box::new(FileError::Btf(types())), "{short}"),
        (
            Box::new(FileError::Relocate(RelocateError::Build(BuildError::NoSuchType { id }))),
            "the module does not fit the kernel: type 7 does not exist in the builder",
        ),
        (
            Box::new(RelocateError::Build(BuildError::Read(types()))),
            "the blob that was built cannot be read: {short}",
        ),
    ];
    for (error, expected) in &rows {
        check(&**error, &expected.replace("{short}", short));
    }
}
