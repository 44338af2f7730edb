//! A whole blob as a header.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{CError, CPrinter, names, push};
use crate::{Btf, Type, TypeId};

/// What a header made by [`c_header`] contains.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "independent choices about the text")]
pub struct CHeaderOptions {
    /// Macro of the include guard; `None` for none.
    pub guard: Option<String>,
    /// Whether every access to a type of the header is relocated (`preserve_access_index`), unless
    /// `BPF_NO_PRESERVE_ACCESS_INDEX` is defined.
    pub preserve_access_index: bool,
    /// Whether prototypes of kfuncs are added, unless `BPF_NO_KFUNC_PROTOTYPES` is defined.
    pub kfuncs: bool,
    /// Whether tags on declarations are written, see [`CPrinter::with_decl_tags`].
    pub decl_tags: bool,
    /// Whether types come in the order of kinds, names and contents, so that headers of two kernels can be compared;
    /// otherwise in the order of ids.
    pub sorted: bool,
}

impl Default for CHeaderOptions {
    fn default() -> Self {
        Self {
            guard: Some("__VMLINUX_H__".to_string()),
            preserve_access_index: true,
            kfuncs: true,
            decl_tags: false,
            sorted: true,
        }
    }
}

impl CHeaderOptions {
    /// Sets the macro of the include guard.
    #[must_use]
    pub fn with_guard(mut self, guard: Option<&str>) -> Self {
        self.guard = guard.map(ToString::to_string);
        self
    }

    /// Leaves out the pragma that makes accesses relocatable.
    #[must_use]
    pub fn without_preserve_access_index(mut self) -> Self {
        self.preserve_access_index = false;
        self
    }

    /// Leaves out prototypes of kfuncs.
    #[must_use]
    pub fn without_kfuncs(mut self) -> Self {
        self.kfuncs = false;
        self
    }

    /// Writes tags on declarations too.
    #[must_use]
    pub fn with_decl_tags(mut self) -> Self {
        self.decl_tags = true;
        self
    }

    /// Keeps the types in the order of their ids.
    #[must_use]
    pub fn in_order_of_ids(mut self) -> Self {
        self.sorted = false;
        self
    }
}

/// A header with all types of a blob, such as a `vmlinux.h` for BPF programs. Of a base only what is needed.
///
/// Errors: types that C cannot express, such as a member at a place that no packing explains. The header is for clang; gcc compiles it
/// without the pragma.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use bpf_btf::{Btf, BtfBuilder, ByteOrder, Definition, NewMember};
/// # let mut builder = BtfBuilder::new();
/// # let int = builder.add(&Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false })?;
/// # let members = [NewMember::new("x", int, 0), NewMember::new("y", int, 32)];
/// # let point = builder.add(&Definition::Struct { name: "point", size: 8, members: &members })?;
/// use bpf_btf::{CHeaderOptions, c_header};
///
/// let btf = Btf::parse(builder.write(ByteOrder::NATIVE)?)?;
/// let options = CHeaderOptions::default().with_guard(None).without_preserve_access_index();
/// assert_eq!(c_header(&btf, &options)?.trim(), "struct point {\n\tint x;\n\tint y;\n};");
/// # Ok(()) }
/// ```
pub fn c_header(btf: &Btf, options: &CHeaderOptions) -> Result<String, CError> {
    btf.validate()?;
    let mut printer = CPrinter::new(btf);
    if options.decl_tags {
        printer = printer.with_decl_tags();
    }
    if let Some(guard) = &options.guard {
        push!(printer.out, "#ifndef {guard}\n#define {guard}\n\n");
    }
    let start = printer.out.len();
    for id in roots(btf, options.sorted) {
        printer.define(id)?;
    }
    if options.kfuncs {
        kfuncs(&mut printer, options.sorted)?;
    }
    // Without a record the attribute has nothing to apply to, and clang warns.
    if options.preserve_access_index && printer.records {
        printer.out.insert_str(
            start,
            "#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n\
             #pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)\n\
             #endif\n\n",
        );
        printer.out.push_str(
            "#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n#pragma clang attribute pop\n#endif\n\n",
        );
    }
    if let Some(guard) = &options.guard {
        push!(printer.out, "#endif /* {guard} */\n");
    }
    Ok(printer.into_text())
}

/// Place of a type in a sorted header.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct SortKey<'btf> {
    rank: u8,
    name: &'btf str,
    size: u32,
    members: usize,
    first_member: &'btf str,
    id: TypeId,
}

/// The types that stand for themselves; all others are written with those that use them.
fn roots(btf: &Btf, sorted: bool) -> Vec<TypeId> {
    let used = used_enums(btf);
    let mut keys = Vec::new();
    for (id, found) in btf.types() {
        let name = found.name();
        let (rank, name, size, members, first_member) = match found {
            Type::Enum(values) | Type::Enum64(values) => {
                // An enumeration without a name is written where it is used.
                if name.is_empty() && (used.contains(&id) || values.value_count() == 0) {
                    continue;
                }
                let first = values.value(0).map_or("", |value| value.name());
                let rank = u8::from(!name.is_empty());
                (
                    rank,
                    if name.is_empty() { first } else { name },
                    values.size(),
                    values.value_count(),
                    first,
                )
            }
            Type::Struct(composite) | Type::Union(composite) if !name.is_empty() => {
                let first = composite.member(0).map_or("", |member| member.name());
                (2, name, composite.size(), composite.member_count(), first)
            }
            Type::Typedef(_) => (3, name, 0, 0, ""),
            Type::Fwd(_) if !name.is_empty() => (4, name, 0, 0, ""),
            _ => continue,
        };
        keys.push(SortKey { rank, name, size, members, first_member, id });
    }
    if sorted {
        keys.sort_unstable();
    }
    keys.into_iter().map(|key| key.id).collect()
}

/// Enumerations without a name that another type refers to.
fn used_enums(btf: &Btf) -> BTreeSet<TypeId> {
    let mut used = BTreeSet::new();
    let mut see = |id: TypeId| {
        if btf.get(id).is_some_and(|found| found.kind().is_any_enum()) {
            used.insert(id);
        }
    };
    for (_, found) in btf.types() {
        match found {
            Type::Array(array) => see(array.element()),
            Type::Struct(composite) | Type::Union(composite) => {
                composite.members().for_each(|member| see(member.type_id()));
            }
            Type::FuncProto(proto) => {
                see(proto.return_type());
                proto.params().for_each(|param| see(param.type_id()));
            }
            other => {
                if let Some(reference) = other.reference() {
                    see(reference.target());
                }
            }
        }
    }
    used
}

/// Adds the prototypes of kernel functions that programs may call.
fn kfuncs(printer: &mut CPrinter<'_>, sorted: bool) -> Result<(), CError> {
    let btf = printer.btf;
    let mut tagged = BTreeMap::<TypeId, (bool, bool)>::new();
    for (_, found) in btf.types() {
        let Type::DeclTag(tag) = found else { continue };
        if tag.component().is_some() {
            continue;
        }
        match tag.name() {
            "bpf_kfunc" => tagged.entry(tag.target()).or_default().0 = true,
            "bpf_fastcall" => tagged.entry(tag.target()).or_default().1 = true,
            _ => {}
        }
    }
    let mut funcs = Vec::new();
    for (id, (kfunc, fastcall)) in tagged {
        if let (true, Some(Type::Func(func))) = (kfunc, btf.get(id)) {
            funcs.push((func, fastcall));
        }
    }
    if sorted {
        funcs.sort_by_key(|(func, _)| (func.name(), func.id()));
    }
    // What the prototypes need is outside of their guard.
    for (func, _) in &funcs {
        printer.visit(func.prototype(), super::order::Need::Name)?;
    }
    if funcs.is_empty() {
        return Ok(());
    }
    printer.out.push_str(
        "#ifndef BPF_NO_KFUNC_PROTOTYPES\n\
         #ifndef __ksym\n#define __ksym __attribute__((section(\".ksyms\")))\n#endif\n\
         #ifndef __weak\n#define __weak __attribute__((weak))\n#endif\n\
         #ifndef __bpf_fastcall\n\
         #if defined(__has_attribute) && __has_attribute(bpf_fastcall)\n\
         #define __bpf_fastcall __attribute__((bpf_fastcall))\n\
         #else\n#define __bpf_fastcall\n#endif\n#endif\n\n",
    );
    let mut last = "";
    for (func, fastcall) in funcs {
        let name = func.name();
        // Modules may have functions of one name; one prototype serves them all.
        if name == last || printer.names.is_ident(&names::identifier(name)) {
            continue;
        }
        last = name;
        let text = printer.prototype(func.prototype(), name)?;
        let fast = if fastcall { " __bpf_fastcall" } else { "" };
        push!(printer.out, "extern {text} __weak __ksym{fast};\n");
    }
    printer.out.push_str("#endif /* BPF_NO_KFUNC_PROTOTYPES */\n\n");
    Ok(())
}
