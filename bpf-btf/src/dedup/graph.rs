//! Whether two type graphs are the same.
//!
//! Types form cycles, so equality is assumed until something contradicts it: each type of the canonical graph gets a
//! partner in the other one, and no type may have two. If the walk ends without contradiction all partners are equal
//! (libbpf: the hypothetical map).

use alloc::vec::Vec;

use super::Dedup;
use crate::{Kind, words};

/// How deep and how many types the comparison of two partners may look at.
const MAX_DEPTH: u32 = 16;
const MAX_STEPS: u32 = 4096;

impl Dedup {
    /// Whether the graph below `cand` is the one below `canon`; notes the partners.
    pub(super) fn equivalent(&mut self, cand: u32, canon: u32) -> bool {
        let mut work = Vec::from([(cand, canon)]);
        while let Some((cand, canon)) = work.pop() {
            if !self.step() || !self.pair(cand, canon, &mut work) {
                return false;
            }
        }
        true
    }

    fn pair(&mut self, cand: u32, canon: u32, work: &mut Vec<(u32, u32)>) -> bool {
        if self.resolve(cand) == self.resolve(canon) {
            return true;
        }
        let canon = self.resolve_fwd(canon);
        if let Some(partner) = self.partner(canon) {
            // Compilers describe some arrays and structures more than once.
            let most = self.steps.min(MAX_STEPS);
            let mut left = most;
            let same = partner == cand || self.identical(partner, cand, 0, &mut left);
            self.steps = self.steps.saturating_sub(most.saturating_sub(left));
            return same;
        }
        self.set_partner(canon, cand);
        let pool = &self.pool;
        if pool.name(cand) != pool.name(canon) {
            return false;
        }
        let (cand_kind, canon_kind) = (pool.kind(cand), pool.kind(canon));
        if cand_kind != canon_kind {
            if cand_kind == Kind::Fwd {
                return pool.fwd_kind(cand) == canon_kind;
            }
            if canon_kind == Kind::Fwd {
                // A declaration in the base cannot become the structure: the base stays as it is.
                if canon < pool.first {
                    self.base_would_change = true;
                }
                return self.pool.fwd_kind(canon) == cand_kind;
            }
            return self.enums_agree(cand, canon);
        }
        if cand_kind.is_any_enum() {
            return self.enums_agree(cand, canon);
        }
        if !words::equal_but_targets(pool.record(cand), pool.record(canon)) {
            return false;
        }
        work.extend(pool.targets(cand).into_iter().zip(pool.targets(canon)));
        true
    }

    /// Equal enumerations, or a declaration of one and the other.
    pub(super) fn enums_agree(&self, a: u32, b: u32) -> bool {
        let pool = &self.pool;
        if pool.is_enum_fwd(a) || pool.is_enum_fwd(b) {
            return pool.name(a) == pool.name(b)
                && pool.kind(a).is_any_enum()
                && pool.kind(b).is_any_enum();
        }
        pool.record(a) == pool.record(b)
    }

    /// Whether two types of one blob are the same, looked at without assumptions and so not all the way down.
    fn identical(&self, a: u32, b: u32, depth: u32, steps: &mut u32) -> bool {
        if a == b || self.resolve(a) == self.resolve(b) {
            return true;
        }
        if depth >= MAX_DEPTH || *steps == 0 {
            return false;
        }
        *steps = steps.saturating_sub(1);
        let pool = &self.pool;
        words::equal_but_targets(pool.record(a), pool.record(b))
            && pool
                .targets(a)
                .into_iter()
                .zip(pool.targets(b))
                .all(|(a, b)| self.identical(a, b, depth.saturating_add(1), steps))
    }

    /// Believes the partners: what is declared only gets its body, what is not merged yet goes where its partner went.
    pub(super) fn merge_partners(&mut self) {
        for canon in core::mem::take(&mut self.partnered) {
            let Some(cand) = self.partner(canon) else { continue };
            self.clear_partner(canon);
            let (canon, cand) = (self.resolve(canon), self.resolve(cand));
            let (canon_kind, cand_kind) = (self.pool.kind(canon), self.pool.kind(cand));
            if cand_kind != Kind::Fwd && canon_kind == Kind::Fwd {
                // Also one of the base, so that whatever else is this declaration becomes the body.
                self.set(canon, cand);
            }
            if self.base_would_change {
                continue;
            }
            if cand_kind == Kind::Fwd && canon_kind != Kind::Fwd {
                self.link(cand, canon);
            }
            if cand_kind.is_composite()
                && canon_kind != Kind::Fwd
                && self.is_mapped(canon)
                && !self.is_mapped(cand)
            {
                self.link(cand, canon);
            }
        }
    }

    /// Forgets the partners.
    pub(super) fn drop_partners(&mut self) {
        for canon in core::mem::take(&mut self.partnered) {
            self.clear_partner(canon);
        }
    }

    fn partner(&self, canon: u32) -> Option<u32> {
        self.partners.get(canon as usize).copied().filter(|partner| *partner != 0)
    }

    fn set_partner(&mut self, canon: u32, cand: u32) {
        if let Some(partner) = self.partners.get_mut(canon as usize) {
            *partner = cand;
            self.partnered.push(canon);
        }
    }

    fn clear_partner(&mut self, canon: u32) {
        if let Some(partner) = self.partners.get_mut(canon as usize) {
            *partner = 0;
        }
    }
}
