//! Attributes for tags.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::{Btf, Type, TypeId};

/// The tags on declarations of a blob: by type, and by member or parameter.
#[derive(Clone, Debug, Default)]
pub(super) struct DeclTags(BTreeMap<(TypeId, Option<u32>), Vec<TypeId>>);

impl DeclTags {
    pub(super) fn of(btf: &Btf) -> Self {
        let mut tags = BTreeMap::<_, Vec<_>>::new();
        for level in core::iter::successors(Some(btf), |btf| btf.base()) {
            for (id, found) in level.types() {
                if let Type::DeclTag(tag) = found {
                    tags.entry((tag.target(), tag.component())).or_default().push(id);
                }
            }
        }
        // The order of ids, whichever blob they are in.
        for tags in tags.values_mut() {
            tags.sort_unstable();
        }
        Self(tags)
    }

    /// The attributes of a type, or of a member or parameter of it, each with a space before it.
    pub(super) fn text(&self, btf: &Btf, id: TypeId, component: Option<usize>) -> String {
        let component = component.map(|index| u32::try_from(index).unwrap_or(u32::MAX));
        let tags = self.0.get(&(id, component)).map(Vec::as_slice).unwrap_or_default();
        let mut out = String::new();
        for tag in tags {
            if let Some(Type::DeclTag(tag)) = btf.get(*tag) {
                out.push(' ');
                out.push_str(&attribute("btf_decl_tag", tag.name(), tag.is_attribute()));
            }
        }
        out
    }
}

/// The attribute that a tag stands for: the tag itself, or what its text says.
pub(super) fn attribute(kind: &str, text: &str, is_attribute: bool) -> String {
    if is_attribute {
        return format!("__attribute__(({text}))");
    }
    let mut out = format!("__attribute__(({kind}(\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            // clang takes no numbers here, but the characters themselves.
            c => out.push(c),
        }
    }
    out.push_str("\")))");
    out
}
