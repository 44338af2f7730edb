//! Functions: slots and what belongs to them.
use bpf_asm::Slot;

use super::{CoreRelocation, JumpTable, LineInfo, Reference};

/// Who may call or replace a function: `enum btf_func_linkage` with the weak binding of ELF.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Linkage {
    /// Verified in the context of each caller.
    #[default]
    Static,
    /// Verified on its own.
    Global,
    /// Like global, but a linker lets a global function of the same name win.
    Weak,
}

/// Code of one function and what is known about its instructions.
///
/// All side tables count slots from the start of the function and are sorted by slot.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Function {
    /// The symbol.
    pub name: String,
    /// The section as the object names it.
    pub section: String,
    /// The instructions.
    pub slots: Vec<Slot>,
    /// Instructions that name a map, a function or an extern.
    pub references: Vec<Reference>,
    /// Instructions that depend on types of the kernel.
    pub core_relocations: Vec<CoreRelocation>,
    /// The type of the function, as its number in the BTF of the object.
    pub type_id: Option<u32>,
    /// Where the instructions come from.
    pub line_infos: Vec<LineInfo>,
    /// Tables for indirect jumps, which [`Target::JumpTable`](super::Target::JumpTable) names by index.
    pub jump_tables: Vec<JumpTable>,
    /// Static, global or weak.
    pub linkage: Linkage,
    /// A symbol of hidden or internal visibility: libbpf has the kernel treat such a global function as static.
    pub hidden: bool,
}

impl Function {
    /// A function of these instructions without references, for code that was made by an assembler.
    pub fn new(name: impl Into<String>, slots: Vec<Slot>) -> Self {
        Self { name: name.into(), slots, ..Self::default() }
    }
}
