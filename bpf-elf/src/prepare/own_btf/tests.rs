//! Every program of every fixture, in both byte orders, and what no fixture has.

use std::collections::BTreeSet;

use bpf_asm::{Slot, encode_slots};
use bpf_btf::NewMember;
use bpf_sys::abi::ProgramType;
use testdata::{OBJECTS, Order, object};

use super::*;
use crate::prepare::{CoreResolution, LocalTypeId, PrepareOptions, prepare_btf, prepare_program};
use crate::spec::{CoreKind, CoreRelocation, Function, LineInfo, ProgramSpec};

const ORDERS: [ByteOrder; 2] = [ByteOrder::Little, ByteOrder::Big];

/// The program for a kernel that has the types of the object.
fn prepare(spec: &CollectionSpec, name: &str) -> PreparedProgram {
    let modules = || Ok::<_, std::convert::Infallible>(Vec::new());
    let core = spec.btf.as_ref().map(|btf| CoreResolution::new(spec, btf, modules).unwrap());
    let mut options = PrepareOptions::new();
    options.core = core.as_ref();
    prepare_program(spec, name, &options).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Each program of each fixture that refers to BTF: what it is, its object, it.
fn programs() -> impl Iterator<Item = (String, CollectionSpec, PreparedProgram)> {
    OBJECTS.iter().flat_map(|name| Order::BOTH.map(|order| (*name, order))).flat_map(
        |(object_name, order)| {
            let spec = CollectionSpec::parse(object(object_name, order)).unwrap();
            let names: Vec<String> = spec.programs.names().map(str::to_owned).collect();
            names.into_iter().map(move |name| {
                let prepared = prepare(&spec, &name);
                (format!("{object_name} {order:?}: {name}"), spec.clone(), prepared)
            })
        },
    )
}

fn own(
    spec: &CollectionSpec,
    prepared: &PreparedProgram,
    order: ByteOrder,
) -> Option<(PreparedProgram, Btf, usize)> {
    let (program, blob) = prepared.with_own_btf(spec, &BtfFeatures::ALL, order).unwrap();
    let blob = blob?;
    let len = blob.len();
    let btf = Btf::parse(blob).unwrap();
    assert_eq!(btf.byte_order(), order);
    Some((program, btf, len))
}

fn prototype(btf: &Btf, id: u32, what: &str) -> TypeId {
    match btf.get(TypeId::new(id)) {
        Some(Type::Func(func)) => func.prototype(),
        other => panic!("{what}: {other:?} is no function"),
    }
}

#[test]
fn functions_keep_their_names_and_prototypes() {
    let mut functions = 0;
    for (what, spec, prepared) in programs() {
        // Its numbers are those of the object; functions are as the kernel is told.
        let Some(whole) = prepare_btf(&spec, &BtfFeatures::ALL).unwrap() else { continue };
        let whole = Btf::parse(whole).unwrap();
        for order in ORDERS {
            let Some((program, btf, _)) = own(&spec, &prepared, order) else { continue };
            assert_eq!(program.functions, prepared.functions, "{what}");
            assert_eq!(program.func_infos.len(), prepared.func_infos.len(), "{what}");
            for (new, old) in program.func_infos.iter().zip(&prepared.func_infos) {
                let ids = [TypeId::new(new.type_id), TypeId::new(old.type_id)];
                let (found, expected) = (btf.get(ids[0]).unwrap(), whole.get(ids[1]).unwrap());
                assert_eq!((new.slot, found.name()), (old.slot, expected.name()), "{what}");
                let protos =
                    [(&btf, new), (&whole, old)].map(|(btf, of)| prototype(btf, of.type_id, &what));
                assert!(btf.types_equal(protos[0], &whole, protos[1]), "{what}");
                assert!(btf.types_equal(ids[0], &whole, ids[1]), "{what}: linkage");
                functions += 1;
            }
        }
    }
    assert!(functions > 400, "{functions} functions");
}

#[test]
fn lines_keep_their_files_and_texts() {
    let mut lines = 0;
    for (what, spec, prepared) in programs() {
        let Some(whole) = &spec.btf else { continue };
        for order in ORDERS {
            let Some((program, btf, _)) = own(&spec, &prepared, order) else { continue };
            assert_eq!(program.line_infos.len(), prepared.line_infos.len(), "{what}");
            for (new, old) in program.line_infos.iter().zip(&prepared.line_infos) {
                assert_eq!((new.slot, new.line_column), (old.slot, old.line_column), "{what}");
                let pairs = [(new.file_name, old.file_name), (new.line_text, old.line_text)];
                for (new, old) in pairs {
                    let expected = whole.string_bytes(old);
                    assert!(expected.is_some(), "{what}");
                    assert_eq!(btf.string_bytes(new), expected, "{what}");
                }
                lines += 1;
            }
        }
    }
    assert!(lines > 2_000, "{lines} lines");
}

#[test]
fn instructions_hold_the_numbers_of_the_same_types() {
    let mut held = 0;
    for (what, spec, prepared) in programs() {
        for order in ORDERS {
            let Some((program, btf, _)) = own(&spec, &prepared, order) else { continue };
            let mut slots = prepared.slots.clone();
            for (new, old) in program.local_type_ids.iter().zip(&prepared.local_type_ids) {
                assert_eq!(new.slot, old.slot, "{what}");
                let imm = |program: &PreparedProgram| program.slots[old.slot].imm;
                assert_eq!(u32::try_from(imm(&program)), Ok(new.type_id), "{what}");
                assert_eq!(u32::try_from(imm(&prepared)), Ok(old.type_id), "{what}");
                let whole = spec.btf.as_ref().unwrap();
                let ids = [new.type_id, old.type_id].map(TypeId::new);
                assert!(btf.types_equal(ids[0], whole, ids[1]), "{what}");
                slots[old.slot].imm = imm(&program);
                held += 1;
            }
            assert_eq!(program.slots, slots, "{what}: other instructions changed");
        }
    }
    assert!(held >= 4, "{held} numbers");
}

/// The strings that types use, the empty one among them.
fn names(btf: &Btf) -> BTreeSet<Vec<u8>> {
    let mut names = BTreeSet::from([Vec::new()]);
    for (_, found) in btf.types() {
        let inner: Vec<&str> = match found {
            Type::Struct(of) | Type::Union(of) => of.members().map(|of| of.name()).collect(),
            Type::Enum(of) | Type::Enum64(of) => of.values().map(|of| of.name()).collect(),
            Type::FuncProto(of) => of.params().map(|of| of.name()).collect(),
            _ => Vec::new(),
        };
        names.extend(inner.into_iter().chain([found.name()]).map(|name| name.as_bytes().to_vec()));
    }
    names
}

#[test]
fn the_blob_has_what_the_program_names_and_no_more() {
    let (mut blobs, mut smaller) = (0, 0);
    for (what, spec, prepared) in programs() {
        for order in ORDERS {
            let Some((program, btf, len)) = own(&spec, &prepared, order) else { continue };
            let what = format!("{what} for {order:?}");
            assert_eq!(btf.check_kernel_rules(), Ok(()), "{what}");
            let mut needed = BTreeSet::new();
            for root in program.roots() {
                needed.extend(btf.post_order(root));
            }
            let mut strings = names(&btf);
            for line in &program.line_infos {
                let used = [line.file_name, line.line_text];
                strings.extend(used.map(|offset| btf.string_bytes(offset).unwrap().to_vec()));
            }
            let mut offset = 0;
            while let Some(found) = btf.string_bytes(offset) {
                assert!(strings.contains(found), "{what}: {:?}", String::from_utf8_lossy(found));
                offset += u32::try_from(found.len()).unwrap() + 1;
            }
            for (id, found) in btf.types() {
                let is_needed = match found {
                    Type::DeclTag(tag) => needed.contains(&tag.target()),
                    _ => needed.contains(&id),
                };
                assert!(is_needed, "{what}: {id} {found:?}");
            }
            let functions: BTreeSet<_> = program.func_infos.iter().map(|of| of.type_id).collect();
            let kinds = btf.types().filter(|(_, found)| found.kind() == Kind::Func).count();
            assert_eq!(kinds, functions.len(), "{what}");
            // As read, not as made ready for the kernel.
            let whole = spec.btf.as_ref().unwrap().bytes().len();
            assert!(len <= whole, "{what}: {len} of {whole} bytes");
            if spec.programs.len() > 1 {
                assert!(len < whole, "{what}: {len} of {whole} bytes");
                smaller += 1;
            }
            blobs += 1;
        }
    }
    assert!(blobs > 200 && smaller > 150, "{blobs} blobs, {smaller} of several programs");
}

#[test]
fn both_byte_orders_have_the_same_numbers() {
    for (what, spec, prepared) in programs() {
        let [little, big] = ORDERS.map(|order| own(&spec, &prepared, order));
        let (Some((little, a, _)), Some((big, b, _))) = (little, big) else { continue };
        assert_eq!(little.slots, big.slots, "{what}");
        assert_eq!(little.func_infos, big.func_infos, "{what}");
        assert_eq!(little.line_infos, big.line_infos, "{what}");
        assert_eq!(a.len(), b.len(), "{what}");
        for (id, _) in a.types() {
            assert!(a.types_equal(id, &b, id), "{what}: {id}");
        }
    }
}

#[test]
fn what_old_kernels_do_not_know_is_replaced() {
    let mut blobs = 0;
    for (what, spec, prepared) in programs() {
        let (_, blob) =
            prepared.with_own_btf(&spec, &BtfFeatures::NONE, ByteOrder::NATIVE).unwrap();
        let Some(blob) = blob else { continue };
        let btf = Btf::parse(blob).unwrap();
        assert_eq!(btf.check_kernel_rules(), Ok(()), "{what}");
        for (id, found) in btf.types() {
            let new = matches!(
                found.kind(),
                Kind::Func
                    | Kind::FuncProto
                    | Kind::Float
                    | Kind::DeclTag
                    | Kind::TypeTag
                    | Kind::Enum64
            );
            assert!(!new, "{what}: {id} {found:?}");
        }
        blobs += 1;
    }
    assert!(blobs > 100, "{blobs} blobs");
}

#[test]
fn programs_that_refer_to_no_btf_need_none() {
    let mut spec = CollectionSpec::parse(object("counter", Order::NATIVE)).unwrap();
    let function = &mut spec.programs.get_mut("count_xdp").unwrap().function;
    function.type_id = None;
    function.line_infos.clear();
    let bare = prepare(&spec, "count_xdp");
    let untyped = CollectionSpec::parse(object("no_btf", Order::NATIVE)).unwrap();
    let advance = prepare(&untyped, "advance");
    for (spec, prepared) in [(&spec, &bare), (&untyped, &advance)] {
        for order in ORDERS {
            let (program, blob) = prepared.with_own_btf(spec, &BtfFeatures::ALL, order).unwrap();
            assert_eq!((blob, program.slots), (None, prepared.slots.clone()));
        }
    }
}

#[test]
fn lines_without_functions_come_with_a_type() {
    let mut spec = CollectionSpec::parse(object("counter", Order::NATIVE)).unwrap();
    spec.programs.get_mut("count_xdp").unwrap().function.type_id = None;
    let prepared = prepare(&spec, "count_xdp");
    for order in ORDERS {
        let (program, btf, _) = own(&spec, &prepared, order).unwrap();
        assert!(program.func_infos.is_empty() && !program.line_infos.is_empty());
        assert_eq!((btf.len(), btf.check_kernel_rules()), (2, Ok(())));
    }
}

/// `struct item { int node; }`, `struct list { int head; }` that holds items, `struct other`, and functions of pointers to the last two.
struct ByHand {
    spec: CollectionSpec,
    item: TypeId,
}

const LOAD: [u64; 2] = [0x18, 0];
const MOV: u64 = 0xb7;
const EXIT: u64 = 0x95;

fn slots(code: &[u64]) -> Vec<Slot> {
    code.iter().map(|slot| Slot::decode(slot.to_le_bytes(), bpf_asm::ByteOrder::Little)).collect()
}

fn by_hand(code: &[u64], argument: &str) -> ByHand {
    let mut builder = BtfBuilder::new();
    let mut add = |definition: &Definition<'_>| builder.add(definition).unwrap();
    let mut structure = |name, int: &mut Option<TypeId>| {
        let int = *int.get_or_insert_with(|| {
            let (name, size) = ("int", 4);
            add(&Definition::Int { name, size, signed: true, char: false, bool: false })
        });
        let members = [NewMember::new("member", int, 0)];
        add(&Definition::Struct { name, size: 4, members: &members })
    };
    let mut int = None;
    let other = structure("other", &mut int);
    let list = structure("list", &mut int);
    let item = structure("item", &mut int);
    let target = if argument == "list" { list } else { other };
    add(&Definition::DeclTag {
        name: "contains:item:node",
        target: list,
        component: Some(0),
        attribute: false,
    });
    let pointer = add(&Definition::Ptr { target });
    let params = [bpf_btf::NewParam::new("argument", pointer)];
    let prototype = add(&Definition::FuncProto { return_type: int.unwrap(), params: &params });
    let linkage = FuncLinkage::Global;
    let main = add(&Definition::Func { name: "main", prototype, linkage });
    let text = builder.add_string_bytes(b"caf\xe9").unwrap();
    let mut function = Function::new("main", slots(code));
    function.type_id = Some(main.get());
    function.line_infos.push(LineInfo {
        slot: 0,
        file_name: text,
        line_text: u32::MAX,
        line: 1,
        column: 0,
    });
    let mut spec = CollectionSpec::new(bpf_asm::ByteOrder::Little);
    spec.programs.insert("main", ProgramSpec::new("main", ProgramType::XDP, function));
    let access = builder.add_string("0").unwrap();
    if code.len() > 1 {
        let program = spec.programs.get_mut("main").unwrap();
        program.function.core_relocations =
            vec![CoreRelocation { slot: 0, kind: CoreKind(6), type_id: item.get(), access }];
    }
    spec.btf = Some(Btf::parse(builder.write(ByteOrder::NATIVE).unwrap()).unwrap());
    ByHand { spec, item }
}

#[test]
fn what_a_list_holds_comes_with_the_list() {
    for order in ORDERS {
        for (argument, names) in [("list", vec!["list", "item"]), ("other", vec!["other"])] {
            let made = by_hand(&[EXIT], argument);
            let (program, btf, _) = own(&made.spec, &prepare(&made.spec, "main"), order).unwrap();
            let structures = btf.types().filter(|(_, found)| found.kind() == Kind::Struct);
            let found: Vec<_> = structures.map(|(_, found)| found.name().to_owned()).collect();
            assert_eq!(found, names);
            let tags = btf.types().filter(|(_, found)| found.kind() == Kind::DeclTag).count();
            assert_eq!(tags, usize::from(argument == "list"));
            // Text in any encoding; text that is not there is none.
            let line = program.line_infos[0];
            assert_eq!(btf.string_bytes(line.file_name), Some(&b"caf\xe9"[..]));
            assert_eq!(line.line_text, 0);
        }
    }
}

#[test]
fn numbers_in_loads_and_moves_follow() {
    for code in [&[LOAD[0] | 4 << 32, LOAD[1], EXIT][..], &[MOV | 4 << 32, EXIT]] {
        let made = by_hand(code, "other");
        assert_eq!(made.item, TypeId::new(4));
        let prepared = prepare(&made.spec, "main");
        assert_eq!(prepared.local_type_ids, [LocalTypeId { slot: 0, type_id: 4 }]);
        for order in ORDERS {
            let (program, btf, _) = own(&made.spec, &prepared, order).unwrap();
            let id = btf.find("item", Kind::Struct).unwrap();
            assert_eq!(program.local_type_ids, [LocalTypeId { slot: 0, type_id: id.get() }]);
            let mut expected = code.to_vec();
            expected[0] = expected[0] & 0xffff_ffff | u64::from(id.get()) << 32;
            assert!(id < made.item);
            assert_eq!(program.slots, slots(&expected));
            let bytes = encode_slots(&program.slots, bpf_asm::ByteOrder::Little);
            assert_eq!(bytes[4], u8::try_from(id.get()).unwrap());
        }
    }
}

#[test]
fn programs_that_are_not_as_prepared_are_refused() {
    let made = by_hand(&[MOV | 4 << 32, EXIT], "list");
    let refused = |change: fn(&mut PreparedProgram)| {
        let mut prepared = prepare(&made.spec, "main");
        change(&mut prepared);
        let done = prepared.with_own_btf(&made.spec, &BtfFeatures::ALL, ByteOrder::NATIVE);
        done.unwrap_err()
    };
    let no_such_type = |id| PrepareError::Btf(BuildError::NoSuchType { id: TypeId::new(id) });
    let not_there = refused(|program| program.func_infos[0].type_id = 99);
    assert_eq!(not_there, no_such_type(99));
    assert_eq!(refused(|program| program.local_type_ids[0].type_id = 98), no_such_type(98));
    let changes: [fn(&mut PreparedProgram); 2] =
        [|program| program.slots.clear(), |program| program.local_type_ids[0].slot += 1];
    for change in changes {
        let error = refused(change);
        assert!(matches!(error, PrepareError::LocalTypeId { .. }), "{error}");
    }
}
