//! Names and ids inside the words of one record.

use crate::Kind;
use crate::raw::MAX_VLEN;

/// What a word of a record is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Name,
    Target,
    Other,
}

/// Meaning of the words of a record: those of the head, then those of each element.
fn layout(kind: Kind) -> (Word, &'static [Word], &'static [Word]) {
    use Word::{Name, Other, Target};
    match kind {
        Kind::Ptr
        | Kind::Typedef
        | Kind::Volatile
        | Kind::Const
        | Kind::Restrict
        | Kind::TypeTag
        | Kind::Func => (Target, &[], &[]),
        Kind::Var | Kind::DeclTag => (Target, &[Other], &[]),
        Kind::Int => (Other, &[Other], &[]),
        Kind::Array => (Other, &[Target, Target, Other], &[]),
        Kind::Struct | Kind::Union => (Other, &[], &[Name, Target, Other]),
        Kind::Enum => (Other, &[], &[Name, Other]),
        Kind::Enum64 => (Other, &[], &[Name, Other, Other]),
        Kind::FuncProto => (Target, &[], &[Name, Target]),
        Kind::Datasec => (Other, &[], &[Target, Other, Other]),
        Kind::Void | Kind::Fwd | Kind::Float | Kind::Unknown(_) => (Other, &[], &[]),
    }
}

/// How many words the records of a kind have behind their heads, and in each element.
pub(crate) fn sizes(kind: Kind) -> (usize, usize) {
    let (_, fixed, element) = layout(kind);
    (fixed.len(), element.len())
}

/// Calls `see` with each word of one meaning.
#[inline]
fn for_each(words: &[u32], wanted: Word, mut see: impl FnMut(u32)) {
    let Some(([name, info, target], tail)) = words.split_first_chunk::<3>() else { return };
    let (third, fixed, element) = layout(Kind::from_info(*info));
    if wanted == Word::Name {
        see(*name);
    }
    if third == wanted {
        see(*target);
    }
    let Some((head, elements)) = tail.split_at_checked(fixed.len()) else { return };
    for (word, what) in head.iter().zip(fixed) {
        if *what == wanted {
            see(*word);
        }
    }
    if element.contains(&wanted) {
        let count = (*info & MAX_VLEN) as usize;
        for words in elements.chunks_exact(element.len()).take(count) {
            for (word, what) in words.iter().zip(element) {
                if *what == wanted {
                    see(*word);
                }
            }
        }
    }
}

/// Calls `see` with the offset of each name.
pub(crate) fn for_each_name(words: &[u32], see: &mut dyn FnMut(u32)) {
    for_each(words, Word::Name, see);
}

/// Calls `see` with the id of each type that is referred to.
pub(crate) fn for_each_target(words: &[u32], see: &mut dyn FnMut(u32)) {
    for_each(words, Word::Target, see);
}

/// Replaces each word of one meaning.
#[inline]
fn map(words: &mut [u32], wanted: Word, mut change: impl FnMut(u32) -> u32) {
    let Some(([name, info, target], tail)) = words.split_first_chunk_mut::<3>() else { return };
    let (third, fixed, element) = layout(Kind::from_info(*info));
    if wanted == Word::Name {
        *name = change(*name);
    }
    if third == wanted {
        *target = change(*target);
    }
    let Some((head, elements)) = tail.split_at_mut_checked(fixed.len()) else { return };
    for (word, what) in head.iter_mut().zip(fixed) {
        if *what == wanted {
            *word = change(*word);
        }
    }
    if element.contains(&wanted) {
        let count = (*info & MAX_VLEN) as usize;
        for words in elements.chunks_exact_mut(element.len()).take(count) {
            for (word, what) in words.iter_mut().zip(element) {
                if *what == wanted {
                    *word = change(*word);
                }
            }
        }
    }
}

/// Replaces the offset of each name.
pub(crate) fn map_names(words: &mut [u32], change: &mut dyn FnMut(u32) -> u32) {
    map(words, Word::Name, change);
}

/// Replaces the id of each type that is referred to.
pub(crate) fn map_targets(words: &mut [u32], change: &mut dyn FnMut(u32) -> u32) {
    map(words, Word::Target, change);
}

/// Calls `see` with each word that is not the id of a type, but for the count of elements, which `info` tells.
pub(crate) fn for_each_but_targets(words: &[u32], see: &mut dyn FnMut(u32)) {
    let Some(([name, info, third], tail)) = words.split_first_chunk::<3>() else { return };
    see(*name);
    see(*info);
    let (what, fixed, element) = layout(Kind::from_info(*info));
    if what != Word::Target {
        see(*third);
    }
    let repeated = element.iter().cycle().take(if element.is_empty() { 0 } else { tail.len() });
    for (word, what) in tail.iter().zip(fixed.iter().chain(repeated)) {
        if *what != Word::Target {
            see(*word);
        }
    }
}

/// Whether two records differ at most in the types that they refer to.
pub(crate) fn equal_but_targets(a: &[u32], b: &[u32]) -> bool {
    let (Some(([name_a, info_a, third_a], tail_a)), Some(([name_b, info_b, third_b], tail_b))) =
        (a.split_first_chunk::<3>(), b.split_first_chunk::<3>())
    else {
        return a.len() == b.len();
    };
    if (name_a, info_a, tail_a.len()) != (name_b, info_b, tail_b.len()) {
        return false;
    }
    let (what, fixed, element) = layout(Kind::from_info(*info_a));
    if what != Word::Target && third_a != third_b {
        return false;
    }
    if element.is_empty() && fixed.len() < tail_a.len() {
        // A kind without a known layout.
        return tail_a == tail_b;
    }
    let meaning = fixed.iter().chain(element.iter().cycle().take(tail_a.len()));
    tail_a.iter().zip(tail_b).zip(meaning).all(|((a, b), what)| *what == Word::Target || a == b)
}
