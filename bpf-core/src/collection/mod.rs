//! A loaded object: its maps, programs and variables.

mod btf;
mod contents;
mod load;
mod options;
mod programs;
mod symbols;

use std::sync::Arc;

use bpf_elf::spec::{CollectionSpec, SpecMap, VariableSpec};
use once_cell::sync::OnceCell;

pub use self::options::{LoadOptions, LogLevel, ProgramOptions};

use crate::error::{Error, ErrorKind, Result};
use crate::map::Map;
use crate::program::Program;
use crate::variable::{Backing, Variable};

/// Maps, programs and variables that were loaded from one [`CollectionSpec`].
///
/// It owns the descriptors: dropping it closes them, and the kernel frees what is not pinned, attached or otherwise used.
/// The `take_` methods move an object out, to keep it longer or to share it.
#[derive(Debug)]
pub struct Collection {
    maps: SpecMap<Map>,
    programs: SpecMap<Program>,
    variables: SpecMap<VariableSpec>,
    /// What holds the values of the variables, by the name of the map; made when first asked for.
    backings: SpecMap<OnceCell<Arc<Backing>>>,
}

impl Collection {
    /// Loads a specification: creates and fills its maps, loads its programs.
    ///
    /// Maps come first, in the order of the specification; data sections are filled, and frozen where they are constant, before the first program is
    /// verified; arrays of programs are filled last. Programs with `autoload` off and maps with `autocreate` off are left out.
    /// When anything fails, everything is closed, and pins that this call made are removed.
    pub fn load(spec: &CollectionSpec, options: &LoadOptions<'_>) -> Result<Self> {
        let (maps, programs) = load::load(spec, options)?;
        let mut backings = SpecMap::new();
        for (_, variable) in &spec.variables {
            if maps.contains(&variable.map) && !backings.contains(&variable.map) {
                backings.insert(variable.map.as_str(), OnceCell::new());
            }
        }
        Ok(Self { maps, programs, variables: spec.variables.clone(), backings })
    }

    /// The map of this name.
    pub fn map(&self, name: &str) -> Result<&Map> {
        self.maps
            .get(name)
            .ok_or_else(|| missing("map", name, self.maps.iter().map(|(name, _)| name)))
    }

    /// The program of this name.
    pub fn program(&self, name: &str) -> Result<&Program> {
        self.programs
            .get(name)
            .ok_or_else(|| missing("program", name, self.programs.iter().map(|(name, _)| name)))
    }

    /// The global variable of this name. It stays usable when the collection is dropped.
    pub fn variable(&self, name: &str) -> Result<Variable> {
        let not_found = || missing("variable", name, self.variables.iter().map(|(name, _)| name));
        let spec = self.variables.get(name).ok_or_else(not_found)?;
        let cell = self.backings.get(&spec.map).ok_or_else(not_found)?;
        let backing = cell.get_or_try_init(|| Backing::new(self.map(&spec.map)?).map(Arc::new))?;
        Ok(Variable::new(spec, Arc::clone(backing)))
    }

    /// The maps, in the order of the specification.
    pub fn maps(&self) -> impl Iterator<Item = (&str, &Map)> {
        self.maps.iter()
    }

    /// The programs, in the order of the specification.
    pub fn programs(&self) -> impl Iterator<Item = (&str, &Program)> {
        self.programs.iter()
    }

    /// The names of the global variables, in the order of the specification.
    pub fn variable_names(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(|(name, _)| name)
    }

    /// Moves a map out. Variables in it that have been asked for stay usable; others are not found any more.
    pub fn take_map(&mut self, name: &str) -> Result<Map> {
        match self.maps.remove(name) {
            Some(map) => Ok(map),
            None => Err(missing("map", name, self.maps.iter().map(|(name, _)| name))),
        }
    }

    /// Moves a program out.
    pub fn take_program(&mut self, name: &str) -> Result<Program> {
        match self.programs.remove(name) {
            Some(program) => Ok(program),
            None => Err(missing("program", name, self.programs.iter().map(|(name, _)| name))),
        }
    }
}

/// Nothing has this name; there are others.
fn missing<'a>(what: &str, name: &str, names: impl Iterator<Item = &'a str>) -> Error {
    /// More than this helps nobody.
    const SHOWN: usize = 16;
    let names: Vec<&str> = names.take(SHOWN).collect();
    let error = Error::new(ErrorKind::NotFound, format!("find {what} `{name}` in the collection"));
    if names.is_empty() {
        return error.with_reason(format!("it has no {what}s"));
    }
    error.with_reason(format!("it has {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_found_is_told_with_what_there_is() {
        let rows = [
            (vec![], "cannot find map `x` in the collection: not found: it has no maps"),
            (vec!["a", "b"], "cannot find map `x` in the collection: not found: it has a, b"),
        ];
        for (names, expected) in rows {
            assert_eq!(missing("map", "x", names.into_iter()).to_string(), expected);
        }
    }
}
