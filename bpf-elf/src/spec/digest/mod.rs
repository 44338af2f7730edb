//! A digest of what a spec means.
//!
//! The encoding that is hashed is private to the version that stands in front of the digits: a change of it is a new version.

mod encoder;
mod parts;
#[cfg(test)]
pub(crate) mod tests;
mod types;

use std::fmt;
use std::str::FromStr;

pub(crate) use encoder::Hash;
pub(crate) use parts::{FunctionName, Parts, names_of};

use super::CollectionSpec;

/// The version of the encoding that is hashed.
const VERSION: &str = "v1";

/// A SHA-256 of what a spec means: two objects that a kernel could tell apart differ, two that only a debugger could tell apart
/// do not. Made by [`CollectionSpec::digest`].
///
/// Its text is the version of what is hashed and 64 hexadecimal digits, `v1:9f86d0...`. Digests of different versions say
/// nothing about each other.
///
/// - It changes with any instruction, the name, section, type, target or flag of a program, any field of a map or its
///   contents, the place, type or value of a variable, with externs, CO-RE accesses, the licence and the version, the names,
///   signatures and linkage of functions, and with the types that a kernel is told of these.
/// - It changes with the byte order: what a section of data holds is in the order of the object, and an object of the other
///   order runs on other machines.
/// - It does not depend on paths, lines and columns of the source, on the order of sections, symbols and types, and of the
///   pairs of a map, and on types that nothing uses.
///
/// A kernel loads a prepared program, not a spec: the digest of the bytes that it got is its [tag](bpf_asm::Tag).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpecDigest([u8; 32]);

impl SpecDigest {
    /// The hash.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for SpecDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VERSION}:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SpecDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpecDigest({self})")
    }
}

/// Why a text is no [`SpecDigest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// It does not begin with `v1:`.
    #[error("a digest begins with `{VERSION}:`: digests of other versions cannot be compared")]
    Version,
    /// What follows is something else than 64 hexadecimal digits.
    #[error("a digest has 64 hexadecimal digits after its version")]
    Digits,
}

impl FromStr for SpecDigest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (version, digits) = text.split_once(':').ok_or(DigestError::Version)?;
        if version != VERSION {
            return Err(DigestError::Version);
        }
        let mut bytes = [0; 32];
        let pairs = digits.as_bytes().chunks(2);
        if pairs.len() != bytes.len() {
            return Err(DigestError::Digits);
        }
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            let &[high, low] = pair else { return Err(DigestError::Digits) };
            *byte = nibble(high)? << 4 | nibble(low)?;
        }
        Ok(Self(bytes))
    }
}

fn nibble(digit: u8) -> Result<u8, DigestError> {
    let value = char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    value.ok_or(DigestError::Digits)
}

impl CollectionSpec {
    /// A digest of what this spec means, to tell whether two objects are the same but for debug information.
    ///
    /// ```
    /// use bpf_elf::spec::CollectionSpec;
    ///
    /// # let bytes = testdata::object("counter", testdata::Order::NATIVE);
    /// let mut spec = CollectionSpec::parse(bytes)?;
    /// let digest = spec.digest();
    /// assert!(digest.to_string().starts_with("v1:"));
    ///
    /// spec.license = "Proprietary".to_owned();
    /// assert_ne!(spec.digest(), digest);
    /// # Ok::<(), bpf_elf::Error>(())
    /// ```
    pub fn digest(&self) -> SpecDigest {
        SpecDigest(Parts::new(self).whole())
    }
}
