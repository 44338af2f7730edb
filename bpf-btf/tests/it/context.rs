//! Context parameters of subprograms.

use bpf_btf::{Btf, BtfBuilder, BuildError, ByteOrder, Kind, Type, TypeId};

use crate::asm::{Asm, ORDERS, SIGNED, asm, split};

/// Function 20 with three parameters of the given types, of which the tags name some.
fn function(params: [u32; 3], tags: &[(&str, u32)]) -> Asm {
    let mut blob = asm()
        .int("int", 4, SIGNED) // 1
        .ptr(0) // 2
        .structure("xdp_md", 4, &[("data", 1, 0)]) // 3
        .ptr(3) // 4
        .constant(3) // 5
        .ptr(5) // 6
        .fwd("xdp_md", false) // 7
        .ptr(7) // 8
        .typedef("xdp_md", 1) // 9
        .ptr(9) // 10
        .structure("other", 4, &[("data", 1, 0)]) // 11
        .ptr(11) // 12
        .constant(12) // 13
        .typedef("other_p", 13) // 14
        .typedef("loop", 15) // 15
        .ptr(15) // 16
        .union("xdp_md", 4, &[]) // 17
        .ptr(17) // 18
        .prototype(1, &[("a", params[0]), ("b", params[1]), ("c", params[2])]) // 19
        .func("sub", 19, 1); // 20
    for (name, component) in tags {
        blob = blob.decl_tag(name, 20, *component);
    }
    blob
}

/// The copy as C would name it; `None` when there is none.
fn copy(blob: &Asm, order: ByteOrder) -> Option<String> {
    let before = Btf::parse(blob.write(order)).unwrap();
    let mut builder = BtfBuilder::from_btf(&before);
    let copy = builder.with_context_params(TypeId::new(20), "xdp_md").unwrap();
    let after = Btf::parse(builder.write(order).unwrap()).unwrap();
    for (id, _) in before.types() {
        assert!(before.types_equal(id, &after, id), "{id} has changed");
    }
    let Some(copy) = copy else {
        assert_eq!(after.len(), before.len());
        return None;
    };
    let Some(Type::Func(copy)) = after.get(copy) else { panic!("{copy} is no function") };
    let Some(Type::Func(original)) = after.get(TypeId::new(20)) else { panic!("no function") };
    assert_eq!((copy.name(), copy.linkage()), (original.name(), original.linkage()));
    let Some(Type::FuncProto(proto)) = after.get(copy.prototype()) else { panic!("no prototype") };
    assert_eq!(proto.params().map(|param| param.name()).collect::<String>(), "abc");
    // What the parameter points to has no members, whatever is called so already.
    let pointers = proto.params().filter_map(|param| after.get(param.type_id())?.reference());
    let made = pointers.filter(|pointer| pointer.target() >= TypeId::new(before.len()));
    for pointer in made {
        let target = after.get(pointer.target()).unwrap();
        assert_eq!((target.kind(), target.name()), (Kind::Struct, "xdp_md"));
    }
    Some(after.display_name(copy.prototype()).to_string())
}

/// The tag.
const CTX: &str = "arg:ctx";

/// What is special, the types of the parameters, the tags, and the copy.
type Row = (&'static str, [u32; 3], &'static [(&'static str, u32)], Option<&'static str>);

#[test]
fn tagged_pointers_become_pointers_to_the_context() {
    let rows: [Row; 13] = [
        ("no tag", [2, 2, 2], &[], None),
        ("another tag", [2, 2, 2], &[("arg:nonnull", 0)], None),
        ("the function is tagged", [2, 2, 2], &[(CTX, u32::MAX)], None),
        ("no such parameter", [2, 2, 2], &[(CTX, 3)], None),
        ("void pointer", [2, 2, 2], &[(CTX, 0)], Some("int(struct xdp_md *, void *, void *)")),
        ("second of three", [2, 2, 1], &[(CTX, 1)], Some("int(void *, struct xdp_md *, int)")),
        (
            "two of three",
            [2, 1, 2],
            &[(CTX, 2), (CTX, 0)],
            Some("int(struct xdp_md *, int, struct xdp_md *)"),
        ),
        ("other structure", [12, 1, 1], &[(CTX, 0)], Some("int(struct xdp_md *, int, int)")),
        ("typedef of a pointer", [14, 1, 1], &[(CTX, 0)], Some("int(struct xdp_md *, int, int)")),
        ("the context already", [4, 6, 8], &[(CTX, 0), (CTX, 1), (CTX, 2)], None),
        ("a typedef or union called so", [10, 18, 1], &[(CTX, 0), (CTX, 1)], None),
        ("no pointer", [1, 11, 15], &[(CTX, 0), (CTX, 1), (CTX, 2)], None),
        ("pointer to a loop", [16, 1, 1], &[(CTX, 0)], Some("int(struct xdp_md *, int, int)")),
    ];
    for (what, params, tags, expected) in rows {
        for order in ORDERS {
            assert_eq!(
                copy(&function(params, tags), order).as_deref(),
                expected,
                "{what}, {order:?}"
            );
        }
    }
}

#[test]
fn parameters_of_types_of_a_base_are_understood() {
    for order in ORDERS {
        let base = function([2, 2, 2], &[]);
        let own = split(base.string_len())
            .prototype(1, &[("a", 2), ("b", 4)]) // 21
            .func("own", 21, 1) // 22
            .decl_tag("arg:ctx", 22, 0)
            .decl_tag("arg:ctx", 22, 1);
        let base = Btf::parse(base.write(order)).unwrap();
        let own = Btf::parse_split(own.write(order), &base).unwrap();
        let mut builder = BtfBuilder::from_btf(&own);
        let copy = builder.with_context_params(TypeId::new(22), "xdp_md").unwrap().unwrap();
        let after = Btf::parse_split(builder.write(order).unwrap(), &base).unwrap();
        let Some(Type::Func(copy)) = after.get(copy) else { panic!("no function") };
        let text = after.display_name(copy.prototype()).to_string();
        assert_eq!(text, "int(struct xdp_md *, struct xdp_md *)");
        // A function of the base cannot be copied here, as its tags are not.
        let id = TypeId::new(20);
        let error = builder.with_context_params(id, "xdp_md").unwrap_err();
        assert_eq!(error, BuildError::Kind { id, expected: Kind::Func });
    }
}
