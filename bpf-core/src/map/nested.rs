//! Maps whose values are kernel objects: maps of maps, arrays of programs, maps of sockets and perf events.
//!
//! Written as a descriptor, read back as an id: the kernel keeps the object.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use bpf_sys::abi::{MapId, ProgramId, UpdateFlags};

use super::Map;
use crate::error::Result;
use crate::program::Program;

impl Map {
    /// Puts `inner` at `key` of a map of maps. The inner map must have the type and sizes of the template that the outer map was made with.
    pub fn set_map(&self, key: &[u8], inner: &Map) -> Result<()> {
        self.set_fd(key, inner.as_fd(), UpdateFlags::ANY)
    }

    /// The map at `key` of a map of maps, if there is one. Opening by id needs `CAP_SYS_ADMIN`.
    pub fn inner_map(&self, key: &[u8]) -> Result<Option<Map>> {
        self.object_id(key)?.map(|id| Map::from_id(MapId(id))).transpose()
    }

    /// Puts `program` at `key` of an array of programs, for tail calls. All programs of an array must be of one type.
    ///
    /// The kernel empties an array of programs when the last descriptor and pin of it is gone, also when programs still use it.
    pub fn set_program(&self, key: &[u8], program: &Program) -> Result<()> {
        self.set_fd(key, program.as_fd(), UpdateFlags::ANY)
    }

    /// The program at `key` of an array of programs, if there is one. Opening by id needs `CAP_SYS_ADMIN`.
    pub fn program_at(&self, key: &[u8]) -> Result<Option<Program>> {
        self.object_id(key)?.map(|id| Program::from_id(ProgramId(id))).transpose()
    }

    /// Puts an open file at `key`: a socket in a map of sockets, a perf event in a perf event array, a cgroup in a cgroup array.
    pub fn set_fd(&self, key: &[u8], fd: BorrowedFd<'_>, flags: UpdateFlags) -> Result<()> {
        let number = fd.as_raw_fd();
        // Maps of sockets may have values of 8 bytes, which hold a cookie when read.
        match self.value_size() {
            8 => self.update(key, &i64::from(number).to_ne_bytes(), flags),
            _ => self.update(key, &number.to_ne_bytes(), flags),
        }
    }

    fn object_id(&self, key: &[u8]) -> Result<Option<u32>> {
        let mut id = [0; 4];
        Ok(self.lookup_into(key, &mut id)?.then_some(u32::from_ne_bytes(id)))
    }
}
