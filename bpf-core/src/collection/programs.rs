//! Programs: prepared, relocated for the running kernel, loaded.

use bpf_elf::prepare::{
    CoreOptions, CoreResolution, KernelType, ModuleSearch, PoisonedAccess, PrepareOptions,
    prepare_program,
};
use bpf_elf::spec::{CollectionSpec, ProgramSpec, SpecMap};
use bpf_sys::abi::ProgramType;
use bpf_sys::prog::AttachTarget;
use bpf_sys::{AsProgFd, OwnedBtfFd};

use super::load::Loader;
use super::options::{LoadOptions, ProgramOptions};
use super::symbols::Symbols;
use crate::context::{self, Context, Found};
use crate::error::{Error, ErrorKind, Result};
use crate::program::{self, Program, Request};

/// What the CO-RE relocations of the collection become on this kernel; `None` when no program to load has any, so that the
/// kernel's BTF is not even read.
pub(super) fn resolve_core(
    spec: &CollectionSpec,
    options: &LoadOptions<'_>,
    context: &Context,
) -> Result<Option<CoreResolution>> {
    let mut loaded = spec.programs.iter().filter(|(name, program)| {
        options.programs.get(*name).and_then(|p| p.autoload).unwrap_or(program.autoload)
    });
    let none = spec.functions.values().all(|function| function.core_relocations.is_empty())
        && loaded.all(|(_, program)| program.function.core_relocations.is_empty());
    if none {
        return Ok(None);
    }
    // Modules refer to the types of the running kernel by their ids.
    let usual = if context.has_own_btf() { ModuleSearch::WhenMissing } else { ModuleSearch::Never };
    let mut core = CoreOptions::new().with_modules(options.module_search.unwrap_or(usual));
    for (name, bytes) in &options.core_targets {
        let btf = context::parse(&format!("read the BTF of `{name}`"), bytes.clone())?;
        core = core.with_target(name, btf);
    }
    CoreResolution::with_options(spec, context.vmlinux()?, || context.module_btfs(), &core)
        .map(Some)
}

/// Tells what an instruction wanted of the kernel that the verifier refused because the kernel lacks it.
fn explain_poison(error: Error, poisoned: &[PoisonedAccess]) -> Error {
    let at = error.verifier_log().and_then(|log| log.instruction()).map(|(slot, _)| slot);
    match poisoned.iter().find(|access| Some(access.slot) == at) {
        Some(access) => error.with_hint(format!(
            "this kernel lacks what the instruction accesses; ask first, as `bpf_core_field_exists` does. CO-RE: {}",
            access.story
        )),
        None => error,
    }
}

impl Loader<'_> {
    pub(super) fn load_programs(&self) -> Result<SpecMap<Program>> {
        let mut programs = SpecMap::new();
        let none = ProgramOptions::default();
        for (name, spec) in &self.spec.programs {
            let options = self.options.programs.get(name).unwrap_or(&none);
            if options.autoload.unwrap_or(spec.autoload) {
                programs.insert(name, self.load_program(spec, options)?);
            }
        }
        Ok(programs)
    }

    fn load_program(&self, spec: &ProgramSpec, options: &ProgramOptions<'_>) -> Result<Program> {
        let action = || format!("load program `{}`", spec.name);
        let mut prepare = PrepareOptions::new();
        prepare.core = self.core.as_ref();
        let mut prepared = prepare_program(self.spec, &spec.name, &prepare)
            .map_err(|source| Error::new(ErrorKind::InvalidSpec, action()).with_cause(source))?;
        let mut symbols = Symbols {
            spec: self.spec,
            program: &spec.name,
            maps: &self.maps,
            context: &self.context,
            addresses: &self.addresses,
            fd_array: Vec::new(),
        };
        prepared.complete(&mut symbols)?;
        let fd_array = symbols.fd_array;
        let (attach_btf_id, attach_target) = self.attach_target(spec, options)?;
        let mut loaded = program::load(Request {
            spec,
            flags: spec.flags | options.flags,
            slots: prepared.slots,
            license: &self.spec.license,
            kernel_version: self.kernel_version(spec)?,
            btf: self.btf.fd().map(OwnedBtfFd::as_borrowed),
            func_infos: &prepared.func_infos,
            context_infos: self.btf.context_infos(spec.program_type, &prepared.func_infos),
            renamed_contexts: false,
            line_infos: &prepared.line_infos,
            attach_btf_id,
            attach_target,
            fd_array,
            log_level: options.log_level.unwrap_or(self.options.log_level),
            context: &self.context,
        })
        .map_err(|error| explain_poison(self.btf.explain(error), &prepared.poisoned))?;
        if let Some(target) = &options.attach_to {
            loaded.set_attach_to(target);
        }
        Ok(loaded)
    }

    /// Kernels before 5.0 load a kprobe only for their own version (libbpf: `bpf_object__load_progs`, cilium: P6).
    fn kernel_version(&self, spec: &ProgramSpec) -> Result<u32> {
        /// In the section `version`: whatever kernel is running.
        const ANY: u32 = 0xffff_fffe;
        match self.spec.kernel_version {
            0 | ANY if spec.program_type == ProgramType::KPROBE => {
                Ok(self.context.kernel_version()?.code())
            }
            ANY => Ok(0),
            version => Ok(version),
        }
    }

    /// The BTF type that the program attaches to, for the types of program that name it when they are loaded.
    fn attach_target<'b>(
        &'b self,
        spec: &'b ProgramSpec,
        options: &'b ProgramOptions<'_>,
    ) -> Result<(u32, AttachTarget<'b>)> {
        let action = || format!("find what program `{}` attaches to", spec.name);
        let target = options.attach_to.as_deref().or(spec.attach_to.as_deref());
        if !spec.needs_btf_target {
            return Ok((0, AttachTarget::Kernel));
        }
        let Some(target) = target else {
            return Err(Error::new(ErrorKind::InvalidSpec, action())
                .with_reason(format!("its section name `{}` does not say", spec.section))
                .with_hint("name it with `ProgramOptions::with_attach_to`"));
        };
        if let Some(program) = options.attach_program {
            let id = program::find_function(program, target)?;
            return Ok((id, AttachTarget::Program(program.as_prog_fd())));
        }
        if spec.program_type == ProgramType::EXT {
            return Err(Error::new(ErrorKind::InvalidSpec, action())
                .with_reason("it replaces a function of another program")
                .with_hint("give that program with `ProgramOptions::with_attach_program`"));
        }
        let wanted = KernelType::attach_target(spec.attach_type, target);
        match self.context.find_type(&wanted)? {
            Some(Found { id, module: None, .. }) => Ok((id.get(), AttachTarget::Kernel)),
            Some(Found { id, module: Some(module), .. }) => {
                Ok((id.get(), AttachTarget::Module(module)))
            }
            None => Err(Error::new(ErrorKind::NotFound, action())
                .with_reason(format!("the kernel's BTF has no {} `{}`", wanted.kind, wanted.name))),
        }
    }
}
