//! Replacing a function of a loaded program.

use bpf_btf::{Btf, Kind};
use bpf_sys::abi::{AttachType, ProgramType};
use bpf_sys::link::{LinkCreate, LinkOptions, LinkSource};
use bpf_sys::prog::Where;
use bpf_sys::{AsProgFd, Errno, ProgFd, SysError};

use crate::attempt::{Attempt, Feature, Hook, PERFMON};
use crate::error::{Error, ErrorKind};
use crate::link::Link;

static HOOK: Hook = Hook {
    feature: Feature::new("freplace programs", 5, 6),
    programs: &[ProgramType::EXT],
    privilege: PERFMON,
};
const RETARGET: Feature = Feature::new("another target than the one at load time", 5, 10);

/// Attaches a program of type `EXT` in place of the function that it was loaded for (since Linux 5.6).
#[doc(alias = "bpf_program__attach_freplace")]
pub fn attach_freplace(program: &impl AsProgFd) -> Result<Link, Error> {
    let program = program.as_prog_fd();
    let attempt = Attempt::new(program, &HOOK, "attaching in place of a function".to_owned());
    bpf_sys::link::open_raw_tracepoint(None, program, 0)
        .map(Link::object)
        .map_err(|error| failed(&attempt, &HOOK.feature, error))
}

/// Attaches a program of type `EXT` in place of a global function of another program (since Linux 5.10).
///
/// The function has the same types as the one that the program was loaded for. It is found by name in the BTF of the target.
#[doc(alias = "bpf_program__attach_freplace")]
pub fn attach_freplace_to(
    program: &impl AsProgFd,
    target: &impl AsProgFd,
    function: &str,
) -> Result<Link, Error> {
    attach_fd(program.as_prog_fd(), target.as_prog_fd(), function)
}

fn attach_fd(program: ProgFd<'_>, target: ProgFd<'_>, function: &str) -> Result<Link, Error> {
    let action = format!("attaching in place of function `{function}`");
    let attempt = Attempt::new(program, &HOOK, action);
    let target_btf_id = function_id(&attempt, target, function)?;
    let source = LinkSource::Program(program);
    let mut create = LinkCreate::new(source, Where::Fd(target.into()), AttachType(0));
    create.options = LinkOptions::Tracing { target_btf_id, cookie: 0 };
    bpf_sys::link::create(&create)
        .map(Link::object)
        .map_err(|error| failed(&attempt, &RETARGET, error))
}

fn function_id(attempt: &Attempt<'_>, target: ProgFd<'_>, function: &str) -> Result<u32, Error> {
    let sys = |error| Error::from_sys(attempt.action(), error);
    let not_found = |advice: &str| attempt.refuse(ErrorKind::NotFound).with_advice(advice);
    let id = bpf_sys::prog::btf_id(target)
        .map_err(sys)?
        .ok_or_else(|| not_found("the target was loaded without BTF"))?;
    let fd = bpf_sys::object::btf_by_id(id).map_err(sys)?;
    let bytes = bpf_sys::btf::bytes(fd.as_borrowed()).map_err(sys)?;
    let btf = Btf::parse(bytes).map_err(|error| {
        let failure = attempt.refuse(ErrorKind::Other);
        failure.with_advice("the target's BTF cannot be read").with_source(error)
    })?;
    btf.find(function, Kind::Func)
        .map(bpf_btf::TypeId::get)
        .ok_or_else(|| not_found("the target has no such function"))
}

fn failed(attempt: &Attempt<'_>, feature: &Feature, error: SysError) -> Error {
    let errno = error.errno;
    let failure = attempt.failed_without(feature, error);
    match (errno, failure.kind()) {
        (Errno::EBUSY, _) => failure.with_advice("the function is replaced already"),
        (Errno::EINVAL, ErrorKind::Invalid) => failure.with_advice(
            "the function must be global, and have the types of the one that the program was loaded for",
        ),
        _ => failure,
    }
}
