//! What is accepted although it is odd.
use std::fmt;

use crate::BtfError;

/// Something in an object that is accepted although libbpf, the reference, would take it otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The section name only begins like a known one: libbpf would leave the program without a type.
    SectionPrefix {
        /// The section.
        section: String,
        /// The known name that was taken for it.
        taken_for: String,
    },
    /// A map definition has an attribute that nobody knows, which was allowed.
    MapAttribute {
        /// The map.
        map: String,
        /// The attribute.
        key: String,
    },
    /// A section of code without a function symbol: its code is not in the spec.
    NoFunctions {
        /// The section.
        section: String,
    },
    /// Type information cannot be read. It was left out, since no map and no `struct_ops` value needs it: programs come without lines,
    /// and without the relocations that the kernel's types would decide.
    Btf {
        /// The section: `.BTF` or `.BTF.ext`.
        section: &'static str,
        /// What is wrong.
        problem: BtfError,
    },
    /// A program cannot have the exception callback that its tag names. The kernel will refuse the program.
    ExceptionCallback {
        /// The program.
        program: String,
        /// The function that the tag names.
        callback: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A jump table leads out of the function that uses it. The function cannot be part of a program.
    JumpTable {
        /// The symbol of the table.
        table: String,
        /// The function.
        function: String,
        /// Bytes from the start of the section of the function.
        target: u64,
    },
    /// A definition in a legacy `maps` section has bytes after its five fields that are not zero.
    LegacyMapExtra {
        /// The map.
        map: String,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SectionPrefix { section, taken_for } => {
                write!(f, "section {section:?} is taken for {taken_for:?}; libbpf does not know it")
            }
            Self::MapAttribute { map, key } => {
                write!(f, "map {map:?} has the unknown attribute {key:?}, which has no effect")
            }
            Self::NoFunctions { section } => {
                write!(f, "section {section:?} has code but no function symbol")
            }
            Self::Btf { section, problem } => {
                write!(f, "section {section:?} is left out: {problem}")
            }
            Self::ExceptionCallback { program, callback, problem } => {
                write!(f, "exception callback {callback:?} of program {program:?}: {problem}")
            }
            Self::JumpTable { table, function, target } => write!(
                f,
                "jump table {table:?} leads to {target:#x}, which is no instruction of function {function:?}"
            ),
            Self::LegacyMapExtra { map } => {
                write!(f, "legacy map {map:?} has extra fields, which have no meaning here")
            }
        }
    }
}
