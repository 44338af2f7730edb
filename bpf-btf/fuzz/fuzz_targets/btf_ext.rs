//! Any bytes as a `.BTF.ext` section: every record of it lies in the bytes.
#![no_main]

use bpf_btf::BtfExt;
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
});
