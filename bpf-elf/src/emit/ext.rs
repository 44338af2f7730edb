//! `.BTF.ext`, written from its records.

use std::collections::HashMap;

use bpf_asm::ByteOrder;
use bpf_btf::{BtfBuilder, BuildError};

use super::Bytes;

/// `struct btf_header` begins with it, and the header of this section too.
const MAGIC: u16 = 0xeb9f;
/// Header with the places of all three parts.
const HEADER: u32 = 32;

/// The records of one kind, by section: words in the order of the kernel's structures.
#[derive(Debug)]
pub(crate) struct ExtPart {
    /// Words of a record.
    width: u32,
    order: Vec<String>,
    blocks: HashMap<String, Vec<u32>>,
}

impl ExtPart {
    /// No records of `width` words.
    pub(crate) fn new(width: u32) -> Self {
        Self { width, order: Vec::new(), blocks: HashMap::new() }
    }

    /// Adds a record behind the others of its section.
    pub(crate) fn add(&mut self, section: &str, record: &[u32]) {
        if !self.blocks.contains_key(section) {
            self.order.push(section.to_owned());
        }
        self.blocks.entry(section.to_owned()).or_default().extend_from_slice(record);
    }

    fn write(&self, builder: &mut BtfBuilder, order: ByteOrder) -> Result<Vec<u8>, BuildError> {
        let mut out = Bytes::new(order);
        for section in &self.order {
            let words = self.blocks.get(section).map(Vec::as_slice).unwrap_or_default();
            // A part without records has no record size either.
            if out.len() == 0 {
                out.u32(self.width.saturating_mul(4));
            }
            out.u32(builder.add_string(section)?);
            let words_of_all = u32::try_from(words.len());
            let words_of_all = words_of_all.map_err(|_| BuildError::TooLarge)?;
            out.u32(words_of_all.checked_div(self.width).unwrap_or_default());
            for word in words {
                out.u32(*word);
            }
        }
        Ok(out.into_vec())
    }
}

/// The section with functions, lines and CO-RE relocations; `None` without any. `builder` gets the names of the sections.
pub(crate) fn write_ext(
    parts: &[ExtPart; 3],
    builder: &mut BtfBuilder,
    order: ByteOrder,
) -> Result<Option<Vec<u8>>, BuildError> {
    let mut written = Vec::with_capacity(parts.len());
    for part in parts {
        written.push(part.write(builder, order)?);
    }
    if written.iter().all(Vec::is_empty) {
        return Ok(None);
    }
    let mut out = Bytes::new(order);
    out.u16(MAGIC);
    out.put(&[1, 0]);
    out.u32(HEADER);
    let mut start = 0_u32;
    for part in &written {
        let len = u32::try_from(part.len()).map_err(|_| BuildError::TooLarge)?;
        out.u32(start);
        out.u32(len);
        start = start.checked_add(len).ok_or(BuildError::TooLarge)?;
    }
    for part in &written {
        out.put(part);
    }
    Ok(Some(out.into_vec()))
}
