//! Numbers anywhere in bytes.

use crate::ByteOrder;

/// The unsigned number of `width` bits that begins at bit `start`: counted from the least significant bit of the first
/// byte in little-endian data, from the most significant one in big-endian data, as BTF counts. `None` beyond the end
/// of the bytes, or when the number spans more than 16 bytes.
pub(super) fn read(bytes: &[u8], start: u64, width: u64, order: ByteOrder) -> Option<u128> {
    let end = start.checked_add(width)?;
    let first = usize::try_from(start / 8).ok()?;
    let last = usize::try_from(end.div_ceil(8)).ok()?;
    let span = bytes.get(first..last)?;
    if span.len() > 16 {
        return None;
    }
    let push = |number: u128, byte: &u8| number << 8 | u128::from(*byte);
    let (number, shift) = match order {
        ByteOrder::Little => (span.iter().rev().fold(0, push), start % 8),
        ByteOrder::Big => {
            let spare = (span.len() as u64).checked_mul(8)?.checked_sub(start % 8)?;
            (span.iter().fold(0, push), spare.checked_sub(width)?)
        }
    };
    let number = number.checked_shr(u32::try_from(shift).ok()?).unwrap_or(0);
    let mask =
        1_u128.checked_shl(u32::try_from(width).ok()?).map_or(u128::MAX, |bit| bit.wrapping_sub(1));
    Some(number & mask)
}

/// A number of `width` bits as a signed one.
pub(super) fn signed(number: u128, width: u64) -> i128 {
    let spare = u32::try_from(128_u64.saturating_sub(width)).unwrap_or(0);
    let shifted = number.checked_shl(spare).unwrap_or(0);
    i128::from_ne_bytes(shifted.to_ne_bytes()).checked_shr(spare).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_counted_from_the_end_that_comes_first() {
        let bytes = [0b1010_0110, 0b0000_1111, 0xff];
        let rows = [
            (0, 3, ByteOrder::Little, Some(0b110)),
            (0, 3, ByteOrder::Big, Some(0b101)),
            (6, 4, ByteOrder::Little, Some(0b1110)),
            (6, 4, ByteOrder::Big, Some(0b1000)),
            (0, 16, ByteOrder::Little, Some(0x0fa6)),
            (0, 16, ByteOrder::Big, Some(0xa60f)),
            (16, 8, ByteOrder::Big, Some(0xff)),
            (17, 8, ByteOrder::Big, None),
            (24, 0, ByteOrder::Little, Some(0)),
        ];
        for (start, width, order, expected) in rows {
            assert_eq!(read(&bytes, start, width, order), expected, "{start} {width} {order:?}");
        }
        assert_eq!(read(&[0xff; 32], 0, 128, ByteOrder::Little), Some(u128::MAX));
        assert_eq!(read(&[0xff; 32], 1, 128, ByteOrder::Big), None);
    }

    #[test]
    fn the_highest_bit_is_the_sign() {
        for (number, width, expected) in
            [(0b111, 3, -1), (0b011, 3, 3), (1, 1, -1), (0x80, 8, -128)]
        {
            assert_eq!(signed(number, width), expected);
        }
        assert_eq!(signed(u128::MAX, 128), -1);
        assert_eq!(signed(0, 0), 0);
    }
}
