//! `.BTF.ext` of all objects: records that follow their code.

use bpf_btf::{BtfBuilder, StringCopier, TypeId};

use super::error::LinkError;
use super::input::Input;
use super::output::Output;
use crate::emit::{ExtPart, write_ext};

/// The records of all objects, for the types and strings of `builder`, which is given the strings.
pub(super) fn merge(
    output: &Output,
    inputs: &[Input<'_>],
    builder: &mut BtfBuilder,
) -> Result<Option<Vec<u8>>, LinkError> {
    let [mut funcs, mut lines, mut core] = [2, 4, 4].map(ExtPart::new);
    for input in inputs {
        let (Some(btf), Some(ext), Some(types)) = (&input.btf, &input.ext, &input.types) else {
            continue;
        };
        let place = |name: u32| {
            let section = input.section(btf.string(name)?)?;
            Some((section.name, input.place(section.index)?.shift))
        };
        let id = |id: TypeId| types.get(id).map_or(0, TypeId::get);
        let mut strings = StringCopier::new(btf);
        let mut string = |offset: u32| strings.copy(offset, builder);
        let moved = |offset: u32, shift: u64| {
            let moved = u64::from(offset).saturating_add(shift);
            u32::try_from(moved).map_err(|_| LinkError::TooLarge)
        };
        for block in ext.func_infos() {
            let Some((section, shift)) = place(block.name_offset) else { continue };
            for record in block.records {
                let offset = moved(record.insn_offset, shift)?;
                funcs.add(section, &[offset, id(record.type_id)]);
            }
        }
        for block in ext.line_infos() {
            let Some((section, shift)) = place(block.name_offset) else { continue };
            for record in block.records {
                let offset = moved(record.insn_offset, shift)?;
                let file = string(record.file_name_offset).map_err(LinkError::btf)?;
                let text = string(record.line_offset).map_err(LinkError::btf)?;
                lines.add(section, &[offset, file, text, record.line_column]);
            }
        }
        for block in ext.core_relos() {
            let Some((section, shift)) = place(block.name_offset) else { continue };
            for record in block.records {
                let offset = moved(record.insn_offset, shift)?;
                let access = string(record.access_offset).map_err(LinkError::btf)?;
                core.add(section, &[offset, id(record.type_id), access, record.kind]);
            }
        }
    }
    write_ext(&[funcs, lines, core], builder, output.order).map_err(LinkError::btf)
}
