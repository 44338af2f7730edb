//! Names of types, as C would write them, and bounded.
use std::fmt::{self, Write as _};

use bpf_btf::{Btf, Type, TypeId};

use crate::Error;
use crate::budget::Budget;
use crate::spec::TypeRef;

/// The longest name of a type that is written down. Names of hostile types have no end.
const MAX_TYPE_NAME: usize = 1024;

/// The type as C would name it, cut where it becomes too long.
pub(crate) fn type_name(btf: &Btf, id: TypeId) -> String {
    // Most types need no writer.
    let found = btf.get(id);
    let word = match found {
        Some(Type::Int(_) | Type::Typedef(_) | Type::Float(_)) => Some(""),
        Some(Type::Struct(_)) => Some("struct "),
        Some(Type::Union(_)) => Some("union "),
        _ => None,
    };
    if let (Some(word), Some(found)) = (word, found) {
        let name = found.name();
        if !name.is_empty() && name.len() < MAX_TYPE_NAME / 2 {
            return [word, name].concat();
        }
    }
    let mut text = Bounded(String::new());
    if write!(text, "{}", btf.display_name(id)).is_err() {
        text.0.push_str("...");
    }
    text.0
}

/// A type with its name.
pub(super) fn type_ref(btf: &Btf, id: TypeId, budget: &mut Budget) -> Result<TypeRef, Error> {
    let name = type_name(btf, id);
    budget.charge(name.capacity())?;
    Ok(TypeRef::new(id.get(), name))
}

struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len().saturating_add(text.len()) > MAX_TYPE_NAME {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}
