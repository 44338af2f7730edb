//! Single operations: look up, update, delete, and the keyless ones of queues and stacks.

use bpf_sys::abi::UpdateFlags;
use bpf_sys::{AsMapFd, Errno, SysError};

use super::Map;
use crate::error::{Error, ErrorKind, Result};

impl Map {
    /// Copies the value of `key` to `value`, which must be [`value_len`](Self::value_len) bytes. False when the key has no value.
    ///
    /// A bloom filter has no keys, and takes the value to look for in `value`.
    pub fn lookup_into(&self, key: &[u8], value: &mut [u8]) -> Result<bool> {
        self.lookup_into_with(key, value, UpdateFlags::ANY)
    }

    /// As [`lookup_into`](Self::lookup_into); with [`UpdateFlags::LOCK`] the copy holds the value's spin lock (Linux 5.1).
    pub fn lookup_into_with(
        &self,
        key: &[u8],
        value: &mut [u8],
        flags: UpdateFlags,
    ) -> Result<bool> {
        bpf_sys::map::lookup(self.as_map_fd(), key, value, flags).map_err(|source| {
            self.access_error("look up a key in", Some(key), Some(value.len()), source)
        })
    }

    /// The value of `key`, if it has one: [`value_len`](Self::value_len) bytes.
    pub fn lookup(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let mut value = vec![0; self.value_len()];
        Ok(self.lookup_into(key, &mut value)?.then_some(value))
    }

    /// Sets the value of `key`. The flags say whether the key must, may or must not exist.
    ///
    /// A key that must not exist and does gives [`ErrorKind::KeyExists`], one that must and does not [`ErrorKind::KeyNotFound`],
    /// no room, or an index beyond an array's end, [`ErrorKind::Full`].
    pub fn update(&self, key: &[u8], value: &[u8], flags: UpdateFlags) -> Result<()> {
        bpf_sys::map::update(self.as_map_fd(), key, value, flags).map_err(|source| {
            let error = self.access_error("update", Some(key), Some(value.len()), source);
            match source.errno {
                Errno::ENOENT => error.with_kind(ErrorKind::KeyNotFound),
                Errno::EEXIST => error.with_kind(ErrorKind::KeyExists),
                Errno::E2BIG => error.with_kind(ErrorKind::Full),
                _ => error,
            }
        })
    }

    /// Deletes `key` and its value. False when there was none.
    pub fn delete(&self, key: &[u8]) -> Result<bool> {
        bpf_sys::map::delete(self.as_map_fd(), key)
            .map_err(|source| self.access_error("delete a key from", Some(key), None, source))
    }

    /// Moves the value of `key` to `value`, deleting the key, in one step (queues and stacks 4.20, hash maps 5.14). False when there is none.
    pub fn lookup_and_delete(&self, key: &[u8], value: &mut [u8]) -> Result<bool> {
        bpf_sys::map::lookup_and_delete(self.as_map_fd(), key, value, UpdateFlags::ANY).map_err(
            |source| self.access_error("take a value from", Some(key), Some(value.len()), source),
        )
    }

    /// Writes the key that follows `key` (the first, for `None`) to `next`. False after the last key.
    ///
    /// In a hash map the order is arbitrary, and the key that follows a deleted key is the first: see [`keys`](Self::keys).
    pub fn next_key(&self, key: Option<&[u8]>, next: &mut [u8]) -> Result<bool> {
        bpf_sys::map::next_key(self.as_map_fd(), key, next)
            .map_err(|source| self.access_error("read the keys of", key, None, source))
    }

    /// Adds a value to a queue, a stack or a bloom filter. With [`UpdateFlags::EXIST`] a full queue or stack drops its oldest value.
    pub fn push(&self, value: &[u8], flags: UpdateFlags) -> Result<()> {
        self.update(&[], value, flags)
    }

    /// Takes the first value of a queue, the last of a stack. `None` when it is empty.
    pub fn pop(&self) -> Result<Option<Vec<u8>>> {
        let mut value = vec![0; self.value_len()];
        Ok(self.lookup_and_delete(&[], &mut value)?.then_some(value))
    }

    /// Copies what [`pop`](Self::pop) would take.
    pub fn peek(&self) -> Result<Option<Vec<u8>>> {
        self.lookup(&[])
    }

    /// A failed access, with a kind for what maps answer.
    #[cold]
    fn access_error(
        &self,
        doing: &str,
        key: Option<&[u8]>,
        value: Option<usize>,
        source: SysError,
    ) -> Error {
        if let Some(key) = key.filter(|key| key.len() != self.shape().key_len()) {
            return self.wrong_size(doing, "key", key.len(), self.shape().key_len());
        }
        if let Some(value) = value.filter(|_| source.note.is_some()) {
            return self.wrong_size(doing, "value", value, self.value_len());
        }
        self.walk_error(doing, source)
    }

    /// A failed access to the map as a whole.
    #[cold]
    pub(super) fn walk_error(&self, doing: &str, source: SysError) -> Error {
        let error = self.error(doing, source);
        match source.errno {
            _ if source.note.is_some() => error.with_kind(ErrorKind::WrongSize),
            Errno::EPERM if self.is_frozen() => error.with_kind(ErrorKind::ReadOnly),
            Errno::ENOTSUPP | Errno::EOPNOTSUPP => error
                .with_kind(ErrorKind::WrongType)
                .with_reason(format!("a map of type {} cannot", self.map_type())),
            _ => error,
        }
    }

    #[cold]
    pub(super) fn wrong_size(&self, doing: &str, what: &str, got: usize, want: usize) -> Error {
        Error::new(ErrorKind::WrongSize, self.action(doing))
            .with_reason(format!("the {what} has {got} bytes, the map's has {want}"))
    }
}
