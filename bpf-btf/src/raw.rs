//! The records of the type section in native byte order (`linux/btf.h`).

use zerocopy::native_endian::U32;
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Largest `vlen`: 24 bits since the layout section exists, 16 before.
pub(crate) const MAX_VLEN: u32 = 0x00ff_ffff;

/// `struct btf_type`: common head of every record.
#[derive(Clone, Copy, Debug, FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct RawType {
    /// Offset of the name in the strings; 0 when there is none.
    pub(crate) name_off: U32,
    /// Bits 0-23 `vlen`, 24-30 kind, 31 kind flag.
    pub(crate) info: U32,
    /// Size in bytes, or the id of a type, as the kind says.
    pub(crate) size_or_type: U32,
}

impl RawType {
    #[inline]
    pub(crate) const fn vlen(&self) -> u32 {
        self.info.get() & MAX_VLEN
    }

    #[inline]
    pub(crate) const fn kind_flag(&self) -> bool {
        self.info.get() >> 31 == 1
    }
}

/// `struct btf_array`.
#[derive(Clone, Copy, Debug, FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct RawArray {
    pub(crate) type_: U32,
    pub(crate) index_type: U32,
    pub(crate) nelems: U32,
}

/// `struct btf_member`.
#[derive(Clone, Copy, Debug, FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct RawMember {
    pub(crate) name_off: U32,
    pub(crate) type_: U32,
    /// Bit offset; with the kind flag bits 0-23 only, and the bitfield size in bits 24-31.
    pub(crate) offset: U32,
}

/// `struct btf_enum`.
#[derive(Clone, Copy, Debug, FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct RawEnum {
    pub(crate) name_off: U32,
    pub(crate) val: U32,
}

/// `struct btf_enum64`.
#[derive(Clone, Copy, Debug, FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct RawEnum64 {
    pub(crate) name_off: U32,
    pub(crate) val_lo32: U32,
    pub(crate) val_hi32: U32,
}

/// `struct btf_param`.
#[derive(Clone, Copy, Debug, FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct RawParam {
    pub(crate) name_off: U32,
    pub(crate) type_: U32,
}

/// `struct btf_var_secinfo`.
#[derive(Clone, Copy, Debug, FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct RawVarSecinfo {
    pub(crate) type_: U32,
    pub(crate) offset: U32,
    pub(crate) size: U32,
}

const _: () = {
    assert!(size_of::<RawType>() == 12);
    assert!(size_of::<RawArray>() == 12);
    assert!(size_of::<RawMember>() == 12);
    assert!(size_of::<RawEnum>() == 8);
    assert!(size_of::<RawEnum64>() == 12);
    assert!(size_of::<RawParam>() == 8);
    assert!(size_of::<RawVarSecinfo>() == 12);
};
