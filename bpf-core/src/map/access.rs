//! Single operations: look up, update, delete, and the keyless ones of queues and stacks.

use bpf_sys::abi::UpdateFlags;
use bpf_sys::{AsMapFd, Errno, SysError};

use super::Map;
use crate::error::{Error, ErrorKind, Result};

impl Map {
    /// Copies the value of `key` to `value`, which must be [`value_len`](Self::value_len) bytes. False when the key has no value.
    pub fn lookup_into(&self, key: &[u8], value: &mut [u8]) -> Result<bool> {
        self.lookup_into_with(key, value, UpdateFlags::ANY)
    }

    /// As [`lookup_into`](Self::lookup_into); with [`UpdateFlags::LOCK`] the copy holds the value's spin lock (Linux 5.1).
    pub fn lookup_into_with(&self, key: &[u8], value: &mut [u8], flags: UpdateFlags) -> Result<bool> {
        self.check_key(key, "look up a key in")?;
        self.check_value(value.len(), "look up a key in")?;
        found(bpf_sys::map::lookup(self.as_map_fd(), key, value, flags))
            .map_err(|source| self.access_error("look up a key in", source))
    }

    /// The value of `key`, if it has one: [`value_len`](Self::value_len) bytes.
    pub fn lookup(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let mut value = vec![0; self.value_len()];
        Ok(self.lookup_into(key, &mut value)?.then_some(value))
    }

    /// Sets the value of `key`. The flags say whether the key must, may or must not exist.
    ///
    /// A key that must not exist and does gives [`ErrorKind::KeyExists`], one that must and does not [`ErrorKind::KeyNotFound`],
    /// no room [`ErrorKind::Full`].
    pub fn update(&self, key: &[u8], value: &[u8], flags: UpdateFlags) -> Result<()> {
        self.check_key(key, "update")?;
        self.check_value(value.len(), "update")?;
        self.update_unchecked(key, value, flags)
    }

    /// Deletes `key` and its value. False when there was none.
    pub fn delete(&self, key: &[u8]) -> Result<bool> {
        self.check_key(key, "delete a key from")?;
        found(bpf_sys::map::delete(self.as_map_fd(), key)).map_err(|source| self.access_error("delete a key from", source))
    }

    /// Moves the value of `key` to `value`, deleting the key, in one step (queues and stacks 4.20, hash maps 5.14). False when there is none.
    pub fn lookup_and_delete(&self, key: &[u8], value: &mut [u8]) -> Result<bool> {
        self.check_key(key, "take a value from")?;
        self.check_value(value.len(), "take a value from")?;
        found(bpf_sys::map::lookup_and_delete(self.as_map_fd(), key, value, UpdateFlags::ANY))
            .map_err(|source| self.access_error("take a value from", source))
    }

    /// Writes the key that follows `key` (the first, for `None`) to `next`. False after the last key.
    ///
    /// In a hash map the order is arbitrary, and the key that follows a deleted key is the first: see [`keys`](Self::keys).
    pub fn next_key(&self, key: Option<&[u8]>, next: &mut [u8]) -> Result<bool> {
        if let Some(key) = key {
            self.check_key(key, "read the keys of")?;
        }
        self.check_key(next, "read the keys of")?;
        found(bpf_sys::map::next_key(self.as_map_fd(), key, next)).map_err(|source| self.access_error("read the keys of", source))
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

    /// An update whose value the caller has checked: a descriptor, in maps of objects.
    pub(crate) fn update_unchecked(&self, key: &[u8], value: &[u8], flags: UpdateFlags) -> Result<()> {
        bpf_sys::map::update(self.as_map_fd(), key, value, flags).map_err(|source| {
            let kind = match source.errno() {
                Errno::ENOENT => Some(ErrorKind::KeyNotFound),
                Errno::EEXIST => Some(ErrorKind::KeyExists),
                Errno::E2BIG => Some(ErrorKind::Full),
                _ => None,
            };
            let error = self.access_error("update", source);
            match kind {
                Some(kind) => error.with_kind(kind),
                None => error,
            }
        })
    }

    fn check_key(&self, key: &[u8], doing: &str) -> Result<()> {
        if u32::try_from(key.len()) == Ok(self.facts.key_size) {
            return Ok(());
        }
        Err(self.wrong_size(doing, "key", key.len(), self.facts.key_size))
    }

    fn check_value(&self, len: usize, doing: &str) -> Result<()> {
        if len == self.value_len() {
            return Ok(());
        }
        Err(self.wrong_size(doing, "value", len, self.value_len()))
    }

    #[cold]
    pub(super) fn wrong_size(&self, doing: &str, what: &str, got: usize, want: impl std::fmt::Display) -> Error {
        Error::new(ErrorKind::WrongSize, self.action(doing)).with_reason(format!("the {what} has {got} bytes, the map's has {want}"))
    }

    /// A failed access, with a kind for what maps answer.
    #[cold]
    pub(super) fn access_error(&self, doing: &str, source: SysError) -> Error {
        let errno = source.errno();
        let error = self.error(doing, source);
        match errno {
            Errno::EPERM if self.is_frozen() => error.with_kind(ErrorKind::ReadOnly),
            Errno::ENOTSUPP | Errno::EOPNOTSUPP => {
                error.with_kind(ErrorKind::WrongType).with_reason(format!("a map of type {} cannot", self.facts.map_type))
            }
            _ => error,
        }
    }
}

/// "No such entry" is an answer, not an error.
pub(super) fn found(result: Result<(), SysError>) -> Result<bool, SysError> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.errno() == Errno::ENOENT => Ok(false),
        Err(error) => Err(error),
    }
}
