//! The archive format of an initramfs: cpio, "newc" (kernel: Documentation/driver-api/early-userspace/buffer-format.rst).
use std::collections::BTreeSet;

use anyhow::{Context, Result};

const FOLDER: u32 = 0o040_755;
const FILE: u32 = 0o100_000;
const CHARACTER_DEVICE: u32 = 0o020_600;
const TRAILER: &str = "TRAILER!!!";

/// An archive that grows by one entry after the other.
#[derive(Debug, Default)]
pub(crate) struct Archive {
    bytes: Vec<u8>,
    entries: u32,
    folders: BTreeSet<String>,
}

impl Archive {
    /// A regular file; the folders above it are made. `mode` holds the permission bits.
    pub(crate) fn file(&mut self, path: &str, mode: u32, data: &[u8]) -> Result<()> {
        self.parents(path)?;
        self.entry(path, FILE | (mode & 0o7777), (0, 0), data)
    }

    pub(crate) fn folder(&mut self, path: &str) -> Result<()> {
        let path = path.trim_matches('/');
        self.parents(path)?;
        if !path.is_empty() && self.folders.insert(path.to_owned()) {
            self.entry(path, FOLDER, (0, 0), &[])?;
        }
        Ok(())
    }

    pub(crate) fn character_device(&mut self, path: &str, major: u32, minor: u32) -> Result<()> {
        self.parents(path)?;
        self.entry(path, CHARACTER_DEVICE, (major, minor), &[])
    }

    /// The whole archive, closed by its trailer.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>> {
        self.entry(TRAILER, 0, (0, 0), &[])?;
        Ok(self.bytes)
    }

    fn parents(&mut self, path: &str) -> Result<()> {
        match path.trim_matches('/').rsplit_once('/') {
            Some((parent, _)) => self.folder(parent),
            None => Ok(()),
        }
    }

    fn entry(&mut self, path: &str, mode: u32, device: (u32, u32), data: &[u8]) -> Result<()> {
        let path = path.trim_matches('/');
        let size = u32::try_from(data.len())
            .with_context(|| format!("{path} is too large for an initramfs"))?;
        let name = u32::try_from(path.len().saturating_add(1))
            .context("a path is too long for an initramfs")?;
        self.entries = self.entries.saturating_add(1);
        // inode, mode, uid, gid, links, mtime, size, device (2), rdev (2), length of the name with its NUL, checksum
        let fields = [self.entries, mode, 0, 0, 1, 0, size, 0, 0, device.0, device.1, name, 0];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08X}").as_bytes());
        }
        self.bytes.extend_from_slice(path.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(data);
        self.pad();
        Ok(())
    }

    /// Names and data end on a multiple of 4 bytes.
    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Entry = (String, u32, (u32, u32), Vec<u8>);

    /// Reads an archive back: path, mode, device, data.
    fn read(mut bytes: &[u8]) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut take = |count: usize| {
            let (taken, rest) = bytes.split_at(count);
            bytes = rest;
            taken.to_vec()
        };
        let padding = |length: usize| length.next_multiple_of(4).abs_diff(length);
        loop {
            assert_eq!(take(6), b"070701");
            let fields: Vec<u32> = (0..13)
                .map(|_| u32::from_str_radix(&String::from_utf8(take(8)).unwrap(), 16).unwrap())
                .collect();
            let (size, name) = (fields[6] as usize, fields[11] as usize);
            let path = String::from_utf8(take(name)).unwrap();
            take(padding(110_usize.saturating_add(name)));
            let data = take(size);
            take(padding(size));
            let path = path.strip_suffix('\0').unwrap().to_owned();
            if path == TRAILER {
                return entries;
            }
            entries.push((path, fields[1], (fields[9], fields[10]), data));
        }
    }

    #[test]
    fn entries_come_back_with_the_folders_above_them() {
        let mut archive = Archive::default();
        archive.file("/a/b/file", 0o755, b"hello").unwrap();
        archive.file("a/b/empty", 0o644, b"").unwrap();
        archive.folder("a/b").unwrap();
        archive.character_device("dev/console", 5, 1).unwrap();
        let entries = read(&archive.finish().unwrap());
        let none = (0, 0);
        let expected = [
            ("a", 0o040_755, none, b"".as_slice()),
            ("a/b", 0o040_755, none, b""),
            ("a/b/file", 0o100_755, none, b"hello"),
            ("a/b/empty", 0o100_644, none, b""),
            ("dev", 0o040_755, none, b""),
            ("dev/console", 0o020_600, (5, 1), b""),
        ];
        let expected = expected
            .map(|(path, mode, device, data)| (path.to_owned(), mode, device, data.to_vec()));
        assert_eq!(entries, expected);
    }

    #[test]
    fn an_empty_archive_is_its_trailer() {
        let bytes = Archive::default().finish().unwrap();
        assert_eq!(read(&bytes), []);
        assert_eq!(bytes.len(), 124);
    }
}
