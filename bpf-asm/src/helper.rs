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

    /// The helper that kernels before 5.5 have for the same: one for the memory of the kernel and of processes alike (libbpf: E33).
    ///
    /// ```
    /// use bpf_asm::HelperId;
    ///
    /// assert_eq!(HelperId::PROBE_READ_USER_STR.older(), Some(HelperId::PROBE_READ_STR));
    /// assert_eq!(HelperId::PROBE_READ_STR.older(), None);
    /// ```
    pub const fn older(self) -> Option<Self> {
        match self {
            Self::PROBE_READ_USER | Self::PROBE_READ_KERNEL => Some(Self::PROBE_READ),
            Self::PROBE_READ_USER_STR | Self::PROBE_READ_KERNEL_STR => Some(Self::PROBE_READ_STR),
            _ => None,
        }
    }

    /// Major and minor number of the first kernel that has this helper; `None` for a number that the UAPI does not
    /// list. Which program types may call it is another question.
    pub const fn first_kernel(self) -> Option<(u32, u32)> {
        // The list only grows at its end, so each kernel adds a range.
        Some(match self.0 {
            1..=3 => (3, 19),
            4..=11 => (4, 1),
            12..=16 => (4, 2),
            17..=22 => (4, 3),
            23..=25 => (4, 4),
            26 => (4, 5),
            27..=30 => (4, 6),
            31..=36 => (4, 8),
            37..=41 => (4, 9),
            42..=44 => (4, 10),
            45 => (4, 11),
            46..=47 => (4, 12),
            48..=50 => (4, 13),
            51..=53 => (4, 14),
            54..=57 => (4, 15),
            58..=59 => (4, 16),
            60..=64 => (4, 17),
            65..=80 => (4, 18),
            81..=83 => (4, 19),
            84..=90 => (4, 20),
            91..=92 => (5, 0),
            93..=98 => (5, 1),
            99..=108 => (5, 2),
            109 => (5, 3),
            110 => (5, 4),
            111..=115 => (5, 5),
            116..=118 => (5, 6),
            119..=124 => (5, 7),
            125..=135 => (5, 8),
            136..=141 => (5, 9),
            142..=155 => (5, 10),
            156..=162 => (5, 11),
            163 => (5, 12),
            164..=165 => (5, 13),
            166..=168 => (5, 14),
            169..=175 => (5, 15),
            176..=179 => (5, 16),
            180..=185 => (5, 17),
            186..=193 => (5, 18),
            194..=203 => (5, 19),
            204..=207 => (6, 0),
            208..=209 => (6, 1),
            210..=211 => (6, 2),
            _ => return None,
        })
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
    fn every_helper_has_a_first_kernel() {
        for (id, kernel) in [
            (HelperId::MAP_LOOKUP_ELEM, (3, 19)),
            (HelperId::PROBE_READ, (4, 1)),
            (HelperId::GET_PRANDOM_U32, (4, 1)),
            (HelperId::TAIL_CALL, (4, 2)),
            (HelperId::SKB_LOAD_BYTES, (4, 5)),
            (HelperId::REDIRECT_MAP, (4, 14)),
            (HelperId::FIB_LOOKUP, (4, 18)),
            (HelperId::MSG_PUSH_DATA, (4, 20)),
            (HelperId::SEND_SIGNAL, (5, 3)),
            (HelperId::PROBE_READ_KERNEL, (5, 5)),
            (HelperId::RINGBUF_OUTPUT, (5, 8)),
            (HelperId::D_PATH, (5, 10)),
            (HelperId::TASK_STORAGE_GET, (5, 11)),
            (HelperId::FOR_EACH_MAP_ELEM, (5, 13)),
            (HelperId::TIMER_INIT, (5, 15)),
            (HelperId::LOOP, (5, 17)),
            (HelperId::KPTR_XCHG, (5, 19)),
            (HelperId::USER_RINGBUF_DRAIN, (6, 1)),
            (HelperId::CGRP_STORAGE_DELETE, (6, 2)),
        ] {
            assert_eq!(id.first_kernel(), Some(kernel), "{id}");
        }
        assert!(HelperId::all().map(HelperId::first_kernel).is_sorted());
        assert!(HelperId::all().all(|id| id.first_kernel().is_some()));
        assert_eq!(HelperId::new(0).first_kernel(), None);
        assert_eq!(HelperId::new(212).first_kernel(), None);
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
