//! Programs and functions from the assembler.
use std::collections::HashSet;
use std::sync::Arc;

use bpf_asm::{Code, Slot, Target as Named};
use bpf_sys::abi::ProgramType;

use super::code_check;
use super::code_problem::CodeProblem;
use super::error::{EditError, refuse};
use super::names::check_name;
use crate::reader::{distances, write_target};
use crate::spec::{
    CollectionSpec, ExternKind, ExternSpec, Function, ProgramSpec, Reference, SpecMap, Target,
};

impl CollectionSpec {
    /// Adds a program that an assembler or a builder made. Its first function is the entry, and called `name` whatever it is called
    /// there; further functions go to [`functions`](Self::functions).
    ///
    /// Symbols of the kernel that the code names and the spec does not declare become externs of unknown type: [`ExternKind::Kfunc`] for
    /// a call, [`ExternKind::Ksym`] for an address. What needs another declaration (weak, a type, a value of the configuration)
    /// declares it before.
    ///
    /// ```
    /// use bpf_asm::{ByteOrder, Code};
    /// use bpf_elf::prepare::{PrepareOptions, prepare_program};
    /// use bpf_elf::spec::CollectionSpec;
    /// use bpf_sys::abi::ProgramType;
    ///
    /// let mut spec = CollectionSpec::new(ByteOrder::NATIVE);
    /// let code = Code::assemble("<filter>:\n r1 = 7\n call double\n exit\n<double>:\n r0 = r1\n r0 += r1\n exit")?;
    /// spec.add_program("filter", ProgramType::SOCKET_FILTER, &code)?;
    /// let prepared = prepare_program(&spec, "filter", &PrepareOptions::new())?;
    /// assert_eq!(prepared.functions, [("filter".to_owned(), 0), ("double".to_owned(), 3)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The name of the program or of a function is none or is taken, or two functions of the code have one; or the code is not that of whole functions: it is empty, it has slots before its
    /// first function, a jump leaves its function, control runs out of the end, or a reference or distance leads to no function. The spec is then
    /// what it was. Maps that the code names may be added later: [`check`](Self::check) tells what is missing.
    pub fn add_program(
        &mut self,
        name: &str,
        program_type: ProgramType,
        code: &Code,
    ) -> Result<&mut ProgramSpec, EditError> {
        if self.programs.contains(name) || self.functions.contains(name) {
            return Err(EditError::Taken { kind: "program", name: name.to_owned() });
        }
        check_name("program", name)?;
        let mut parts = Parts::new(code, Some(name))?;
        let functions = parts.functions(&self.externs)?;
        check_code(&functions)?;
        let mut functions = functions.into_iter();
        let empty = || EditError::Slot { function: name.to_owned(), table: "code", slot: 0 };
        let entry = functions.next().ok_or_else(empty)?;
        self.add_all(functions.collect(), &parts.externs)?;
        self.programs.insert(name, ProgramSpec::new(name, program_type, entry));
        self.programs.get_mut(name).ok_or_else(|| EditError::missing("program", name))
    }

    /// Gives a function or program other code that an assembler or a builder made: the function, if both have the name. Its first function is
    /// the entry, as for [`add_program`](Self::add_program); further functions are added. What belonged to the old instructions goes: references, CO-RE relocations,
    /// lines and jump tables. The type, section and BTF of the program stay.
    ///
    /// ```
    /// # use bpf_asm::{ByteOrder, Code};
    /// # use bpf_elf::spec::CollectionSpec;
    /// # use bpf_sys::abi::ProgramType;
    /// let mut spec = CollectionSpec::new(ByteOrder::NATIVE);
    /// spec.add_program("filter", ProgramType::SOCKET_FILTER, &Code::assemble("r0 = 0\nexit")?)?;
    /// spec.replace_code("filter", &Code::assemble("r0 = 1\nexit")?)?;
    /// assert!(spec.replace_code("filter", &Code::assemble("r1 = map[none] ll\nexit")?).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// There is no such program or function; as for `add_program`; or a map or function that the code names is missing. The spec is then what it was.
    pub fn replace_code(&mut self, key: &str, code: &Code) -> Result<(), EditError> {
        if self.function(key).is_none() {
            return Err(EditError::missing("program or function", key));
        }
        let entry = self.add_others(key, code)?;
        // A function takes precedence, as where the name is called.
        let old = match self.functions.get_mut(key) {
            Some(function) => Some(function),
            None => self.programs.get_mut(key).map(|program| &mut program.function),
        };
        old.map(|old| old.replace_slots(entry))
            .ok_or_else(|| EditError::missing("program or function", key))
    }

    /// As [`replace_code`](Self::replace_code), for a program even if a function has its name.
    pub(super) fn replace_program_code(
        &mut self,
        name: &str,
        code: &Code,
    ) -> Result<(), EditError> {
        if !self.programs.contains(name) {
            return Err(EditError::missing("program", name));
        }
        let entry = self.add_others(name, code)?;
        let program = self.programs.get_mut(name);
        program
            .map(|program| program.function.replace_slots(entry))
            .ok_or_else(|| EditError::missing("program", name))
    }

    /// Adds all that code has besides its first function, and returns that one.
    fn add_others(&mut self, key: &str, code: &Code) -> Result<Function, EditError> {
        let mut parts = Parts::new(code, Some(key))?;
        let functions = parts.functions(&self.externs)?;
        let externs = parts.externs;
        let others: HashSet<&str> = functions.iter().skip(1).map(|f| f.name.as_str()).collect();
        let known = |kind: &str, name: &str| match kind {
            "function" => others.contains(name),
            _ => externs.contains(name),
        };
        for function in &functions {
            let found = self.code_problems(function).into_iter();
            let open = found.filter(|problem| match problem {
                CodeProblem::Missing { kind, name, .. } => !known(kind, name),
                _ => true,
            });
            refuse(open.collect(), &[], EditError::code(&function.name))?;
        }
        let mut functions = functions.into_iter();
        let empty = || EditError::code(key)(CodeProblem::Empty);
        let entry = functions.next().ok_or_else(empty)?;
        self.add_all(functions.collect(), &externs)?;
        Ok(entry)
    }

    /// Adds the functions of code to [`functions`](Self::functions), for programs to call.
    ///
    /// # Errors
    ///
    /// As for [`add_program`](Self::add_program).
    pub fn add_functions(&mut self, code: &Code) -> Result<(), EditError> {
        let mut parts = Parts::new(code, None)?;
        let functions = parts.functions(&self.externs)?;
        check_code(&functions)?;
        self.add_all(functions, &parts.externs)
    }

    fn add_all(
        &mut self,
        functions: Vec<Function>,
        externs: &SpecMap<ExternSpec>,
    ) -> Result<(), EditError> {
        let taken = |name: &str| self.functions.contains(name) || self.programs.contains(name);
        if let Some(function) = functions.iter().find(|function| taken(&function.name)) {
            let name = function.name.clone();
            return Err(EditError::Taken { kind: "program or function", name });
        }
        for function in functions {
            self.functions.insert(function.name.clone(), function);
        }
        for (name, found) in externs {
            if !self.externs.contains(name) {
                self.externs.insert(name, found.clone());
            }
        }
        Ok(())
    }
}

impl Function {
    /// Takes the instructions of another function, and drops what belonged to the old ones.
    fn replace_slots(&mut self, other: Function) {
        self.slots = other.slots;
        self.references = other.references;
        self.core_relocations.clear();
        self.line_infos.clear();
        self.jump_tables.clear();
    }
}

/// Whether each is a function by itself. What they name may follow: [`CollectionSpec::check`] looks at that.
fn check_code(functions: &[Function]) -> Result<(), EditError> {
    for function in functions {
        check_name("function", &function.name)?;
        refuse(code_check::alone(function), &[], EditError::code(&function.name))?;
    }
    Ok(())
}

/// The functions of code, with what they refer to.
struct Parts<'code> {
    code: &'code Code,
    /// Names and first slots.
    starts: Vec<(&'code str, usize)>,
    /// What the first function is called in the spec.
    entry: Option<&'code str>,
    externs: SpecMap<ExternSpec>,
}

impl<'code> Parts<'code> {
    fn new(code: &'code Code, entry: Option<&'code str>) -> Result<Self, EditError> {
        let mut starts: Vec<(&str, usize)> =
            code.functions.iter().map(|function| (function.name.as_str(), function.slot)).collect();
        if let (true, Some(entry)) = (starts.is_empty(), entry) {
            starts.push((entry, 0));
        }
        starts.sort_by_key(|(_, slot)| *slot);
        let ends = starts.iter().skip(1).map(|(_, start)| *start).chain([code.slots.len()]);
        let mut last = None;
        for ((name, start), end) in starts.iter().zip(ends) {
            // The first begins with the code, and none is empty.
            let follows = last.is_none_or(|last| last == *start) && (last.is_some() || *start == 0);
            if !follows || *start >= end {
                let function = (*name).to_owned();
                return Err(EditError::Slot { function, table: "the start", slot: *start });
            }
            last = Some(end);
        }
        let mut names = HashSet::with_capacity(starts.len());
        for (at, (name, _)) in starts.iter().enumerate() {
            // The first has the name of the entry too.
            if !names.insert(*name) || (at != 0 && entry == Some(*name)) {
                let name = (*name).to_owned();
                return Err(EditError::Taken { kind: "program or function", name });
            }
        }
        Ok(Self { code, starts, entry, externs: SpecMap::new() })
    }

    fn functions(&mut self, declared: &SpecMap<ExternSpec>) -> Result<Vec<Function>, EditError> {
        let mut references: Vec<&bpf_asm::Reference> = self.code.references.iter().collect();
        references.sort_by_key(|reference| reference.slot);
        let mut functions = Vec::with_capacity(self.starts.len());
        for at in 0..self.starts.len() {
            let Some(&(name, start)) = self.starts.get(at) else { break };
            let next = at.checked_add(1).and_then(|next| self.starts.get(next));
            let end = next.map_or(self.code.slots.len(), |(_, start)| *start);
            let slots = self.code.slots.get(start..end).unwrap_or_default().to_vec();
            let mut function = Function::new(self.key(name), slots);
            let from = references.partition_point(|reference| reference.slot < start);
            let to = references.partition_point(|reference| reference.slot < end);
            for reference in references.get(from..to).unwrap_or_default() {
                let target = self.target(&reference.target, declared);
                let slot = reference.slot.saturating_sub(start);
                function.references.push(Reference::new(slot, target));
            }
            self.add_distances(&mut function, start)?;
            for reference in &function.references {
                write_target(&mut function.slots, reference.slot, &reference.target);
            }
            functions.push(function);
        }
        match references.last() {
            Some(last) if last.slot >= self.code.slots.len() => {
                let function =
                    self.starts.last().map_or_else(String::new, |(name, _)| self.key(name));
                Err(EditError::Slot { function, table: "a reference", slot: last.slot })
            }
            _ => Ok(functions),
        }
    }

    /// The key of a function in the spec.
    fn key(&self, name: &str) -> String {
        let first = self.starts.first().is_some_and(|(first, _)| *first == name);
        self.entry.filter(|_| first).unwrap_or(name).to_owned()
    }

    /// Calls, and loads of a function's address, that only have a distance.
    fn add_distances(&self, function: &mut Function, start: usize) -> Result<(), EditError> {
        let sites = distances(&function.slots, &function.references);
        for &at in &sites {
            let found = function.slots.get(at).and_then(|slot| self.callee(start, at, *slot));
            let (slot, key) = found.ok_or_else(|| EditError::Slot {
                function: function.name.clone(),
                table: "a call, which leads to no function,",
                slot: at,
            })?;
            let target = if slot.is_call() {
                Target::Call { function: key }
            } else {
                Target::FunctionAddress { function: key }
            };
            function.references.push(Reference::new(at, target));
        }
        if !sites.is_empty() {
            function.references.sort_by_key(|reference| reference.slot);
        }
        Ok(())
    }

    /// The function that starts where the distance in an instruction leads to.
    fn callee(&self, start: usize, at: usize, slot: Slot) -> Option<(Slot, Arc<str>)> {
        let next = i64::try_from(start.checked_add(at)?.checked_add(1)?).ok()?;
        let to = usize::try_from(next.checked_add(i64::from(slot.imm))?).ok()?;
        let found = self.starts.binary_search_by_key(&to, |(_, start)| *start).ok()?;
        let (name, _) = self.starts.get(found)?;
        Some((slot, Arc::from(self.key(name))))
    }

    fn target(&mut self, named: &Named, declared: &SpecMap<ExternSpec>) -> Target {
        match named {
            Named::Map { name } => Target::Map { name: name.as_str().into() },
            Named::MapValue { map, offset } => {
                Target::MapValue { map: map.as_str().into(), offset: *offset }
            }
            Named::Call { function } => Target::Call { function: self.key(function).into() },
            Named::FunctionAddress { function } => {
                Target::FunctionAddress { function: self.key(function).into() }
            }
            Named::Kfunc { name } => {
                self.declare(name, ExternKind::Kfunc, declared);
                Target::Kfunc { name: name.as_str().into() }
            }
            Named::Ksym { name } => {
                let key = Arc::from(name.as_str());
                match self.declare(name, ExternKind::Ksym, declared) {
                    ExternKind::Ksym => Target::Ksym { name: key },
                    ExternKind::Kfunc => Target::KfuncAddress { name: key },
                    ExternKind::Kconfig => Target::Kconfig { name: key },
                }
            }
            // A later kind of reference: the check of the spec tells that nothing has this name.
            other => Target::Map { name: format!("{other:?}").into() },
        }
    }

    /// The kind of an extern that the code names.
    fn declare(
        &mut self,
        name: &str,
        kind: ExternKind,
        declared: &SpecMap<ExternSpec>,
    ) -> ExternKind {
        let known = declared.get(name).or_else(|| self.externs.get(name));
        if let Some(known) = known {
            return known.kind;
        }
        let mut found = ExternSpec::new(name, kind);
        // Nobody says what it is, but it is not declared as `void`: the kernel's type counts.
        found.type_name = Some(String::new());
        self.externs.insert(name, found);
        kind
    }
}
