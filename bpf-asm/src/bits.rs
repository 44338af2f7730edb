//! The same 32 bits, signed and unsigned.

pub(crate) const fn i32_from(value: u32) -> i32 {
    i32::from_le_bytes(value.to_le_bytes())
}

pub(crate) const fn u32_from(value: i32) -> u32 {
    u32::from_le_bytes(value.to_le_bytes())
}
