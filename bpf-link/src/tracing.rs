//! Programs that the verifier bound to their target by BTF: fentry, fexit, `fmod_ret`, typed raw tracepoints, LSM.

use bpf_sys::abi::{AttachType, ProgramType};
use bpf_sys::link::{LinkCreate, LinkOptions, LinkSource};
use bpf_sys::prog::Where;
use bpf_sys::{AsProgFd, Errno, ProgFd, SysError, kernel};

use crate::attempt::{Attempt, Feature, Hook, PERFMON};
use crate::error::{Error, ErrorKind};
use crate::link::Link;

static HOOK: Hook = Hook {
    feature: Feature::new("tracing programs", 5, 5),
    programs: &[ProgramType::TRACING, ProgramType::LSM, ProgramType::EXT],
    privilege: PERFMON,
};
const AGAIN: Feature = Feature::new("attaching a tracing program again", 5, 13);
const COOKIE: Feature = Feature::new("cookies of tracing programs", 5, 19);

/// How to attach a tracing or LSM program.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TracingOptions {
    /// Value that `bpf_get_attach_cookie` returns in the program (since Linux 5.19).
    pub cookie: Option<u64>,
}

impl TracingOptions {
    /// Sets the cookie.
    #[must_use]
    pub fn with_cookie(mut self, cookie: u64) -> Self {
        self.cookie = Some(cookie);
        self
    }
}

/// Attaches a program to the function, tracepoint or security hook that it was loaded for (since Linux 5.5; LSM 5.7).
///
/// `attach_type` is the one that the program was loaded with: `TRACE_FENTRY`, `TRACE_FEXIT`, `MODIFY_RETURN`, `TRACE_RAW_TP`,
/// `LSM_MAC`, `TRACE_FSESSION`. Kernels before 5.19 attach it by `BPF_RAW_TRACEPOINT_OPEN`, which takes no cookie.
#[doc(alias = "bpf_program__attach_trace_opts")]
#[doc(alias = "bpf_program__attach_lsm")]
pub fn attach_tracing(
    program: &impl AsProgFd,
    attach_type: AttachType,
    options: &TracingOptions,
) -> Result<Link, Error> {
    attach_fd(program.as_prog_fd(), attach_type, options)
}

fn attach_fd(
    program: ProgFd<'_>,
    attach_type: AttachType,
    options: &TracingOptions,
) -> Result<Link, Error> {
    let attempt = Attempt::new(program, &HOOK, format!("attaching as {attach_type}"));
    let explain = |feature: &Feature, error: SysError| {
        let errno = error.errno;
        let failure = attempt.failed_without(feature, error);
        let old = || kernel::release().is_ok_and(|running| running < AGAIN.since);
        match (errno, failure.kind()) {
            (Errno::ENOENT, _) if old() => failure
                .with_kind(AGAIN.missing())
                .with_advice("load the program anew to attach it once more"),
            (Errno::EBUSY, _) => failure.with_advice(
                "the program is attached already, or a trampoline has no place for it",
            ),
            (Errno::EINVAL, ErrorKind::Invalid) => failure
                .with_advice("the attach type must be the one that the program was loaded with"),
            _ => failure,
        }
    };
    let mut create = LinkCreate::new(LinkSource::Program(program), Where::None, attach_type);
    create.options = LinkOptions::Tracing { target_btf_id: 0, cookie: options.cookie.unwrap_or(0) };
    match bpf_sys::link::create(&create) {
        Ok(link) => return Ok(Link::object(link)),
        // What kernels before 5.19 answer. When it has another reason, the other call fails with it again.
        Err(error)
            if error.errno == Errno::EINVAL
                && options.cookie.is_none()
                && has_old_way(attach_type) => {}
        Err(error) => return Err(explain(&COOKIE, error)),
    }
    bpf_sys::link::open_raw_tracepoint(None, program, 0)
        .map(Link::object)
        .map_err(|error| explain(&HOOK.feature, error))
}

/// The old call does not look at the attach type: it must not attach what the caller did not mean.
fn has_old_way(attach_type: AttachType) -> bool {
    matches!(
        attach_type,
        AttachType::TRACE_RAW_TP
            | AttachType::LSM_MAC
            | AttachType::TRACE_FENTRY
            | AttachType::TRACE_FEXIT
            | AttachType::MODIFY_RETURN
    )
}
