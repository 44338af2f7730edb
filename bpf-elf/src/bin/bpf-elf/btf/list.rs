//! Types, one in a line.

use std::io::{self, Write};

use bpf_btf::{Btf, ByteOrder, Type, TypeId};
use serde_json::{Value, json};

use crate::table::clean;

/// Raised when a field changes its meaning, not when one is added.
const FORMAT: u32 = 1;

/// The types of a blob that are not those of its base.
fn own(btf: &Btf) -> impl Iterator<Item = (TypeId, Type<'_>)> {
    btf.types().filter(|(id, _)| *id >= btf.first_id() && *id != TypeId::VOID)
}

pub(super) fn text(out: &mut impl Write, btf: &Btf) -> io::Result<()> {
    for (id, ty) in own(btf) {
        write!(out, "[{}] {} {}", id.get(), ty.kind(), clean(&text_of(btf, id, ty)))?;
        if let Some(details) = details(btf, ty) {
            write!(out, ", {}", clean(&details))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// A type as C names it; what is declared with its type.
fn text_of(btf: &Btf, id: TypeId, ty: Type<'_>) -> String {
    match ty {
        Type::Func(of) => btf.display_declaration(of.prototype(), of.name()).to_string(),
        Type::Var(of) => btf.display_declaration(of.type_id(), of.name()).to_string(),
        Type::Typedef(of) => btf.display_declaration(of.target(), of.name()).to_string(),
        Type::Datasec(_) | Type::DeclTag(_) | Type::Unknown(_) => format!("{:?}", ty.name()),
        _ => btf.display_name(id).to_string(),
    }
}

fn details(btf: &Btf, ty: Type<'_>) -> Option<String> {
    let bytes = |size: u32| format!("{size} bytes");
    Some(match ty {
        Type::Int(of) => bytes(of.size()),
        Type::Float(of) => bytes(of.size()),
        Type::Struct(of) | Type::Union(of) => {
            format!("{} bytes, {} members", of.size(), of.member_count())
        }
        Type::Enum(of) | Type::Enum64(of) => {
            format!("{} bytes, {} values", of.size(), of.value_count())
        }
        Type::Func(of) => format!("{:?}", of.linkage()).to_lowercase(),
        Type::Var(of) => format!("{:?}", of.linkage()).to_lowercase(),
        Type::Datasec(of) => format!("{} bytes, {} variables", of.size(), of.entry_count()),
        Type::TypeTag(of) => {
            format!("{:?} on {}", ty.name(), btf.display_name(of.target()))
        }
        Type::DeclTag(of) => match of.component() {
            Some(component) => format!("on part {component} of [{}]", of.target().get()),
            None => format!("on [{}]", of.target().get()),
        },
        _ => return None,
    })
}

pub(super) fn json(out: &mut impl Write, btf: &Btf) -> io::Result<()> {
    let order = match btf.byte_order() {
        ByteOrder::Little => "little",
        ByteOrder::Big => "big",
    };
    write!(out, "{{\n  \"format\": {FORMAT},\n  \"byte_order\": \"{order}\",\n  \"types\": [")?;
    let mut before = "\n    ";
    for (id, ty) in own(btf) {
        write!(out, "{before}{}", value(btf, id, ty))?;
        before = ",\n    ";
    }
    let close = if before.starts_with(',') { "\n  ]" } else { "]" };
    writeln!(out, "{close}\n}}")
}

fn value(btf: &Btf, id: TypeId, ty: Type<'_>) -> Value {
    let target = match ty {
        Type::Func(of) => Some(of.prototype()),
        Type::Var(of) => Some(of.type_id()),
        Type::DeclTag(of) => Some(of.target()),
        Type::Array(of) => Some(of.element()),
        ty => ty.reference().map(|of| of.target()),
    };
    let members = ty.composite().map(|of| {
        let member = |member: bpf_btf::Member<'_>| {
            json!({
                "name": member.name(),
                "type": member.type_id().get(),
                "bit_offset": member.bit_offset(),
                "bitfield_size": member.bitfield_size(),
            })
        };
        of.members().map(member).collect::<Vec<_>>()
    });
    json!({
        "id": id.get(),
        "kind": ty.kind().to_string(),
        "name": ty.name(),
        "text": text_of(btf, id, ty),
        // What has no size, such as a function, has none.
        "size": btf.size_of(id).ok(),
        "target": target.map(TypeId::get),
        "members": members,
    })
}
