//! Declarations in C's inside-out notation.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::names::{TagKind, identifier};
use super::tags::attribute;
use super::{CError, CPrinter, MAX_DEPTH, push};
use crate::{FuncProto, Reference, Type, TypeId};

/// Where a declaration stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    /// How many tabs the lines of a body begin with.
    pub(super) indent: usize,
    /// Whether an array without elements may be written as a flexible one.
    pub(super) flexible: bool,
    /// How many bodies and parameter lists are around it.
    pub(super) depth: usize,
    /// Whether modifiers are left out.
    pub(super) bare: bool,
    /// Whether a structure or union that has a name is written as if it had none.
    pub(super) inline: bool,
}

impl Place {
    pub(super) fn within(self, indent: usize) -> Self {
        Self {
            indent,
            depth: self.depth.saturating_add(1),
            flexible: false,
            bare: self.bare,
            inline: false,
        }
    }
}

impl<'btf> CPrinter<'btf> {
    /// The declaration of `name` as something of a type; a type's name alone if `name` is empty.
    pub(super) fn declare(
        &mut self,
        id: TypeId,
        name: &str,
        place: Place,
    ) -> Result<String, CError> {
        if place.depth > MAX_DEPTH {
            return Err(CError::TooDeep { id });
        }
        let mut declarator = name.to_string();
        let mut qualifiers: Vec<String> = Vec::new();
        let mut current = id;
        let mut after_star = false;
        let mut flexible = place.flexible;
        for _ in 0..MAX_DEPTH {
            self.spend(id)?;
            let found = self.btf.get(current).ok_or(CError::NoSuchType { id: current })?;
            match found {
                Type::Ptr(pointer) => {
                    let words = qualifiers.join(" ");
                    let space = if words.is_empty() || declarator.is_empty() { "" } else { " " };
                    qualifiers.clear();
                    declarator = format!("*{words}{space}{declarator}");
                    (after_star, flexible) = (true, false);
                    current = pointer.target();
                }
                Type::Array(array) => {
                    if core::mem::replace(&mut after_star, false) {
                        declarator = format!("({declarator})");
                    }
                    match array.len() {
                        0 if flexible => declarator.push_str("[]"),
                        len => push!(declarator, "[{len}]"),
                    }
                    flexible = false;
                    current = array.element();
                }
                Type::FuncProto(proto) => {
                    if core::mem::replace(&mut after_star, false) {
                        declarator = format!("({declarator})");
                    }
                    declarator.push_str(&self.parameters(proto, place)?);
                    qualifiers.clear();
                    flexible = false;
                    current = proto.return_type();
                }
                Type::Const(found) => {
                    current = qualify(&mut qualifiers, "const", found, place);
                }
                Type::Volatile(found) => {
                    current = qualify(&mut qualifiers, "volatile", found, place);
                }
                Type::Restrict(found) => {
                    current = qualify(&mut qualifiers, "restrict", found, place);
                }
                Type::TypeTag(found) => {
                    let attribute = attribute("btf_type_tag", found.name(), found.is_attribute());
                    current = qualify(&mut qualifiers, &attribute, found, place);
                }
                _ => {
                    let specifier = self.specifier(found, place)?;
                    let text = join(&qualifiers, &specifier, &declarator);
                    self.pay(id, &text)?;
                    return Ok(text);
                }
            }
        }
        Err(CError::TooDeep { id })
    }

    /// What stands at the left of a declaration.
    fn specifier(&mut self, found: Type<'btf>, place: Place) -> Result<String, CError> {
        let found = match found {
            Type::Typedef(_) if place.inline => self.btf.resolve(found.id()).unwrap_or(found),
            found => found,
        };
        Ok(match found {
            Type::Void => "void".to_string(),
            Type::Int(_) | Type::Float(_) => self.number(found),
            Type::Typedef(found) if super::is_builtin_typedef(found.name()) => {
                found.name().to_string()
            }
            Type::Typedef(found) => self.names.typedef(self.btf, found.id(), found.name()),
            Type::Struct(composite) | Type::Union(composite) => {
                if composite.name().is_empty() || place.inline {
                    self.composite_body(composite, place)?
                } else {
                    self.tagged(found)
                }
            }
            Type::Enum(values) | Type::Enum64(values) => {
                if values.name().is_empty() {
                    self.enum_body(values, place)
                } else {
                    self.tagged(found)
                }
            }
            Type::Fwd(_) => self.tagged(found),
            other => return Err(CError::Kind { id: other.id(), kind: other.kind() }),
        })
    }

    /// Keyword and tag of a structure, union or enumeration.
    pub(super) fn tagged(&mut self, found: Type<'btf>) -> String {
        let (kind, forward) = match found {
            Type::Union(_) => (TagKind::Union, false),
            Type::Fwd(fwd) if fwd.is_union() => (TagKind::Union, true),
            Type::Fwd(_) => (TagKind::Struct, true),
            Type::Enum(values) | Type::Enum64(values) => (TagKind::Enum, values.value_count() == 0),
            _ => (TagKind::Struct, false),
        };
        let tag = self.names.tag(self.btf, found.id(), found.name(), kind, forward);
        format!("{} {tag}", kind.keyword())
    }

    fn parameters(&mut self, proto: FuncProto<'btf>, place: Place) -> Result<String, CError> {
        let within = place.within(place.indent);
        // Those of prototypes within this one have no tags.
        let function = self.function.take();
        let mut out = String::from("(");
        for (index, param) in proto.params().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            if param.is_variadic() {
                // Alone it is how compilers describe a function that was declared without parameters.
                if index > 0 {
                    out.push_str("...");
                }
                continue;
            }
            // A parameter that is called like a type would hide it from the next ones.
            let name = identifier(param.name());
            let name = if self.names.is_ident(&name) { "" } else { name.as_ref() };
            out.push_str(&self.declare(param.type_id(), name, within)?);
            if let Some(function) = function {
                out.push_str(&self.tags_of(function, Some(index)));
            }
        }
        out.push_str(if proto.param_count() == 0 { "void)" } else { ")" });
        Ok(out)
    }
}

/// Notes a modifier, once.
fn qualify(qualifiers: &mut Vec<String>, text: &str, found: Reference<'_>, place: Place) -> TypeId {
    if !place.bare && !qualifiers.iter().any(|known| known == text) {
        qualifiers.push(text.to_string());
    }
    found.target()
}

/// `const struct point *p`: attributes stand behind the specifier, the other modifiers before it.
fn join(qualifiers: &[String], specifier: &str, declarator: &str) -> String {
    let is_attribute = |word: &&String| word.starts_with("__attribute__");
    let mut out = String::new();
    // Only pointers are restricted; on the array of a parameter BTF says it too.
    for word in qualifiers.iter().filter(|word| !is_attribute(word) && *word != "restrict") {
        out.push_str(word);
        out.push(' ');
    }
    out.push_str(specifier);
    for word in qualifiers.iter().filter(is_attribute) {
        out.push(' ');
        out.push_str(word);
    }
    if !declarator.is_empty() {
        out.push(' ');
        out.push_str(declarator);
    }
    out
}
