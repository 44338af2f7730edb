//! Definitions: bodies of structures, unions and enumerations, typedefs.

use alloc::format;
use alloc::string::{String, ToString};

use super::declare::Place;
use super::layout::{Layout, Placed, fillers, misplaced, round_up};
use super::names::identifier;
use super::order::Need;
use super::{CError, CPrinter, push};
use crate::{Composite, Enum, Kind, Member, Type, TypeId};

/// Gaps of more bits are written as an array of characters, so that the text stays small.
const MAX_GAP: u64 = 4096 * 8;

/// C has its own `bool`, `true` and `false` since 2023.
const BEFORE_C23: &str = "#if !defined(__STDC_VERSION__) || __STDC_VERSION__ < 202311L\n";

impl<'btf> CPrinter<'btf> {
    /// Declares a named structure, union or enumeration without its body, unless the text did it before.
    pub(super) fn forward(&mut self, found: Type<'btf>) {
        let text = self.tagged(found);
        let tag = text.split_once(' ').map_or("", |(_, tag)| tag);
        if self.names.declare(tag) {
            push!(self.out, "{text};\n\n");
        }
    }

    /// Writes what is to be written of a type when all that it needs is there.
    pub(super) fn finish(&mut self, id: TypeId, need: Need) -> Result<(), CError> {
        let found = self.btf.get(id).ok_or(CError::NoSuchType { id })?;
        let place = Place::default();
        match found {
            Type::Struct(composite) | Type::Union(composite) => {
                let layout = self.layout(composite)?;
                self.layouts.insert(id, layout);
                if !composite.name().is_empty() {
                    let text = self.composite_body(composite, place)?;
                    let tag = self.tagged(found);
                    self.names.declare(tag.split_once(' ').map_or("", |(_, tag)| tag));
                    push!(self.out, "{text};\n\n");
                }
            }
            Type::Fwd(fwd) if !fwd.name().is_empty() => self.forward(found),
            Type::Enum(values) | Type::Enum64(values) if !values.name().is_empty() => {
                if values.value_count() == 0 {
                    self.forward(found);
                } else {
                    let text = self.enum_body(values, place);
                    push!(self.out, "{text};\n\n");
                }
            }
            Type::Typedef(typedef)
                if need == Need::Name && !super::is_builtin_typedef(typedef.name()) =>
            {
                let name = self.names.typedef(self.btf, id, typedef.name());
                let text = self.declare(typedef.target(), &name, place)?;
                let is_bool = name == "bool";
                let tags = self.tags_of(id, None);
                self.guarded(is_bool, &format!("typedef {text}{tags};\n"));
            }
            Type::Int(_) | Type::Float(_) if !is_c_number(found) => {
                let name = self.number(found);
                let meaning = meaning_of(found);
                self.guarded(name == "bool", &format!("typedef {meaning} {name};\n"));
            }
            _ => {}
        }
        Ok(())
    }

    /// Adds text, only for C before 2023 if it is about something that C has itself since then.
    pub(super) fn guarded(&mut self, before_c23: bool, text: &str) {
        if before_c23 {
            push!(self.out, "{BEFORE_C23}{text}#endif\n\n");
        } else {
            self.out.push_str(text);
            self.out.push('\n');
        }
    }

    /// An integer or floating point number by its name; one that C does not have gets a typedef.
    pub(super) fn number(&mut self, found: Type<'btf>) -> String {
        if is_c_number(found) {
            found.name().to_string()
        } else if found.name().is_empty() {
            meaning_of(found).to_string()
        } else {
            self.names.typedef(self.btf, found.id(), found.name())
        }
    }

    /// `struct name { ... }` with the attributes that its layout needs.
    pub(super) fn composite_body(
        &mut self,
        composite: Composite<'btf>,
        place: Place,
    ) -> Result<String, CError> {
        self.records = true;
        let id = composite.id();
        let layout = match self.layouts.get(&id) {
            Some(layout) => *layout,
            None => self.layout(composite)?,
        };
        let mut out = match self.btf.get(id) {
            Some(found) if !composite.name().is_empty() && !place.inline => self.tagged(found),
            _ if composite.is_union() => "union".to_string(),
            _ => "struct".to_string(),
        };
        out.push_str(" {");
        let placed = self.placed(composite)?;
        let last = placed.iter().map(Placed::end).max().unwrap_or(0);
        let end = round_up(last, u64::from(layout.align).saturating_mul(8));
        let size = u64::from(composite.size()).saturating_mul(8);
        let tail = end != size;
        if !placed.is_empty() || tail {
            out.push('\n');
        }
        let inner = place.within(place.indent.saturating_add(1));
        let tabs = "\t".repeat(inner.indent);
        let mut at = 0_u64;
        let mut gaps = 0_u32;
        for (index, one) in placed.iter().enumerate() {
            self.spend(id)?;
            if !composite.is_union() && one.natural(at, layout.packed) != one.start {
                gap(&mut out, &tabs, (at, one.start), layout, &mut gaps);
                if one.natural(one.start, layout.packed) != one.start {
                    return Err(misplaced(composite, one.member.name()));
                }
            }
            // A flexible array is last and not alone, and nothing may come after the structure either.
            let last = index.saturating_add(1) == placed.len();
            let flexible = last
                && index > 0
                && !tail
                && !composite.is_union()
                && one.size == 0
                && !self.is_embedded(id);
            let name = identifier(one.member.name());
            let inline = self.is_inline(one.member);
            let place = Place { flexible, inline, ..inner };
            let text = self.declare(one.member.type_id(), &name, place)?;
            push!(out, "{tabs}{text}");
            if one.bitfield {
                push!(out, ": {}", one.size);
            }
            out.push_str(&self.tags_of(id, Some(index)));
            out.push_str(";\n");
            at = at.max(one.end());
        }
        if composite.is_union() {
            let largest = round_up(at, u64::from(layout.align).saturating_mul(8));
            if largest != size {
                union_gap(&mut out, &tabs, size, layout);
            }
        } else if tail {
            gap(&mut out, &tabs, (at, size), layout, &mut gaps);
        }
        if out.ends_with('\n') {
            out.push_str(&"\t".repeat(place.indent));
        }
        out.push('}');
        if layout.packed {
            out.push_str(" __attribute__((packed))");
        }
        if let Some(align) = layout.aligned {
            push!(out, " __attribute__((aligned({align})))");
        }
        out.push_str(&self.tags_of(id, None));
        Ok(out)
    }

    /// Whether a member has no name although its type has one: GNU C takes that for a declaration which leaves the
    /// member out, unless the compiler is asked for Microsoft's extensions. Linux uses them since 6.19.
    fn is_inline(&self, member: Member<'btf>) -> bool {
        let composite = || self.btf.resolve(member.type_id())?.composite();
        member.is_anonymous() && composite().is_some()
    }

    /// `enum name { ... }` with the attribute that its size needs.
    pub(super) fn enum_body(&mut self, values: Enum<'btf>, place: Place) -> String {
        let mut out = match self.btf.get(values.id()) {
            Some(found) if !values.name().is_empty() => self.tagged(found),
            _ => "enum".to_string(),
        };
        out.push_str(" {\n");
        let tabs = "\t".repeat(place.indent);
        for value in values.values() {
            let name = self.names.ident(self.btf, value.name());
            let number = number_text(value.value(), values.kind() == Kind::Enum64);
            push!(out, "{tabs}\t{name} = {number},\n");
        }
        out.push_str(&tabs);
        out.push('}');
        if let Some(mode) = enum_mode(values) {
            push!(out, " __attribute__((mode({mode})))");
        }
        out
    }
}

/// Fills a gap between members of a structure.
fn gap(out: &mut String, tabs: &str, (from, to): (u64, u64), layout: Layout, gaps: &mut u32) {
    let mut from = from;
    if to.saturating_sub(from) > MAX_GAP {
        let start = round_up(from, 8);
        for (name, width) in fillers(from, start, layout) {
            push!(out, "{tabs}{name}: {width};\n");
        }
        let bytes = to.saturating_sub(start) / 8;
        push!(out, "{tabs}unsigned char __gap{gaps}[{bytes}];\n");
        *gaps = gaps.saturating_add(1);
        from = start.saturating_add(bytes.saturating_mul(8));
    }
    for (name, width) in fillers(from, to, layout) {
        push!(out, "{tabs}{name}: {width};\n");
    }
}

/// Makes a union as large as it is where no attribute explains it.
fn union_gap(out: &mut String, tabs: &str, size: u64, layout: Layout) {
    // Alignment of what has no name does not matter.
    let filler = fillers(0, size.min(64), Layout { packed: true, ..layout });
    if let (0..=64, &[(name, width)]) = (size, filler.as_slice()) {
        push!(out, "{tabs}{name}: {width};\n");
    } else {
        push!(out, "{tabs}unsigned char __gap[{}];\n", size / 8);
    }
}

/// A number as C reads it.
fn number_text(value: i128, wide: bool) -> String {
    match (wide, value < 0) {
        (false, _) => format!("{value}"),
        // The smallest number has no literal.
        (true, true) if value == i128::from(i64::MIN) => {
            format!("({}LL - 1)", value.saturating_add(1))
        }
        (true, true) => format!("{value}LL"),
        (true, false) => format!("{value}ULL"),
    }
}

/// The machine mode that gives an enumeration its size, unless compilers give it that by themselves.
fn enum_mode(values: Enum<'_>) -> Option<&'static str> {
    let (mut smallest, mut largest) = (0_i128, 0_i128);
    for value in values.values() {
        smallest = smallest.min(value.value());
        largest = largest.max(value.value());
    }
    let most = if smallest < 0 { i128::from(i32::MAX) } else { i128::from(u32::MAX) };
    let narrow = smallest >= i128::from(i32::MIN) && largest <= most;
    match values.size() {
        1 => Some("QI"),
        2 => Some("HI"),
        8 if narrow => Some("DI"),
        _ => None,
    }
}

/// Whether C knows the number by its name.
fn is_c_number(found: Type<'_>) -> bool {
    let name = found.name();
    match found {
        Type::Int(_) => {
            let known = |word: &str| {
                matches!(
                    word,
                    "char"
                        | "short"
                        | "int"
                        | "long"
                        | "signed"
                        | "unsigned"
                        | "_Bool"
                        | "__int128"
                ) || word.starts_with("_BitInt(")
            };
            !name.is_empty() && name.split(' ').all(known)
        }
        _ => matches!(name, "float" | "double" | "long double" | "_Float16" | "__bf16" | "__fp16"),
    }
}

/// C's own type for a number.
fn meaning_of(found: Type<'_>) -> &'static str {
    match found {
        Type::Int(int) if int.is_bool() && int.size() == 1 => "_Bool",
        Type::Int(int) => match (int.size(), int.is_signed()) {
            (1, true) => "signed char",
            (1, false) => "unsigned char",
            (2, true) => "short",
            (2, false) => "unsigned short",
            (4, true) => "int",
            (4, false) => "unsigned int",
            (8, true) => "long long",
            (8, false) => "unsigned long long",
            (_, true) => "__int128",
            (_, false) => "unsigned __int128",
        },
        Type::Float(float) => match float.size() {
            2 => "_Float16",
            4 => "float",
            8 => "double",
            _ => "long double",
        },
        _ => "void",
    }
}
