//! Every field of every kind, in both orders.

use bpf_btf::{Btf, FuncLinkage, Kind, Type, TypeId, VarLinkage};

use crate::asm::{BOOL, CHAR, FLAG, ORDERS, SIGNED, asm, every_kind};

/// All that a view says, as text.
pub(crate) fn describe(found: Type<'_>) -> String {
    let head = format!("{} {:?}", found.kind(), found.name());
    let rest = match found {
        Type::Int(int) => format!(
            "{} {} {} {} {} {}",
            int.size(),
            int.bits(),
            int.bit_offset(),
            int.is_signed(),
            int.is_char(),
            int.is_bool()
        ),
        Type::Array(array) => format!("{} {} {}", array.element(), array.index(), array.len()),
        Type::Struct(composite) | Type::Union(composite) => {
            let members = composite.members().map(|member| {
                format!(
                    " {}:{}@{}/{:?}",
                    member.name(),
                    member.type_id(),
                    member.bit_offset(),
                    member.bitfield_size()
                )
            });
            format!("{}{}", composite.size(), members.collect::<String>())
        }
        Type::Enum(values) | Type::Enum64(values) => {
            let list = values.values().map(|value| format!(" {}={}", value.name(), value.value()));
            format!("{} {}{}", values.size(), values.is_signed(), list.collect::<String>())
        }
        Type::Fwd(fwd) => format!("{}", fwd.is_union()),
        Type::Func(func) => format!("{} {:?}", func.prototype(), func.linkage()),
        Type::FuncProto(proto) => {
            let list = proto.params().map(|param| {
                format!(
                    " {}:{}{}",
                    param.name(),
                    param.type_id(),
                    if param.is_variadic() { "..." } else { "" }
                )
            });
            format!("{}{}", proto.return_type(), list.collect::<String>())
        }
        Type::Var(var) => format!("{} {:?}", var.type_id(), var.linkage()),
        Type::Datasec(section) => {
            let list = section
                .entries()
                .map(|entry| format!(" {}@{}+{}", entry.type_id(), entry.offset(), entry.size()));
            format!("{}{}", section.size(), list.collect::<String>())
        }
        Type::Float(float) => format!("{}", float.size()),
        Type::DeclTag(tag) => {
            format!("{} {:?} {}", tag.target(), tag.component(), tag.is_attribute())
        }
        other => match other.reference() {
            Some(reference) => format!("{} {}", reference.target(), reference.is_attribute()),
            None => String::new(),
        },
    };
    format!("{head} {rest}")
}

#[test]
fn views_show_every_field() {
    let expected = [
        "INT \"int\" 4 32 0 true false false",
        "PTR \"\" 1 false",
        "ARRAY \"\" 1 1 3",
        "STRUCT \"point\" 8 x:1@0/None y:1@32/None",
        "UNION \"either\" 8 number:1@0/None pointer:2@0/None",
        "ENUM \"color\" 4 true RED=-1 GREEN=7",
        "FWD \"opaque\" true",
        "TYPEDEF \"number_t\" 1 false",
        "VOLATILE \"\" 1 false",
        "CONST \"\" 9 false",
        "RESTRICT \"\" 2 false",
        "FUNC_PROTO \"\" 1 first:2 :0...",
        "FUNC \"work\" 12 Global",
        "VAR \"counter\" 1 Global",
        "DATASEC \".data\" 4 14@0+4",
        "FLOAT \"double\" 8",
        "DECL_TAG \"note\" 4 Some(1) false",
        "TYPE_TAG \"user\" 1 false",
        "ENUM64 \"wide\" 8 false BIG=18446744069414584321",
        "STRUCT \"flags\" 4 low:1@0/Some(3) high:1@3/Some(29)",
    ];
    for order in ORDERS {
        let btf = Btf::parse(every_kind().write(order)).unwrap();
        let described = btf.types().map(|(_, found)| describe(found)).collect::<Vec<_>>();
        assert_eq!(described, expected, "{order:?}");
    }
}

#[test]
fn encodings_flags_and_linkages_are_told_apart() {
    let rows = [
        (asm().int("char", 1, CHAR), "INT \"char\" 1 8 0 false true false"),
        (asm().int("_Bool", 1, BOOL), "INT \"_Bool\" 1 8 0 false false true"),
        (asm().words(&[0, 1 << 24, 4, SIGNED | 5 << 16 | 3]), "INT \"\" 4 3 5 true false false"),
        (asm().fwd("s", false), "FWD \"s\" false"),
        (asm().enumeration("e", 4, false, &[("A", -1)]), "ENUM \"e\" 4 false A=4294967295"),
        (asm().enum64("e", 8, true, &[("A", u64::MAX)]), "ENUM64 \"e\" 8 true A=-1"),
        (
            asm().head("noreturn", 17, FLAG, 0).words(&[u32::MAX]),
            "DECL_TAG \"noreturn\" 0 None true",
        ),
        (asm().head("address_space(1)", 18, FLAG, 0), "TYPE_TAG \"address_space(1)\" 0 true"),
    ];
    for (blob, expected) in rows {
        for order in ORDERS {
            let btf = Btf::parse(blob.write(order)).unwrap();
            assert_eq!(describe(btf.get(TypeId::new(1)).unwrap()), expected, "{order:?}");
        }
    }
    for number in 0..5 {
        assert_eq!(FuncLinkage::from_number(number).number(), number);
        assert_eq!(VarLinkage::from_number(number).number(), number);
    }
    for number in 0..=127 {
        assert_eq!(Kind::from_number(number).number(), number);
    }
}

#[test]
fn void_has_a_view_and_ids_end() {
    let btf = Btf::parse(every_kind().write(ORDERS[0])).unwrap();
    assert_eq!(btf.get(TypeId::VOID).map(|found| found.kind()), Some(Kind::Void));
    assert!(btf.get(TypeId::new(21)).is_none());
    assert!(btf.get(TypeId::new(u32::MAX)).is_none());
}

#[test]
fn sections_give_their_variables() {
    let blob = asm()
        .int("int", 4, SIGNED)
        .var("a", 1, 1)
        .prototype(0, &[])
        .func("kfunc", 3, 2)
        .datasec(".ksyms", 0, &[(2, 8, 4), (4, 0, 0), (1, 0, 0)]);
    for order in ORDERS {
        let btf = Btf::parse(blob.write(order)).unwrap();
        let Some(Type::Datasec(section)) =
            btf.find(".ksyms", Kind::Datasec).and_then(|id| btf.get(id))
        else {
            panic!("no section")
        };
        let variables = section
            .variables()
            .map(|(entry, var)| (entry.offset(), var.name()))
            .collect::<Vec<_>>();
        assert_eq!(variables, [(8, "a")]);
        let functions = section
            .entries()
            .filter_map(|entry| entry.function())
            .map(|func| func.name())
            .collect::<Vec<_>>();
        assert_eq!(functions, ["kfunc"]);
    }
}
