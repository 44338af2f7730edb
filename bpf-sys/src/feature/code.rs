//! The few instructions that probes load, in the machine's byte order.

/// One slot.
pub(super) fn slot(opcode: u8, dst: u8, src: u8, off: i16, imm: i32) -> [u8; 8] {
    // Two bit fields of four bits, whose order in the byte is that of the machine.
    let registers =
        if cfg!(target_endian = "little") { (src << 4) | dst } else { (dst << 4) | src };
    let [off0, off1] = off.to_ne_bytes();
    let [imm0, imm1, imm2, imm3] = imm.to_ne_bytes();
    [opcode, registers, off0, off1, imm0, imm1, imm2, imm3]
}

/// `dst = imm`.
pub(super) fn mov_imm(dst: u8, imm: i32) -> [u8; 8] {
    slot(0xb7, dst, 0, 0, imm)
}

/// `dst = src`.
pub(super) fn mov(dst: u8, src: u8) -> [u8; 8] {
    slot(0xbf, dst, src, 0, 0)
}

/// `dst += imm`.
pub(super) fn add_imm(dst: u8, imm: i32) -> [u8; 8] {
    slot(0x07, dst, 0, 0, imm)
}

/// Calls a helper by its number.
pub(super) fn call(helper: u32) -> [u8; 8] {
    slot(0x85, 0, 0, 0, i32::from_ne_bytes(helper.to_ne_bytes()))
}

/// `exit`.
pub(super) fn exit() -> [u8; 8] {
    slot(0x95, 0, 0, 0, 0)
}

/// `r0 = 0; exit`.
pub(super) fn nothing() -> Vec<u8> {
    [mov_imm(0, 0), exit()].concat()
}
