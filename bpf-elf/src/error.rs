//! Errors of reading an object.
use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

use crate::ElfError;

/// Why an object file cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read at all.
    #[error("reading {path:?}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The container is not that of a BPF object.
    #[error(transparent)]
    Elf(#[from] ElfError),
    /// The type information is malformed.
    #[error("section {section:?}: {source}")]
    Btf {
        /// `.BTF` or `.BTF.ext`.
        section: &'static str,
        /// What is wrong. It is in the text, and therefore not the [source](std::error::Error::source) of the error.
        r#source: BtfError,
    },
    /// The spec would take more than 8 times the memory of the file and 1 MiB: names or code are used too often, or things described in too
    /// few bytes.
    ///
    /// No object of a compiler is known for which that is so. It is for thousands of functions that have a handful of instructions
    /// and nothing else: a function takes 600 bytes to read, and in the file as few as 40 (an instruction, a symbol, a name). Without
    /// BTF, functions of ten instructions and more are read whatever their number.
    #[error(
        "the object describes more than its size accounts for: its spec would take more than 8 times the memory"
    )]
    TooLarge,
    /// The section `version` is not a number of 4 bytes.
    #[error("section \"version\" has {size} bytes instead of 4")]
    Version {
        /// Bytes of the section.
        size: u64,
    },
    /// A section that has to have contents takes no room in the file.
    #[error("section {section:?} has no contents in the file")]
    NoContents {
        /// The section.
        section: String,
    },
    /// There are two sections where one is expected.
    #[error("more than one section {section:?}")]
    DuplicateSection {
        /// The section.
        section: String,
    },
    /// A data section is larger than a map value can be.
    #[error("section {section:?} has {size} bytes: a map value cannot be that large")]
    SectionSize {
        /// The section.
        section: String,
        /// Bytes of the section.
        size: u64,
    },
    /// A section needs type information that the object does not have.
    #[error("section {section:?} needs BTF, and the object has none: compile with -g")]
    MissingBtf {
        /// The section.
        section: String,
    },
    /// The type information says nothing about a section.
    #[error("section {section:?} has no description (DATASEC) in BTF")]
    MissingDatasec {
        /// The section.
        section: String,
    },
    /// A symbol covers bytes that its section does not have.
    #[error(
        "symbol {symbol:?}: {offset:#x} with {size:#x} bytes is not within section {section:?}"
    )]
    SymbolBounds {
        /// The symbol.
        symbol: String,
        /// The section.
        section: String,
        /// Bytes from the start of the section.
        offset: u64,
        /// Bytes of the symbol.
        size: u64,
    },
    /// A function is empty, or does not start and end at an instruction.
    #[error(
        "function {symbol:?} in section {section:?}: {offset:#x} with {size:#x} bytes is not a number of 8-byte instructions"
    )]
    FunctionSize {
        /// The function.
        symbol: String,
        /// The section.
        section: String,
        /// Bytes from the start of the section.
        offset: u64,
        /// Bytes of the function.
        size: u64,
    },
    /// Two functions share a part of their code, but not all of it.
    #[error("functions {first:?} and {second:?} in section {section:?} overlap")]
    OverlappingFunctions {
        /// One function.
        first: String,
        /// The other.
        second: String,
        /// The section.
        section: String,
    },
    /// Two programs, maps or variables have one name.
    #[error("{kind} {name:?} is defined more than once")]
    Duplicate {
        /// What it is.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// A map is not a global variable.
    #[error("map {map:?} in section {section:?} is {linkage}: maps have to be global variables")]
    MapLinkage {
        /// The map.
        map: String,
        /// The section.
        section: String,
        /// What it is instead.
        linkage: &'static str,
    },
    /// A map in `.maps`, or the pattern of an inner map, is not a structure.
    #[error("map {map:?} is defined by {found:?} instead of a structure")]
    MapType {
        /// The map.
        map: String,
        /// The type, as C would name it.
        found: String,
    },
    /// A map has no symbol, or bytes in its definition.
    #[error("map {map:?}: {problem}")]
    MapPlace {
        /// The map.
        map: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A member of a map definition has a name without a meaning.
    #[error(
        "map {map:?} has the unknown attribute {key:?}: one of type, key, value, key_size, value_size, max_entries, map_flags, numa_node, map_extra, pinning, values is possible"
    )]
    MapKey {
        /// The map.
        map: String,
        /// The member.
        key: String,
    },
    /// A member of a map definition has another type or value than it can have.
    #[error("map {map:?}: attribute {key:?} {problem}")]
    MapAttribute {
        /// The map.
        map: String,
        /// The member.
        key: &'static str,
        /// What is wrong.
        problem: &'static str,
    },
    /// A map definition does not say of what type the map is.
    #[error("map {map:?} has no attribute \"type\"")]
    MapWithoutType {
        /// The map.
        map: String,
    },
    /// A definition in a legacy `maps` section is too short.
    #[error("legacy map {map:?} has {size} bytes instead of at least 20")]
    LegacyMap {
        /// The map.
        map: String,
        /// Bytes of the definition.
        size: u64,
    },
    /// A variable has no symbol in the section that it belongs to.
    #[error("variable {name:?} of section {section:?} has no symbol there")]
    MissingSymbol {
        /// The variable.
        name: String,
        /// The section.
        section: String,
    },
    /// An extern for the kernel configuration has a type that no value has.
    #[error("extern {name:?}: type {found:?} cannot hold a value of the kernel configuration")]
    KconfigType {
        /// The extern.
        name: String,
        /// The type, as C would name it.
        found: String,
    },
    /// A relocation names a symbol that does not exist.
    #[error(
        "relocation at {offset:#x} of section {section:?} names symbol {symbol}, which does not exist"
    )]
    RelocationSymbol {
        /// The section that it applies to.
        section: String,
        /// Bytes from the start of the section.
        offset: u64,
        /// Index of the symbol.
        symbol: usize,
    },
    /// A relocation applies to something that cannot take it.
    #[error(
        "relocation at {offset:#x} of section {section:?} applies to {found}, not to {expected}"
    )]
    RelocationPlace {
        /// The section that it applies to.
        section: String,
        /// Bytes from the start of the section.
        offset: u64,
        /// What is there.
        found: String,
        /// What should be there.
        expected: &'static str,
    },
    /// A relocation leads to something that has no meaning there.
    #[error(
        "relocation at {offset:#x} of section {section:?} leads to {target}, which is {problem}"
    )]
    RelocationTarget {
        /// The section that it applies to.
        section: String,
        /// Bytes from the start of the section.
        offset: u64,
        /// The symbol, or the section and the offset there.
        target: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A symbol is defined nowhere, and not declared as one of the kernel.
    #[error(
        "symbol {symbol:?}, used at {offset:#x} of section {section:?}, is not defined: link the objects that define it, or declare it __ksym or __kconfig"
    )]
    Undefined {
        /// The symbol.
        symbol: String,
        /// The section that uses it.
        section: String,
        /// Bytes from the start of the section.
        offset: u64,
    },
    /// A call, or the load of an address, leads to a place where no function starts.
    #[error(
        "instruction at {offset:#x} of section {section:?} refers to byte {target} of section {target_section:?}, where no function starts"
    )]
    NoFunction {
        /// The section of the instruction.
        section: String,
        /// Bytes from the start of the section.
        offset: u64,
        /// The section of the target.
        target_section: String,
        /// Bytes from the start of that section.
        target: i64,
    },
    /// The object has global variables for an arena, but no arena, or several.
    #[error("section \".addr_space.1\" needs one map of type arena, and the object has {count}")]
    Arena {
        /// Number of arenas.
        count: usize,
    },
}

/// What is wrong with type information. The text is stable enough for people only.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct BtfError(String);

impl BtfError {
    pub(crate) fn new(error: &dyn std::error::Error) -> Self {
        Self(WithSources(error).to_string())
    }
}

/// The text of an error with those of all that it goes back to, for what keeps no more than the text.
pub(crate) struct WithSources<'a>(pub(crate) &'a dyn std::error::Error);

impl fmt::Display for WithSources<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0, f)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
