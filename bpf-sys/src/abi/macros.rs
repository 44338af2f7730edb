//! The two shapes of kernel constants: a number that stands for one thing, and a word of flag bits.
//!
//! Both are *open*: a value that this version of the crate does not know is carried, compared and printed like any
//! other, so that a newer kernel can neither break a caller nor lose a bit.

/// Turns an upper-case constant name into the lower-case name of the same length, at compile time.
pub(crate) const fn lower_case<const N: usize>(name: &str) -> [u8; N] {
    let bytes = name.as_bytes();
    let mut out = [0; N];
    let mut rest: &[u8] = bytes;
    let mut target: &mut [u8] = &mut out;
    while let ([byte, tail @ ..], Some((slot, slots))) = (rest, target.split_first_mut()) {
        *slot = byte.to_ascii_lowercase();
        rest = tail;
        target = slots;
    }
    out
}

/// The bytes that [`lower_case`] made, as text.
pub(crate) const fn ascii(bytes: &[u8]) -> &str {
    match core::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => "",
    }
}

/// `"HASH"` to `"hash"`, as a constant expression.
macro_rules! lower_name {
    ($name:ident) => {{
        const BYTES: [u8; stringify!($name).len()] =
            $crate::abi::macros::lower_case(stringify!($name));
        $crate::abi::macros::ascii(&BYTES)
    }};
}

/// An open newtype over a kernel enumeration.
///
/// Each row is `NAME = value, (major, minor);`: the constant without the prefix that C gives it, and the first kernel
/// that has it.
macro_rules! open_enum {
    (
        $(#[$meta:meta])*
        $type:ident($repr:ident), $prefix:literal;
        $( $(#[$doc:meta])* $name:ident = $value:literal, ($major:literal, $minor:literal); )+
    ) => {
        $(#[$meta])*
        #[doc = ""]
        #[doc = "An open set: a value that this crate has no name for is kept as it is."]
        #[doc = "The default is zero."]
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(transparent)]
        pub struct $type(pub $repr);

        impl $type {
            $(
                $(#[$doc])*
                #[doc = ""]
                #[doc = concat!("`", $prefix, stringify!($name), "`, since Linux ", $major, ".", $minor, ".")]
                pub const $name: Self = Self($value);
            )+

            /// Every value that has a name, in the kernel's order.
            pub const ALL: &[Self] = &[$( Self::$name ),+];

            #[doc = concat!("The name in C without `", $prefix, "`, in lower case; `None` for an unknown value.")]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $( $value => Some(lower_name!($name)), )+
                    _ => None,
                }
            }

            /// The inverse of [`name`](Self::name).
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.name() == Some(name))
            }

            /// The first kernel with this value; `None` for an unknown value.
            ///
            /// For messages and documentation: a vendor's kernel may have the value earlier, so ask the kernel.
            pub const fn first_kernel(self) -> Option<$crate::abi::KernelVersion> {
                match self.0 {
                    $( $value => Some($crate::abi::KernelVersion::new($major, $minor, 0)), )+
                    _ => None,
                }
            }
        }

        impl core::fmt::Debug for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self.name() {
                    Some(name) => write!(f, "{}({name})", stringify!($type)),
                    None => write!(f, "{}({})", stringify!($type), self.0),
                }
            }
        }

        /// The name, or `unknown (N)`.
        impl core::fmt::Display for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self.name() {
                    Some(name) => f.pad(name),
                    None => write!(f, "unknown ({})", self.0),
                }
            }
        }
    };
}

/// A word of flag bits. Rows are as in [`open_enum!`], one bit each.
macro_rules! flags {
    (
        $(#[$meta:meta])*
        $type:ident($repr:ident);
        $( $(#[$doc:meta])* $name:ident = $value:expr, ($major:literal, $minor:literal); )+
    ) => {
        $(#[$meta])*
        #[doc = ""]
        #[doc = "Bits that this crate has no name for are kept. The default is no flag."]
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(transparent)]
        pub struct $type($repr);

        impl $type {
            $(
                $(#[$doc])*
                #[doc = ""]
                #[doc = concat!("Since Linux ", $major, ".", $minor, ".")]
                pub const $name: Self = Self($value);
            )+

            /// No flag.
            pub const NONE: Self = Self(0);

            /// These bits, known or not.
            pub const fn from_bits(bits: $repr) -> Self {
                Self(bits)
            }

            /// All bits, as the kernel takes them.
            pub const fn bits(self) -> $repr {
                self.0
            }

            /// Whether no bit is set.
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// Whether every bit of `other` is set here.
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Whether any bit of `other` is set here.
            pub const fn intersects(self, other: Self) -> bool {
                self.0 & other.0 != 0
            }

            /// These bits and those of `other`.
            #[must_use]
            pub const fn with(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// These bits but those of `other`.
            #[must_use]
            pub const fn without(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }
        }

        impl core::ops::BitOr for $type {
            type Output = Self;
            fn bitor(self, other: Self) -> Self {
                self.with(other)
            }
        }

        impl core::ops::BitOrAssign for $type {
            fn bitor_assign(&mut self, other: Self) {
                *self = self.with(other);
            }
        }

        /// Prints `MapFlags(NO_PREALLOC | RDONLY_PROG | 0x80000000)`: the named bits, then the rest.
        impl core::fmt::Debug for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                let named: &[($repr, &str)] = &[$( ($value, stringify!($name)) ),+];
                let mut rest = self.0;
                let mut separator = "";
                write!(f, "{}(", stringify!($type))?;
                for &(bits, name) in named {
                    if bits != 0 && rest & bits == bits {
                        write!(f, "{separator}{name}")?;
                        rest &= !bits;
                        separator = " | ";
                    }
                }
                if rest != 0 || self.0 == 0 {
                    write!(f, "{separator}{rest:#x}")?;
                }
                f.write_str(")")
            }
        }
    };
}

pub(crate) use {flags, lower_name, open_enum};
