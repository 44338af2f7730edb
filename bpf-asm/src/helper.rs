//! Helper functions: what a call of the first kind calls.

use core::fmt;

/// Number of a helper function (`enum bpf_func_id`).
///
/// The constants are all helpers of the UAPI; the list is closed since 6.2, newer functions are kfuncs.
/// Any number is representable.
///
/// ```
/// use bpf_asm::HelperId;
///
/// assert_eq!(HelperId::MAP_LOOKUP_ELEM.number(), 1);
/// assert_eq!(HelperId::MAP_LOOKUP_ELEM.name(), Some("bpf_map_lookup_elem"));
/// assert_eq!(HelperId::from_name("bpf_map_lookup_elem"), Some(HelperId::MAP_LOOKUP_ELEM));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HelperId(u32);

impl HelperId {
    /// The helper with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number in the call.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The helper with this name, such as `bpf_map_lookup_elem`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::TABLE.iter().find(|(_, known)| *known == name).map(|(id, _)| *id)
    }

    /// All helpers of the UAPI, in the order of their numbers.
    pub fn all() -> impl ExactSizeIterator<Item = Self> + Clone {
        Self::TABLE.iter().map(|(id, _)| *id)
    }
}

/// The name, or `unknown`.
impl fmt::Display for HelperId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().unwrap_or("unknown"))
    }
}

impl fmt::Debug for HelperId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}#{}", self.0)
    }
}

macro_rules! helpers {
    ($($number:literal $constant:ident $name:literal;)*) => {
        impl $crate::HelperId {
            $(
                #[doc = concat!("`", $name, "`")]
                pub const $constant: Self = Self::new($number);
            )*

            pub(crate) const TABLE: &[(Self, &str)] = &[$((Self::$constant, $name)),*];

            /// Name in C, such as `bpf_map_lookup_elem`; `None` for a number that the UAPI does not list.
            pub const fn name(self) -> Option<&'static str> {
                match self.number() {
                    $($number => Some($name),)*
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use helpers;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_dense_and_unique() {
        for (index, (id, name)) in HelperId::TABLE.iter().enumerate() {
            assert_eq!(usize::try_from(id.number()).ok(), index.checked_add(1));
            assert_eq!(id.name(), Some(*name));
            assert_eq!(HelperId::from_name(name), Some(*id));
        }
        assert_eq!(HelperId::all().len(), 211);
    }

    #[test]
    fn a_number_without_a_helper_has_no_name() {
        for number in [0, 212, u32::MAX] {
            assert_eq!(HelperId::new(number).name(), None);
        }
        assert_eq!(HelperId::from_name("bpf_unspec"), None);
        assert_eq!(HelperId::from_name("map_lookup_elem"), None);
    }
}
