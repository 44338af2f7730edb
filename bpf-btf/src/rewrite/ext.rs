//! `.BTF.ext` that belongs to rewritten BTF.

use alloc::vec::Vec;

use super::Rewritten;
use crate::ext::{CoreRelo, FuncInfo, LineInfo};
use crate::header::MAGIC;
use crate::{Btf, BtfBuilder, BtfExt, BuildError, ByteOrder, StringCopier, TypeId};

/// Header with the places of all three parts.
const HEADER_LEN: u32 = 32;

impl Rewritten {
    /// Writes the records of a `.BTF.ext` section for the new ids and strings. `before` is the BTF that the section
    /// belongs to. Its strings are added to the [builder](Self::builder), so write that afterwards.
    pub fn write_ext(
        &mut self,
        before: &Btf,
        ext: &BtfExt<'_>,
        order: ByteOrder,
    ) -> Result<Vec<u8>, BuildError> {
        let ids = &self.ids;
        let id = |id: TypeId| ids.get(id).map(TypeId::get).ok_or(BuildError::LeftOut { id });
        let mut writer = Writer {
            strings: StringCopier::new(before),
            builder: &mut self.builder,
            from: ext.byte_order(),
            to: order,
        };
        let mut func = Vec::new();
        writer.word(&mut func, ext.func_info_size());
        for section in ext.func_infos() {
            writer.block(&mut func, section.name_offset, section.records.clone().count())?;
            for FuncInfo { insn_offset, type_id, tail } in section.records {
                writer.words(&mut func, &[insn_offset, id(type_id)?]);
                writer.tail(&mut func, tail);
            }
        }
        let mut line = Vec::new();
        writer.word(&mut line, ext.line_info_size());
        for section in ext.line_infos() {
            writer.block(&mut line, section.name_offset, section.records.clone().count())?;
            for LineInfo { insn_offset, file_name_offset, line_offset, line_column, tail } in
                section.records
            {
                let names = [writer.string(file_name_offset)?, writer.string(line_offset)?];
                let [file, text] = names;
                writer.words(&mut line, &[insn_offset, file, text, line_column]);
                writer.tail(&mut line, tail);
            }
        }
        let mut core = Vec::new();
        writer.word(&mut core, 16);
        for section in ext.core_relos() {
            writer.block(&mut core, section.name_offset, section.records.clone().count())?;
            for CoreRelo { insn_offset, type_id, access_offset, kind } in section.records {
                let access = writer.string(access_offset)?;
                writer.words(&mut core, &[insn_offset, id(type_id)?, access, kind]);
            }
        }
        let mut out = order.u16_bytes(MAGIC).to_vec();
        out.extend_from_slice(&[1, 0]);
        writer.word(&mut out, HEADER_LEN);
        let mut offset = 0_u32;
        // A part without records has no record size either.
        let parts = [func, line, core].map(|part| if part.len() > 4 { part } else { Vec::new() });
        for part in &parts {
            let len = u32::try_from(part.len()).map_err(|_| BuildError::TooLarge)?;
            writer.words(&mut out, &[offset, len]);
            offset = offset.checked_add(len).ok_or(BuildError::TooLarge)?;
        }
        out.extend(parts.into_iter().flatten());
        Ok(out)
    }
}

struct Writer<'a> {
    strings: StringCopier<'a>,
    builder: &'a mut BtfBuilder,
    from: ByteOrder,
    to: ByteOrder,
}

impl Writer<'_> {
    fn word(&self, out: &mut Vec<u8>, word: u32) {
        out.extend_from_slice(&self.to.u32_bytes(word));
    }

    fn words(&self, out: &mut Vec<u8>, words: &[u32]) {
        for word in words {
            self.word(out, *word);
        }
    }

    /// What newer compilers add to a record: words, as far as anyone knows.
    fn tail(&self, out: &mut Vec<u8>, tail: &[u8]) {
        for word in tail.chunks_exact(4).filter_map(|word| word.first_chunk()) {
            self.word(out, self.from.u32(*word));
        }
    }

    fn block(
        &mut self,
        out: &mut Vec<u8>,
        name_offset: u32,
        count: usize,
    ) -> Result<(), BuildError> {
        let name = self.string(name_offset)?;
        let count = u32::try_from(count).map_err(|_| BuildError::TooLarge)?;
        self.words(out, &[name, count]);
        Ok(())
    }

    /// The new offset of a string; one that does not exist becomes the empty string.
    fn string(&mut self, offset: u32) -> Result<u32, BuildError> {
        self.strings.copy(offset, self.builder)
    }
}
