//! Names that are unique where C wants them to be.

use alloc::borrow::Cow;
use alloc::collections::btree_map::Entry;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};

use crate::{Btf, TypeId};

/// The three sorts of tags. They share one name space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TagKind {
    Struct,
    Union,
    Enum,
}

impl TagKind {
    pub(super) const fn keyword(self) -> &'static str {
        match self {
            Self::Struct => "struct",
            Self::Union => "union",
            Self::Enum => "enum",
        }
    }
}

/// A tag that is in use.
#[derive(Clone, Copy, Debug)]
struct Tag {
    kind: TagKind,
    /// Whether a type with a body has the tag, and not forward declarations only.
    taken: bool,
    /// Whether the text declares it already.
    declared: bool,
}

/// The names in use: tags and ordinary identifiers (typedefs, enumerators, functions) do not meet in C.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    tags: BTreeMap<String, Tag>,
    idents: BTreeSet<String>,
    /// How many types or enumerators wanted a name so far, where there was more than one.
    tag_versions: BTreeMap<String, u32>,
    ident_versions: BTreeMap<String, u32>,
    given: BTreeMap<TypeId, String>,
}

impl Names {
    /// The tag of a type. Several forward declarations of one name are the same; types with bodies are not.
    pub(super) fn tag(
        &mut self,
        btf: &Btf,
        id: TypeId,
        name: &str,
        kind: TagKind,
        forward: bool,
    ) -> String {
        if let Some(given) = self.given.get(&id) {
            return given.clone();
        }
        let name = identifier(name);
        let mut version =
            if forward { 1 } else { self.tag_versions.get(name.as_ref()).copied().unwrap_or(1) };
        let given = loop {
            let candidate = versioned(&name, version);
            let real = version == 1 || btf.find_all(&candidate).next().is_none();
            match self.tags.entry(candidate.clone()) {
                Entry::Vacant(vacant) if real => {
                    vacant.insert(Tag { kind, taken: !forward, declared: false });
                    break candidate;
                }
                Entry::Occupied(mut tag)
                    if tag.get().kind == kind && (forward || !tag.get().taken) =>
                {
                    tag.get_mut().taken |= !forward;
                    break candidate;
                }
                _ => version = version.saturating_add(1),
            }
        };
        if !forward {
            self.tag_versions.insert(name.into_owned(), version);
        }
        self.given.insert(id, given.clone());
        given
    }

    /// Notes that the text declares a tag; false when it did before.
    pub(super) fn declare(&mut self, tag: &str) -> bool {
        self.tags.get_mut(tag).is_some_and(|tag| !core::mem::replace(&mut tag.declared, true))
    }

    /// The name of a typedef, the same each time.
    pub(super) fn typedef(&mut self, btf: &Btf, id: TypeId, name: &str) -> String {
        if let Some(given) = self.given.get(&id) {
            return given.clone();
        }
        let given = self.ident(btf, name);
        self.given.insert(id, given.clone());
        given
    }

    /// A new ordinary identifier.
    pub(super) fn ident(&mut self, btf: &Btf, name: &str) -> String {
        let name = identifier(name);
        let mut version =
            self.ident_versions.get(name.as_ref()).map_or(1, |version| version.saturating_add(1));
        loop {
            let candidate = versioned(&name, version);
            let real = version == 1 || btf.find_all(&candidate).next().is_none();
            if real && !self.idents.contains(&candidate) {
                self.idents.insert(candidate.clone());
                self.ident_versions.insert(name.into_owned(), version);
                return candidate;
            }
            version = version.saturating_add(1);
        }
    }

    /// Whether an ordinary identifier is in use.
    pub(super) fn is_ident(&self, name: &str) -> bool {
        self.idents.contains(name)
    }
}

fn versioned(name: &str, version: u32) -> String {
    match version {
        0 | 1 => name.to_string(),
        _ => format!("{name}___{version}"),
    }
}

/// Words that C reserves and that other languages allow as names.
const KEYWORDS: [&str; 36] = [
    "asm", "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else",
    "enum", "extern", "float", "for", "goto", "if", "inline", "int", "long", "register",
    "restrict", "return", "short", "signed", "sizeof", "static", "struct", "switch", "typedef",
    "typeof", "union", "unsigned", "void", "volatile", "while",
];

/// A name that C accepts: other languages put more into names than C does.
pub(super) fn identifier(name: &str) -> Cow<'_, str> {
    let plain = |c: char| c == '_' || c.is_ascii_alphanumeric();
    let digit_first = name.starts_with(|c: char| c.is_ascii_digit());
    if !digit_first && name.chars().all(plain) {
        return if KEYWORDS.contains(&name) { Cow::Owned(format!("{name}_")) } else { name.into() };
    }
    let mapped = name.chars().map(|c| if plain(c) { c } else { '_' });
    Cow::Owned(if digit_first {
        core::iter::once('_').chain(mapped).collect()
    } else {
        mapped.collect()
    })
}
