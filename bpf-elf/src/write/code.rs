//! Where functions go: sections of code, and the place of each function in its section.

use std::collections::HashMap;

use super::error::WriteError;
use super::order;
use crate::ReadOptions;
use crate::section::section_name;
use crate::spec::{CollectionSpec, Function, Linkage, ProgramSpec};

/// Bytes of an instruction.
pub(super) const SLOT: u64 = 8;

/// The section of functions that are only called.
const LIBRARY: &str = ".text";

/// All code with its places.
pub(super) struct Code<'a> {
    pub(super) sections: Vec<CodeSection<'a>>,
    functions: HashMap<&'a str, FunctionId>,
    programs: HashMap<&'a str, FunctionId>,
}

/// A function by its section and its place among the functions of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FunctionId {
    pub(super) section: usize,
    pub(super) index: usize,
}

/// A section of code.
pub(super) struct CodeSection<'a> {
    pub(super) name: String,
    /// By place.
    pub(super) functions: Vec<Placed<'a>>,
}

/// A function with its place.
#[derive(Clone, Copy)]
pub(super) struct Placed<'a> {
    /// What references call it.
    pub(super) key: &'a str,
    /// The name of its symbol.
    pub(super) symbol: &'a str,
    pub(super) function: &'a Function,
    /// The key is that of a program.
    pub(super) entry: bool,
    pub(super) linkage: Linkage,
    /// Bytes from the start of the section.
    pub(super) offset: u64,
    /// Another name for the code of the one before.
    pub(super) alias: bool,
}

impl Placed<'_> {
    /// Bytes of code.
    pub(super) fn size(&self) -> u64 {
        u64::try_from(self.function.slots.len()).unwrap_or(u64::MAX).saturating_mul(SLOT)
    }
}

/// Functions by section, in their order.
fn by_section<'list, 'a>(
    list: &'list [(String, Placed<'a>)],
) -> HashMap<&'list str, Vec<&'list Placed<'a>>> {
    let mut sections = HashMap::<&str, Vec<_>>::new();
    for (section, placed) in list {
        sections.entry(section).or_default().push(placed);
    }
    sections
}

impl<'a> Code<'a> {
    /// Gives every function a place: the one it was read from, if that is still free.
    pub(super) fn new(spec: &'a CollectionSpec, options: &ReadOptions) -> Result<Self, WriteError> {
        let mut entries = Vec::with_capacity(spec.programs.len());
        for (key, program) in &spec.programs {
            let linkage = match program.function.linkage {
                // A program is for everyone to see.
                Linkage::Static => Linkage::Global,
                linkage => linkage,
            };
            let placed = placed(key, key, &program.function, linkage, true)?;
            entries.push((section_of(key, program, options)?, placed));
        }
        let mut library = Vec::with_capacity(spec.functions.len());
        for (key, function) in &spec.functions {
            let is_static = function.linkage == Linkage::Static;
            // Elsewhere a function for everyone to see is a program.
            let own = is_static && !function.section.is_empty();
            let section = if own { function.section.as_str() } else { LIBRARY };
            let placed = placed(key, symbol_of(key, function), function, function.linkage, false)?;
            library.push((section.to_owned(), placed));
        }
        let mut names = Vec::new();
        order::merge(&mut names, entries.iter().map(|(section, _)| section.as_str()));
        order::merge(&mut names, library.iter().map(|(section, _)| section.as_str()));

        let offsets: HashMap<&str, u64> =
            spec.layout.functions.iter().map(|(key, offset)| (&**key, *offset)).collect();
        let mut code = Self {
            sections: Vec::with_capacity(names.len()),
            functions: HashMap::with_capacity(spec.functions.len()),
            programs: HashMap::with_capacity(spec.programs.len()),
        };
        let (mut entries_of, mut library_of) = (by_section(&entries), by_section(&library));
        for name in names {
            let section = code.sections.len();
            let mut found = Vec::new();
            for list in [&mut entries_of, &mut library_of] {
                let mut last = 0;
                for placed in list.remove(name).unwrap_or_default() {
                    let known = offsets.get(placed.key).copied();
                    last = known.unwrap_or(last);
                    found.push((last, known.is_some(), *placed));
                }
            }
            found.sort_by_key(|(wanted, ..)| *wanted);
            let functions = place(found);
            for (index, placed) in functions.iter().enumerate() {
                let keys = if placed.entry { &mut code.programs } else { &mut code.functions };
                keys.insert(placed.key, FunctionId { section, index });
            }
            code.sections.push(CodeSection { name: name.to_owned(), functions });
        }
        Ok(code)
    }

    /// The function that a reference names.
    pub(super) fn find(&self, key: &str) -> Option<FunctionId> {
        self.functions.get(key).or_else(|| self.programs.get(key)).copied()
    }

    /// The program of this name.
    pub(super) fn program(&self, key: &str) -> Option<FunctionId> {
        self.programs.get(key).copied()
    }

    pub(super) fn get(&self, id: FunctionId) -> Option<&Placed<'a>> {
        self.sections.get(id.section)?.functions.get(id.index)
    }
}

fn placed<'a>(
    key: &'a str,
    symbol: &'a str,
    function: &'a Function,
    linkage: Linkage,
    entry: bool,
) -> Result<Placed<'a>, WriteError> {
    if function.slots.is_empty() {
        return Err(WriteError::EmptyFunction { function: key.to_owned() });
    }
    Ok(Placed { key, symbol, function, entry, linkage, offset: 0, alias: false })
}

/// Places functions behind each other.
fn place<'a>(wanted: Vec<(u64, bool, Placed<'a>)>) -> Vec<Placed<'a>> {
    let mut functions: Vec<Placed<'a>> = Vec::with_capacity(wanted.len());
    let mut end = 0_u64;
    for (wanted, known, mut placed) in wanted {
        let before = functions.last().filter(|before| known && before.offset == wanted);
        let same = before.is_some_and(|before| {
            let (one, other) = (before.function, placed.function);
            one.slots == other.slots
                && one.references == other.references
                && one.jump_tables == other.jump_tables
                && one.type_id == other.type_id
                && one.line_infos == other.line_infos
                && one.core_relocations == other.core_relocations
        });
        placed.alias = same;
        placed.offset = match before {
            Some(before) if same => before.offset,
            _ => end.max(if known { wanted } else { 0 }),
        };
        end = end.max(placed.offset.saturating_add(placed.size()));
        functions.push(placed);
    }
    functions
}

/// The symbol of a function that is only called. The key is the symbol, or has the section behind it where that is taken.
fn symbol_of<'a>(key: &'a str, function: &'a Function) -> &'a str {
    let rest = key.strip_prefix(function.name.as_str());
    match rest {
        Some(rest) if !function.name.is_empty() && (rest.is_empty() || rest.starts_with('@')) => {
            &function.name
        }
        _ => key,
    }
}

/// The section of a program: its own, unless that says something else than the spec does.
fn section_of(
    key: &str,
    program: &ProgramSpec,
    options: &ReadOptions,
) -> Result<String, WriteError> {
    let own = program.section.strip_prefix('?').unwrap_or(&program.section);
    let fits = !own.is_empty()
        && own != LIBRARY
        && match options.section(own) {
            Some(found) => {
                (found.program_type, found.attach_type, found.attach_to, found.flags)
                    == (
                        program.program_type,
                        program.attach_type,
                        program.attach_to.as_deref(),
                        program.flags,
                    )
            }
            // A name that nobody knows gives a program that nobody knows.
            None => program.program_type == bpf_sys::abi::ProgramType::UNSPEC,
        };
    let name = if fits {
        own.to_owned()
    } else {
        let name = section_name(
            program.program_type,
            program.attach_type,
            program.attach_to.as_deref(),
            program.flags,
        );
        name.ok_or_else(|| WriteError::SectionName { program: key.to_owned() })?
    };
    Ok(if program.autoload { name } else { format!("?{name}") })
}
