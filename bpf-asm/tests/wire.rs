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
        Slot::new(Opcode::new(0x61), Register::R1, Register::FP, -2, 0x0102_0304),
        [0x61, 0xa1, 0xfe, 0xff, 4, 3, 2, 1],
        [0x61, 0x1a, 0xff, 0xfe, 1, 2, 3, 4],
    );
    check(
        Slot::new(Opcode::EXIT, Register::R0, Register::R0, 0, 0),
        [0x95, 0, 0, 0, 0, 0, 0, 0],
        [0x95, 0, 0, 0, 0, 0, 0, 0],
    );
}

#[test]
fn a_slot_takes_no_more_room_in_memory_than_on_the_wire() {
    assert_eq!(size_of::<Slot>(), bpf_asm::SLOT_SIZE);
}

#[test]
fn registers_share_a_byte_and_do_not_touch_each_other() {
    let register = |number| Slot::decode([0, number, 0, 0, 0, 0, 0, 0], ByteOrder::Little).dst();
    for (dst, src) in (0..16).flat_map(|dst| (0..16).map(move |src| (dst, src))) {
        let slot = Slot::default().with_dst(register(dst)).with_src(register(src));
        assert_eq!((slot.dst().number(), slot.src().number()), (dst, src));
        assert_eq!(slot.encode(ByteOrder::Little), [0, dst | src << 4, 0, 0, 0, 0, 0, 0]);
        assert_eq!(slot.encode(ByteOrder::Big), [0, dst << 4 | src, 0, 0, 0, 0, 0, 0]);
        assert_eq!(slot.with_dst(Register::R0).with_src(Register::R0), Slot::default());
        let mut other = Slot::new(Opcode::default(), Register::FP, Register::FP, 0, 0);
        other.set_src(slot.src());
        assert_eq!((other.dst(), other.src()), (Register::FP, slot.src()));
        other.set_dst(slot.dst());
        assert_eq!(other, slot);
    }
}

#[test]
fn a_slot_is_shown_by_its_fields() {
    let slot = Slot::new(Opcode::EXIT, Register::R1, Register::FP, -2, 3);
    let text = "Slot { opcode: Opcode(0x95), dst: r1, src: r10, offset: -2, imm: 3 }";
    assert_eq!(format!("{slot:?}"), text);
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
