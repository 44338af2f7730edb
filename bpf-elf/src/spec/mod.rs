//! Specifications: plain data that holds all that the matching `bpf(2)` calls need.

mod collection;
mod contents;
mod debug_info;
pub(crate) mod digest;
mod edit;
mod extern_spec;
mod function;
mod jump_table;
mod kernel_name;
pub(crate) mod layout;
mod listing;
mod map;
mod positions;
mod program;
mod reference;
mod spec_map;
mod type_ref;
mod variable;
mod warning;

pub use collection::CollectionSpec;
pub use contents::{MapContents, MapEntry, MapPair};
pub use debug_info::{CoreKind, CoreRelocation, LineInfo};
pub use digest::{DigestError, SpecDigest};
pub use edit::{
    CodeProblem, EditError, MapMut, MapProblem, ProgramMut, ProgramProblem, VariableMut,
    VariableRef,
};
pub use extern_spec::{ExternKind, ExternSpec};
pub use function::{Function, Linkage};
pub use jump_table::JumpTable;
pub use kernel_name::object_name;
pub use listing::{CoreAccess, Listing, SourceLine};
pub use map::{FunctionMember, MapSpec, Pinning};
pub use program::ProgramSpec;
pub use reference::{Reference, Target};
pub use spec_map::{Iter, IterMut, SpecMap};
pub use type_ref::TypeRef;
pub use variable::VariableSpec;
pub use warning::Warning;
