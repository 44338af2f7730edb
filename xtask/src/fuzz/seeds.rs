//! First inputs of the fuzz targets, cut out of the fixtures.
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{print, seed};
use crate::cache;

/// `SHF_EXECINSTR`: a section holds instructions.
const EXECUTABLE: u64 = 4;
/// `.strtab`, relocations and the like have other types: `SHT_PROGBITS`.
const PROGBITS: u64 = 1;

/// A section of an object.
#[derive(Debug, PartialEq, Eq)]
struct Section<'a> {
    name: String,
    executable: bool,
    bytes: &'a [u8],
}

/// Writes the seeds of all targets, each into a folder of its name.
pub(super) fn write(objects: &Path, folder: &Path, listing: &Path) -> Result<()> {
    for path in files(objects)? {
        let below = path.strip_prefix(objects).unwrap_or(&path).with_extension("");
        let name = below.to_string_lossy().replace('/', "-");
        let bytes = cache::read(&path)?;
        for target in ["object", "prepare", "write", "link", "look"] {
            seed(folder, target, &name, &bytes)?;
        }
        let order = if is_big(&bytes) { "big" } else { "little" };
        let sections = sections(&bytes).unwrap_or_default();
        let named = |wanted: &str| sections.iter().find(|section| section.name == wanted);
        let btf = named(".BTF").map(|section| section.bytes);
        if let Some(btf) = btf {
            for target in ["btf", "c_header", "rewrite"] {
                seed(folder, target, &name, btf)?;
            }
        }
        if let Some(ext) = named(".BTF.ext") {
            seed(folder, "btf_ext", &name, ext.bytes)?;
            if let Some(relocations) = btf.and_then(|btf| relocations(btf, ext.bytes, &bytes)) {
                seed(folder, "core", &name, &relocations)?;
            }
        }
        for (number, section) in sections.iter().filter(|section| section.executable).enumerate() {
            let name = format!("{name}-{number}");
            let code = seed(folder, "instructions", &name, section.bytes)?;
            seed(folder, "text", &name, &print(listing, order, &code)?)?;
        }
    }
    Ok(())
}

/// The files in a folder and in those below it.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot list {}", folder.display()))?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    Ok(found)
}

fn is_big(object: &[u8]) -> bool {
    object.get(5) == Some(&2)
}

/// A number of some bytes in the object's byte order.
fn number(bytes: &[u8], at: usize, len: usize, big: bool) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(len)?)?;
    let fold = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
    let value = if big { bytes.iter().fold(0, fold) } else { bytes.iter().rev().fold(0, fold) };
    usize::try_from(value).ok()
}

/// The sections with contents of a 64-bit object.
fn sections(object: &[u8]) -> Option<Vec<Section<'_>>> {
    let number = |at: usize, len: usize| number(object, at, len, is_big(object));
    let (table, size, count, names) =
        (number(0x28, 8)?, number(0x3a, 2)?, number(0x3c, 2)?, number(0x3e, 2)?);
    let header = |index: usize| table.checked_add(index.checked_mul(size)?);
    let contents = |header: usize| {
        let start = number(header.checked_add(0x18)?, 8)?;
        object.get(start..start.checked_add(number(header.checked_add(0x20)?, 8)?)?)
    };
    let strings = contents(header(names)?)?;
    let mut found = Vec::new();
    for index in 0..count {
        let header = header(index)?;
        if number(header.checked_add(4)?, 4)? as u64 != PROGBITS {
            continue;
        }
        let name = strings.get(number(header, 4)?..)?.split(|byte| *byte == 0).next()?;
        let flags = number(header.checked_add(8)?, 8)? as u64;
        found.push(Section {
            name: String::from_utf8_lossy(name).into_owned(),
            executable: flags & EXECUTABLE != 0,
            bytes: contents(header)?,
        });
    }
    Some(found)
}

/// The input of the target `core`: the object's records, its BTF, and the same BTF as the kernel's.
fn relocations(btf: &[u8], ext: &[u8], object: &[u8]) -> Option<Vec<u8>> {
    let number = |at: usize| number(ext, at, 4, is_big(object));
    // The header ends with the offset and length of the relocations; what it says of places counts from its end.
    let (header, offset, length) = (number(4)?, number(24)?, number(28)?);
    let mut at = header.checked_add(offset)?;
    let end = at.checked_add(length)?;
    let size = number(at)?;
    at = at.checked_add(4)?;
    let (mut records, mut count) = (Vec::new(), 0_u16);
    while at < end {
        // A section: the offset of its name, the number of its records, the records.
        let records_here = number(at.checked_add(4)?)?;
        at = at.checked_add(8)?;
        for _ in 0..records_here {
            for field in [4, 8, 12] {
                let value = u32::try_from(number(at.checked_add(field)?)?).ok()?;
                records.extend_from_slice(&value.to_le_bytes());
            }
            count = count.checked_add(1)?;
            at = at.checked_add(size)?;
        }
    }
    let mut input = u16::try_from(btf.len()).ok()?.to_le_bytes().to_vec();
    input.extend_from_slice(&count.to_le_bytes());
    for part in [&records, btf, btf] {
        input.extend_from_slice(part);
    }
    (count > 0).then_some(input)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::root;

    fn fixture(name: &str) -> Vec<u8> {
        cache::read(&root().join("testdata/elf").join(name)).unwrap()
    }

    #[test]
    fn the_sections_of_a_fixture_are_found_in_either_byte_order() {
        for name in ["core-el.o", "core-eb.o"] {
            let object = fixture(name);
            let sections = sections(&object).unwrap();
            let code: Vec<_> = sections.iter().filter(|section| section.executable).collect();
            assert!(code.iter().any(|section| !section.bytes.is_empty()), "{name}");
            assert!(code.iter().all(|section| section.bytes.len() % 8 == 0), "{name}");
            for wanted in [".BTF", ".BTF.ext"] {
                let section = sections.iter().find(|section| section.name == wanted).unwrap();
                let magic = if is_big(&object) { [0xeb, 0x9f] } else { [0x9f, 0xeb] };
                assert!(section.bytes.starts_with(&magic), "{name} {wanted}");
            }
        }
    }

    #[test]
    fn records_of_relocations_are_the_same_in_either_byte_order() {
        let input = |name: &str| {
            let object = fixture(name);
            let sections = sections(&object).unwrap();
            let bytes = |wanted: &str| {
                sections.iter().find(|section| section.name == wanted).unwrap().bytes.to_vec()
            };
            relocations(&bytes(".BTF"), &bytes(".BTF.ext"), &object)
        };
        let (little, big) = (input("core-el.o").unwrap(), input("core-eb.o").unwrap());
        let count = usize::from(u16::from_le_bytes([little[2], little[3]]));
        assert!(count > 3, "{count}");
        assert_eq!(little[..4 + 12 * count], big[..4 + 12 * count]);
    }

    #[test]
    fn objects_in_folders_are_seeds_too() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("inner")).unwrap();
        for name in ["one.o", "inner/two.o"] {
            cache::write(&folder.path().join(name), "").unwrap();
        }
        let mut found = files(folder.path()).unwrap();
        found.sort();
        assert_eq!(found, ["inner/two.o", "one.o"].map(|name| folder.path().join(name)));
    }

    #[test]
    fn what_is_cut_off_has_no_sections() {
        let object = fixture("core-el.o");
        // The table of sections is the end of the file, and not all of its last entry is looked at.
        for len in 0..object.len() - 64 {
            assert!(sections(&object[..len]).is_none(), "{len}");
        }
    }
}
