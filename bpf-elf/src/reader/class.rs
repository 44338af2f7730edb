//! Which section means what to the reader.
use crate::object::{Section, SectionKind};

/// What the reader does with a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Nothing: debug information, string tables, what nobody knows.
    Ignored,
    License,
    Version,
    Btf,
    BtfExt,
    /// Map definitions in BTF.
    Maps,
    /// Map definitions of five numbers.
    LegacyMaps,
    /// Instructions.
    Code,
    /// Variables that become the value of a map.
    Data(DataKind),
    /// Variables in an arena.
    Arena,
    /// Values of `struct_ops` maps.
    StructOps {
        /// Attached through a link.
        link: bool,
        /// Created when the collection is loaded.
        autocreate: bool,
    },
    /// Tables of indirect jumps.
    JumpTables,
    /// Relocations of another section.
    Relocations,
}

/// What the map of a data section is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DataKind {
    Plain,
    /// Only for reading by programs.
    Constant,
    /// A value for each CPU.
    PerCpu,
}

impl Class {
    /// Rules of libbpf (`bpf_object__elf_collect`), and the legacy `maps`, which libbpf 1.0 gave up.
    pub(super) fn of(section: &Section<'_>) -> Self {
        match section.name {
            "license" => return Self::License,
            "version" => return Self::Version,
            ".BTF" => return Self::Btf,
            ".BTF.ext" => return Self::BtfExt,
            ".maps" => return Self::Maps,
            _ => {}
        }
        match section.kind {
            SectionKind::Rel | SectionKind::Rela => Self::Relocations,
            SectionKind::Other => Self::Ignored,
            SectionKind::ProgBits { code: true } if section.size == 0 => Self::Ignored,
            SectionKind::ProgBits { code: true } => Self::Code,
            SectionKind::ProgBits { code: false } | SectionKind::NoBits => {
                Self::of_data(section.name)
            }
        }
    }

    pub(super) fn of_data(name: &str) -> Self {
        match name {
            "maps" => return Self::LegacyMaps,
            ".addr_space.1" => return Self::Arena,
            ".jumptables" => return Self::JumpTables,
            _ => {}
        }
        let plain = name.strip_prefix('?');
        let autocreate = plain.is_none();
        match plain.unwrap_or(name) {
            ".struct_ops" => return Self::StructOps { link: false, autocreate },
            ".struct_ops.link" => return Self::StructOps { link: true, autocreate },
            _ => {}
        }
        let is = |base: &str| {
            name.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        if is(".rodata") {
            Self::Data(DataKind::Constant)
        } else if is(".data") || is(".bss") {
            Self::Data(DataKind::Plain)
        } else if is(".percpu") {
            Self::Data(DataKind::PerCpu)
        } else {
            Self::Ignored
        }
    }
}
