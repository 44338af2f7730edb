//! Changes to programs, each checked when it is made.
use bpf_asm::Code;
use bpf_sys::abi::{AttachType, ProgramFlags, ProgramType};

use super::error::{EditError, refuse};
use crate::reader::write_target;
use crate::section;
use crate::spec::{CollectionSpec, Function, ProgramSpec};

impl CollectionSpec {
    /// A program whose properties can be changed. Each change is checked when it is made.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use bpf_elf::spec::CollectionSpec;
    ///
    /// let mut spec = CollectionSpec::open("trace.o")?;
    /// spec.program_mut("on_connect")?.set_attach_to("tcp_v6_connect")?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// There is no such program.
    pub fn program_mut(&mut self, name: &str) -> Result<ProgramMut<'_>, EditError> {
        if !self.programs.contains(name) {
            return Err(EditError::missing("program", name));
        }
        Ok(ProgramMut { spec: self, name: name.to_owned() })
    }
}

/// A program whose properties can be changed.
///
/// A change is refused if it makes anything wrong that was not wrong before: with it the kernel would not take the program, or the collection would
/// not hold together. The spec is then what it was, and the error names the program and what is wrong. Whether the code is safe is for the
/// verifier to say.
///
/// The fields of [`ProgramSpec`] can also be set without a check: [`CollectionSpec::check_program`] then tells what these methods would.
#[derive(Debug)]
pub struct ProgramMut<'spec> {
    spec: &'spec mut CollectionSpec,
    name: String,
}

impl ProgramMut<'_> {
    /// The program as it is.
    pub fn spec(&self) -> Option<&ProgramSpec> {
        self.spec.programs.get(&self.name)
    }

    /// Makes several changes as one: they are checked together when all are made.
    ///
    /// # Errors
    ///
    /// [`EditError::Program`] or [`EditError::Code`] with what is wrong now.
    pub fn edit(&mut self, change: impl FnOnce(&mut ProgramSpec)) -> Result<&mut Self, EditError> {
        let missing = || EditError::missing("program", &self.name);
        let program = self.spec.programs.get(&self.name).ok_or_else(missing)?;
        let mut changed = program.clone();
        change(&mut changed);
        let known = self.spec.program_problems(&self.name, program);
        let found = self.spec.program_problems(&self.name, &changed);
        refuse(found, &known, EditError::program(&self.name))?;
        if changed.function != program.function {
            let known = self.spec.code_problems(&program.function);
            let found = self.spec.code_problems(&changed.function);
            refuse(found, &known, EditError::code(&self.name))?;
        }
        self.spec.programs.insert(self.name.as_str(), changed);
        Ok(self)
    }

    /// Another type, as if the section said nothing: see [`ProgramSpec::set_type`].
    pub fn set_type(
        &mut self,
        program_type: ProgramType,
        attach_type: Option<AttachType>,
    ) -> Result<&mut Self, EditError> {
        self.edit(|program| program.set_type(program_type, attach_type))
    }

    /// Another attach type of the same type of programs.
    pub fn set_attach_type(&mut self, attach_type: AttachType) -> Result<&mut Self, EditError> {
        self.edit(|program| {
            program.attach_type = Some(attach_type);
            program.attach_type_optional = false;
            program.needs_btf_target =
                section::needs_btf_target(program.program_type, program.attach_type);
        })
    }

    /// Another target: what follows the slash in the names of sections of this kind.
    pub fn set_attach_to(&mut self, target: &str) -> Result<&mut Self, EditError> {
        self.edit(|program| program.attach_to = Some(target.to_owned()))
    }

    /// Flags for `BPF_PROG_LOAD`.
    pub fn set_flags(&mut self, flags: ProgramFlags) -> Result<&mut Self, EditError> {
        self.edit(|program| program.flags = flags)
    }

    /// Whether loading the collection loads this program.
    pub fn set_autoload(&mut self, autoload: bool) -> Result<&mut Self, EditError> {
        self.edit(|program| program.autoload = autoload)
    }

    /// Other code. Maps, functions and externs that it names have to be there; externs are not declared by this.
    ///
    /// The instructions get the marks that their references stand for, as in an object that was read.
    pub fn set_function(&mut self, mut function: Function) -> Result<&mut Self, EditError> {
        for reference in &function.references {
            write_target(&mut function.slots, reference.slot, &reference.target);
        }
        self.edit(|program| program.function = function)
    }

    /// Code from an assembler or a builder: see [`CollectionSpec::replace_code`]. A function of the same name is left alone.
    pub fn set_code(&mut self, code: &Code) -> Result<&mut Self, EditError> {
        self.spec.replace_program_code(&self.name, code)?;
        Ok(self)
    }
}
