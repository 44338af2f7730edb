//! Taking out and renaming what a spec names.
use std::sync::Arc;

use bpf_sys::abi::{AttachType, MapType, ProgramType};

use super::EditError;
use crate::spec::{CollectionSpec, Function, MapContents, MapSpec, ProgramSpec, Target};

impl CollectionSpec {
    /// Takes a program out.
    ///
    /// # Errors
    ///
    /// There is no such program; a map has it in its contents, or another function calls it.
    pub fn remove_program(&mut self, name: &str) -> Result<ProgramSpec, EditError> {
        if !self.programs.contains(name) {
            return Err(EditError::missing("program", name));
        }
        let called = |function: &Function| {
            function.name != name
                && function.references.iter().any(|r| self.is_program(&r.target, name))
        };
        let caller = self.code().find(|function| called(function));
        let user = caller.map(|function| format!("function {:?}", function.name)).or_else(|| {
            let holder = self.maps.values().find(|map| holds_program(map, name))?;
            Some(format!("map {:?}", holder.name))
        });
        if let Some(user) = user {
            return Err(EditError::InUse { kind: "program", name: name.to_owned(), user });
        }
        self.programs.remove(name).ok_or_else(|| EditError::missing("program", name))
    }

    /// Gives a program another name, here and wherever it is named.
    ///
    /// # Errors
    ///
    /// There is no such program, or the new name is that of another program or function.
    pub fn rename_program(&mut self, name: &str, new: &str) -> Result<(), EditError> {
        if !self.programs.contains(name) {
            return Err(EditError::missing("program", name));
        }
        if self.functions.contains(new) || !self.programs.rename(name, new) {
            return Err(EditError::Taken { kind: "program or function", name: new.to_owned() });
        }
        if let Some(program) = self.programs.get_mut(new) {
            new.clone_into(&mut program.name);
        }
        let key: Arc<str> = Arc::from(new);
        // A function of the old name takes precedence: references mean that one.
        if !self.functions.contains(name) {
            self.for_each_target(|target| match target {
                Target::Call { function } | Target::FunctionAddress { function }
                    if **function == *name =>
                {
                    *function = Arc::clone(&key);
                }
                _ => {}
            });
        }
        for map in self.maps.values_mut() {
            let is_array = map.map_type == MapType::PROG_ARRAY;
            if let (true, MapContents::Entries(entries)) = (is_array, &mut map.contents) {
                for entry in entries.iter_mut().filter(|entry| entry.name == name) {
                    new.clone_into(&mut entry.name);
                }
            }
            for member in map.function_members.iter_mut().filter(|member| member.program == name) {
                new.clone_into(&mut member.program);
            }
        }
        Ok(())
    }

    /// Takes a map out, with the variables in it.
    ///
    /// # Errors
    ///
    /// There is no such map; another map has it in its contents, or a function names it.
    pub fn remove_map(&mut self, name: &str) -> Result<MapSpec, EditError> {
        if !self.maps.contains(name) {
            return Err(EditError::missing("map", name));
        }
        let uses =
            |function: &&Function| function.references.iter().any(|r| is_map(&r.target, name));
        let user = self.code().find(uses).map(|function| format!("function {:?}", function.name));
        let user = user.or_else(|| {
            let holder = self.maps.values().find(|map| holds_map(map, name))?;
            Some(format!("map {:?}", holder.name))
        });
        if let Some(user) = user {
            return Err(EditError::InUse { kind: "map", name: name.to_owned(), user });
        }
        let variables: Vec<String> = self
            .variables
            .values()
            .filter(|variable| variable.map == name)
            .map(|variable| variable.name.clone())
            .collect();
        for variable in variables {
            self.variables.remove(&variable);
        }
        self.maps.remove(name).ok_or_else(|| EditError::missing("map", name))
    }

    /// Gives a map another name, here and wherever it is named.
    ///
    /// # Errors
    ///
    /// There is no such map, or the new name is that of another one.
    pub fn rename_map(&mut self, name: &str, new: &str) -> Result<(), EditError> {
        if !self.maps.contains(name) {
            return Err(EditError::missing("map", name));
        }
        if !self.maps.rename(name, new) {
            return Err(EditError::Taken { kind: "map", name: new.to_owned() });
        }
        if let Some(map) = self.maps.get_mut(new) {
            new.clone_into(&mut map.name);
        }
        let key: Arc<str> = Arc::from(new);
        self.for_each_target(|target| match target {
            Target::Map { name: map } | Target::MapValue { map, .. } if **map == *name => {
                *map = Arc::clone(&key);
            }
            _ => {}
        });
        for map in self.maps.values_mut().filter(|map| map.map_type != MapType::PROG_ARRAY) {
            if let MapContents::Entries(entries) = &mut map.contents {
                for entry in entries.iter_mut().filter(|entry| entry.name == name) {
                    new.clone_into(&mut entry.name);
                }
            }
        }
        for variable in self.variables.values_mut().filter(|variable| variable.map == name) {
            new.clone_into(&mut variable.map);
        }
        Ok(())
    }

    /// All functions, those of programs first.
    pub(super) fn code(&self) -> impl Iterator<Item = &Function> {
        let programs = self.programs.values().map(|program| &program.function);
        programs.chain(self.functions.values())
    }

    fn for_each_target(&mut self, mut change: impl FnMut(&mut Target)) {
        let programs = self.programs.values_mut().map(|program| &mut program.function);
        for function in programs.chain(self.functions.values_mut()) {
            for reference in &mut function.references {
                change(&mut reference.target);
            }
        }
    }

    /// Whether a target means this program.
    fn is_program(&self, target: &Target, name: &str) -> bool {
        match target {
            Target::Call { function } | Target::FunctionAddress { function } => {
                **function == *name && !self.functions.contains(name)
            }
            _ => false,
        }
    }
}

impl ProgramSpec {
    /// Makes this a program of another type, as if its section said nothing: without target and flags of the section.
    pub fn set_type(&mut self, program_type: ProgramType, attach_type: Option<AttachType>) {
        let name = std::mem::take(&mut self.name);
        let function = std::mem::take(&mut self.function);
        let section = std::mem::take(&mut self.section);
        let autoload = self.autoload;
        *self = Self::new(name, program_type, function);
        self.section = section;
        self.autoload = autoload;
        self.attach_type = attach_type;
    }
}

fn is_map(target: &Target, name: &str) -> bool {
    match target {
        Target::Map { name: map } | Target::MapValue { map, .. } => **map == *name,
        _ => false,
    }
}

fn holds_map(map: &MapSpec, name: &str) -> bool {
    match &map.contents {
        MapContents::Entries(entries) if map.map_type != MapType::PROG_ARRAY => {
            entries.iter().any(|entry| entry.name == name)
        }
        _ => false,
    }
}

fn holds_program(map: &MapSpec, name: &str) -> bool {
    let entry = match &map.contents {
        MapContents::Entries(entries) if map.map_type == MapType::PROG_ARRAY => {
            entries.iter().any(|entry| entry.name == name)
        }
        _ => false,
    };
    entry || map.function_members.iter().any(|member| member.program == name)
}
