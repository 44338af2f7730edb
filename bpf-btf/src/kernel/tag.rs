//! The order of type tags and other modifiers.

use super::record::is_modifier;
use super::{KernelRule, RuleViolation};
use crate::{Btf, Kind};

/// Modifiers in a row that are looked at.
const MAX_CHAIN: u32 = 32;

/// Type tags come first in a chain of modifiers (kernel: `btf_check_type_tags`). What follows a type that was found good
/// is not looked at again.
pub(super) fn check(btf: &Btf) -> Result<(), RuleViolation> {
    let mut good = btf.first_id().get().saturating_sub(1);
    for (id, found) in btf.types() {
        if !is_modifier(found.kind()) {
            continue;
        }
        let mut only_tags = found.kind() == Kind::TypeTag;
        let mut left = MAX_CHAIN;
        let mut current = id;
        while let Some(found) = btf.get(current).filter(|found| is_modifier(found.kind())) {
            let at = |rule: KernelRule| Err(rule.whole().at(id));
            if left == 0 {
                return at(KernelRule::TagChain);
            }
            left = left.saturating_sub(1);
            if found.kind() != Kind::TypeTag {
                only_tags = false;
            } else if !only_tags {
                return at(KernelRule::TagOrder);
            }
            if current.get() <= good {
                break;
            }
            current = found.reference().map_or(current, |reference| reference.target());
        }
        good = id.get();
    }
    Ok(())
}
