//! Whether a program is one that the kernel takes.
use bpf_sys::abi::{AttachType, ProgramFlags, ProgramType};

use super::error::{EditError, refuse};
use super::program_problem::ProgramProblem;
use crate::section::{self, TargetProblem};
use crate::spec::{CollectionSpec, Linkage, ProgramSpec};

impl CollectionSpec {
    /// Whether the kernel takes a program of this type with this attach type, target, flags and code, and the rest of the collection has what it
    /// names: what an edit by [`program_mut`](Self::program_mut) checks, for a program whose fields were set or read.
    ///
    /// # Errors
    ///
    /// There is no such program, or the first thing that is wrong with it.
    pub fn check_program(&self, name: &str) -> Result<(), EditError> {
        let program = self.programs.get(name).ok_or_else(|| EditError::missing("program", name))?;
        refuse(self.program_problems(name, program), &[], EditError::program(name))?;
        refuse(self.code_problems(&program.function), &[], EditError::code(name))
    }

    /// All that is wrong with a program besides its code.
    pub(super) fn program_problems(
        &self,
        name: &str,
        program: &ProgramSpec,
    ) -> Vec<ProgramProblem> {
        let mut found = alone(program);
        if program.name != name {
            found.push(ProgramProblem::Renamed { found: program.name.clone() });
        }
        if let Some(callback) = &program.exception_callback {
            let known = self.functions.get(callback);
            if !known.is_some_and(|known| known.linkage != Linkage::Static && !known.hidden) {
                let function = (**callback).to_owned();
                found.push(ProgramProblem::ExceptionCallback { function });
            }
        }
        found
    }
}

/// What is wrong with a program by itself. Of a type that nobody knows, nothing is.
fn alone(program: &ProgramSpec) -> Vec<ProgramProblem> {
    let program_type = program.program_type;
    let mut found = Vec::new();
    if program_type == ProgramType::UNSPEC || program_type.name().is_none() {
        return found;
    }
    match program.attach_type {
        Some(attach_type) if !attaches(program_type, attach_type) => {
            found.push(ProgramProblem::AttachType { program_type, attach_type });
        }
        None if needs_attach_type(program_type) => {
            found.push(ProgramProblem::NoAttachType { program_type });
        }
        _ => {}
    }
    if let Some(target) = program.attach_to.as_deref().filter(|target| !target.is_empty()) {
        match section::check_target(&program.section, program_type, program.attach_type, target) {
            Ok(()) => {}
            Err(TargetProblem::None) => {
                let target = target.to_owned();
                found.push(ProgramProblem::Target { program_type, target });
            }
            Err(TargetProblem::Grammar(error)) => found.push(ProgramProblem::Grammar(error)),
        }
    }
    let in_btf = matches!(
        program_type,
        ProgramType::TRACING | ProgramType::LSM | ProgramType::EXT | ProgramType::STRUCT_OPS
    );
    if program.needs_btf_target && !in_btf {
        found.push(ProgramProblem::BtfTarget { program_type });
    }
    let rows = [
        (ProgramFlags::SLEEPABLE, may_sleep(program_type)),
        (ProgramFlags::XDP_HAS_FRAGS, matches!(program_type, ProgramType::XDP | ProgramType::EXT)),
        (ProgramFlags::XDP_DEV_BOUND_ONLY, program_type == ProgramType::XDP),
    ];
    for (flags, allowed) in rows {
        if program.flags.contains(flags) && !allowed {
            found.push(ProgramProblem::Flags { program_type, flags });
        }
    }
    let flags = needed_flags(program_type).without(program.flags);
    if !flags.is_empty() {
        found.push(ProgramProblem::NeededFlags { program_type, flags });
    }
    found
}

/// Whether programs of a type can have an attach type (`bpf_prog_load_check_attach`, and how they are attached).
fn attaches(program_type: ProgramType, attach_type: AttachType) -> bool {
    match program_type {
        // The number of a member.
        ProgramType::STRUCT_OPS => true,
        _ if attach_type.name().is_none() => true,
        ProgramType::PERF_EVENT | ProgramType::TRACEPOINT | ProgramType::KPROBE
            if attach_type == AttachType::PERF_EVENT =>
        {
            true
        }
        _ => section::attach_types(program_type).any(|known| known == attach_type),
    }
}

/// Whether the kernel refuses to load programs of a type without an attach type. Some do with 0, which is an attach type as well.
fn needs_attach_type(program_type: ProgramType) -> bool {
    matches!(
        program_type,
        ProgramType::CGROUP_SOCK_ADDR
            | ProgramType::CGROUP_SOCKOPT
            | ProgramType::SK_LOOKUP
            | ProgramType::TRACING
            | ProgramType::LSM
            | ProgramType::NETFILTER
    )
}

/// `can_be_sleepable`, of the newest kernel.
fn may_sleep(program_type: ProgramType) -> bool {
    matches!(
        program_type,
        ProgramType::TRACING
            | ProgramType::LSM
            | ProgramType::KPROBE
            | ProgramType::STRUCT_OPS
            | ProgramType::SYSCALL
            | ProgramType::TRACEPOINT
            | ProgramType::RAW_TRACEPOINT
            | ProgramType::RAW_TRACEPOINT_WRITABLE
    )
}

/// Flags that the kernel wants of programs of a type.
pub(super) fn needed_flags(program_type: ProgramType) -> ProgramFlags {
    match program_type {
        ProgramType::SYSCALL => ProgramFlags::SLEEPABLE,
        _ => ProgramFlags::NONE,
    }
}
