//! What changes from one spec to another: what a deployment of the second in place of the first would do.
//!
//! ```
//! use bpf_elf::diff::{Difference, SpecDiff};
//! use bpf_elf::spec::CollectionSpec;
//!
//! # let bytes = testdata::object("pinned", testdata::Order::NATIVE);
//! let old = CollectionSpec::parse(bytes)?;
//! let mut new = old.clone();
//! for map in new.maps.values_mut() {
//!     map.max_entries += 1;
//! }
//!
//! let diff = SpecDiff::new(&old, &new);
//! for map in &diff.maps {
//!     if let Difference::Changed(change) = &map.difference {
//!         assert!(change.reuse.as_ref().is_none_or(|reuse| !reuse.is_certain()), "{diff}");
//!     }
//! }
//! # assert!(!diff.is_empty());
//! # Ok::<(), bpf_elf::Error>(())
//! ```
//!
//! The work is bounded by the size of the specs. Variables that overlap, each of many over many of the same bytes, are not all compared
//! one by one, nor are the functions that each of many programs reaches together with many others: what changes is then told of the
//! map, and of the function.
//!
//! Two specs without a difference have the same [digest](crate::spec::SpecDigest), and the other way round: debug information, and
//! the order of sections, symbols and types, are no difference.

mod code;
mod display;
mod field;
mod map;
mod others;
mod program;
mod reuse;
#[cfg(test)]
mod tests;

pub use code::{CodeChange, FunctionChange};
pub use field::{
    ExternField, FieldChange, FieldValue, MapField, ProgramField, SpecField, VariableField,
};
pub use map::MapChange;
pub use program::ProgramChange;
pub use reuse::Reuse;

use std::collections::BTreeSet;

use crate::spec::digest::Parts;
use crate::spec::{CollectionSpec, SpecMap};
use code::{Code, Codes};
use field::Fields;
use others::Values;

/// The differences between two specs, each list by name.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SpecDiff<'spec> {
    /// What concerns the object as a whole.
    pub fields: Vec<FieldChange<'spec, SpecField>>,
    /// Entry programs.
    pub programs: Vec<Named<'spec, ProgramChange<'spec>>>,
    /// Functions that are only called.
    pub functions: Vec<Named<'spec, FunctionChange<'spec>>>,
    /// Maps, those of data sections and of `struct_ops` included.
    pub maps: Vec<Named<'spec, MapChange<'spec>>>,
    /// Global variables.
    pub variables: Vec<Named<'spec, Vec<FieldChange<'spec, VariableField>>>>,
    /// What the kernel has to supply.
    pub externs: Vec<Named<'spec, Vec<FieldChange<'spec, ExternField>>>>,
}

/// A difference and what it concerns.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Named<'spec, C> {
    /// The name.
    pub name: &'spec str,
    /// What is different.
    pub difference: Difference<C>,
}

/// What happens to something that has a name.
#[derive(Clone, Debug, PartialEq)]
pub enum Difference<C> {
    /// Only the new spec has it.
    Added,
    /// Only the old spec has it.
    Removed,
    /// Both have it, with these changes.
    Changed(C),
}

impl<'spec> SpecDiff<'spec> {
    /// Compares two specs.
    pub fn new(old: &'spec CollectionSpec, new: &'spec CollectionSpec) -> Self {
        let mut fields = Fields::new();
        fields.text(SpecField::ByteOrder, byte_order(old.byte_order), byte_order(new.byte_order));
        fields.text(SpecField::License, &old.license, &new.license);
        fields.number(SpecField::KernelVersion, old.kernel_version, new.kernel_version);

        let (mut old_parts, mut new_parts) = (Parts::new(old), Parts::new(new));
        let parts = (&mut old_parts, &mut new_parts);
        let codes = Codes::new(Code::new(old, parts.0), Code::new(new, parts.1));
        let functions = code::functions(&codes.old, &codes.new);
        let programs = compare(&old.programs, &new.programs, |a, b| program::change(a, b, &codes));
        let maps = compare(&old.maps, &new.maps, |a, b| map::change(a, b, parts.0, parts.1));
        let values = Values::new(old, new);
        let variables = compare(&old.variables, &new.variables, |a, b| {
            others::variable(&values, a, b, parts.0, parts.1)
        });
        let externs =
            compare(&old.externs, &new.externs, |a, b| others::external(a, b, parts.0, parts.1));
        Self { fields: fields.finish(), programs, functions, maps, variables, externs }
    }

    /// Whether there is no difference at all.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
            && self.programs.is_empty()
            && self.functions.is_empty()
            && self.maps.is_empty()
            && self.variables.is_empty()
            && self.externs.is_empty()
    }
}

/// Compares what has the same name; by name.
fn compare<'spec, T, C>(
    old: &'spec SpecMap<T>,
    new: &'spec SpecMap<T>,
    mut change: impl FnMut(&'spec T, &'spec T) -> Option<C>,
) -> Vec<Named<'spec, C>> {
    let names: BTreeSet<&str> = old.names().chain(new.names()).collect();
    let differences = names.into_iter().filter_map(|name| {
        let difference = match (old.get(name), new.get(name)) {
            (Some(old), Some(new)) => Difference::Changed(change(old, new)?),
            (None, Some(_)) => Difference::Added,
            _ => Difference::Removed,
        };
        Some(Named { name, difference })
    });
    differences.collect()
}

fn byte_order(order: bpf_asm::ByteOrder) -> &'static str {
    match order {
        bpf_asm::ByteOrder::Little => "little",
        bpf_asm::ByteOrder::Big => "big",
    }
}
