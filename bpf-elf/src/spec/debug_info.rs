//! Line and CO-RE records of a function.

/// What a CO-RE relocation asks of the target type: `enum bpf_core_relo_kind` of the kernel's `bpf.h`.
///
/// Kinds that this library does not know are kept as they are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CoreKind(pub u32);

impl CoreKind {
    const NAMES: [&'static str; 13] = [
        "field_byte_offset",
        "field_byte_size",
        "field_exists",
        "field_signed",
        "field_lshift_u64",
        "field_rshift_u64",
        "type_id_local",
        "type_id_target",
        "type_exists",
        "type_size",
        "enumval_exists",
        "enumval_value",
        "type_matches",
    ];

    /// The lower-case name without the prefix `BPF_CORE_`, or `None` for an unknown kind.
    pub fn name(self) -> Option<&'static str> {
        Self::NAMES.get(usize::try_from(self.0).ok()?).copied()
    }
}

impl std::fmt::Debug for CoreKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "CoreKind({})", self.0),
        }
    }
}

/// A CO-RE relocation: an instruction that depends on the layout of a type of the kernel.
///
/// The numbers belong to the BTF of the object; [`CollectionSpec::core_type_name`](crate::spec::CollectionSpec::core_type_name)
/// and [`CollectionSpec::btf_string`](crate::spec::CollectionSpec::btf_string) turn them into text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreRelocation {
    /// The slot of the instruction, counted from the start of its function.
    pub slot: usize,
    /// What is asked.
    pub kind: CoreKind,
    /// The local type, as its number in the BTF of the object.
    pub type_id: u32,
    /// The access path (`0:1:2`), as an offset in the strings of the BTF of the object.
    pub access: u32,
}

/// The line of source that an instruction comes from.
///
/// File name and text are offsets in the strings of the BTF of the object
/// ([`CollectionSpec::btf_string`](crate::spec::CollectionSpec::btf_string)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineInfo {
    /// The first slot of the line, counted from the start of its function.
    pub slot: usize,
    /// Name of the file.
    pub file_name: u32,
    /// Text of the line.
    pub line_text: u32,
    /// Number of the line, from 1. The kernel keeps 22 bits of it.
    pub line: u32,
    /// Number of the column, from 1. The kernel keeps 10 bits of it.
    pub column: u16,
}
