//! Any bytes as a `.BTF.ext` section: every record of it lies in the bytes, and it is written in either byte order.
#![no_main]

use bpf_btf::{BtfExt, ByteOrder, FuncInfos, SectionInfo, TypeId};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(ext) = BtfExt::parse(bytes) else { return };
    let _ = (ext.byte_order(), ext.func_info_size(), ext.line_info_size());
    let functions = ext.func_infos().map(|section| section.records.count()).sum::<usize>();
    let lines = ext
        .line_infos()
        .flat_map(|section| section.records)
        .map(|record| (record.line(), record.column()))
        .count();
    let relocations = ext.core_relos().map(|section| section.records.count()).sum::<usize>();
    assert!(functions + lines + relocations <= bytes.len() / 8, "more records than bytes");
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let written = ext.to_bytes(order);
        let again = BtfExt::parse(&written).expect("what was written can be read");
        assert_eq!(again.byte_order(), order);
        assert!(again.func_infos().map(places).eq(ext.func_infos().map(places)));
        assert_eq!(again.line_infos().flat_map(|section| section.records).count(), lines);
        let relos = ext.core_relos().flat_map(|section| section.records);
        assert!(again.core_relos().flat_map(|section| section.records).eq(relos));
        assert_eq!(again.to_bytes(order), written, "written twice, it is the same");
    }
});

/// Where the functions of a section are, with their types.
fn places(section: SectionInfo<FuncInfos<'_>>) -> (u32, Vec<(u32, TypeId)>) {
    let records = section.records.map(|record| (record.insn_offset, record.type_id));
    (section.name_offset, records.collect())
}
