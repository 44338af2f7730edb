//! Types in the form of `bpftool btf dump format raw`.

use std::fmt::Write;

use bpf_btf::{Btf, FuncLinkage, Kind, Type, VarLinkage};

/// All types of the blob, without those of its base.
pub(crate) fn dump(btf: &Btf) -> String {
    let mut out = String::new();
    for (id, found) in btf.types() {
        let name = if found.name().is_empty() { "(anon)" } else { found.name() };
        write!(out, "[{id}] {} '{name}'", found.kind()).unwrap();
        match found {
            Type::Int(int) => {
                let encoding = match (int.is_signed(), int.is_char(), int.is_bool()) {
                    (true, ..) => "SIGNED",
                    (_, true, _) => "CHAR",
                    (.., true) => "BOOL",
                    _ => "(none)",
                };
                writeln!(
                    out,
                    " size={} bits_offset={} nr_bits={} encoding={encoding}",
                    int.size(),
                    int.bit_offset(),
                    int.bits()
                )
            }
            Type::Array(array) => {
                writeln!(
                    out,
                    " type_id={} index_type_id={} nr_elems={}",
                    array.element(),
                    array.index(),
                    array.len()
                )
            }
            Type::Struct(composite) | Type::Union(composite) => {
                writeln!(out, " size={} vlen={}", composite.size(), composite.member_count())
                    .unwrap();
                for member in composite.members() {
                    let name = if member.name().is_empty() { "(anon)" } else { member.name() };
                    write!(
                        out,
                        "\t'{name}' type_id={} bits_offset={}",
                        member.type_id(),
                        member.bit_offset()
                    )
                    .unwrap();
                    if let Some(width) = member.bitfield_size() {
                        write!(out, " bitfield_size={width}").unwrap();
                    }
                    out.push('\n');
                }
                Ok(())
            }
            Type::Enum(values) | Type::Enum64(values) => {
                let encoding = if values.is_signed() { "SIGNED" } else { "UNSIGNED" };
                writeln!(
                    out,
                    " encoding={encoding} size={} vlen={}",
                    values.size(),
                    values.value_count()
                )
                .unwrap();
                for value in values.values() {
                    let suffix = match (found.kind(), values.is_signed()) {
                        (Kind::Enum64, true) => "LL",
                        (Kind::Enum64, false) => "ULL",
                        _ => "",
                    };
                    writeln!(out, "\t'{}' val={}{suffix}", value.name(), value.value()).unwrap();
                }
                Ok(())
            }
            Type::Fwd(fwd) => {
                writeln!(out, " fwd_kind={}", if fwd.is_union() { "union" } else { "struct" })
            }
            Type::Func(func) => {
                let linkage = match func.linkage() {
                    FuncLinkage::Static => "static",
                    FuncLinkage::Global => "global",
                    FuncLinkage::Extern => "extern",
                    _ => "(unknown)",
                };
                writeln!(out, " type_id={} linkage={linkage}", func.prototype())
            }
            Type::FuncProto(proto) => {
                writeln!(out, " ret_type_id={} vlen={}", proto.return_type(), proto.param_count())
                    .unwrap();
                for param in proto.params() {
                    let name = if param.name().is_empty() { "(anon)" } else { param.name() };
                    writeln!(out, "\t'{name}' type_id={}", param.type_id()).unwrap();
                }
                Ok(())
            }
            Type::Var(var) => {
                let linkage = match var.linkage() {
                    VarLinkage::Static => "static",
                    VarLinkage::Global => "global",
                    VarLinkage::Extern => "extern",
                    _ => "(unknown)",
                };
                writeln!(out, " type_id={}, linkage={linkage}", var.type_id())
            }
            Type::Datasec(section) => {
                writeln!(out, " size={} vlen={}", section.size(), section.entry_count()).unwrap();
                for (entry, var) in section.variables() {
                    let (id, offset, size) = (entry.type_id(), entry.offset(), entry.size());
                    writeln!(
                        out,
                        "\ttype_id={id} offset={offset} size={size} (VAR '{}')",
                        var.name()
                    )
                    .unwrap();
                }
                Ok(())
            }
            Type::Float(float) => writeln!(out, " size={}", float.size()),
            Type::DeclTag(tag) => {
                let component = tag.component().map_or(-1, i64::from);
                writeln!(out, " type_id={} component_idx={component}", tag.target())
            }
            other => match other.reference() {
                Some(reference) => writeln!(out, " type_id={}", reference.target()),
                None => writeln!(out),
            },
        }
        .unwrap();
    }
    out
}
