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

/// Calls `see` with each word of one meaning.
fn for_each(words: &[u32], wanted: Word, see: &mut dyn FnMut(u32)) {
    let Some(([name, info, target], tail)) = words.split_first_chunk::<3>() else { return };
    let (third, fixed, element) = layout(Kind::from_info(*info));
    if wanted == Word::Name {
        see(*name);
    }
    if third == wanted {
        see(*target);
    }
    let count = (*info & MAX_VLEN) as usize;
    let repeated = element.iter().cycle().take(element.len().saturating_mul(count));
    for (word, what) in tail.iter().zip(fixed.iter().chain(repeated)) {
        if *what == wanted {
            see(*word);
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
