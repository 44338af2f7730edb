//! Iteration over keys and entries.

use super::Map;
use crate::error::{Error, ErrorKind, Result};

impl Map {
    /// The keys, one system call for each. [`batches`](Self::batches) is several times faster.
    ///
    /// Keys may come and go meanwhile. The next key is fetched before the present one is handed out, so a caller may delete the key in hand.
    /// When someone else deletes the next key of a hash map, the kernel starts again from the first key, and keys are seen twice;
    /// after as many keys as the map can hold the iterator ends with [`ErrorKind::Interrupted`].
    pub fn keys(&self) -> Keys<'_> {
        Keys { map: self, next: Next::First, left: u64::from(self.max_entries()).saturating_add(1) }
    }

    /// The keys with their values: [`keys`](Self::keys), and a lookup for each. A key that is deleted in between is left out.
    pub fn entries(&self) -> Entries<'_> {
        Entries { keys: self.keys() }
    }
}

/// The keys of a map: see [`Map::keys`].
#[derive(Debug)]
pub struct Keys<'map> {
    map: &'map Map,
    next: Next,
    /// How many more keys there can be.
    left: u64,
}

#[derive(Debug)]
enum Next {
    First,
    Key(Vec<u8>),
    End,
}

impl Keys<'_> {
    /// The key after `key`.
    fn after(&self, key: Option<&[u8]>) -> Result<Next> {
        let mut next = vec![0; self.map.shape().key_len()];
        Ok(if self.map.next_key(key, &mut next)? { Next::Key(next) } else { Next::End })
    }

    fn advance(&mut self) -> Result<Option<Vec<u8>>> {
        let key = match std::mem::replace(&mut self.next, Next::End) {
            Next::First => match self.after(None)? {
                Next::Key(key) => key,
                Next::First | Next::End => return Ok(None),
            },
            Next::Key(key) => key,
            Next::End => return Ok(None),
        };
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            return Err(Error::new(ErrorKind::Interrupted, self.map.action("read the keys of"))
                .with_reason("keys were deleted meanwhile, so that the kernel began again"));
        }
        self.next = self.after(Some(&key))?;
        Ok(Some(key))
    }
}

impl Iterator for Keys<'_> {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

impl std::iter::FusedIterator for Keys<'_> {}

/// The entries of a map: see [`Map::entries`].
#[derive(Debug)]
pub struct Entries<'map> {
    keys: Keys<'map>,
}

impl Iterator for Entries<'_> {
    type Item = Result<(Vec<u8>, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let key = match self.keys.next()? {
                Ok(key) => key,
                Err(error) => return Some(Err(error)),
            };
            match self.keys.map.lookup(&key) {
                Ok(Some(value)) => return Some(Ok((key, value))),
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl std::iter::FusedIterator for Entries<'_> {}
