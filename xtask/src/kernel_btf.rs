//! The BTF of the guest kernels as files: that of the image, and that of each module.
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::cache::{self, Cache};
use crate::kernels::Kernel;
use crate::module;

/// The folder with a kernel's BTF: `vmlinux`, and one file for each module that has some (split BTF, which kernels
/// from 5.11 on have). Taken out of the image and the modules when it is asked for first.
pub(crate) fn folder(cache: &Cache, kernel: &Kernel) -> Result<PathBuf> {
    ensure!(
        has_place(cache, kernel),
        "{} is no kernel of the cache: only those have a place for their BTF",
        kernel.name
    );
    let place = kernel.folder().join("btf");
    if place.is_dir() {
        return Ok(place);
    }
    let scratch = cache.scratch()?;
    let made = scratch.path().join("btf");
    fs::create_dir(&made).with_context(|| format!("cannot make {}", made.display()))?;
    extract(kernel, &made)
        .with_context(|| format!("cannot take the BTF out of {}", kernel.release))?;
    cache::publish(&made, &place)?;
    Ok(place)
}

/// Whether this is a kernel of the cache.
pub(crate) fn has_place(cache: &Cache, kernel: &Kernel) -> bool {
    kernel.folder() == cache.path("kernels").join(&kernel.release)
}

fn extract(kernel: &Kernel, made: &Path) -> Result<()> {
    let image = cache::read(kernel.image()?)?;
    let vmlinux = payload(&image)?;
    let blob = section(&vmlinux)?.context("the image has no section .BTF")?;
    cache::write(&made.join("vmlinux"), blob)?;

    let modules = Mutex::new(module::files(kernel)?.into_iter());
    let next = || modules.lock().map(|mut modules| modules.next()).ok().flatten();
    let work = || -> Result<()> {
        while let Some((name, path)) = next() {
            let of_module = || format!("module {}", path.display());
            let bytes = module::expand(&path, kernel.read(&path)?).with_context(of_module)?;
            if let Some(blob) = section(&bytes).with_context(of_module)? {
                cache::write(&made.join(name), blob)?;
            }
        }
        Ok(())
    };
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let ended = |thread: std::thread::ScopedJoinHandle<'_, Result<()>>| {
            thread.join().unwrap_or_else(|_| Err(anyhow!("a thread ended by a panic")))
        };
        threads.into_iter().map(ended).collect::<Vec<_>>().into_iter().collect()
    })
}

/// The ELF file in a bzImage. Where it is and how long, the header says since version 2.08 of the boot protocol
/// (kernel: Documentation/arch/x86/boot.rst, `payload_offset`).
fn payload(image: &[u8]) -> Result<Vec<u8>> {
    let place = || {
        // Sectors of the real-mode code, beside the first; 0 stands for 4.
        let sectors =
            number(image, 0x1f1, 1).map(|sectors| if sectors == 0 { 4 } else { sectors })?;
        let code = sectors.checked_add(1)?.checked_mul(512)?;
        let start = code.checked_add(number(image, 0x248, 4)?)?;
        let end = start.checked_add(number(image, 0x24c, 4)?)?;
        image.get(start..end).filter(|payload| !payload.is_empty())
    };
    unpack(place().context("the boot header names no payload")?)
}

/// The first bytes of each compression that x86 kernels are built with, and the program that undoes it.
const COMPRESSIONS: [(&[u8], &[&str]); 4] = [
    (b"\x1f\x8b", &["gzip", "-dc"]),
    (b"\xfd7zXZ\0", &["xz", "-dc"]),
    (b"\x28\xb5\x2f\xfd", &["zstd", "-dcq"]),
    (b"\x02\x21\x4c\x18", &["lz4", "-dc"]),
];

fn unpack(payload: &[u8]) -> Result<Vec<u8>> {
    if payload.starts_with(b"\x7fELF") {
        return Ok(payload.to_vec());
    }
    let found = COMPRESSIONS.iter().find(|(magic, _)| payload.starts_with(magic));
    let Some((_, [program, flag])) = found.map(|(magic, words)| (magic, *words)) else {
        let first = payload.get(..6).unwrap_or(payload);
        bail!("the payload begins with {}: an unknown compression", first.escape_ascii());
    };
    // The kernel's build appends the size before compression, 4 bytes, to what does not end with it by itself.
    let suffix = if *program == "gzip" { 0 } else { 4 };
    let end = payload.len().saturating_sub(suffix);
    let packed = payload.get(..end).unwrap_or_default().to_vec();
    module::filter(Command::new(program).arg(flag), packed)
}

/// The bytes of the section `.BTF` of a 64-bit little-endian ELF file.
fn section(elf: &[u8]) -> Result<Option<&[u8]>> {
    ensure!(elf.starts_with(b"\x7fELF\x02\x01"), "no 64-bit little-endian ELF file");
    find_section(elf, b".BTF").context("the table of sections is broken")
}

/// `None` where the table is broken, `Some(None)` where it has no section of this name.
#[expect(
    clippy::option_option,
    reason = "each step of the way may be missing, and so may the section"
)]
fn find_section<'elf>(elf: &'elf [u8], wanted: &[u8]) -> Option<Option<&'elf [u8]>> {
    let half = |at: usize| number(elf, at, 2);
    // e_shoff, e_shentsize, e_shnum, e_shstrndx
    let (table, size, count, names) =
        (number(elf, 0x28, 8)?, half(0x3a)?, half(0x3c)?, half(0x3e)?);
    // sh_name, sh_offset, sh_size
    let header = |index: usize| {
        let at = table.checked_add(index.checked_mul(size)?)?;
        let field = |offset: usize, len: usize| number(elf, at.checked_add(offset)?, len);
        Some((field(0, 4)?, field(0x18, 8)?, field(0x20, 8)?))
    };
    let (_, names, len) = header(names)?;
    let names = elf.get(names..names.checked_add(len)?)?;
    for index in 0..count {
        let (name, start, len) = header(index)?;
        if names.get(name..)?.split(|&byte| byte == 0).next() == Some(wanted) {
            return elf.get(start..start.checked_add(len)?).map(Some);
        }
    }
    Some(None)
}

/// A little-endian number.
fn number(bytes: &[u8], at: usize, len: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(len)?)?;
    bytes
        .iter()
        .rev()
        .try_fold(0_usize, |sum, &byte| sum.checked_mul(256)?.checked_add(usize::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A boot image whose payload is this.
    fn image(payload: &[u8]) -> Vec<u8> {
        let mut image = vec![0; 0x400];
        image[0x1f1] = 1;
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x248..0x24c].copy_from_slice(&0x10_u32.to_le_bytes());
        image[0x24c..0x250].copy_from_slice(&u32::try_from(payload.len()).unwrap().to_le_bytes());
        image.extend([0; 0x10]);
        image.extend(payload);
        image.extend(b"behind it");
        image
    }

    #[test]
    fn a_payload_is_unpacked_whatever_it_was_packed_with() {
        let plain = b"\x7fELF and more".to_vec();
        assert_eq!(payload(&image(&plain)).unwrap(), plain);
        for [program, flags, suffix] in
            [["gzip", "-c", ""], ["xz", "-c", "size"], ["zstd", "-cq", "size"]]
        {
            let mut packed =
                module::filter(Command::new(program).arg(flags), plain.clone()).unwrap();
            packed.extend(suffix.bytes());
            assert_eq!(payload(&image(&packed)).unwrap(), plain, "{program}");
        }
    }

    #[test]
    fn an_image_without_a_payload_is_refused() {
        let mut outside = image(b"\x7fELF");
        outside[0x24b] = 1;
        let rows: [(&[u8], &str); 4] = [
            (b"", "names no payload"),
            (&image(b""), "names no payload"),
            (&outside, "names no payload"),
            (&image(b"what?"), "begins with what?"),
        ];
        for (image, expected) in rows {
            let error = payload(image).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    /// An ELF file with two sections: the names `\0.names\0.BTF\0`, and one that is called by the bytes at `name`.
    fn elf(name: u32) -> Vec<u8> {
        let mut elf = vec![0; 0x40];
        elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
        elf[0x28] = 0x40;
        elf[0x3a] = 0x40;
        elf[0x3c] = 2;
        for (name, start, len) in [(1_u32, 0xc0_u64, 13_u64), (name, 0xcd, 5)] {
            let mut header = [0; 0x40];
            header[..4].copy_from_slice(&name.to_le_bytes());
            header[0x18..0x20].copy_from_slice(&start.to_le_bytes());
            header[0x20..0x28].copy_from_slice(&len.to_le_bytes());
            elf.extend(header);
        }
        elf.extend(b"\0.names\0.BTF\0types");
        elf
    }

    #[test]
    fn a_section_is_found_by_its_name() {
        assert_eq!(section(&elf(8)).unwrap(), Some(&b"types"[..]));
        assert_eq!(section(&elf(0)).unwrap(), None);
        let mut broken = elf(8);
        broken.pop();
        for elf in [&b""[..], b"\x7fELF", &broken, &elf(8)[..0x50], &elf(99)] {
            assert!(section(elf).is_err(), "{}", elf.escape_ascii());
        }
    }

    #[test]
    fn a_kernel_that_is_not_in_the_cache_has_no_place() {
        let folder = tempfile::tempdir().unwrap();
        let mut boot = image(b"");
        boot[0x20e..0x210].copy_from_slice(&0x100_u16.to_le_bytes());
        boot.splice(0x300..0x306, *b"9.9.9\0");
        let path = folder.path().join("vmlinuz");
        fs::write(&path, boot).unwrap();
        let cache = Cache::at(&folder.path().join("cache")).unwrap();
        let kernel = crate::kernels::resolve(&cache, path.to_str().unwrap()).unwrap();
        let error = super::folder(&cache, &kernel).unwrap_err().to_string();
        assert!(error.contains("is no kernel of the cache"), "{error}");
    }
}
