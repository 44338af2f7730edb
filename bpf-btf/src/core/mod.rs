//! CO-RE: what the accesses of a program compiled against one set of types become against another.
//!
//! A [`Resolver`] takes the relocation records of a whole object, looks once through the names of the target kernel for
//! all of them together, and gives a [`Fixup`] per record: a number to put into the instruction, or poison together with
//! the [`Story`] of why nothing matched. The rules are libbpf's (`relo_core.c`). Instructions are not known here.
//!
//! ```no_run
//! # fn load(object: &bpf_btf::Btf, kernel: &bpf_btf::Btf, records: &[bpf_btf::CoreRelo]) {
//! let mut resolver = bpf_btf::core::Resolver::new(object, records);
//! resolver.search_kernel(kernel);
//! for fixup in resolver.resolve() {
//!     match fixup {
//!         Ok(fixup) if fixup.poison => println!("poison: {}", fixup.story.as_deref().map_or_else(String::new, ToString::to_string)),
//!         Ok(fixup) => println!("{} becomes {}", fixup.original, fixup.value),
//!         Err(error) => println!("error: {error}"),
//!     }
//! }
//! # }
//! ```

mod candidates;
mod compat;
mod error;
mod field;
mod kind;
mod matches;
mod names;
mod nearest;
mod resolver;
mod spec;
mod stories;
mod story;
mod text;
mod usage;
mod value;
mod work;

pub use compat::types_are_compatible;
pub use error::CoreError;
pub use kind::CoreKind;
pub use matches::types_match;
pub use names::essential_name;
pub use resolver::{Fixup, Resolver, WidthChange};
pub use stories::Stories;
pub use story::{Story, access_text};
pub(crate) use usage::{Usage, usage};
