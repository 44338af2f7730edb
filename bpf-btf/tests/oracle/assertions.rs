//! Sizes and offsets as assertions that a C compiler checks.

use std::collections::BTreeMap;
use std::fmt::Write;

use bpf_btf::{Btf, Type};

/// Assertions on sizes and offsets of all structures and unions whose name is theirs alone.
pub(crate) fn assertions(btf: &Btf) -> (String, usize) {
    let mut counts = BTreeMap::<&str, u32>::new();
    let tagged = |found: Type<'_>| found.composite().is_some() || found.enumeration().is_some();
    // A type of a module is called otherwise if the kernel has one of its name.
    std::iter::successors(Some(btf), |btf| btf.base())
        .flat_map(Btf::types)
        .filter(|(_, found)| tagged(*found))
        .for_each(|(_, found)| *counts.entry(found.name()).or_default() += 1);
    let mut text = String::new();
    let mut count = 0;
    for composite in btf.types().filter_map(|(_, found)| found.composite()) {
        let name = composite.name();
        if name.is_empty() || counts.get(name) != Some(&1) {
            continue;
        }
        let keyword = if composite.is_union() { "union" } else { "struct" };
        writeln!(
            text,
            "_Static_assert(sizeof({keyword} {name}) == {}, \"{name}\");",
            composite.size()
        )
        .unwrap();
        count += 1;
        for member in composite
            .members()
            .filter(|member| !member.is_anonymous() && member.bitfield_size().is_none())
        {
            let (field, offset) = (member.name(), member.bit_offset() / 8);
            writeln!(text, "_Static_assert(__builtin_offsetof({keyword} {name}, {field}) == {offset}, \"{name}.{field}\");").unwrap();
            count += 1;
        }
    }
    (text, count)
}
