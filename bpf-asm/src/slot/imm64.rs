//! Constructors of 64-bit immediate loads, which take two slots.

use crate::bits::i32_from;
use crate::{
    Opcode, PSEUDO_BTF_ID, PSEUDO_FUNC, PSEUDO_MAP_FD, PSEUDO_MAP_IDX, PSEUDO_MAP_IDX_VALUE,
    PSEUDO_MAP_VALUE, Register, Slot,
};

const fn pair(dst: Register, kind: Register, low: i32, high: i32) -> [Slot; 2] {
    [
        Slot::new(Opcode::LD_IMM64, dst, kind, 0, low),
        Slot::new(Opcode::new(0), Register::R0, Register::R0, 0, high),
    ]
}

/// 64-bit immediate loads.
impl Slot {
    /// `dst = value ll`.
    pub const fn ld_imm64(dst: Register, value: u64) -> [Self; 2] {
        let [b0, b1, b2, b3, b4, b5, b6, b7] = value.to_le_bytes();
        pair(
            dst,
            Register::R0,
            i32::from_le_bytes([b0, b1, b2, b3]),
            i32::from_le_bytes([b4, b5, b6, b7]),
        )
    }

    /// Loads a map by its fd.
    pub const fn ld_map_fd(dst: Register, fd: i32) -> [Self; 2] {
        pair(dst, PSEUDO_MAP_FD, fd, 0)
    }

    /// Loads the address of a byte in the first value of a map (since 5.2). `offset` is in bytes.
    pub const fn ld_map_value(dst: Register, fd: i32, offset: u32) -> [Self; 2] {
        pair(dst, PSEUDO_MAP_VALUE, fd, i32_from(offset))
    }

    /// Loads the address of a kernel variable or function by its BTF id (since 5.10). `module_fd` is the fd
    /// of the module's BTF, 0 for vmlinux.
    pub const fn ld_btf_id(dst: Register, btf_id: u32, module_fd: i32) -> [Self; 2] {
        pair(dst, PSEUDO_BTF_ID, i32_from(btf_id), module_fd)
    }

    /// Loads the address of another function of the program (since 5.13). The distance is in slots, counted
    /// from the second slot of this instruction, as the kernel does.
    pub const fn ld_func(dst: Register, distance: i32) -> [Self; 2] {
        pair(dst, PSEUDO_FUNC, distance, 0)
    }

    /// Loads a map by its index in `fd_array` (since 5.14).
    pub const fn ld_map_idx(dst: Register, index: i32) -> [Self; 2] {
        pair(dst, PSEUDO_MAP_IDX, index, 0)
    }

    /// Loads the address of a byte in the first value of a map by its index in `fd_array` (since 5.14).
    pub const fn ld_map_idx_value(dst: Register, index: i32, offset: u32) -> [Self; 2] {
        pair(dst, PSEUDO_MAP_IDX_VALUE, index, i32_from(offset))
    }
}
