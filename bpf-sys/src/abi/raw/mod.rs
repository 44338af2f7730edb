//! The kernel's structures as they lie in memory: one per command of `union bpf_attr`, and those that describe objects.
//!
//! Field names are those of C. Every byte has a name, so that zerocopy's `IntoBytes` proves that nothing uninitialised
//! reaches the kernel; padding fields are zero. Sizes and offsets are asserted when this crate is compiled.
//!
//! A structure may be longer than an older kernel knows: the kernel accepts that as long as the part that it does not know is zero,
//! and answers `E2BIG` otherwise.

#![expect(
    missing_debug_implementations,
    unnameable_types,
    reason = "zerocopy's derives define helper types"
)]

mod attr;
mod info;

pub use attr::{
    BatchAttr, BtfLoadAttr, EnableStatsAttr, IdAttr, InfoAttr, IterCreateAttr, LinkCreateAttr,
    LinkCreateCgroup, LinkCreateIter, LinkCreateKprobeMulti, LinkCreateNetfilter,
    LinkCreatePerfEvent, LinkCreateTracing, LinkCreateTracingMulti, LinkCreateUprobeMulti,
    LinkDetachAttr, LinkUpdateAttr, MapCreateAttr, MapElemAttr, ObjAttr, ProgAssocStructOpsAttr,
    ProgAttachAttr, ProgBindMapAttr, ProgLoadAttr, ProgQueryAttr, ProgStreamReadAttr,
    ProgTestRunAttr, RawTracepointAttr, TaskFdQueryAttr, TokenCreateAttr,
};
pub use info::{
    BtfInfo, LinkInfo, LinkInfoCgroup, LinkInfoDevice, LinkInfoIter, LinkInfoKprobeMulti,
    LinkInfoMap, LinkInfoNetfilter, LinkInfoNetns, LinkInfoPerfEvent, LinkInfoPerfEventSource,
    LinkInfoPerfKprobe, LinkInfoPerfTracepoint, LinkInfoPerfUprobe, LinkInfoRawTracepoint,
    LinkInfoTracing, LinkInfoUprobeMulti, MapInfo, ProgInfo,
};

/// Where one field of a structure lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Field {
    /// The name, as in C; padding is called `pad` or `pad_N`.
    pub name: &'static str,
    /// Offset from the start of the structure, in bytes.
    pub offset: usize,
    /// Size in bytes.
    pub size: usize,
}

/// Defines structures from rows of `offset field: type`, and asserts each offset and the total size.
macro_rules! raw {
    ($(
        $(#[$meta:meta])*
        $name:ident, $total:literal {
            $( $(#[$doc:meta])* $offset:literal $field:ident: $type:ty, )+
        }
    )+) => {
        $(
            $(#[$meta])*
            #[derive(
                Clone, Copy, Debug, PartialEq, Eq, zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout,
            )]
            #[repr(C)]
            pub struct $name {
                $( $(#[$doc])* pub $field: $type, )+
            }

            impl $name {
                /// Every field in order, padding included.
                pub const FIELDS: &[$crate::abi::raw::Field] = &[
                    $( $crate::abi::raw::Field {
                        name: stringify!($field), offset: $offset, size: size_of::<$type>(),
                    } ),+
                ];
            }

            const _: () = {
                assert!(size_of::<$name>() == $total, "size");
                $( assert!(core::mem::offset_of!($name, $field) == $offset, stringify!($field)); )+
            };

            /// All zero: what the kernel takes as not given.
            impl Default for $name {
                fn default() -> Self {
                    zerocopy::FromZeros::new_zeroed()
                }
            }
        )+
    };
}

use raw;
