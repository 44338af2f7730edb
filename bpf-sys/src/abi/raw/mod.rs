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

/// A field's name without the mark that Rust needs for its own keywords.
const fn c_name(name: &str) -> &str {
    match name.as_bytes() {
        [b'r', b'#', rest @ ..] => super::macros::ascii(rest),
        _ => name,
    }
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
                        name: $crate::abi::raw::c_name(stringify!($field)), offset: $offset, size: size_of::<$type>(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_the_names_of_c_and_leave_no_gap() {
        let structures = [
            (MapCreateAttr::FIELDS, size_of::<MapCreateAttr>()),
            (ProgLoadAttr::FIELDS, size_of::<ProgLoadAttr>()),
            (LinkInfo::FIELDS, size_of::<LinkInfo>()),
            (EnableStatsAttr::FIELDS, size_of::<EnableStatsAttr>()),
            (LinkCreateUprobeMulti::FIELDS, size_of::<LinkCreateUprobeMulti>()),
        ];
        for (fields, size) in structures {
            let mut end = 0;
            for field in fields {
                assert_eq!(field.offset, end, "{field:?}");
                end += field.size;
            }
            assert_eq!(end, size);
        }
        assert_eq!(LinkInfo::FIELDS[0].name, "type");
        assert_eq!(EnableStatsAttr::FIELDS[0].name, "type");
        assert_eq!(MapCreateAttr::FIELDS[0].name, "map_type");
    }

    #[test]
    fn the_default_is_all_zero() {
        let attr = MapCreateAttr::default();
        assert!(zerocopy::IntoBytes::as_bytes(&attr).iter().all(|&byte| byte == 0));
    }
}
