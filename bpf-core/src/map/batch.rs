//! Many entries in one system call (Linux 5.6).

use bpf_sys::abi::UpdateFlags;
use bpf_sys::map::BatchCursor;
use bpf_sys::{AsMapFd, Errno};

use super::Map;
use crate::error::{ErrorKind, Result};

impl Map {
    /// All entries, at most `count` in one system call; a large `count` is several times faster than [`entries`](Self::entries).
    ///
    /// ```no_run
    /// # fn example(map: &bpf_core::Map) -> Result<(), bpf_core::Error> {
    /// let mut batches = map.batches(4096);
    /// while let Some(batch) = batches.next_batch()? {
    ///     for (key, value) in batch.iter() {
    ///         println!("{key:02x?} {value:02x?}");
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn batches(&self, count: usize) -> Batches<'_> {
        Batches::new(self, count, false)
    }

    /// As [`batches`](Self::batches), and deletes the entries (hash maps only).
    pub fn drain_batches(&self, count: usize) -> Batches<'_> {
        Batches::new(self, count, true)
    }

    /// Sets many values; keys and values lie one after the other. Answers how many were set; an error may come after some.
    pub fn update_batch(&self, keys: &[u8], values: &[u8], flags: UpdateFlags) -> Result<usize> {
        bpf_sys::map::update_batch(self.as_map_fd(), keys, values, flags).map_err(|failed| {
            let error = self
                .walk_error("update", failed.error)
                .with_reason(format!("after {} entries", failed.count));
            match failed.error.errno {
                Errno::EEXIST => error.with_kind(ErrorKind::KeyExists),
                Errno::ENOENT => error.with_kind(ErrorKind::KeyNotFound),
                Errno::E2BIG => error.with_kind(ErrorKind::Full),
                _ => error,
            }
        })
    }

    /// Deletes many keys, which lie one after the other, up to the first that is not in the map. Answers how many were deleted.
    pub fn delete_batch(&self, keys: &[u8]) -> Result<usize> {
        match bpf_sys::map::delete_batch(self.as_map_fd(), keys, UpdateFlags::ANY) {
            Ok(count) => Ok(count),
            Err(failed) if failed.error.errno == Errno::ENOENT => Ok(failed.count),
            Err(failed) => Err(self.walk_error("delete keys from", failed.error)),
        }
    }
}

/// A walk over all entries of a map: see [`Map::batches`]. One buffer serves all batches.
#[derive(Debug)]
pub struct Batches<'map> {
    map: &'map Map,
    cursor: BatchCursor,
    count: usize,
    keys: Vec<u8>,
    values: Vec<u8>,
    delete: bool,
    done: bool,
}

impl<'map> Batches<'map> {
    fn new(map: &'map Map, count: usize, delete: bool) -> Self {
        // A map holds no more, and the buffers need not be larger.
        let limit = usize::try_from(map.max_entries()).unwrap_or(usize::MAX).max(1);
        Self {
            map,
            cursor: BatchCursor::new(),
            count: count.clamp(1, limit),
            keys: Vec::new(),
            values: Vec::new(),
            delete,
            done: false,
        }
    }

    /// The next entries; `None` at the end.
    pub fn next_batch(&mut self) -> Result<Option<Batch<'_>>> {
        let (key_size, value_size) = (self.map.shape().key_len(), self.map.value_len());
        while !self.done {
            self.keys.resize(self.count.saturating_mul(key_size), 0);
            self.values.resize(self.count.saturating_mul(value_size), 0);
            let map = self.map.as_map_fd();
            let (keys, values) = (&mut self.keys, &mut self.values);
            let result = if self.delete {
                bpf_sys::map::lookup_and_delete_batch(
                    map,
                    &mut self.cursor,
                    keys,
                    values,
                    UpdateFlags::ANY,
                )
            } else {
                bpf_sys::map::lookup_batch(map, &mut self.cursor, keys, values, UpdateFlags::ANY)
            };
            let batch = match result {
                Ok(batch) => batch,
                // One bucket of the hash table has more entries than there is room for.
                Err(error)
                    if error.errno == Errno::ENOSPC
                        && self.count
                            < usize::try_from(self.map.max_entries()).unwrap_or(usize::MAX) =>
                {
                    self.count = self.count.saturating_mul(2);
                    continue;
                }
                Err(error) => return Err(self.map.walk_error("read the entries of", error)),
            };
            self.done = batch.done;
            if batch.count > 0 {
                let keys =
                    self.keys.get(..batch.count.saturating_mul(key_size)).unwrap_or_default();
                let values =
                    self.values.get(..batch.count.saturating_mul(value_size)).unwrap_or_default();
                return Ok(Some(Batch { keys, values, key_size, value_size }));
            }
        }
        Ok(None)
    }
}

/// Some entries of a map.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'buffer> {
    keys: &'buffer [u8],
    values: &'buffer [u8],
    key_size: usize,
    value_size: usize,
}

impl<'buffer> Batch<'buffer> {
    /// The number of entries.
    pub fn len(&self) -> usize {
        self.values.len().checked_div(self.value_size).unwrap_or(0)
    }

    /// Never: a walk ends instead.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// All keys, one after the other.
    pub fn keys(&self) -> &'buffer [u8] {
        self.keys
    }

    /// All values, one after the other, each of [`Map::value_len`] bytes.
    pub fn values(&self) -> &'buffer [u8] {
        self.values
    }

    /// Keys with their values.
    pub fn iter(
        &self,
    ) -> impl ExactSizeIterator<Item = (&'buffer [u8], &'buffer [u8])> + use<'buffer> {
        // A batch has entries, so no size is 0; `max` is for the type system.
        self.keys
            .chunks_exact(self.key_size.max(1))
            .zip(self.values.chunks_exact(self.value_size.max(1)))
    }
}
