//! Taking out and renaming what a spec names.
use std::sync::Arc;

use bpf_sys::abi::{AttachType, MapType, ProgramType};

use super::EditError;
use super::program_check::needed_flags;
use crate::section;
use crate::spec::{
    CollectionSpec, ExternSpec, Function, MapContents, MapSpec, ProgramSpec, Target,
};

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
    /// There is no such program, or the new name is none, or that of another program or function.
    pub fn rename_program(&mut self, name: &str, new: &str) -> Result<(), EditError> {
        if !self.programs.contains(name) {
            return Err(EditError::missing("program", name));
        }
        check_name("program", new)?;
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

    /// Takes a function out.
    ///
    /// # Errors
    ///
    /// There is no such function; or another function names it, or a program has it handle exceptions.
    pub fn remove_function(&mut self, key: &str) -> Result<Function, EditError> {
        let Some(function) = self.functions.get(key) else {
            return Err(EditError::missing("function", key));
        };
        let caller = self.code().find(|caller| {
            !std::ptr::eq(*caller, function)
                && caller.references.iter().any(|r| is_function(&r.target, key))
        });
        let user = caller.map(|function| format!("function {:?}", function.name)).or_else(|| {
            let of = |program: &&ProgramSpec| program.exception_callback.as_deref() == Some(key);
            Some(format!("program {:?}", self.programs.values().find(of)?.name))
        });
        if let Some(user) = user {
            return Err(EditError::InUse { kind: "function", name: key.to_owned(), user });
        }
        self.layout.functions.retain(|(function, _)| **function != *key);
        self.functions.remove(key).ok_or_else(|| EditError::missing("function", key))
    }

    /// Gives a function another key and name, here and wherever it is named.
    ///
    /// # Errors
    ///
    /// There is no such function, or the new name is none, or that of another function or program.
    pub fn rename_function(&mut self, key: &str, new: &str) -> Result<(), EditError> {
        if !self.functions.contains(key) {
            return Err(EditError::missing("function", key));
        }
        check_name("function", new)?;
        if self.programs.contains(new) || !self.functions.rename(key, new) {
            return Err(EditError::Taken { kind: "program or function", name: new.to_owned() });
        }
        if let Some(function) = self.functions.get_mut(new) {
            new.clone_into(&mut function.name);
        }
        let name: Arc<str> = Arc::from(new);
        self.for_each_target(|target| match target {
            Target::Call { function } | Target::FunctionAddress { function }
                if **function == *key =>
            {
                *function = Arc::clone(&name);
            }
            _ => {}
        });
        for program in self.programs.values_mut() {
            if program.exception_callback.as_deref() == Some(key) {
                program.exception_callback = Some(Arc::clone(&name));
            }
        }
        for (function, _) in &mut self.layout.functions {
            if **function == *key {
                *function = Arc::clone(&name);
            }
        }
        Ok(())
    }

    /// Takes the declaration of a kernel symbol out.
    ///
    /// # Errors
    ///
    /// There is no such extern, or a function names it.
    pub fn remove_extern(&mut self, name: &str) -> Result<ExternSpec, EditError> {
        if !self.externs.contains(name) {
            return Err(EditError::missing("extern", name));
        }
        let user = self.code().find(|function| {
            function.references.iter().any(|reference| is_extern(&reference.target, name))
        });
        if let Some(user) = user {
            let user = format!("function {:?}", user.name);
            return Err(EditError::InUse { kind: "extern", name: name.to_owned(), user });
        }
        self.externs.remove(name).ok_or_else(|| EditError::missing("extern", name))
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
    /// There is no such map, or the new name is none, or that of another map.
    pub fn rename_map(&mut self, name: &str, new: &str) -> Result<(), EditError> {
        if !self.maps.contains(name) {
            return Err(EditError::missing("map", name));
        }
        check_name("map", new)?;
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
    /// Makes this a program of another type, as if its section said nothing: without target and flags of the section, but with what every
    /// program of the type needs.
    pub fn set_type(&mut self, program_type: ProgramType, attach_type: Option<AttachType>) {
        let name = std::mem::take(&mut self.name);
        let function = std::mem::take(&mut self.function);
        let section = std::mem::take(&mut self.section);
        let autoload = self.autoload;
        *self = Self::new(name, program_type, function);
        self.section = section;
        self.autoload = autoload;
        self.attach_type = attach_type;
        self.needs_btf_target = section::needs_btf_target(program_type, attach_type);
        self.flags = needed_flags(program_type);
    }
}

/// Bytes of a name in the kernel's symbol table, with its NUL (`KSYM_NAME_LEN`).
const NAME_LEN: usize = 512;

/// Whether a text can be the name of a program, function or map: in a file, in the kernel's BTF, in a listing and in a pin path.
pub(super) fn check_name(kind: &'static str, name: &str) -> Result<(), EditError> {
    let problem = if name.is_empty() {
        "it is empty"
    } else if name.len() >= NAME_LEN {
        "it has more than 511 bytes"
    } else if name.contains(|c: char| c.is_control() || c.is_whitespace()) {
        "it has a space or control character"
    } else if name.contains('/') {
        "it has a slash"
    } else {
        return Ok(());
    };
    Err(EditError::Name { kind, name: name.to_owned(), problem })
}

fn is_function(target: &Target, key: &str) -> bool {
    match target {
        Target::Call { function } | Target::FunctionAddress { function } => **function == *key,
        _ => false,
    }
}

fn is_extern(target: &Target, key: &str) -> bool {
    match target {
        Target::Kfunc { name }
        | Target::KfuncAddress { name }
        | Target::Ksym { name }
        | Target::Kconfig { name } => **name == *key,
        _ => false,
    }
}

fn is_map(target: &Target, name: &str) -> bool {
    match target {
        Target::Map { name: map } | Target::MapValue { map, .. } => **map == *name,
        _ => false,
    }
}

pub(super) fn holds_map(map: &MapSpec, name: &str) -> bool {
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
