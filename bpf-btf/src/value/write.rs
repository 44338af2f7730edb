//! The walk along a type and its bytes.

use alloc::string::String;

use super::{ValueError, ValueOptions, bits};
use crate::{
    Array, Btf, ByteOrder, Composite, Datasec, Enum, Float, Int, Type, TypeId, Var, VarLinkage,
};

/// How deep types may nest.
const MAX_DEPTH: usize = 64;

pub(super) fn value(
    btf: &Btf,
    id: TypeId,
    bytes: &[u8],
    order: ByteOrder,
    options: &ValueOptions,
) -> Result<String, ValueError> {
    let mut writer = Writer {
        btf,
        bytes,
        order,
        options: *options,
        pointer: btf.pointer_size(),
        // Each byte may be seen through a few types, and each structure has some members that are not shown.
        budget: (bytes.len() as u64).saturating_mul(64).saturating_add(btf.bytes().len() as u64),
        out: String::new(),
    };
    writer.top(id)?;
    Ok(writer.out)
}

struct Writer<'a> {
    btf: &'a Btf,
    bytes: &'a [u8],
    order: ByteOrder,
    options: ValueOptions,
    pointer: u8,
    /// How many more values may be looked at.
    budget: u64,
    out: String,
}

/// Place of a value.
#[derive(Clone, Copy)]
struct Place {
    /// First bit.
    start: u64,
    /// Width of a bitfield.
    width: Option<u64>,
    depth: usize,
}

impl Place {
    fn at(start: u64, depth: usize) -> Self {
        Self { start, width: None, depth }
    }
}

/// Appends formatted text to the output, which takes everything.
macro_rules! push {
    ($writer:expr, $($text:tt)*) => {{
        use core::fmt::Write as _;
        let _ = $writer.out.write_fmt(format_args!($($text)*));
    }};
}

impl<'a> Writer<'a> {
    fn top(&mut self, id: TypeId) -> Result<(), ValueError> {
        match self.btf.get(id).ok_or(ValueError::NoSuchType { id })? {
            Type::Var(var) => self.variable(var, 0),
            Type::Datasec(section) => self.section(section),
            _ => self.value(id, Place::at(0, 0), true),
        }
    }

    fn section(&mut self, section: Datasec<'a>) -> Result<(), ValueError> {
        for (index, (entry, var)) in section.variables().enumerate() {
            if index > 0 {
                if self.options.compact {
                    self.out.push(' ');
                } else {
                    self.line(0);
                }
            }
            push!(self, "SEC(\"{}\") ", section.name().escape_debug());
            self.variable(var, u64::from(entry.offset()).saturating_mul(8))?;
            self.out.push(';');
        }
        Ok(())
    }

    fn variable(&mut self, var: Var<'a>, start: u64) -> Result<(), ValueError> {
        if !self.options.skip_names {
            self.out.push_str(match var.linkage() {
                VarLinkage::Static => "static ",
                VarLinkage::Extern => "extern ",
                _ => "",
            });
            push!(self, "{} = ", self.btf.display_declaration(var.type_id(), var.name()));
        }
        self.value(var.type_id(), Place::at(start, 0), true)
    }

    /// Begins a line.
    fn line(&mut self, depth: usize) {
        if !self.options.compact {
            self.out.push('\n');
            for _ in 0..self.options.indent.saturating_add(depth) {
                self.out.push('\t');
            }
        }
    }

    fn number(&self, id: TypeId, place: Place, bits: u64) -> Result<(u128, u64), ValueError> {
        let width = place.width.unwrap_or(bits);
        if width > 128 {
            return Err(ValueError::Width { id, bits: width });
        }
        let number = bits::read(self.bytes, place.start, width, self.order);
        Ok((number.ok_or_else(|| self.too_short(id, place, width))?, width))
    }

    fn too_short(&self, id: TypeId, place: Place, bits: u64) -> ValueError {
        let (offset, needed) =
            (place.start / 8, (place.start % 8).saturating_add(bits).div_ceil(8));
        ValueError::TooShort { id, offset, needed, len: self.bytes.len() }
    }

    /// Writes a value with the name of its type before it.
    fn value(&mut self, id: TypeId, place: Place, named: bool) -> Result<(), ValueError> {
        self.budget = self.budget.checked_sub(1).ok_or(ValueError::TooLarge { id })?;
        if place.depth > MAX_DEPTH {
            return Err(ValueError::TooDeep { id });
        }
        let found = self.btf.resolve(id).ok_or(ValueError::NoSuchType { id })?;
        if named && !self.options.skip_names {
            match (found, id == found.id()) {
                (Type::Struct(_), true) if found.name().is_empty() => self.out.push_str("(struct)"),
                (Type::Union(_), true) if found.name().is_empty() => self.out.push_str("(union)"),
                _ => push!(self, "({})", self.btf.display_name(id)),
            }
        }
        match found {
            Type::Int(int) => self.int(int, place),
            Type::Enum(values) | Type::Enum64(values) => self.enumerator(values, place),
            Type::Ptr(_) => {
                let (number, _) = self.number(id, place, u64::from(self.pointer) * 8)?;
                push!(self, "{number:#x}");
                Ok(())
            }
            Type::Float(float) => self.float(float, place),
            Type::Array(array) => self.array(array, place),
            Type::Struct(composite) | Type::Union(composite) => self.composite(composite, place),
            other => Err(ValueError::Kind { id: other.id(), kind: other.kind() }),
        }
    }

    fn int(&mut self, int: Int<'a>, place: Place) -> Result<(), ValueError> {
        let (number, width) =
            self.number(int.id(), place, u64::from(int.size()).saturating_mul(8))?;
        if int.is_bool() && number < 2 {
            self.out.push_str(if number == 1 { "true" } else { "false" });
        } else if int.is_signed() {
            push!(self, "{}", bits::signed(number, width));
        } else {
            push!(self, "{number}");
        }
        Ok(())
    }

    fn enumerator(&mut self, values: Enum<'a>, place: Place) -> Result<(), ValueError> {
        let bits = u64::from(values.size()).saturating_mul(8);
        let (number, width) = self.number(values.id(), place, bits)?;
        let number = if values.is_signed() {
            bits::signed(number, width)
        } else {
            i128::try_from(number).map_err(|_| ValueError::Width { id: values.id(), bits })?
        };
        if let Some(value) = values.values().find(|value| value.value() == number) {
            self.out.push_str(value.name());
        } else {
            push!(self, "{number}");
        }
        Ok(())
    }

    fn float(&mut self, float: Float<'a>, place: Place) -> Result<(), ValueError> {
        let bits = u64::from(float.size()).saturating_mul(8);
        let (number, _) = self.number(float.id(), place, bits)?;
        match (float.size(), u32::try_from(number), u64::try_from(number)) {
            (4, Ok(bits), _) => push!(self, "{}", f32::from_bits(bits)),
            (8, _, Ok(bits)) => push!(self, "{}", f64::from_bits(bits)),
            // Rust has no type for the others.
            _ => push!(self, "{number:#x}"),
        }
        Ok(())
    }

    /// Size of a type in bits.
    fn bits_of(&self, id: TypeId) -> Result<u64, ValueError> {
        let bytes = self.btf.size_with_pointers(id, self.pointer);
        let resolved = self.btf.resolve(id);
        let kind = resolved.map_or(crate::Kind::Void, |found| found.kind());
        bytes.ok().and_then(|bytes| bytes.checked_mul(8)).ok_or(ValueError::Kind { id, kind })
    }

    /// The whole bytes of a value.
    fn span(&self, id: TypeId, start: u64, bits: u64) -> Result<&'a [u8], ValueError> {
        let too_short = || self.too_short(id, Place::at(start, 0), bits);
        let first = usize::try_from(start / 8).map_err(|_| too_short())?;
        let len = usize::try_from(bits / 8).map_err(|_| too_short())?;
        self.bytes.get(first..).and_then(|tail| tail.get(..len)).ok_or_else(too_short)
    }

    fn array(&mut self, array: Array<'a>, place: Place) -> Result<(), ValueError> {
        let element = array.element();
        let size = self.bits_of(element)?;
        let total = size
            .checked_mul(u64::from(array.len()))
            .ok_or_else(|| self.too_short(array.id(), place, u64::MAX))?;
        let span = self.span(array.id(), place.start, total)?;
        let is_char = match self.btf.resolve(element) {
            Some(Type::Int(int)) => int.size() == 1 && (int.is_char() || int.name() == "char"),
            _ => false,
        };
        let used = if self.options.zeroes {
            span.len()
        } else {
            span.iter().rposition(|byte| *byte != 0).map_or(0, |last| last.saturating_add(1))
        };
        if is_char && self.options.strings {
            let end = span.iter().position(|byte| *byte == 0).unwrap_or(span.len());
            // Only what is one string, not several nor bytes behind the end.
            if used <= end || span.get(end..).unwrap_or_default().iter().all(|byte| *byte == 0) {
                self.out.push('"');
                span.get(..end).unwrap_or_default().iter().for_each(|byte| self.char(*byte, '"'));
                self.out.push('"');
                return Ok(());
            }
        }
        // Elements without a size all look the same: none is shown.
        let count = (used as u64).saturating_mul(8).div_ceil(size.max(1));
        self.out.push('[');
        let inner = place.depth.saturating_add(1);
        let on_lines = !is_char
            && matches!(
                self.btf.resolve(element),
                Some(Type::Struct(_) | Type::Union(_) | Type::Array(_))
            );
        for index in 0..count {
            let start = place.start.saturating_add(index.saturating_mul(size));
            if on_lines {
                self.line(inner);
            }
            match (is_char, usize::try_from(index).ok().and_then(|index| span.get(index))) {
                (true, Some(byte)) => {
                    self.out.push('\'');
                    self.char(*byte, '\'');
                    self.out.push('\'');
                }
                _ => self.value(element, Place::at(start, inner), on_lines)?,
            }
            self.out.push(',');
        }
        if on_lines && count > 0 {
            self.line(place.depth);
        }
        self.out.push(']');
        Ok(())
    }

    /// A character within quotes.
    fn char(&mut self, byte: u8, quote: char) {
        match char::from(byte) {
            c if c == quote || c == '\\' => push!(self, "\\{c}"),
            '\0' => self.out.push_str("\\0"),
            '\n' => self.out.push_str("\\n"),
            '\t' => self.out.push_str("\\t"),
            c if c == ' ' || c.is_ascii_graphic() => self.out.push(c),
            _ => push!(self, "\\x{byte:02x}"),
        }
    }

    fn composite(&mut self, composite: Composite<'a>, place: Place) -> Result<(), ValueError> {
        let bits = u64::from(composite.size()).saturating_mul(8);
        self.span(composite.id(), place.start, bits)?;
        self.out.push('{');
        let inner = place.depth.saturating_add(1);
        let mut shown = 0_usize;
        for member in composite.members() {
            self.budget =
                self.budget.checked_sub(1).ok_or(ValueError::TooLarge { id: composite.id() })?;
            let id = member.type_id();
            let mut start = place.start.saturating_add(u64::from(member.bit_offset()));
            let mut width = member.bitfield_size().map(u64::from);
            if let (None, Some(Type::Int(int))) = (width, self.btf.resolve(id)) {
                // Old BTF says it with the integer.
                if int.bits() != 0 && int.bits() < int.size().saturating_mul(8) {
                    width = Some(u64::from(int.bits()));
                    start = start.saturating_add(u64::from(int.bit_offset()));
                }
            }
            if !self.options.zeroes && self.is_zero(id, start, width)? {
                continue;
            }
            shown = shown.saturating_add(1);
            self.line(inner);
            if !self.options.skip_names && !member.is_anonymous() {
                push!(self, ".{} = ", member.name());
            }
            self.value(id, Place { start, width, depth: inner }, true)?;
            self.out.push(',');
        }
        if shown > 0 {
            self.line(place.depth);
        }
        self.out.push('}');
        Ok(())
    }

    /// Whether a member is zero.
    fn is_zero(&self, id: TypeId, start: u64, width: Option<u64>) -> Result<bool, ValueError> {
        if let Some(width) = width {
            let (number, _) = self.number(id, Place { start, width: Some(width), depth: 0 }, 0)?;
            return Ok(number == 0);
        }
        let bits = self.bits_of(id)?;
        Ok(self.span(id, start, bits)?.iter().all(|byte| *byte == 0))
    }
}
