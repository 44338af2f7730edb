//! Rules for header and sections.

use super::{KernelRule, MAX_BLOB, MAX_ID, RuleViolation};
use crate::header::LAYOUT_HEADER_LEN;
use crate::{Btf, TypeId};

pub(super) fn check(btf: &Btf) -> Result<(), RuleViolation> {
    match broken_rule(btf) {
        None => Ok(()),
        Some(rule) => Err(RuleViolation { id: TypeId::VOID, element: None, rule }),
    }
}

fn broken_rule(btf: &Btf) -> Option<KernelRule> {
    let (bytes, header) = (btf.bytes(), btf.header());
    if bytes.len() > MAX_BLOB {
        return Some(KernelRule::BlobSize);
    }
    let later = bytes.get(LAYOUT_HEADER_LEN as usize..header.len as usize).unwrap_or_default();
    if later.iter().any(|byte| *byte != 0) {
        return Some(KernelRule::Header);
    }
    let mut sections = [&header.types, &header.strings, &header.layout];
    // A blob without layout section has no place for it either.
    let count = if header.layout.is_empty() { 2 } else { 3 };
    let sections = sections.get_mut(..count).unwrap_or_default();
    sections.sort_by_key(|section| (section.start, section.end));
    let mut end = header.len as usize;
    for section in sections {
        if section.start != end {
            return Some(KernelRule::Sections);
        }
        end = section.end;
    }
    if end != bytes.len() {
        return Some(KernelRule::Sections);
    }
    let split = btf.base().is_some();
    if (header.strings.is_empty() && !split) || header.strings.len() > MAX_BLOB {
        return Some(KernelRule::Strings);
    }
    if header.types.is_empty() && !split {
        return Some(KernelRule::NoTypes);
    }
    (btf.len() > MAX_ID).then_some(KernelRule::TypeCount)
}
