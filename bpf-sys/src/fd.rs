//! Descriptors of kernel objects, one type per kind, owned and borrowed.
//!
//! A program's descriptor must not pass for a link's, and a file's for neither. The doors are `From<OwnedFd>` and `From<BorrowedFd>`:
//! they are safe, because a descriptor of another kind is an error that the kernel gives, not undefined behaviour.
//! Maps are different, since the kernel reads and writes as many bytes as the map says: see [`MapFd`](crate::MapFd).

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// Defines the owned and the borrowed type of one kind of object.
macro_rules! descriptor {
    ($owned:ident, $borrowed:ident, $what:literal) => {
        #[doc = concat!("A borrowed descriptor of ", $what, ".")]
        ///
        /// Made from a [`BorrowedFd`]; a wrong one is an error from the kernel when it is used.
        #[derive(Clone, Copy, Debug)]
        #[repr(transparent)]
        pub struct $borrowed<'fd>(BorrowedFd<'fd>);

        impl<'fd> From<BorrowedFd<'fd>> for $borrowed<'fd> {
            fn from(fd: BorrowedFd<'fd>) -> Self {
                Self(fd)
            }
        }

        impl<'fd> From<$borrowed<'fd>> for BorrowedFd<'fd> {
            fn from(fd: $borrowed<'fd>) -> Self {
                fd.0
            }
        }

        impl AsFd for $borrowed<'_> {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.0
            }
        }

        impl AsRawFd for $borrowed<'_> {
            fn as_raw_fd(&self) -> RawFd {
                self.0.as_raw_fd()
            }
        }

        #[doc = concat!("An owned descriptor of ", $what, ", closed when dropped.")]
        ///
        /// Made from an [`OwnedFd`]; a wrong one is an error from the kernel when it is used.
        #[derive(Debug)]
        #[repr(transparent)]
        pub struct $owned(OwnedFd);

        impl $owned {
            /// The borrowed form.
            pub fn as_borrowed(&self) -> $borrowed<'_> {
                $borrowed(self.0.as_fd())
            }

            /// Another descriptor of the same object, closed on exec.
            pub fn try_clone(&self) -> std::io::Result<Self> {
                self.0.try_clone().map(Self)
            }
        }

        impl From<OwnedFd> for $owned {
            fn from(fd: OwnedFd) -> Self {
                Self(fd)
            }
        }

        impl From<$owned> for OwnedFd {
            fn from(fd: $owned) -> Self {
                fd.0
            }
        }

        impl AsFd for $owned {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.0.as_fd()
            }
        }

        impl AsRawFd for $owned {
            fn as_raw_fd(&self) -> RawFd {
                self.0.as_raw_fd()
            }
        }
    };
}

descriptor!(OwnedProgFd, ProgFd, "a loaded program");
descriptor!(OwnedLinkFd, LinkFd, "a link");
descriptor!(OwnedBtfFd, BtfFd, "BTF in the kernel");
descriptor!(OwnedTokenFd, TokenFd, "a token");

/// What can lend the descriptor of a loaded program.
///
/// Functions that attach take `&impl AsProgFd`, so that they serve programs of any origin: loaded, pinned, received.
pub trait AsProgFd {
    /// The descriptor.
    fn as_prog_fd(&self) -> ProgFd<'_>;
}

impl AsProgFd for ProgFd<'_> {
    fn as_prog_fd(&self) -> ProgFd<'_> {
        *self
    }
}

impl AsProgFd for OwnedProgFd {
    fn as_prog_fd(&self) -> ProgFd<'_> {
        self.as_borrowed()
    }
}

impl<T: AsProgFd + ?Sized> AsProgFd for &T {
    fn as_prog_fd(&self) -> ProgFd<'_> {
        (**self).as_prog_fd()
    }
}

impl<T: AsProgFd + ?Sized> AsProgFd for std::sync::Arc<T> {
    fn as_prog_fd(&self) -> ProgFd<'_> {
        (**self).as_prog_fd()
    }
}

/// What can lend the descriptor of a map.
pub trait AsMapFd {
    /// The descriptor.
    fn as_map_fd(&self) -> crate::MapFd<'_>;
}

impl AsMapFd for crate::MapFd<'_> {
    fn as_map_fd(&self) -> crate::MapFd<'_> {
        *self
    }
}

impl AsMapFd for crate::OwnedMapFd {
    fn as_map_fd(&self) -> crate::MapFd<'_> {
        self.as_borrowed()
    }
}

impl<T: AsMapFd + ?Sized> AsMapFd for &T {
    fn as_map_fd(&self) -> crate::MapFd<'_> {
        (**self).as_map_fd()
    }
}

impl<T: AsMapFd + ?Sized> AsMapFd for std::sync::Arc<T> {
    fn as_map_fd(&self) -> crate::MapFd<'_> {
        (**self).as_map_fd()
    }
}
