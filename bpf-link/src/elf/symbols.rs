//! Functions by name: which file offset a symbol has (rules of libbpf's `elf.c`).

use thiserror::Error;

use super::image::{Fields, Image, ImageError, Section, Source};
use super::versions::Versions;

const SHT_SYMTAB: u32 = 2;
const SHT_DYNSYM: u32 = 11;
const SYMBOL_SIZE: usize = 24;
const STT_FUNC: u8 = 2;
const STB_WEAK: u8 = 2;
const SHN_UNDEF: u16 = 0;
/// Section numbers from here on are no sections (absolute, common, ...).
const SHN_LORESERVE: u16 = 0xff00;

/// Why a function has no file offset.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum SymbolError {
    #[error(transparent)]
    Image(#[from] ImageError),
    #[error("the file has neither .dynsym nor .symtab (stripped)")]
    NoSymbols,
    #[error("offset {0:#x} leads beyond any file")]
    Offset(u64),
    #[error("no function symbol `{0}`")]
    NotFound(String),
    #[error(
        "function symbol `{name}` is defined at the offsets {first:#x} and {second:#x}; give the one to use"
    )]
    Ambiguous { name: String, first: u64, second: u64 },
}

/// A defined function of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Function<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) offset: u64,
    weak: bool,
}

impl<S: Source> Image<S> {
    /// The file offset of a function: `name`, `name@VERSION` or `name@@VERSION`.
    ///
    /// The dynamic symbols are asked first, then the others. A symbol that is not weak beats a weak one; two that are
    /// not weak with different offsets are an error.
    pub(crate) fn function_offset(&self, name: &str) -> Result<u64, SymbolError> {
        let (base, version) = match name.split_once('@') {
            Some((base, version)) => (base, Some(version.strip_prefix('@').unwrap_or(version))),
            None => (name, None),
        };
        let mut any = false;
        for kind in [SHT_DYNSYM, SHT_SYMTAB] {
            let Some(table) = self.symbol_table(kind)? else { continue };
            any = true;
            let versions = match version {
                Some(_) if kind == SHT_DYNSYM => Versions::read(self)?,
                _ => None,
            };
            let mut best: Option<Function<'_>> = None;
            for (index, function) in table.functions(self) {
                let (symbol, suffix) = split_version(function.name);
                if symbol != base.as_bytes() {
                    continue;
                }
                if let Some(version) = version {
                    let defined = match &versions {
                        Some(versions) => versions.of_symbol(index),
                        None => suffix,
                    };
                    if defined != Some(version.as_bytes()) {
                        continue;
                    }
                }
                best = match best {
                    None => Some(function),
                    Some(found) if found.weak && !function.weak => Some(function),
                    Some(found) if found.offset == function.offset || function.weak => Some(found),
                    Some(found) => {
                        return Err(SymbolError::Ambiguous {
                            name: name.to_owned(),
                            first: found.offset,
                            second: function.offset,
                        });
                    }
                };
            }
            if let Some(function) = best {
                return Ok(function.offset);
            }
        }
        Err(if any { SymbolError::NotFound(name.to_owned()) } else { SymbolError::NoSymbols })
    }

    /// The file offsets of all functions whose name (without version) is accepted, ascending, each once.
    pub(crate) fn function_offsets(
        &self,
        mut accept: impl FnMut(&[u8]) -> bool,
    ) -> Result<Vec<u64>, SymbolError> {
        let mut offsets = Vec::new();
        let mut any = false;
        for kind in [SHT_DYNSYM, SHT_SYMTAB] {
            let Some(table) = self.symbol_table(kind)? else { continue };
            any = true;
            for (_, function) in table.functions(self) {
                if accept(split_version(function.name).0) {
                    offsets.push(function.offset);
                }
            }
        }
        if !any {
            return Err(SymbolError::NoSymbols);
        }
        offsets.sort_unstable();
        offsets.dedup();
        Ok(offsets)
    }

    fn symbol_table(&self, kind: u32) -> Result<Option<Table>, ImageError> {
        let Some(section) = self.sections().iter().find(|section| section.kind == kind) else {
            return Ok(None);
        };
        Ok(Some(Table {
            big: self.is_big_endian(),
            symbols: self.section_bytes(*section)?,
            strings: self.section_bytes(self.section(section.link)?)?,
        }))
    }
}

/// A symbol's name, and its version when the name itself holds one, as names in .symtab may.
fn split_version(name: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut parts = name.splitn(2, |&byte| byte == b'@');
    let base = parts.next().unwrap_or_default();
    (base, parts.next().map(|version| version.strip_prefix(b"@").unwrap_or(version)))
}

/// A symbol table with its strings.
struct Table {
    big: bool,
    symbols: Vec<u8>,
    strings: Vec<u8>,
}

impl Table {
    /// The functions that are defined in a section of the file, with their index in the table.
    fn functions<'a, S: Source>(
        &'a self,
        image: &'a Image<S>,
    ) -> impl Iterator<Item = (usize, Function<'a>)> + 'a {
        self.symbols.chunks_exact(SYMBOL_SIZE).enumerate().filter_map(|(index, raw)| {
            Some((index, self.function(Fields::new(raw, self.big), image.sections())?))
        })
    }

    fn function(&self, symbol: Fields<'_>, sections: &[Section]) -> Option<Function<'_>> {
        let info = symbol.u8(4)?;
        let section = symbol.u16(6)?;
        if info & 0xf != STT_FUNC || section == SHN_UNDEF || section >= SHN_LORESERVE {
            return None;
        }
        let section = sections.get(usize::from(section))?;
        // A value outside of its section would place the breakpoint in some other part of the file.
        let inside =
            symbol.u64(8)?.checked_sub(section.addr).filter(|inside| *inside < section.size)?;
        let name = usize::try_from(symbol.u32(0)?).ok()?;
        Some(Function {
            name: Fields::new(&self.strings, self.big).string(name)?,
            offset: section.offset.checked_add(inside)?,
            weak: info >> 4 == STB_WEAK,
        })
    }
}

#[cfg(test)]
mod tests;
