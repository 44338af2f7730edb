//! Two blobs and records between them: relocations end in a fixup or an error.
//!
//! The input: the length of the first blob and the number of records (16 bits each, little-endian), records of three 32-bit numbers
//! (type, offset of the access string, kind), the first blob, the second blob.
#![no_main]

use bpf_btf::core::Resolver;
use bpf_btf::{Btf, CoreRelo, TypeId};
use libfuzzer_sys::fuzz_target;

fn split(input: &[u8]) -> Option<(Vec<CoreRelo>, &[u8], &[u8])> {
    let (length, rest) = input.split_first_chunk::<2>()?;
    let (count, rest) = rest.split_first_chunk::<2>()?;
    let count = u16::from_le_bytes(*count);
    let (records, blobs) = rest.split_at_checked(usize::from(count) * 12)?;
    let (local, target) = blobs.split_at_checked(u16::from_le_bytes(*length).into())?;
    let relos = records.chunks_exact(12).map(|record| {
        let number = |at: usize| {
            let bytes = record.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            u32::from_le_bytes(bytes.unwrap_or_default())
        };
        CoreRelo::new(0, TypeId::new(number(0)), number(4), number(8))
    });
    Some((relos.collect(), local, target))
}

fuzz_target!(|input: &[u8]| {
    let Some((relos, local, target)) = split(input) else { return };
    // A kernel is trusted; what is valid reads the same that way.
    let Ok(local) = Btf::parse(local.to_vec()) else { return };
    let Ok(target) = Btf::parse_trusted(target.to_vec()) else { return };
    let mut resolver = Resolver::new(&local, &relos);
    resolver.search_kernel(&target);
    if resolver.needs_modules() {
        resolver.search_module(&target, "module");
    }
    let fixups = resolver.resolve();
    assert_eq!(fixups.len(), relos.len());
    for fixup in fixups {
        match fixup {
            Ok(fixup) => {
                let text = fixup.story.map(|story| story.to_string());
                assert!(text.unwrap_or_default().len() < 1 << 16);
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});
