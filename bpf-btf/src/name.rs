//! Types named as C names them.

use core::cell::Cell;
use core::fmt::{self, Write};

use crate::{Btf, Type, TypeId};

/// How deep declarators may nest before the rest becomes `...`.
const MAX_DEPTH: u32 = 32;

/// How many types one name may mention: prototypes within prototypes of a hostile blob would have no end.
const MAX_TYPES: u32 = 1024;

/// A type in C's notation, made by [`Btf::display_name`].
#[derive(Clone, Copy, Debug)]
pub struct DisplayName<'btf> {
    btf: &'btf Btf,
    id: TypeId,
    declared: &'btf str,
}

impl Btf {
    /// The type as C would name it: `const volatile int`, `struct datarec`, `char[16]`, `int (*)(void *)`.
    /// Type tags are left out; a structure without a name is `struct {...}`.
    pub fn display_name(&self, id: TypeId) -> DisplayName<'_> {
        DisplayName { btf: self, id, declared: "" }
    }

    /// The declaration of something of the type: `int (*handler)(void *)`, `char comm[16]`.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use bpf_btf::{Btf, BtfBuilder, ByteOrder, Definition, NewMember};
    /// # let mut builder = BtfBuilder::new();
    /// # let int = builder.add(&Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false })?;
    /// # let members = [NewMember::new("x", int, 0), NewMember::new("y", int, 32)];
    /// # let point = builder.add(&Definition::Struct { name: "point", size: 8, members: &members })?;
    /// let pointer = builder.add(&Definition::Ptr { target: point })?;
    /// let array = builder.add(&Definition::Array { element: pointer, index: int, len: 4 })?;
    /// let btf = Btf::parse(builder.write(ByteOrder::NATIVE)?)?;
    /// assert_eq!(btf.display_name(array).to_string(), "struct point *[4]");
    /// assert_eq!(btf.display_declaration(array, "corners").to_string(), "struct point *corners[4]");
    /// # Ok(()) }
    /// ```
    pub fn display_declaration<'btf>(
        &'btf self,
        id: TypeId,
        declared: &'btf str,
    ) -> DisplayName<'btf> {
        DisplayName { btf: self, id, declared }
    }
}

impl fmt::Display for DisplayName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let budget = Cell::new(MAX_TYPES);
        Declarator { btf: self.btf, out: f, after_word: false, budget: &budget, depth: 0 }
            .declaration(self.id, self.declared)
    }
}

/// Writes one declaration: what C puts before the name, the name, what C puts after it.
struct Declarator<'a, 'out> {
    btf: &'a Btf,
    out: &'a mut (dyn Write + 'out),
    /// Whether a space is needed before the next word or star.
    after_word: bool,
    budget: &'a Cell<u32>,
    depth: u32,
}

impl Declarator<'_, '_> {
    fn declaration(&mut self, id: TypeId, name: &str) -> fmt::Result {
        self.before(id, 0)?;
        if !name.is_empty() {
            self.word(name)?;
        }
        self.after(id, 0)
    }

    fn word(&mut self, text: &str) -> fmt::Result {
        if self.after_word {
            self.out.write_char(' ')?;
        }
        self.after_word = true;
        self.out.write_str(text)
    }

    fn mark(&mut self, text: &str) -> fmt::Result {
        if self.after_word {
            self.out.write_char(' ')?;
        }
        self.after_word = false;
        self.out.write_str(text)
    }

    fn tagged(&mut self, keyword: &str, name: &str) -> fmt::Result {
        self.word(keyword)?;
        self.word(if name.is_empty() { "{...}" } else { name })
    }

    /// Whether a star before this type needs parentheses.
    fn binds_tighter(&self, id: TypeId) -> bool {
        matches!(
            self.btf.get(self.btf.strip_modifiers(id)),
            Some(Type::Array(_) | Type::FuncProto(_))
        )
    }

    fn before(&mut self, id: TypeId, level: u32) -> fmt::Result {
        let budget = self.budget.get();
        if level > MAX_DEPTH || budget == 0 {
            return self.word("...");
        }
        self.budget.set(budget.saturating_sub(1));
        let next = level.saturating_add(1);
        match self.btf.get(id) {
            None => self.word("?"),
            Some(Type::Void) => self.word("void"),
            Some(Type::Struct(found)) => self.tagged("struct", found.name()),
            Some(Type::Union(found)) => self.tagged("union", found.name()),
            Some(Type::Enum(found) | Type::Enum64(found)) => self.tagged("enum", found.name()),
            Some(Type::Fwd(found)) => {
                self.tagged(if found.is_union() { "union" } else { "struct" }, found.name())
            }
            Some(Type::Ptr(pointer)) => {
                self.before(pointer.target(), next)?;
                self.mark(if self.binds_tighter(pointer.target()) { "(*" } else { "*" })
            }
            Some(Type::Array(array)) => self.before(array.element(), next),
            Some(Type::FuncProto(proto)) => self.before(proto.return_type(), next),
            Some(Type::Const(found)) => self.modifier("const", found.target(), next),
            Some(Type::Volatile(found)) => self.modifier("volatile", found.target(), next),
            Some(Type::Restrict(found)) => self.modifier("restrict", found.target(), next),
            Some(Type::TypeTag(found)) => self.before(found.target(), next),
            Some(
                found @ (Type::Int(_)
                | Type::Typedef(_)
                | Type::Float(_)
                | Type::Func(_)
                | Type::Var(_)
                | Type::Datasec(_)
                | Type::DeclTag(_)
                | Type::Unknown(_)),
            ) => self.word(if found.name().is_empty() { "?" } else { found.name() }),
        }
    }

    /// A modifier stands before what it modifies, but after the star of a pointer.
    fn modifier(&mut self, keyword: &str, target: TypeId, level: u32) -> fmt::Result {
        if let Some(Type::Ptr(_)) = self.btf.get(self.btf.strip_modifiers(target)) {
            self.before(target, level)?;
            self.word(keyword)
        } else {
            self.word(keyword)?;
            self.before(target, level)
        }
    }

    fn after(&mut self, id: TypeId, level: u32) -> fmt::Result {
        if level > MAX_DEPTH {
            return Ok(());
        }
        let next = level.saturating_add(1);
        match self.btf.get(id) {
            Some(Type::Ptr(pointer)) => {
                if self.binds_tighter(pointer.target()) {
                    self.out.write_char(')')?;
                }
                self.after(pointer.target(), next)
            }
            Some(Type::Array(array)) => {
                match array.len() {
                    0 => self.out.write_str("[]")?,
                    len => write!(self.out, "[{len}]")?,
                }
                self.after(array.element(), next)
            }
            Some(Type::FuncProto(proto)) => {
                self.parameters(proto)?;
                self.after(proto.return_type(), next)
            }
            Some(
                Type::Const(found)
                | Type::Volatile(found)
                | Type::Restrict(found)
                | Type::TypeTag(found),
            ) => self.after(found.target(), next),
            _ => Ok(()),
        }
    }

    fn parameters(&mut self, proto: crate::FuncProto<'_>) -> fmt::Result {
        self.out.write_char('(')?;
        let depth = self.depth.saturating_add(1);
        if proto.param_count() == 0 {
            self.out.write_str("void")?;
        }
        for (index, param) in proto.params().enumerate() {
            if index > 0 {
                self.out.write_str(", ")?;
            }
            if self.budget.get() == 0 || depth > MAX_DEPTH {
                self.out.write_str("...")?;
                break;
            }
            if param.is_variadic() {
                self.out.write_str("...")?;
                continue;
            }
            Declarator {
                btf: self.btf,
                out: self.out,
                after_word: false,
                budget: self.budget,
                depth,
            }
            .declaration(param.type_id(), "")?;
        }
        self.after_word = false;
        self.out.write_char(')')
    }
}
