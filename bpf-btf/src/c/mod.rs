//! Types as C.

mod declare;
mod define;
mod error;
mod header;
mod layout;
mod names;
mod order;
mod tags;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::{Btf, Type, TypeId};

use declare::Place;
use layout::Layout;
use names::Names;
use order::Need;
use tags::DeclTags;

pub use error::CError;
pub use header::{CHeaderOptions, c_header};

/// Appends formatted text to a `String`, which takes everything.
macro_rules! push {
    ($out:expr, $($text:tt)*) => {{
        use core::fmt::Write as _;
        let _ = $out.write_fmt(format_args!($($text)*));
    }};
}
use push;

/// How deep declarators and anonymous types may nest.
const MAX_DEPTH: usize = 64;

/// Writes types as C that a compiler lays out as the BTF says.
///
/// A definition comes with everything that it needs before it: whole types for members, forward declarations for the
/// targets of pointers. Where two types have one name, all but the first get `___2`, `___3` and so on appended, which
/// CO-RE ignores. Gaps become anonymous bitfields, and what only packing explains gets the attribute.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use bpf_btf::{Btf, CPrinter, Kind};
///
/// let kernel = Btf::parse(std::fs::read("/sys/kernel/btf/vmlinux")?)?;
/// let mut printer = CPrinter::new(&kernel);
/// printer.define(kernel.find("task_struct", Kind::Struct).ok_or("no task_struct")?)?;
/// println!("{}", printer.text());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct CPrinter<'btf> {
    btf: &'btf Btf,
    /// Size of a pointer in bytes.
    pointer: u8,
    /// State of the walk by id.
    marks: Vec<u8>,
    layouts: BTreeMap<TypeId, Layout>,
    /// The types that others contain; made when it is first asked for.
    embedded: Option<BTreeSet<TypeId>>,
    names: Names,
    /// Tags on declarations, if they are to be written.
    tags: Option<DeclTags>,
    /// The function whose parameters come next.
    function: Option<TypeId>,
    /// How many more types may be mentioned: prototypes and anonymous types are written wherever they are used.
    budget: u64,
    /// How many bytes declarations may still have: names may be long, and what has no name is repeated.
    room: u64,
    /// Whether a structure or union has been written with its members.
    records: bool,
    out: String,
}

/// How [`CPrinter::declaration`] writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CDeclarationOptions {
    /// How many tabs the lines of an anonymous structure begin with, but for the first.
    pub indent: usize,
    /// Whether `const`, `volatile`, `restrict` and type tags are left out.
    pub strip_modifiers: bool,
}

impl CDeclarationOptions {
    /// Sets how many tabs the lines of an anonymous structure begin with.
    #[must_use]
    pub const fn with_indent(mut self, tabs: usize) -> Self {
        self.indent = tabs;
        self
    }

    /// Leaves out modifiers and type tags.
    #[must_use]
    pub const fn without_modifiers(mut self) -> Self {
        self.strip_modifiers = true;
        self
    }
}

impl<'btf> CPrinter<'btf> {
    /// A printer without text.
    pub fn new(btf: &'btf Btf) -> Self {
        let blobs = core::iter::successors(Some(btf), |btf| btf.base());
        let bytes = blobs.map(|btf| btf.bytes().len() as u64).fold(0_u64, u64::saturating_add);
        Self {
            btf,
            pointer: btf.pointer_size(),
            marks: alloc::vec![0; btf.len() as usize],
            layouts: BTreeMap::new(),
            embedded: None,
            names: Names::default(),
            tags: None,
            function: None,
            // Several times what real BTF needs.
            budget: bytes.saturating_mul(16).saturating_add(1 << 16),
            // Names of 64 bytes for the mentions of a small blob; text of a kernel is about as long as its BTF.
            room: bytes.saturating_mul(64).saturating_add(1 << 22),
            records: false,
            out: String::new(),
        }
    }

    /// Writes tags on declarations too, as `__attribute__((btf_decl_tag("...")))` on structures, members, typedefs, functions,
    /// parameters and variables. clang makes them BTF again; gcc before 16 warns. Tags on types are always written.
    ///
    /// ```
    /// use bpf_btf::{Btf, BtfBuilder, ByteOrder, CPrinter, Definition};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut builder = BtfBuilder::new();
    /// let node = builder.add(&Definition::Struct { name: "node", size: 0, members: &[] })?;
    /// let tag = Definition::DeclTag { name: "owner", target: node, component: None, attribute: false };
    /// builder.add(&tag)?;
    /// let btf = Btf::parse(builder.write(ByteOrder::NATIVE)?)?;
    /// let mut printer = CPrinter::new(&btf).with_decl_tags();
    /// printer.define(node)?;
    /// assert_eq!(printer.text().trim(), "struct node {} __attribute__((btf_decl_tag(\"owner\")));");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_decl_tags(mut self) -> Self {
        self.tags = Some(DeclTags::of(self.btf));
        self
    }

    /// The attributes of a type, or of a member or parameter of it, each with a space before it.
    fn tags_of(&self, id: TypeId, component: Option<usize>) -> String {
        self.tags.as_ref().map(|tags| tags.text(self.btf, id, component)).unwrap_or_default()
    }

    /// Adds the definition of a type and of all that it needs, each once per printer. A function becomes a prototype, a
    /// variable an extern declaration; what C does not define (integers, pointers) adds what it refers to.
    ///
    /// On an error the text holds only whole definitions, and the printer can go on with other types.
    pub fn define(&mut self, id: TypeId) -> Result<(), CError> {
        self.btf.validate()?;
        self.visit(id, Need::Whole)?;
        let found = self.btf.get(id).ok_or(CError::NoSuchType { id })?;
        match found {
            Type::Struct(_) | Type::Union(_) | Type::Enum(_) | Type::Enum64(_)
                if found.name().is_empty() =>
            {
                let text = self.declare(id, "", Place::default())?;
                let is_bool = found.enumeration().is_some_and(is_true_false);
                self.guarded(is_bool, &format!("{text};\n"));
            }
            Type::Func(func) => {
                self.function = Some(id);
                let text = self.prototype(func.prototype(), func.name());
                self.function = None;
                let tags = self.tags_of(id, None);
                push!(self.out, "extern {}{tags};\n\n", text?);
            }
            Type::Var(var) => {
                let name = names::identifier(var.name()).to_string();
                let text = self.declare(var.type_id(), &name, Place::default())?;
                let tags = self.tags_of(id, None);
                push!(self.out, "extern {text}{tags};\n\n");
            }
            _ => {}
        }
        Ok(())
    }

    fn prototype(&mut self, id: TypeId, name: &str) -> Result<String, CError> {
        self.declare(id, &names::identifier(name), Place::default())
    }

    /// The declaration of something of a type, without what the type needs: `int (*handler)(void *)`. Types are called
    /// as in the text of this printer. An empty name gives the name of the type.
    pub fn declaration(
        &mut self,
        id: TypeId,
        name: &str,
        options: &CDeclarationOptions,
    ) -> Result<String, CError> {
        self.btf.validate()?;
        let place =
            Place { indent: options.indent, bare: options.strip_modifiers, ..Place::default() };
        self.declare(id, name, place)
    }

    /// What was written so far.
    pub fn text(&self) -> &str {
        &self.out
    }

    /// All that was written.
    pub fn into_text(self) -> String {
        self.out
    }

    /// Whether some type contains a structure or an array of it.
    fn is_embedded(&mut self, id: TypeId) -> bool {
        let btf = self.btf;
        self.embedded.get_or_insert_with(|| embedded(btf)).contains(&id)
    }

    /// Pays for one more mention of a type.
    fn spend(&mut self, id: TypeId) -> Result<(), CError> {
        self.budget = self.budget.checked_sub(1).ok_or(CError::TooLarge { id })?;
        Ok(())
    }

    /// Pays for the text of a declaration.
    fn pay(&mut self, id: TypeId, text: &str) -> Result<(), CError> {
        let room = self.room.checked_sub(text.len() as u64);
        self.room = room.ok_or(CError::TooLarge { id })?;
        Ok(())
    }
}

/// The structures and unions that are members or elements of others.
fn embedded(btf: &Btf) -> BTreeSet<TypeId> {
    let mut found = BTreeSet::new();
    let mut see = |id: TypeId| {
        let id = btf.strip(id);
        if btf.get(id).is_some_and(|found| found.kind().is_composite()) {
            found.insert(id);
        }
    };
    for level in core::iter::successors(Some(btf), |btf| btf.base()) {
        for (_, found) in level.types() {
            match found {
                Type::Array(array) => see(array.element()),
                Type::Struct(composite) | Type::Union(composite) => {
                    composite.members().for_each(|member| see(member.type_id()));
                }
                _ => {}
            }
        }
    }
    found
}

/// A type that compilers have themselves, whatever BTF says about it.
fn is_builtin_typedef(name: &str) -> bool {
    name == "__builtin_va_list"
}

/// Whether an enumeration stands for `bool`.
fn is_true_false(values: crate::Enum<'_>) -> bool {
    values.value_count() == 2
        && values.values().all(|value| matches!(value.name(), "false" | "true"))
}
