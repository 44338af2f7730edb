//! Making BTF acceptable to kernels that do not know all of it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{BtfBuilder, BuildError, Definition};
use crate::raw::MAX_VLEN;
use crate::{Btf, ByteOrder, Kind, TypeId};

/// What a kernel's BTF loader understands. The default is everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a feature of a kernel, and they are independent"
)]
pub struct BtfFeatures {
    /// Functions and prototypes (5.0).
    pub func: bool,
    /// Functions with global linkage (5.6).
    pub global_func: bool,
    /// Variables and sections (5.2).
    pub datasec: bool,
    /// Section names with a leading `?` (6.9).
    pub qmark_datasec: bool,
    /// Floating point numbers (5.13).
    pub float: bool,
    /// Tags on declarations (5.16).
    pub decl_tag: bool,
    /// Tags on types (5.17).
    pub type_tag: bool,
    /// Enumerations of 64 bits, and the sign of others (6.0).
    pub enum64: bool,
    /// The layout section (later than 6.18).
    pub layout: bool,
}

impl BtfFeatures {
    /// A kernel that understands everything.
    pub const ALL: Self = Self {
        func: true,
        global_func: true,
        datasec: true,
        qmark_datasec: true,
        float: true,
        decl_tag: true,
        type_tag: true,
        enum64: true,
        layout: true,
    };

    /// The first kernels with BTF (4.18): integers, pointers, arrays, composites, enumerations, typedefs, modifiers.
    pub const NONE: Self = Self {
        func: false,
        global_func: false,
        datasec: false,
        qmark_datasec: false,
        float: false,
        decl_tag: false,
        type_tag: false,
        enum64: false,
        layout: false,
    };
}

impl Default for BtfFeatures {
    fn default() -> Self {
        Self::ALL
    }
}

/// A blob in native order in which what a kernel does not understand is replaced by older kinds under the same ids.
/// See [`BtfBuilder::sanitize`].
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use bpf_btf::{Btf, BtfBuilder, ByteOrder, Definition, NewMember};
/// # let mut builder = BtfBuilder::new();
/// # let int = builder.add(&Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false })?;
/// # let members = [NewMember::new("x", int, 0), NewMember::new("y", int, 32)];
/// # let point = builder.add(&Definition::Struct { name: "point", size: 8, members: &members })?;
/// use bpf_btf::{BtfFeatures, Kind, sanitize};
///
/// let double = builder.add(&Definition::Float { name: "double", size: 8 })?;
/// let btf = Btf::parse(builder.write(ByteOrder::NATIVE)?)?;
/// let mut features = BtfFeatures::ALL;
/// features.float = false;
/// let old = Btf::parse(sanitize(&btf, &features)?)?;
/// assert_eq!(old.get(double).map(|found| found.kind()), Some(Kind::Struct));
/// assert_eq!(old.size_of(double)?, 8);
/// # Ok(()) }
/// ```
pub fn sanitize(btf: &Btf, features: &BtfFeatures) -> Result<Vec<u8>, BuildError> {
    btf.validate().map_err(BuildError::Source)?;
    if *features == BtfFeatures::ALL {
        return Ok(btf.bytes().to_vec());
    }
    let mut builder = BtfBuilder::from_btf(btf);
    builder.sanitize(features)?;
    builder.write(ByteOrder::NATIVE)
}

const FLAG: u32 = 1 << 31;
/// Encoding of an unsigned integer of one byte.
const BYTE: u32 = 8;

fn info(kind: Kind, vlen: u32) -> u32 {
    u32::from(kind.number()) << 24 | vlen
}

impl BtfBuilder {
    /// Replaces what a kernel does not understand by older kinds, keeping all ids (libbpf: `bpf_object__sanitize_btf`).
    ///
    /// The types stay what they are for sizes and offsets; only what they say to people gets lost.
    pub fn sanitize(&mut self, features: &BtfFeatures) -> Result<(), BuildError> {
        if !features.layout {
            self.drop_layout();
        }
        let mut placeholder = None;
        for id in self.own_ids() {
            let Some(&[name, word, third]) =
                self.words_of(id).and_then(|words| words.first_chunk())
            else {
                continue;
            };
            let kind = Kind::from_info(word);
            let vlen = word & MAX_VLEN;
            match kind {
                Kind::Var if !features.datasec => {
                    self.replace_head(id, name, info(Kind::Int, 0), 1, Some(BYTE));
                }
                Kind::DeclTag if !features.decl_tag => {
                    self.replace_head(id, name, info(Kind::Int, 0), 1, Some(BYTE));
                }
                Kind::Datasec if !features.datasec => self.section_to_structure(id)?,
                Kind::Datasec if !features.qmark_datasec && self.name(id).starts_with('?') => {
                    let plain = self.name(id).replacen('?', "_", 1);
                    let plain = self.add_string(&plain)?;
                    self.replace_head(id, plain, word, third, None);
                }
                Kind::FuncProto if !features.func => self.prototype_to_enumeration(id, vlen),
                Kind::Func if !features.func => {
                    self.replace_head(id, name, info(Kind::Typedef, 0), third, None);
                }
                Kind::Func if !features.global_func => {
                    self.replace_head(id, name, info(Kind::Func, 0), third, None);
                }
                Kind::Float if !features.float => {
                    self.replace_head(id, 0, info(Kind::Struct, 0), third, None);
                }
                Kind::TypeTag if !features.type_tag => {
                    self.replace_head(id, 0, info(Kind::Const, 0), third, None);
                }
                Kind::Enum if !features.enum64 => {
                    self.replace_head(id, name, word & !FLAG, third, None);
                }
                Kind::Enum64 if !features.enum64 => {
                    let byte = match placeholder {
                        Some(byte) => byte,
                        None => *placeholder.insert(self.add(&Definition::Bits {
                            name: "enum64_placeholder",
                            size: 1,
                            encoding: BYTE,
                        })?),
                    };
                    self.enumeration_to_union(id, vlen, byte);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Overwrites the three words of the head, and the fourth if given.
    fn replace_head(&mut self, id: TypeId, name: u32, info: u32, third: u32, fourth: Option<u32>) {
        if let Some(words) = self.words_of_mut(id) {
            for (word, value) in words.iter_mut().zip([Some(name), Some(info), Some(third), fourth])
            {
                *word = value.unwrap_or(*word);
            }
        }
    }

    /// A section becomes a structure whose members are its variables.
    fn section_to_structure(&mut self, id: TypeId) -> Result<(), BuildError> {
        let plain = self
            .name(id)
            .chars()
            .map(|c| if matches!(c, '.' | '?') { '_' } else { c })
            .collect::<String>();
        let plain = self.add_string(&plain)?;
        let mut words = self.words_of(id).map(<[u32]>::to_vec).unwrap_or_default();
        let Some(([name, info_word, _], entries)) = words.split_first_chunk_mut::<3>() else {
            return Ok(());
        };
        *name = plain;
        *info_word = info(Kind::Struct, *info_word & MAX_VLEN);
        for entry in entries.chunks_exact_mut(3) {
            if let [first, second, third] = entry {
                let (target, offset) = (*first, *second);
                let member = self.name(TypeId::new(target)).to_string();
                *first = self.add_string(&member)?;
                *second = target;
                *third = offset.saturating_mul(8);
            }
        }
        if let Some(place) = self.words_of_mut(id) {
            place.copy_from_slice(&words);
        }
        Ok(())
    }

    /// A prototype becomes an enumeration of its parameters: it has the same layout.
    fn prototype_to_enumeration(&mut self, id: TypeId, vlen: u32) {
        let Some(([_, info_word, size], _)) =
            self.words_of_mut(id).and_then(<[u32]>::split_first_chunk_mut::<3>)
        else {
            return;
        };
        *info_word = info(Kind::Enum, vlen);
        // No other size is accepted by those kernels.
        *size = 4;
    }

    /// An enumeration of 64 bits becomes a union of bytes: it has the same layout and size.
    fn enumeration_to_union(&mut self, id: TypeId, vlen: u32, byte: TypeId) {
        let Some(([_, info_word, _], values)) =
            self.words_of_mut(id).and_then(<[u32]>::split_first_chunk_mut::<3>)
        else {
            return;
        };
        *info_word = info(Kind::Union, vlen);
        for value in values.chunks_exact_mut(3) {
            if let [_, target, offset] = value {
                *target = byte.get();
                *offset = 0;
            }
        }
    }
}
