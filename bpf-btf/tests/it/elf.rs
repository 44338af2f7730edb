//! Just enough ELF to find the sections of the fixtures.

use bpf_btf::ByteOrder;

/// The bytes of a section of a 64-bit object.
pub(crate) fn section<'a>(object: &'a [u8], wanted: &str) -> Option<&'a [u8]> {
    let order = if object.get(5)? == &2 { ByteOrder::Big } else { ByteOrder::Little };
    let number = |at: usize, len: usize| {
        let mut bytes = object.get(at..at + len)?.to_vec();
        if order == ByteOrder::Little {
            bytes.reverse();
        }
        Some(bytes.into_iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(byte)))
    };
    let (table, size, count, names) =
        (number(0x28, 8)?, number(0x3a, 2)?, number(0x3c, 2)?, number(0x3e, 2)?);
    let place = |index: usize| {
        let header = table + index * size;
        Some((number(header, 4)?, number(header + 0x18, 8)?, number(header + 0x20, 8)?))
    };
    let (_, strings, _) = place(names)?;
    (0..count).find_map(|index| {
        let (name, offset, len) = place(index)?;
        let name = object.get(strings + name..)?.split(|byte| *byte == 0).next()?;
        if name == wanted.as_bytes() { object.get(offset..offset + len) } else { None }
    })
}
