//! Every class of instruction: what it is called, how it is encoded, how it reads.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

use bpf_asm::{
    AtomicOp, ByteOrder, Code, Condition, DecodeError, HelperId, Instruction, NarrowSize, Opcode,
    R0, R1, R2, R3, R6, R9, R10, SignExtension, Size, Slot, SwapBits, Width, decode_slots,
    encode_slots,
};

const W32: Width = Width::W32;
const W64: Width = Width::W64;

/// The bytes of a hexadecimal text.
fn hex(text: &str) -> Vec<u8> {
    text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

#[track_caller]
fn check(slots: &[Slot], little: &str, big: &str, text: &str) {
    for (order, bytes) in [(ByteOrder::Little, hex(little)), (ByteOrder::Big, hex(big))] {
        assert_eq!(encode_slots(slots, order), bytes, "{text}, {order}");
        assert_eq!(decode_slots(&bytes, order).as_deref(), Ok(slots), "{text}, {order}");
    }
    let instruction = Instruction::decode(slots).expect(text);
    assert_eq!(instruction.encode().as_ref(), slots, "{text}");
    assert_eq!(instruction.slot_count(), slots.len(), "{text}");
    assert_eq!(instruction.to_string(), text);
    assert_eq!(text.parse(), Ok(instruction));
    assert_eq!(Code::assemble(text).expect(text).slots, slots, "{text}");
}

#[test]
fn arithmetic_with_registers_and_immediates() {
    for (slot, little, big, text) in [
        (Slot::add64(R1, R2), "0f 21 00 00 00 00 00 00", "0f 12 00 00 00 00 00 00", "r1 += r2"),
        (Slot::add64(R1, -8), "07 01 00 00 f8 ff ff ff", "07 10 00 00 ff ff ff f8", "r1 += -8"),
        (Slot::add32(R1, R2), "0c 21 00 00 00 00 00 00", "0c 12 00 00 00 00 00 00", "w1 += w2"),
        (Slot::add32(R1, 1), "04 01 00 00 01 00 00 00", "04 10 00 00 00 00 00 01", "w1 += 1"),
        (Slot::sub64(R1, R2), "1f 21 00 00 00 00 00 00", "1f 12 00 00 00 00 00 00", "r1 -= r2"),
        (Slot::sub32(R1, 1), "14 01 00 00 01 00 00 00", "14 10 00 00 00 00 00 01", "w1 -= 1"),
        (Slot::mul64(R1, R2), "2f 21 00 00 00 00 00 00", "2f 12 00 00 00 00 00 00", "r1 *= r2"),
        (Slot::mul32(R1, 3), "24 01 00 00 03 00 00 00", "24 10 00 00 00 00 00 03", "w1 *= 3"),
        (Slot::div64(R1, R2), "3f 21 00 00 00 00 00 00", "3f 12 00 00 00 00 00 00", "r1 /= r2"),
        (Slot::div32(R1, 3), "34 01 00 00 03 00 00 00", "34 10 00 00 00 00 00 03", "w1 /= 3"),
        (Slot::or64(R1, R2), "4f 21 00 00 00 00 00 00", "4f 12 00 00 00 00 00 00", "r1 |= r2"),
        (Slot::or32(R1, 3), "44 01 00 00 03 00 00 00", "44 10 00 00 00 00 00 03", "w1 |= 3"),
        (Slot::and64(R1, R2), "5f 21 00 00 00 00 00 00", "5f 12 00 00 00 00 00 00", "r1 &= r2"),
        (Slot::and32(R1, 3), "54 01 00 00 03 00 00 00", "54 10 00 00 00 00 00 03", "w1 &= 3"),
        (Slot::lsh64(R1, 3), "67 01 00 00 03 00 00 00", "67 10 00 00 00 00 00 03", "r1 <<= 3"),
        (Slot::lsh32(R1, R2), "6c 21 00 00 00 00 00 00", "6c 12 00 00 00 00 00 00", "w1 <<= w2"),
        (Slot::rsh64(R1, 3), "77 01 00 00 03 00 00 00", "77 10 00 00 00 00 00 03", "r1 >>= 3"),
        (Slot::rsh32(R1, R2), "7c 21 00 00 00 00 00 00", "7c 12 00 00 00 00 00 00", "w1 >>= w2"),
        (Slot::mod64(R1, R2), "9f 21 00 00 00 00 00 00", "9f 12 00 00 00 00 00 00", "r1 %= r2"),
        (Slot::mod32(R1, 3), "94 01 00 00 03 00 00 00", "94 10 00 00 00 00 00 03", "w1 %= 3"),
        (Slot::xor64(R1, R2), "af 21 00 00 00 00 00 00", "af 12 00 00 00 00 00 00", "r1 ^= r2"),
        (Slot::xor32(R1, 3), "a4 01 00 00 03 00 00 00", "a4 10 00 00 00 00 00 03", "w1 ^= 3"),
        (Slot::mov64(R1, R10), "bf a1 00 00 00 00 00 00", "bf 1a 00 00 00 00 00 00", "r1 = r10"),
        (Slot::mov64(R1, -1), "b7 01 00 00 ff ff ff ff", "b7 10 00 00 ff ff ff ff", "r1 = -1"),
        (Slot::mov32(R1, R2), "bc 21 00 00 00 00 00 00", "bc 12 00 00 00 00 00 00", "w1 = w2"),
        (Slot::mov32(R1, 7), "b4 01 00 00 07 00 00 00", "b4 10 00 00 00 00 00 07", "w1 = 7"),
        (Slot::arsh64(R1, 3), "c7 01 00 00 03 00 00 00", "c7 10 00 00 00 00 00 03", "r1 s>>= 3"),
        (Slot::arsh32(R1, R2), "cc 21 00 00 00 00 00 00", "cc 12 00 00 00 00 00 00", "w1 s>>= w2"),
        (Slot::neg64(R1), "87 01 00 00 00 00 00 00", "87 10 00 00 00 00 00 00", "r1 = -r1"),
        (Slot::neg32(R1), "84 01 00 00 00 00 00 00", "84 10 00 00 00 00 00 00", "w1 = -w1"),
    ] {
        check(&[slot], little, big, text);
    }
}

#[test]
fn the_offset_of_arithmetic_selects_extensions() {
    use SignExtension::{From8To32, From8To64, From16To32, From16To64, From32To64};
    for (slot, little, big, text) in [
        (Slot::sdiv64(R1, R2), "3f 21 01 00 00 00 00 00", "3f 12 00 01 00 00 00 00", "r1 s/= r2"),
        (Slot::sdiv32(R1, -3), "34 01 01 00 fd ff ff ff", "34 10 00 01 ff ff ff fd", "w1 s/= -3"),
        (Slot::smod64(R1, 3), "97 01 01 00 03 00 00 00", "97 10 00 01 00 00 00 03", "r1 s%= 3"),
        (Slot::smod32(R1, R2), "9c 21 01 00 00 00 00 00", "9c 12 00 01 00 00 00 00", "w1 s%= w2"),
        (
            Slot::sign_extend(From8To32, R1, R2),
            "bc 21 08 00 00 00 00 00",
            "bc 12 00 08 00 00 00 00",
            "w1 = (s8)w2",
        ),
        (
            Slot::sign_extend(From16To32, R1, R2),
            "bc 21 10 00 00 00 00 00",
            "bc 12 00 10 00 00 00 00",
            "w1 = (s16)w2",
        ),
        (
            Slot::sign_extend(From8To64, R1, R2),
            "bf 21 08 00 00 00 00 00",
            "bf 12 00 08 00 00 00 00",
            "r1 = (s8)r2",
        ),
        (
            Slot::sign_extend(From16To64, R1, R2),
            "bf 21 10 00 00 00 00 00",
            "bf 12 00 10 00 00 00 00",
            "r1 = (s16)r2",
        ),
        (
            Slot::sign_extend(From32To64, R1, R2),
            "bf 21 20 00 00 00 00 00",
            "bf 12 00 20 00 00 00 00",
            "r1 = (s32)r2",
        ),
        (
            Slot::addr_space_cast(R1, R2, 0, 1),
            "bf 21 01 00 01 00 00 00",
            "bf 12 00 01 00 00 00 01",
            "r1 = addr_space_cast(r2, 0, 1)",
        ),
        (
            Slot::addr_space_cast(R1, R2, 1, 0),
            "bf 21 01 00 00 00 01 00",
            "bf 12 00 01 00 01 00 00",
            "r1 = addr_space_cast(r2, 1, 0)",
        ),
    ] {
        check(&[slot], little, big, text);
    }
}

#[test]
fn byte_swaps() {
    use SwapBits::{B16, B32, B64};
    for (slot, little, big, text) in [
        (Slot::le(B16, R1), "d4 01 00 00 10 00 00 00", "d4 10 00 00 00 00 00 10", "r1 = le16 r1"),
        (Slot::le(B64, R1), "d4 01 00 00 40 00 00 00", "d4 10 00 00 00 00 00 40", "r1 = le64 r1"),
        (Slot::be(B16, R1), "dc 01 00 00 10 00 00 00", "dc 10 00 00 00 00 00 10", "r1 = be16 r1"),
        (Slot::be(B32, R1), "dc 01 00 00 20 00 00 00", "dc 10 00 00 00 00 00 20", "r1 = be32 r1"),
        (
            Slot::bswap(B32, R1),
            "d7 01 00 00 20 00 00 00",
            "d7 10 00 00 00 00 00 20",
            "r1 = bswap32 r1",
        ),
        (
            Slot::bswap(B64, R1),
            "d7 01 00 00 40 00 00 00",
            "d7 10 00 00 00 00 00 40",
            "r1 = bswap64 r1",
        ),
    ] {
        check(&[slot], little, big, text);
    }
}

#[test]
fn loads_and_stores_of_all_widths() {
    use Size::{Byte, Double, Half, Word};
    for (slot, little, big, text) in [
        (
            Slot::load(Byte, R1, R2, 0),
            "71 21 00 00 00 00 00 00",
            "71 12 00 00 00 00 00 00",
            "r1 = *(u8 *)(r2 +0)",
        ),
        (
            Slot::load(Half, R1, R2, 2),
            "69 21 02 00 00 00 00 00",
            "69 12 00 02 00 00 00 00",
            "r1 = *(u16 *)(r2 +2)",
        ),
        (
            Slot::load(Word, R1, R2, -4),
            "61 21 fc ff 00 00 00 00",
            "61 12 ff fc 00 00 00 00",
            "r1 = *(u32 *)(r2 -4)",
        ),
        (
            Slot::load(Double, R1, R2, i16::MIN),
            "79 21 00 80 00 00 00 00",
            "79 12 80 00 00 00 00 00",
            "r1 = *(u64 *)(r2 -32768)",
        ),
        (
            Slot::load_signed(NarrowSize::Byte, R1, R2, 1),
            "91 21 01 00 00 00 00 00",
            "91 12 00 01 00 00 00 00",
            "r1 = *(s8 *)(r2 +1)",
        ),
        (
            Slot::load_signed(NarrowSize::Half, R1, R2, 1),
            "89 21 01 00 00 00 00 00",
            "89 12 00 01 00 00 00 00",
            "r1 = *(s16 *)(r2 +1)",
        ),
        (
            Slot::load_signed(NarrowSize::Word, R1, R2, 1),
            "81 21 01 00 00 00 00 00",
            "81 12 00 01 00 00 00 00",
            "r1 = *(s32 *)(r2 +1)",
        ),
        (
            Slot::store(Byte, R1, 0, 255),
            "72 01 00 00 ff 00 00 00",
            "72 10 00 00 00 00 00 ff",
            "*(u8 *)(r1 +0) = 255",
        ),
        (
            Slot::store(Half, R1, 4, R2),
            "6b 21 04 00 00 00 00 00",
            "6b 12 00 04 00 00 00 00",
            "*(u16 *)(r1 +4) = r2",
        ),
        (
            Slot::store(Word, R10, -4, R2),
            "63 2a fc ff 00 00 00 00",
            "63 a2 ff fc 00 00 00 00",
            "*(u32 *)(r10 -4) = r2",
        ),
        (
            Slot::store(Double, R10, -8, -1),
            "7a 0a f8 ff ff ff ff ff",
            "7a a0 ff f8 ff ff ff ff",
            "*(u64 *)(r10 -8) = -1",
        ),
        (
            Slot::load_packet(NarrowSize::Half, 12),
            "28 00 00 00 0c 00 00 00",
            "28 00 00 00 00 00 00 0c",
            "r0 = *(u16 *)skb[12]",
        ),
        (
            Slot::load_packet(NarrowSize::Word, -4096),
            "20 00 00 00 00 f0 ff ff",
            "20 00 00 00 ff ff f0 00",
            "r0 = *(u32 *)skb[-4096]",
        ),
        (
            Slot::load_packet_indexed(NarrowSize::Byte, R3, 14),
            "50 30 00 00 0e 00 00 00",
            "50 03 00 00 00 00 00 0e",
            "r0 = *(u8 *)skb[r3 + 14]",
        ),
    ] {
        check(&[slot], little, big, text);
    }
}

#[test]
fn atomics() {
    use AtomicOp::{Add, And, CmpXchg, FetchAdd, FetchAnd, FetchOr, FetchXor, Or, Xchg, Xor};
    for (width, op, little, big, text) in [
        (
            W64,
            Add,
            "db 21 08 00 00 00 00 00",
            "db 12 00 08 00 00 00 00",
            "lock *(u64 *)(r1 +8) += r2",
        ),
        (
            W32,
            Or,
            "c3 21 08 00 40 00 00 00",
            "c3 12 00 08 00 00 00 40",
            "lock *(u32 *)(r1 +8) |= r2",
        ),
        (
            W64,
            And,
            "db 21 08 00 50 00 00 00",
            "db 12 00 08 00 00 00 50",
            "lock *(u64 *)(r1 +8) &= r2",
        ),
        (
            W32,
            Xor,
            "c3 21 08 00 a0 00 00 00",
            "c3 12 00 08 00 00 00 a0",
            "lock *(u32 *)(r1 +8) ^= r2",
        ),
        (
            W64,
            FetchAdd,
            "db 21 08 00 01 00 00 00",
            "db 12 00 08 00 00 00 01",
            "r2 = atomic64_fetch_add((u64 *)(r1 +8), r2)",
        ),
        (
            W32,
            FetchOr,
            "c3 21 08 00 41 00 00 00",
            "c3 12 00 08 00 00 00 41",
            "r2 = atomic_fetch_or((u32 *)(r1 +8), r2)",
        ),
        (
            W64,
            FetchAnd,
            "db 21 08 00 51 00 00 00",
            "db 12 00 08 00 00 00 51",
            "r2 = atomic64_fetch_and((u64 *)(r1 +8), r2)",
        ),
        (
            W32,
            FetchXor,
            "c3 21 08 00 a1 00 00 00",
            "c3 12 00 08 00 00 00 a1",
            "r2 = atomic_fetch_xor((u32 *)(r1 +8), r2)",
        ),
        (
            W64,
            Xchg,
            "db 21 08 00 e1 00 00 00",
            "db 12 00 08 00 00 00 e1",
            "r2 = atomic64_xchg((u64 *)(r1 +8), r2)",
        ),
        (
            W32,
            CmpXchg,
            "c3 21 08 00 f1 00 00 00",
            "c3 12 00 08 00 00 00 f1",
            "r0 = atomic_cmpxchg((u32 *)(r1 +8), r0, r2)",
        ),
    ] {
        check(&[Slot::atomic(width, op, R1, 8, R2)], little, big, text);
    }
    for (slot, little, big, text) in [
        (
            Slot::load_acquire(Size::Byte, R1, R2, 0),
            "d3 21 00 00 00 01 00 00",
            "d3 12 00 00 00 00 01 00",
            "r1 = load_acquire((u8 *)(r2 +0))",
        ),
        (
            Slot::load_acquire(Size::Double, R1, R2, 8),
            "db 21 08 00 00 01 00 00",
            "db 12 00 08 00 00 01 00",
            "r1 = load_acquire((u64 *)(r2 +8))",
        ),
        (
            Slot::store_release(Size::Half, R1, 0, R2),
            "cb 21 00 00 10 01 00 00",
            "cb 12 00 00 00 00 01 10",
            "store_release((u16 *)(r1 +0), r2)",
        ),
        (
            Slot::store_release(Size::Word, R1, -8, R2),
            "c3 21 f8 ff 10 01 00 00",
            "c3 12 ff f8 00 00 01 10",
            "store_release((u32 *)(r1 -8), r2)",
        ),
    ] {
        check(&[slot], little, big, text);
    }
}

#[test]
fn conditional_jumps_of_both_widths() {
    use Condition::{Eq, Ge, Gt, Le, Lt, Ne, Set, Sge, Sgt, Sle, Slt};
    for (condition, code, symbol) in [
        (Eq, 0x10, "=="),
        (Gt, 0x20, ">"),
        (Ge, 0x30, ">="),
        (Set, 0x40, "&"),
        (Ne, 0x50, "!="),
        (Sgt, 0x60, "s>"),
        (Sge, 0x70, "s>="),
        (Lt, 0xa0, "<"),
        (Le, 0xb0, "<="),
        (Slt, 0xc0, "s<"),
        (Sle, 0xd0, "s<="),
    ] {
        for (width, class, r) in [(W64, 5, "r"), (W32, 6, "w")] {
            let (imm, reg) = (code | class, code | class | 8);
            check(
                &[Slot::jump_if(width, condition, R1, -5, 3)],
                &format!("{imm:02x} 01 03 00 fb ff ff ff"),
                &format!("{imm:02x} 10 00 03 ff ff ff fb"),
                &format!("if {r}1 {symbol} -0x5 goto +3"),
            );
            check(
                &[Slot::jump_if(width, condition, R1, R2, -3)],
                &format!("{reg:02x} 21 fd ff 00 00 00 00"),
                &format!("{reg:02x} 12 ff fd 00 00 00 00"),
                &format!("if {r}1 {symbol} {r}2 goto -3"),
            );
        }
    }
}

#[test]
fn jumps_calls_and_exit() {
    let lookup = HelperId::MAP_LOOKUP_ELEM;
    for (slot, little, big, text) in [
        (Slot::jump(3), "05 00 03 00 00 00 00 00", "05 00 00 03 00 00 00 00", "goto +3"),
        (Slot::jump(-1), "05 00 ff ff 00 00 00 00", "05 00 ff ff 00 00 00 00", "goto -1"),
        (
            Slot::jump_long(-40_000),
            "06 00 00 00 c0 63 ff ff",
            "06 00 00 00 ff ff 63 c0",
            "gotol -40000",
        ),
        (Slot::may_goto(2), "e5 00 02 00 00 00 00 00", "e5 00 00 02 00 00 00 00", "may_goto +2"),
        (Slot::jump_register(R9), "0d 09 00 00 00 00 00 00", "0d 90 00 00 00 00 00 00", "gotox r9"),
        (
            Slot::call(lookup),
            "85 00 00 00 01 00 00 00",
            "85 00 00 00 00 00 00 01",
            "call bpf_map_lookup_elem#1",
        ),
        (
            Slot::call(HelperId::new(0x0bad_2310)),
            "85 00 00 00 10 23 ad 0b",
            "85 00 00 00 0b ad 23 10",
            "call unknown#195896080",
        ),
        (
            Slot::call(HelperId::new(u32::MAX)),
            "85 00 00 00 ff ff ff ff",
            "85 00 00 00 ff ff ff ff",
            "call unknown#4294967295",
        ),
        (
            Slot::call_function(-2),
            "85 10 00 00 fe ff ff ff",
            "85 01 00 00 ff ff ff fe",
            "call pc-2",
        ),
        (
            Slot::call_kfunc(70_000, 0),
            "85 20 00 00 70 11 01 00",
            "85 02 00 00 00 01 11 70",
            "call kfunc[id:70000]",
        ),
        (
            Slot::call_kfunc(5, 1),
            "85 20 01 00 05 00 00 00",
            "85 02 00 01 00 00 00 05",
            "call kfunc[id:5, idx:1]",
        ),
        (Slot::call_register(R6), "8d 06 00 00 00 00 00 00", "8d 60 00 00 00 00 00 00", "callx r6"),
        (Slot::exit(), "95 00 00 00 00 00 00 00", "95 00 00 00 00 00 00 00", "exit"),
    ] {
        check(&[slot], little, big, text);
    }
}

#[test]
fn immediate_loads_of_64_bits() {
    for (slots, little, big, text) in [
        (
            Slot::ld_imm64(R0, 0x1122_3344_5566_7788),
            "18 00 00 00 88 77 66 55 00 00 00 00 44 33 22 11",
            "18 00 00 00 55 66 77 88 00 00 00 00 11 22 33 44",
            "r0 = 0x1122334455667788 ll",
        ),
        (
            Slot::ld_imm64(R1, u64::MAX),
            "18 01 00 00 ff ff ff ff 00 00 00 00 ff ff ff ff",
            "18 10 00 00 ff ff ff ff 00 00 00 00 ff ff ff ff",
            "r1 = 0xffffffffffffffff ll",
        ),
        (
            Slot::ld_map_fd(R1, 7),
            "18 11 00 00 07 00 00 00 00 00 00 00 00 00 00 00",
            "18 11 00 00 00 00 00 07 00 00 00 00 00 00 00 00",
            "r1 = map[fd:7] ll",
        ),
        (
            Slot::ld_map_value(R1, 7, 64),
            "18 21 00 00 07 00 00 00 00 00 00 00 40 00 00 00",
            "18 12 00 00 00 00 00 07 00 00 00 00 00 00 00 40",
            "r1 = map[fd:7][0]+64 ll",
        ),
        (
            Slot::ld_btf_id(R1, 5, 0),
            "18 31 00 00 05 00 00 00 00 00 00 00 00 00 00 00",
            "18 13 00 00 00 00 00 05 00 00 00 00 00 00 00 00",
            "r1 = ksym[id:5] ll",
        ),
        (
            Slot::ld_btf_id(R1, 5, 9),
            "18 31 00 00 05 00 00 00 00 00 00 00 09 00 00 00",
            "18 13 00 00 00 00 00 05 00 00 00 00 00 00 00 09",
            "r1 = ksym[id:5, fd:9] ll",
        ),
        (
            Slot::ld_func(R2, 11),
            "18 42 00 00 0b 00 00 00 00 00 00 00 00 00 00 00",
            "18 24 00 00 00 00 00 0b 00 00 00 00 00 00 00 00",
            "r2 = func[pc+11] ll",
        ),
        (
            Slot::ld_map_idx(R1, 1),
            "18 51 00 00 01 00 00 00 00 00 00 00 00 00 00 00",
            "18 15 00 00 00 00 00 01 00 00 00 00 00 00 00 00",
            "r1 = map[idx:1] ll",
        ),
        (
            Slot::ld_map_idx_value(R1, 1, u32::MAX),
            "18 61 00 00 01 00 00 00 00 00 00 00 ff ff ff ff",
            "18 16 00 00 00 00 00 01 00 00 00 00 ff ff ff ff",
            "r1 = map[idx:1][0]+4294967295 ll",
        ),
    ] {
        check(&slots, little, big, text);
    }
}

/// Slots that no constructor makes: not an instruction, and shown field by field.
#[test]
fn what_is_no_instruction_is_shown_as_fields() {
    for (bytes, text) in [
        // Unknown operation, mode, size.
        ("e7 00 00 00 00 00 00 00", ".insn 0xe7, r0, r0, 0, 0"),
        ("ff ff ff ff ff ff ff ff", ".insn 0xff, r15, r15, -1, -1"),
        ("00 00 00 00 00 00 00 00", ".insn 0x00, r0, r0, 0, 0"),
        ("38 00 00 00 00 00 00 00", ".insn 0x38, r0, r0, 0, 0"),
        ("99 21 00 00 00 00 00 00", ".insn 0x99, r1, r2, 0, 0"),
        // A register above r10.
        ("bf b1 00 00 00 00 00 00", ".insn 0xbf, r1, r11, 0, 0"),
        ("b7 0c 00 00 01 00 00 00", ".insn 0xb7, r12, r0, 0, 1"),
        // Bits in a reserved field.
        ("bf 21 00 00 07 00 00 00", ".insn 0xbf, r1, r2, 0, 7"),
        ("b7 21 00 00 07 00 00 00", ".insn 0xb7, r1, r2, 0, 7"),
        ("0f 21 01 00 00 00 00 00", ".insn 0x0f, r1, r2, 1, 0"),
        ("3f 21 02 00 00 00 00 00", ".insn 0x3f, r1, r2, 2, 0"),
        ("bf 21 09 00 00 00 00 00", ".insn 0xbf, r1, r2, 9, 0"),
        ("bc 21 01 00 01 00 00 00", ".insn 0xbc, r1, r2, 1, 1"),
        ("bc 21 20 00 00 00 00 00", ".insn 0xbc, r1, r2, 32, 0"),
        ("dc 01 00 00 11 00 00 00", ".insn 0xdc, r1, r0, 0, 17"),
        ("df 01 00 00 10 00 00 00", ".insn 0xdf, r1, r0, 0, 16"),
        ("8f 21 00 00 00 00 00 00", ".insn 0x8f, r1, r2, 0, 0"),
        ("95 01 00 00 00 00 00 00", ".insn 0x95, r1, r0, 0, 0"),
        ("85 30 00 00 01 00 00 00", ".insn 0x85, r0, r3, 0, 1"),
        ("85 00 01 00 01 00 00 00", ".insn 0x85, r0, r0, 1, 1"),
        ("86 00 00 00 01 00 00 00", ".insn 0x86, r0, r0, 0, 1"),
        // Atomics of sizes that they do not have, and of operations that do not exist.
        ("cb 21 00 00 01 00 00 00", ".insn 0xcb, r1, r2, 0, 1"),
        ("db 21 00 00 f0 00 00 00", ".insn 0xdb, r1, r2, 0, 240"),
        // Half of a 64-bit immediate load.
        ("18 01 00 00 07 00 00 00", ".insn 0x18, r1, r0, 0, 7"),
    ] {
        let slots = decode_slots(&hex(bytes), ByteOrder::Little).unwrap();
        assert_eq!(Instruction::decode(&slots), None, "{text}");
        assert_eq!(slots.first().unwrap().to_string(), text);
        assert_eq!(Code::new(slots.clone()).to_string(), format!("    {text}\n"));
        assert_eq!(Code::assemble(text).expect(text).slots, slots);
    }
}

#[test]
fn a_64_bit_load_with_bits_in_reserved_fields_is_no_instruction() {
    let [first, second] = Slot::ld_imm64(R1, 5);
    let exit = Slot::exit();
    for broken in [
        [first.with_offset(1), second],
        [first.with_src(R9), second],
        [first, exit],
        [first, second.with_dst(R1)],
        [first, second.with_src(R1)],
        [first, second.with_offset(1)],
        // A map fd takes one slot only, the rest is reserved.
        [first.with_src(R1), second.with_imm(1)],
    ] {
        assert_eq!(Instruction::decode(&broken), None, "{broken:?}");
        assert_eq!(
            Instruction::decode_all(&[exit, broken[0], broken[1]]),
            Err(DecodeError::Instruction { slot: 1, opcode: Opcode::LD_IMM64 })
        );
        let code = Code::new(broken.to_vec());
        assert_eq!(Code::assemble(&code.to_string()).unwrap().slots, broken);
    }
}

#[test]
fn a_64_bit_load_without_its_second_half_is_no_instruction() {
    let [first, second] = Slot::ld_imm64(R1, 5);
    assert_eq!(
        Instruction::decode_all(&[first, second, first]),
        Err(DecodeError::Instruction { slot: 2, opcode: Opcode::LD_IMM64 })
    );
    let all = Instruction::decode_all(&[first, second, Slot::exit()]).unwrap();
    let slots: Vec<usize> = all.iter().map(|(slot, _)| *slot).collect();
    assert_eq!(slots, [0, 2]);
    assert_eq!(Instruction::decode_all(&[]), Ok(Vec::new()));
}
