//! One thing that a kernel does not have, or that cannot be told.

use bpf_sys::abi::KernelVersion;

/// What a finding means for the program, or for the whole object if it concerns that. In the order of weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Worth knowing: it is missing and loads nevertheless, behind a guard or because there is another way.
    Note,
    /// It depends on something that BTF does not tell.
    Unknown,
    /// It loads, and cannot be attached where its section says.
    NoAttach,
    /// It does not load.
    Breaks,
}

impl Severity {
    /// The name in machine-readable output: `note`, `unknown`, `no_attach`, `breaks`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Unknown => "unknown",
            Self::NoAttach => "no_attach",
            Self::Breaks => "breaks",
        }
    }
}

/// What kind of thing a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// The object itself: its byte order, a section that stands for no program type, something that no kernel could load.
    Object,
    /// A CO-RE relocation.
    Core,
    /// A function of the kernel that is called.
    Kfunc,
    /// A variable or address of the kernel.
    Ksym,
    /// An option of the kernel's configuration.
    Kconfig,
    /// What a program attaches to.
    AttachTarget,
    /// A type of program.
    ProgramType,
    /// An attach type.
    AttachType,
    /// A flag of a program.
    ProgramFlag,
    /// A type of map.
    MapType,
    /// A flag of a map.
    MapFlag,
    /// A helper function.
    Helper,
    /// An instruction.
    Instruction,
    /// A type that `struct_ops` implements, or a member of it.
    StructOps,
}

impl FindingKind {
    /// The name in machine-readable output, as in `attach_target`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Core => "core",
            Self::Kfunc => "kfunc",
            Self::Ksym => "ksym",
            Self::Kconfig => "kconfig",
            Self::AttachTarget => "attach_target",
            Self::ProgramType => "program_type",
            Self::AttachType => "attach_type",
            Self::ProgramFlag => "program_flag",
            Self::MapType => "map_type",
            Self::MapFlag => "map_flag",
            Self::Helper => "helper",
            Self::Instruction => "instruction",
            Self::StructOps => "struct_ops",
        }
    }
}

/// One thing that a kernel does not have, or that cannot be told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What it is about.
    pub kind: FindingKind,
    /// What it means.
    pub severity: Severity,
    /// Name of the thing: `bpf_ringbuf_output`, `task_struct->mm`, `ringbuf`.
    pub name: String,
    /// One line that says what is missing and what follows from it.
    pub text: String,
    /// More lines, for CO-RE: what was looked for, each candidate and why it does not fit, names that are nearly the same.
    pub story: Option<String>,
    /// The instruction, where it is about one: the first of several.
    pub place: Option<Place>,
    /// The first kernel of the mainline that has it, where that is known.
    pub since: Option<KernelVersion>,
}

impl Finding {
    pub(super) fn new(
        kind: FindingKind,
        severity: Severity,
        name: impl Into<String>,
        text: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            severity,
            name: name.into(),
            text: text.into(),
            story: None,
            place: None,
            since: None,
        }
    }

    pub(super) fn since(self, since: Option<KernelVersion>) -> Self {
        Self { since, ..self }
    }

    pub(super) fn at(self, place: Option<Place>) -> Self {
        Self { place, ..self }
    }
}

/// Where in a program an instruction is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Place {
    /// Slot of the program with all its functions.
    pub slot: usize,
    /// The function. No more than 4096 bytes of its name, and of that of the file.
    pub function: String,
    /// File of the source as the compiler named it, and number of the line.
    pub line: Option<(String, u32)>,
}
