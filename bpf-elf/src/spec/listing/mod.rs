//! Code of a spec as a listing: names, source lines and CO-RE accesses beside the instructions.

mod reference;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use bpf_asm::{Code, Symbol};
use bpf_btf::core::access_text;
use bpf_btf::{CoreRelo, TypeId};

use super::{CollectionSpec, CoreKind, CoreRelocation, Function, LineInfo, ProgramSpec};
use crate::prepare::{PrepareError, flatten};

/// Most bytes of a text from the strings of the object.
const MOST: usize = 1024;

/// Code with all that a spec knows about its instructions.
///
/// Displayed it is the listing of [`Code`] with comments: source lines, CO-RE accesses, and names that an instruction has no place
/// for. [`Code::assemble`] reads it back, without the comments.
///
/// ```
/// use bpf_elf::spec::CollectionSpec;
///
/// # let bytes = testdata::object("counter", testdata::Order::NATIVE);
/// let spec = CollectionSpec::parse(bytes)?;
/// for name in spec.programs.names() {
///     println!("{}", spec.listing(name).ok_or("no such function")?);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Listing<'spec> {
    /// The instructions, with the names of what they refer to and a label at each jump target.
    ///
    /// What a loader fills in stands as 0, and as -1 in a call whose function is not here.
    pub code: Code,
    /// Where instructions come from, by slot.
    pub lines: BTreeMap<usize, SourceLine<'spec>>,
    /// Instructions that depend on types of the kernel, by slot.
    pub accesses: BTreeMap<usize, CoreAccess<'spec>>,
    /// What else there is to say about an instruction, by slot: the value of the configuration that it loads, the targets of its
    /// jump table.
    pub notes: BTreeMap<usize, String>,
}

/// A line of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceLine<'spec> {
    /// The file, as the compiler was given it: its first 1024 bytes.
    pub file: &'spec str,
    /// Number of the line, from 1.
    pub line: u32,
    /// Number of the column, from 1; 0 if the compiler did not say.
    pub column: u16,
    /// The text, with its indentation: its first 1024 bytes, of which [`CollectionSpec::line_text`] gives all. Empty if the compiler did not
    /// have it.
    pub text: &'spec str,
}

/// An access to a type of the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CoreAccess<'spec> {
    /// What is asked.
    pub kind: CoreKind,
    /// The name of the local type, its first 1024 bytes; empty if it has none.
    pub type_name: &'spec str,
    /// The access path, as in `0:1:2`: its first 1024 bytes.
    pub path: &'spec str,
    /// The access as C text, as in `task_struct->mm`; `None` if the record is wrong in itself.
    pub text: Option<String>,
}

impl CollectionSpec {
    /// The listing of a function or program alone. `None` if there is none of that name.
    ///
    /// `key` is one of [`functions`](Self::functions) or of [`programs`](Self::programs); the former win, as in a call.
    pub fn listing(&self, key: &str) -> Option<Listing<'_>> {
        Some(self.listing_of(key, self.function(key)?))
    }

    /// The listing of a function of the collection alone, under a name.
    pub fn listing_of<'spec>(&'spec self, name: &str, function: &'spec Function) -> Listing<'spec> {
        self.list([(name, function)].into_iter())
    }

    /// The listing of a program with all functions that it reaches, in the order in which a kernel gets them: its slots are
    /// those of the verifier's log.
    ///
    /// # Errors
    ///
    /// A reference to a function that the collection does not define.
    pub fn program_listing<'spec>(
        &'spec self,
        program: &'spec ProgramSpec,
    ) -> Result<Listing<'spec>, PrepareError> {
        let flat = flatten(self, program)?;
        // The key of an entry may be that of a function, which is what a call of that name means.
        let mut entry = program.name.clone();
        while flat.functions.iter().skip(1).any(|placed| placed.key == entry) {
            entry.push('_');
        }
        let callees = flat.functions.iter().skip(1).map(|placed| (placed.key, placed.function));
        Ok(self.list(std::iter::once((entry.as_str(), &program.function)).chain(callees)))
    }

    /// The access of a CO-RE relocation as C text: `task_struct->mm`, `sk_buff->cb[3]`, `struct foo`, `enum color::RED`. `None` if the
    /// record is wrong in itself.
    pub fn core_text(&self, relocation: &CoreRelocation) -> Option<String> {
        let id = TypeId::new(relocation.type_id);
        let relo = CoreRelo::new(0, id, relocation.access, relocation.kind.0);
        access_text(self.btf.as_ref()?, &relo)
    }

    fn list<'spec, 'key>(
        &'spec self,
        functions: impl Iterator<Item = (&'key str, &'spec Function)>,
    ) -> Listing<'spec> {
        let mut listing = Listing::default();
        for (key, function) in functions {
            let start = listing.code.slots.len();
            listing.code.functions.push(Symbol::new(key, start));
            self.add(&mut listing, start, function);
        }
        // From jump tables, which may share targets.
        listing.code.labels.sort_by_key(|label| label.slot);
        listing.code.labels.dedup();
        listing.code.name_jump_targets();
        // What is not here keeps its -1.
        let _ = listing.code.link();
        listing
    }

    /// Adds the instructions of a function, and what is known about them.
    fn add<'spec>(
        &'spec self,
        listing: &mut Listing<'spec>,
        start: usize,
        function: &'spec Function,
    ) {
        let end = start.saturating_add(function.slots.len());
        let at = |slot: usize| Some(start.checked_add(slot)?).filter(|slot| *slot < end);
        listing.code.slots.extend_from_slice(&function.slots);
        for reference in &function.references {
            let Some(slot) = at(reference.slot) else { continue };
            reference::add(self, listing, function, slot, start, &reference.target);
        }
        for line in &function.line_infos {
            let Some(slot) = at(line.slot) else { continue };
            listing.lines.insert(slot, self.source_line(line));
        }
        for relocation in &function.core_relocations {
            let Some(slot) = at(relocation.slot) else { continue };
            let access = CoreAccess {
                kind: relocation.kind,
                type_name: self.start(self.core_type(relocation)),
                path: self.start(relocation.access),
                text: self.core_text(relocation),
            };
            listing.accesses.insert(slot, access);
        }
    }

    fn source_line(&self, of: &LineInfo) -> SourceLine<'_> {
        SourceLine {
            file: self.start(of.file_name),
            line: of.line,
            column: of.column,
            text: self.start(of.line_text),
        }
    }

    /// The string at an offset of the BTF, or so much of it as a listing has: each instruction may name one of the length of the object.
    fn start(&self, offset: u32) -> &str {
        let text = self.btf.as_ref().and_then(|btf| btf.string_start(offset, MOST));
        text.unwrap_or_default()
    }

    /// Offset of the name of the local type of a relocation.
    fn core_type(&self, of: &CoreRelocation) -> u32 {
        let found = self.btf.as_ref().and_then(|btf| btf.get(TypeId::new(of.type_id)));
        found.map_or(0, |found| found.name_offset())
    }
}

impl Listing<'_> {
    /// All that is known about instructions as comments: what [`Code::with_comments`] takes.
    pub fn comments(&self) -> BTreeMap<usize, String> {
        let mut comments = BTreeMap::<usize, Vec<String>>::new();
        for (slot, line) in &self.lines {
            comments.entry(*slot).or_default().push(line.to_string());
        }
        for (slot, access) in &self.accesses {
            comments.entry(*slot).or_default().push(access.to_string());
        }
        for (slot, note) in &self.notes {
            comments.entry(*slot).or_default().push(note.clone());
        }
        comments.into_iter().map(|(slot, comments)| (slot, comments.join("\n"))).collect()
    }
}

/// The alternate form (`{:#}`) starts each line with the index of its slot.
impl fmt::Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.code.with_comments(&self.comments()).fmt(f)
    }
}

/// `file:line: text`, or `file:line` without a text.
impl fmt::Display for SourceLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        match self.text.trim() {
            "" => Ok(()),
            text => write!(f, ": {text}"),
        }
    }
}

/// `core: task_struct->mm (field_byte_offset)`
impl fmt::Display for CoreAccess<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) => write!(f, "core: {text} ({:?})", self.kind),
            None => write!(f, "core: {} {} ({:?})", self.type_name, self.path, self.kind),
        }
    }
}
