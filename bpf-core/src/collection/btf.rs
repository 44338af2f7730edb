//! The BTF of an object: types for maps, and names of functions and source lines for the verifier.

use bpf_btf::{BtfFeatures, ByteOrder};
use bpf_elf::prepare::{ContextFunctions, FuncInfo, prepare_btf_with_contexts};
use bpf_elf::spec::CollectionSpec;
use bpf_sys::OwnedBtfFd;
use bpf_sys::abi::ProgramType;

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::verifier::VerifierLog;

/// Bytes of the log of refused BTF.
const LOG: usize = 64 << 10;

/// What became of the BTF of an object.
#[derive(Debug)]
pub(super) enum Loaded {
    /// The object has none.
    None,
    /// The kernel has it.
    Here(OwnedBtfFd, ContextFunctions),
    /// The kernel refused it: most objects do without.
    Refused(VerifierLog),
}

impl Loaded {
    pub(super) fn fd(&self) -> Option<&OwnedBtfFd> {
        match self {
            Self::Here(fd, _) => Some(fd),
            Self::None | Self::Refused(_) => None,
        }
    }

    /// Function records for a kernel that does not know the tag `arg:ctx`, if they are others (libbpf: B7).
    pub(super) fn context_infos(
        &self,
        program_type: ProgramType,
        infos: &[FuncInfo],
    ) -> Option<Vec<FuncInfo>> {
        match self {
            Self::Here(_, contexts) => contexts.func_infos(program_type, infos),
            Self::None | Self::Refused(_) => None,
        }
    }

    /// Adds to an error that the BTF was refused, which may be the reason for it.
    pub(super) fn explain(&self, error: Error) -> Error {
        match self {
            Self::Refused(log) if error.kind() != ErrorKind::NotPermitted => {
                error.with_hint(format!("the kernel refused the BTF of the object, too: {log}"))
            }
            _ => error,
        }
    }
}

/// Loads the BTF of the object: as it is, then with what this kernel does not understand replaced (libbpf: B5).
pub(super) fn load(spec: &CollectionSpec, context: &Context) -> Result<Loaded> {
    let mut features = BtfFeatures::ALL;
    loop {
        let prepared = prepare_btf_with_contexts(spec, &features, ByteOrder::NATIVE);
        let prepared = prepared.map_err(|source| {
            Error::new(ErrorKind::InvalidSpec, "prepare the BTF of the object").with_cause(source)
        })?;
        let Some((bytes, contexts)) = prepared else { return Ok(Loaded::None) };
        if let Ok(fd) = bpf_sys::btf::load(&bytes, 0, &mut [], None) {
            return Ok(Loaded::Here(fd, contexts));
        }
        let known = context.btf_features();
        if known == features || features != BtfFeatures::ALL {
            return Ok(refused(&bytes, contexts));
        }
        features = known;
    }
}

/// Asks for the reason.
fn refused(bytes: &[u8], contexts: ContextFunctions) -> Loaded {
    let mut log = vec![0; LOG];
    match bpf_sys::btf::load(bytes, 1, &mut log, None) {
        Ok(fd) => Loaded::Here(fd, contexts),
        Err(_) => Loaded::Refused(VerifierLog::from_bytes(&log, false)),
    }
}
