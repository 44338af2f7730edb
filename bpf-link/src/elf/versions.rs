//! Symbol versions: which version of a library defines a dynamic symbol (`memcpy@@GLIBC_2.14`).

use super::image::{Fields, Image, ImageError, Source};

const SHT_GNU_VERDEF: u32 = 0x6fff_fffd;
const SHT_GNU_VERSYM: u32 = 0x6fff_ffff;
/// The bit of a symbol's version index that says "not the default version".
const VERSYM_HIDDEN: u16 = 0x8000;

/// The version tables of one image.
#[derive(Debug)]
pub(super) struct Versions {
    big: bool,
    /// One `u16` per dynamic symbol.
    indexes: Vec<u8>,
    definitions: Vec<u8>,
    strings: Vec<u8>,
}

impl Versions {
    /// `None` when the image has no versions.
    pub(super) fn read<S: Source>(image: &Image<S>) -> Result<Option<Self>, ImageError> {
        let find = |kind| image.sections().iter().find(|section| section.kind == kind).copied();
        let (Some(indexes), Some(definitions)) = (find(SHT_GNU_VERSYM), find(SHT_GNU_VERDEF))
        else {
            return Ok(None);
        };
        Ok(Some(Versions {
            big: image.is_big_endian(),
            indexes: image.section_bytes(indexes)?,
            definitions: image.section_bytes(definitions)?,
            strings: image.section_bytes(image.section(definitions.link)?)?,
        }))
    }

    /// The name of the version that defines the dynamic symbol with this index.
    pub(super) fn of_symbol(&self, symbol: usize) -> Option<&[u8]> {
        let index = Fields::new(&self.indexes, self.big).u16(symbol.checked_mul(2)?)?;
        self.definition(index & !VERSYM_HIDDEN)
    }

    fn definition(&self, wanted: u16) -> Option<&[u8]> {
        let fields = Fields::new(&self.definitions, self.big);
        let mut at = 0_usize;
        // Each step goes forward, so the walk ends with the section at the latest.
        loop {
            let index = fields.u16(at.checked_add(4)?)?;
            let aux = usize::try_from(fields.u32(at.checked_add(12)?)?).ok()?;
            let next = usize::try_from(fields.u32(at.checked_add(16)?)?).ok()?;
            if index == wanted {
                let name = fields.u32(at.checked_add(aux)?)?;
                return Fields::new(&self.strings, self.big).string(usize::try_from(name).ok()?);
            }
            if next == 0 {
                return None;
            }
            at = at.checked_add(next)?;
        }
    }
}
