//! Names of maps and programs in the kernel.

use core::fmt;

use super::OBJECT_NAME_LEN;

/// The name of a map or program: at most 15 bytes of `A-Z a-z 0-9 _ .`, with NULs to 16. The default is no name.
///
/// Kernels before 4.15 know no names, before 5.2 no dot in them.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ObjectName([u8; OBJECT_NAME_LEN]);

/// Whether the kernel takes the byte: `bpf_obj_name_cpy` in kernel/bpf/syscall.c.
const fn allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.'
}

impl ObjectName {
    /// No name.
    pub const NONE: Self = Self([0; OBJECT_NAME_LEN]);

    /// The name if the kernel takes it as it is, otherwise `None`.
    pub fn new(name: &str) -> Option<Self> {
        (name.len() < OBJECT_NAME_LEN && name.bytes().all(allowed)).then(|| Self::sanitized(name))
    }

    /// The name cut to 15 bytes, with `_` for bytes that the kernel refuses.
    pub fn sanitized(name: &str) -> Self {
        let mut bytes = [0; OBJECT_NAME_LEN];
        // The last byte stays NUL.
        for (target, byte) in bytes.iter_mut().take(OBJECT_NAME_LEN - 1).zip(name.bytes()) {
            *target = if allowed(byte) { byte } else { b'_' };
        }
        Self(bytes)
    }

    /// The name as it stands in a structure of the kernel, up to the first NUL.
    pub const fn from_bytes(bytes: [u8; OBJECT_NAME_LEN]) -> Self {
        Self(bytes)
    }

    /// As the kernel's structures hold it.
    pub const fn to_bytes(self) -> [u8; OBJECT_NAME_LEN] {
        self.0
    }

    /// The text; empty when the bytes are not UTF-8, which the kernel never gives.
    pub fn as_str(&self) -> &str {
        let name = self.0.split(|&byte| byte == 0).next().unwrap_or_default();
        core::str::from_utf8(name).unwrap_or_default()
    }

    /// Whether there is no name.
    pub const fn is_empty(&self) -> bool {
        matches!(self.0, [0, ..])
    }
}

impl fmt::Debug for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_to_15_bytes_and_cleaned() {
        let rows = [
            ("", "", true),
            ("stats", "stats", true),
            (".rodata", ".rodata", true),
            ("exactly_15_byte", "exactly_15_byte", true),
            ("exactly_16_bytes", "exactly_16_byte", false),
            ("with-dash?", "with_dash_", false),
            ("é", "__", false),
        ];
        for (name, cleaned, valid) in rows {
            assert_eq!(ObjectName::sanitized(name).as_str(), cleaned, "{name}");
            assert_eq!(ObjectName::new(name).is_some(), valid, "{name}");
            assert_eq!(ObjectName::sanitized(name).is_empty(), cleaned.is_empty());
        }
        assert_eq!(ObjectName::default(), ObjectName::NONE);
        assert_eq!(
            format!("{:?} {}", ObjectName::sanitized("a"), ObjectName::sanitized("b")),
            "\"a\" b"
        );
    }

    #[test]
    fn sixteen_bytes_without_nul_are_a_name_too() {
        assert_eq!(ObjectName::from_bytes(*b"0123456789abcdef").as_str(), "0123456789abcdef");
        assert_eq!(ObjectName::from_bytes([0xff; 16]).as_str(), "");
    }
}
