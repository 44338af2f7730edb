//! Bytes to slots and back.

use bpf_asm::{ByteOrder, DecodeError, Opcode, Register, Slot, decode_slots, encode_slots};
use proptest::prelude::*;

#[track_caller]
fn check(slot: Slot, little: [u8; 8], big: [u8; 8]) {
    for (order, bytes) in [(ByteOrder::Little, little), (ByteOrder::Big, big)] {
        assert_eq!(Slot::decode(bytes, order), slot, "{order}");
        assert_eq!(slot.encode(order), bytes, "{order}");
    }
}

#[test]
fn big_endian_swaps_numbers_and_register_halves() {
    check(
        Slot {
            opcode: Opcode::new(0x61),
            dst: Register::R1,
            src: Register::FP,
            offset: -2,
            imm: 0x0102_0304,
        },
        [0x61, 0xa1, 0xfe, 0xff, 4, 3, 2, 1],
        [0x61, 0x1a, 0xff, 0xfe, 1, 2, 3, 4],
    );
    check(
        Slot { opcode: Opcode::EXIT, ..Slot::default() },
        [0x95, 0, 0, 0, 0, 0, 0, 0],
        [0x95, 0, 0, 0, 0, 0, 0, 0],
    );
}

#[test]
fn a_partial_slot_is_an_error() {
    for length in 0..40 {
        let decoded = decode_slots(&vec![0; length], ByteOrder::Little);
        if length % 8 == 0 {
            assert_eq!(decoded.map(|slots| slots.len()), Ok(length / 8));
        } else {
            assert_eq!(decoded, Err(DecodeError::Length { length }));
        }
    }
}

proptest! {
    #[test]
    fn encoding_undoes_decoding_for_any_bytes(raw in prop::collection::vec(any::<[u8; 8]>(), 0..32)) {
        let bytes = raw.concat();
        for order in [ByteOrder::Little, ByteOrder::Big] {
            let slots = decode_slots(&bytes, order).expect("whole slots");
            prop_assert_eq!(&encode_slots(&slots, order), &bytes);
        }
    }
}
