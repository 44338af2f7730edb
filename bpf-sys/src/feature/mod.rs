//! What the running kernel can do.
//!
//! A probe makes the kernel do the thing in the smallest form and looks at the error; it never goes by the version, since distributions move
//! features to older kernels and leave others out. It attaches to nothing and leaves nothing behind.
//!
//! Meant for after a failure, to tell its reason, and for choices between two ways; not for each call before the call.

mod blob;
mod code;
mod kinds;
mod table;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::abi::{KernelVersion, MapType, ProgramType};
use crate::errno::{Errno, SysError};
use crate::fd::{OwnedTokenFd, TokenFd};

/// Something that a kernel has or does not have.
#[derive(Clone, Copy)]
pub struct Feature {
    name: &'static str,
    since: KernelVersion,
    probe: fn(&Probes) -> Outcome,
}

/// What one probe found; an error is one that says nothing about the feature.
type Outcome = Result<bool, SysError>;

impl Feature {
    /// What it is called in messages, in lower case.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The first kernel that has it, when nobody moved it.
    pub const fn since(&self) -> KernelVersion {
        self.since
    }
}

impl fmt::Debug for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Feature({}, {})", self.name, self.since)
    }
}

impl PartialEq for Feature {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Feature {}

/// Whether the kernel has a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It has it.
    Supported,
    /// It does not.
    Unsupported,
    /// Cannot tell: the probe failed for another reason, usually for want of rights.
    Unknown(SysError),
}

impl Answer {
    /// Whether the kernel surely has it.
    pub const fn is_supported(self) -> bool {
        matches!(self, Self::Supported)
    }

    /// Whether the kernel surely lacks it.
    pub const fn is_unsupported(self) -> bool {
        matches!(self, Self::Unsupported)
    }
}

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Feature(&'static str),
    MapType(MapType),
    ProgramType(ProgramType),
    Helper(ProgramType, u32),
}

/// Asks the kernel, and remembers what it said.
///
/// Only sure answers are kept. The value belongs to its owner, and can be shared between threads; two that ask the same at the same time may both
/// probe. On kernels before 5.11 a low memlock limit makes every answer unknown: see
/// [`raise_memlock_limit`](crate::kernel::raise_memlock_limit).
#[derive(Debug, Default)]
pub struct Probes {
    answers: Mutex<BTreeMap<Key, bool>>,
    token: Option<OwnedTokenFd>,
}

impl Probes {
    /// Knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Probes with the rights that a token delegates (6.9).
    pub fn with_token(token: OwnedTokenFd) -> Self {
        Self { answers: Mutex::default(), token: Some(token) }
    }

    /// The token, if there is one.
    pub fn token(&self) -> Option<TokenFd<'_>> {
        self.token.as_ref().map(OwnedTokenFd::as_borrowed)
    }

    /// Whether the kernel has a feature.
    pub fn ask(&self, feature: &Feature) -> Answer {
        self.remember(Key::Feature(feature.name), || (feature.probe)(self))
    }

    /// Whether the kernel has a kind of map.
    pub fn map_type(&self, map_type: MapType) -> Answer {
        self.remember(Key::MapType(map_type), || kinds::map_type(self, map_type))
    }

    /// Whether the kernel has a kind of program.
    pub fn program_type(&self, program_type: ProgramType) -> Answer {
        self.remember(Key::ProgramType(program_type), || kinds::program_type(self, program_type))
    }

    /// Whether programs of a kind may call a helper, by its number.
    ///
    /// Kinds that cannot be loaded without a target (tracing, LSM, extension, `struct_ops`) give [`Answer::Unknown`].
    pub fn helper(&self, program_type: ProgramType, helper: u32) -> Answer {
        self.remember(Key::Helper(program_type, helper), || {
            kinds::helper(self, program_type, helper)
        })
    }

    fn remember(&self, key: Key, probe: impl FnOnce() -> Outcome) -> Answer {
        let known = self.answers.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
        let outcome = match known {
            Some(answer) => Ok(answer),
            // Not under the lock: a probe may ask for another one's answer.
            None => probe(),
        };
        match outcome {
            Ok(answer) => {
                self.answers.lock().unwrap_or_else(PoisonError::into_inner).insert(key, answer);
                if answer { Answer::Supported } else { Answer::Unsupported }
            }
            Err(error) => Answer::Unknown(error),
        }
    }
}

/// Numbers by which kernels say that they do not know what they are asked for.
const fn says_unknown(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::EINVAL | Errno::E2BIG | Errno::EOPNOTSUPP | Errno::ENOTSUPP | Errno::ENOSYS
    )
}

/// Success is yes, an error of [`says_unknown`] is no, any other says nothing.
fn conclude<T>(result: Result<T, SysError>) -> Outcome {
    expect(result, |_| false)
}

/// [`conclude`], where an error that `proves` accepts is a yes as well: the kernel got so far.
fn expect<T>(result: Result<T, SysError>, proves: impl Fn(Errno) -> bool) -> Outcome {
    match result.map(drop) {
        Ok(()) => Ok(true),
        Err(error) if proves(error.errno) => Ok(true),
        Err(error) if says_unknown(error.errno) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::abi::Command;

    #[test]
    fn errors_prove_or_refute_or_say_nothing() {
        let error = |errno| Err::<(), _>(SysError::bpf(Command::LINK_CREATE, errno));
        let rows = [
            (error(Errno::EBADF), Some(true)),
            (error(Errno::EINVAL), Some(false)),
            (error(Errno::E2BIG), Some(false)),
            (error(Errno::ENOTSUPP), Some(false)),
            (error(Errno::EPERM), None),
            (error(Errno::ENOMEM), None),
            (Ok(()), Some(true)),
        ];
        for (result, expected) in rows {
            assert_eq!(expect(result, |errno| errno == Errno::EBADF).ok(), expected, "{result:?}");
        }
        assert!(conclude(error(Errno::EBADF)).is_err());
    }

    #[test]
    fn only_sure_answers_are_remembered() {
        let probes = Probes::new();
        let key = Key::Feature("test");
        let eperm = SysError::bpf(Command::MAP_CREATE, Errno::EPERM);
        let asked = Cell::new(0);
        let ask = |outcome: Outcome| {
            probes.remember(key, || {
                asked.set(asked.get() + 1);
                outcome
            })
        };
        assert_eq!(ask(Err(eperm)), Answer::Unknown(eperm));
        assert_eq!(ask(Ok(false)), Answer::Unsupported);
        assert_eq!(ask(Ok(true)), Answer::Unsupported);
        assert_eq!(asked.get(), 2);
    }

    #[test]
    fn features_have_names_of_their_own_and_plausible_versions() {
        for (index, feature) in Feature::ALL.iter().enumerate() {
            assert!(!Feature::ALL[..index].contains(feature), "{feature:?}");
            assert!(feature.since() > KernelVersion::new(4, 0, 0), "{feature:?}");
            assert!(!feature.name().is_empty());
        }
        assert_eq!(format!("{:?}", Feature::OBJECT_NAMES), "Feature(object names, 4.15)");
    }
}
