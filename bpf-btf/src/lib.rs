//! BPF Type Format: read, build, print, relocate.
//!
//! [`Btf`] validates a blob once, in one pass, and then answers from the bytes: a [`TypeId`] is a number, a [`Type`] is
//! a small copy that borrows, nothing is allocated per type. Both byte orders are read; in memory BTF is native.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use bpf_btf::{Btf, Kind, Type};
//!
//! let kernel = Btf::parse(std::fs::read("/sys/kernel/btf/vmlinux")?)?;
//! let task = kernel.find("task_struct", Kind::Struct).ok_or("no task_struct")?;
//! if let Some(Type::Struct(task)) = kernel.get(task) {
//!     for member in task.members() {
//!         println!("{} {}", kernel.display_name(member.type_id()), member.name());
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! - [`BtfBuilder`] makes and changes BTF and writes either byte order; [`sanitize`] gives older kernels what they know.
//! - [`Btf::parse`] accepts what can be read, as libbpf does; [`Btf::check_kernel_rules`] says whether the kernel would take it.
//! - [`Btf::parse_trusted`] takes the kernel's own BTF as it is, in half the time; [`Btf::validate`] makes up for what it leaves out.
//! - [`Btf::parse_file`] finds the types in ELF files, images of kernels and compressed files, [`Btf::parse_split_file`] those of
//!   modules.
//! - [`Btf::find`], [`Btf::find_all`] and [`Btf::find_flavours`] look names up; [`Btf::size_of`], [`Btf::align_of`], [`Btf::strip`] and
//!   [`Btf::display_name`] say what a type is.
//! - [`c_header`] and [`CPrinter`] write types as C, [`Btf::value_text`] writes values of a type.
//! - [`dedup`], [`BtfBuilder::add_btf`], [`permute`], [`Minimizer`], [`distill`] make blobs from blobs;
//!   [`Rewritten::write_ext`] takes `.BTF.ext` along, which [`BtfExt`] reads and writes in either byte order.
//! - [`Btf::post_order`], [`Btf::types_equal`] and [`Btf::type_hash`] look at whole graphs.
//! - [`core`] resolves the CO-RE relocations of an object against a kernel.
//!
//! What this crate does not do: it makes no system call, maps no memory and knows no instructions. Loading BTF into a
//! kernel, mapping the kernel's own BTF and patching programs are the work of the crates above. It reads gzip, and no other
//! compression; a section of ELF that is compressed is refused.
//!
//! # Features
//!
//! Without features the crate needs no operating system, only memory.
//!
//! - `std`: files by path (`Btf::open`), folders of the types of a kernel and its modules (`BtfFolder`).
//! - `gzip`: files and kernels that gzip compressed.
//!
//! It is exempt from the workspace's promise of stability: BTF changes with the kernel.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod btf;
mod build;
mod bytes;
mod c;
mod children;
pub mod core;
mod dedup;
mod equal;
mod error;
mod ext;
mod file;
mod flavour;
mod header;
mod id;
mod index;
mod kernel;
mod kind;
mod measure;
mod name;
mod order;
mod parse;
mod raw;
mod rewrite;
mod skim;
mod validate;
mod value;
mod view;
mod walk;
mod words;

// Runs the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use btf::Btf;
pub use build::{
    BtfBuilder, BtfFeatures, BuildError, Definition, NewEnumValue, NewMember, NewParam,
    NewSectionEntry, SectionLayout, StringCopier, VariablePlace, sanitize,
};
pub use bytes::BtfBytes;
pub use c::{CDeclarationOptions, CError, CHeaderOptions, CPrinter, c_header};
pub use children::PostOrder;
pub use dedup::dedup;
pub use error::Error;
pub use ext::{
    BtfExt, CoreRelo, CoreRelos, ExtError, FuncInfo, FuncInfos, LineInfo, LineInfos, Record,
    Records, SectionInfo,
};
pub use file::FileError;
#[cfg(feature = "std")]
pub use file::{BtfFolder, OpenError};
pub use id::TypeId;
pub use kernel::{KernelRule, RuleViolation};
pub use kind::Kind;
pub use name::DisplayName;
pub use order::ByteOrder;
pub use rewrite::{
    Distilled, Minimizer, RelocateError, Rewritten, TypeMap, distill, permute, relocate_base,
    sort_by_name,
};
pub use value::{ValueError, ValueOptions};
pub use view::{
    Array, Composite, Datasec, DeclTag, Enum, EnumValue, EnumValues, Float, Func, FuncLinkage,
    FuncProto, Fwd, Int, Member, Members, Param, Params, Reference, SectionEntries, SectionEntry,
    Type, Unknown, Var, VarLinkage,
};
