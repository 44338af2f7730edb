//! What is measured: each row is one piece of work done by the library and by the [`floor`](crate::floor), which must
//! give the same result.

use std::hint::black_box;

use bpf_btf::core::{CoreKind, Resolver};
use bpf_btf::{
    Btf, BtfBuilder, ByteOrder, Composite, CoreRelo, Definition, Kind, NewMember, Type, TypeId,
};
use testdata::Side;

use crate::floor::Floor;

/// Work that is ready to be measured, once.
pub(crate) type Work<'a> = Box<dyn FnOnce() -> u64 + 'a>;

/// Prepares work; that is not measured.
type Prepare<'a> = Box<dyn Fn() -> Work<'a> + 'a>;

/// One row of the table of targets.
pub(crate) struct Row<'a> {
    pub(crate) name: &'static str,
    pub(crate) floor: Prepare<'a>,
    pub(crate) ours: Prepare<'a>,
}

impl<'a> Row<'a> {
    pub(crate) fn prepare(&self, side: Side) -> Work<'a> {
        match side {
            Side::Floor => (self.floor)(),
            Side::Ours => (self.ours)(),
        }
    }
}

/// An object with relocations.
struct Object {
    btf: Btf,
    relos: Vec<CoreRelo>,
    offsets: Vec<u32>,
}

/// What all rows are measured with.
pub(crate) struct Input {
    blob: &'static [u8],
    pub(crate) btf: Btf,
    offsets: Vec<u32>,
    names: Vec<String>,
    small: Object,
    large: Object,
}

/// Structures that programs like to look at.
const POPULAR: [&str; 6] = ["task_struct", "file", "inode", "sock", "net_device", "super_block"];

impl Input {
    /// The BTF of the running kernel, and objects that are relocated against it.
    pub(crate) fn new() -> Self {
        let blob: &[u8] = Vec::leak(std::fs::read("/sys/kernel/btf/vmlinux").unwrap());
        let btf = Btf::parse(blob).unwrap();
        let names = names(&btf);
        // Every other name from everywhere, rather than the first.
        let step = names.len() / 1000;
        let chosen = names.iter().step_by(step.max(1)).take(1000).cloned().collect();
        let small = object(&btf, POPULAR.into_iter(), 4, 24);
        let large = object(&btf, names.iter().map(String::as_str), 5, 4250);
        let offsets = Floor::new(blob).offsets();
        Self { blob, btf, offsets, names: chosen, small, large }
    }
}

/// The names that one structure has and no other.
fn names(btf: &Btf) -> Vec<String> {
    let structs =
        btf.types().filter(|(_, found)| found.kind() == Kind::Struct && !found.name().is_empty());
    let unique = structs.filter(|(_, found)| {
        let same = btf.find_all(found.name());
        same.filter(|id| btf.get(*id).unwrap().kind() == Kind::Struct).count() == 1
    });
    unique.map(|(_, found)| found.name().to_owned()).collect()
}

/// A type that can be read in place of the one of the kernel.
fn mirror(btf: &Btf, id: TypeId, builder: &mut BtfBuilder) -> TypeId {
    let definition = match btf.resolve(id).unwrap() {
        Type::Int(int) => Definition::Int {
            name: int.name(),
            size: int.size(),
            signed: int.is_signed(),
            char: int.is_char(),
            bool: int.is_bool(),
        },
        Type::Enum(values) | Type::Enum64(values) => Definition::Enum {
            name: values.name(),
            size: values.size(),
            signed: false,
            values: &[],
        },
        Type::Struct(inner) | Type::Union(inner) => {
            Definition::Struct { name: inner.name(), size: inner.size(), members: &[] }
        }
        Type::Array(array) => {
            let element = mirror(btf, array.element(), builder);
            let index = mirror(btf, array.index(), builder);
            Definition::Array { element, index, len: array.len() }
        }
        _ => Definition::Ptr { target: TypeId::VOID },
    };
    builder.add(&definition).unwrap()
}

/// Members whose place an object can ask for.
fn plain<'a>(composite: Composite<'a>, btf: &'a Btf) -> Vec<bpf_btf::Member<'a>> {
    let known = |member: &bpf_btf::Member<'_>| {
        let found = btf.resolve(member.type_id()).unwrap().kind();
        !member.is_anonymous()
            && member.bitfield_size().is_none()
            && (found.is_composite()
                || found.is_any_enum()
                || matches!(found, Kind::Int | Kind::Ptr | Kind::Array))
    };
    composite.members().filter(known).collect()
}

/// An object that asks for the places of members of the kernel's structures: `each` of each structure, `count` in all.
fn object<'a>(
    btf: &Btf,
    structs: impl Iterator<Item = &'a str>,
    each: usize,
    count: usize,
) -> Object {
    let mut builder = BtfBuilder::new();
    let access = (0..each)
        .map(|index| builder.add_string(&format!("0:{index}")).unwrap())
        .collect::<Vec<_>>();
    let mut relos = Vec::new();
    for name in structs {
        let found = btf.find(name, Kind::Struct).and_then(|id| btf.get(id)).unwrap();
        let members = plain(found.composite().unwrap(), btf);
        if relos.len() == count || members.len() < each {
            continue;
        }
        // From the whole structure, in another order than there.
        let chosen = members.iter().rev().step_by(members.len() / each).take(each);
        let chosen = chosen
            .map(|member| {
                let type_id = mirror(btf, member.type_id(), &mut builder);
                NewMember::new(member.name(), type_id, 0)
            })
            .collect::<Vec<_>>();
        let id = builder.add(&Definition::Struct { name, size: 8, members: &chosen }).unwrap();
        let kind = CoreKind::FieldByteOffset.number();
        relos.extend(access.iter().map(|access| CoreRelo::new(0, id, *access, kind)));
    }
    assert_eq!(relos.len(), count);
    let btf = Btf::parse(builder.write(ByteOrder::NATIVE).unwrap()).unwrap();
    let offsets = Floor::new(btf.bytes()).offsets();
    Object { btf, relos, offsets }
}

fn find_all(btf: &Btf, names: &[String]) -> u64 {
    let ids = names.iter().filter_map(|name| btf.find(name, Kind::Struct));
    ids.map(|id| u64::from(id.get())).sum()
}

/// Every type and its members, values and parameters, as a user would visit them: with the lengths of the names, or else
/// with their offsets.
#[inline]
fn walk<const READ: bool>(btf: &Btf) -> u64 {
    let mut sum = 0_u64;
    for (_, found) in btf.types() {
        sum += if READ { found.name().len() as u64 } else { u64::from(found.name_offset()) };
        match found {
            Type::Struct(composite) | Type::Union(composite) => {
                sum += u64::from(composite.size());
                for member in composite.members() {
                    sum += if READ {
                        member.name().len() as u64
                    } else {
                        u64::from(member.name_offset())
                    };
                    sum += u64::from(member.type_id().get()) + u64::from(member.bit_offset());
                }
            }
            Type::Enum(values) | Type::Enum64(values) => {
                sum += u64::from(values.size());
                for value in values.values() {
                    sum += if READ {
                        value.name().len() as u64
                    } else {
                        u64::from(value.name_offset())
                    };
                    sum = sum.wrapping_add(value.bits());
                }
            }
            Type::FuncProto(proto) => {
                sum += u64::from(proto.return_type().get());
                for param in proto.params() {
                    sum += if READ {
                        param.name().len() as u64
                    } else {
                        u64::from(param.name_offset())
                    };
                    sum += u64::from(param.type_id().get());
                }
            }
            Type::Array(array) => {
                sum += u64::from(array.element().get())
                    + u64::from(array.index().get())
                    + u64::from(array.len());
            }
            other => sum += third_word(other),
        }
    }
    sum
}

/// Size or target of a type without members.
#[inline]
fn third_word(found: Type<'_>) -> u64 {
    u64::from(match found {
        Type::Int(int) => int.size(),
        Type::Float(float) => float.size(),
        Type::Datasec(section) => section.size(),
        Type::Ptr(reference)
        | Type::Typedef(reference)
        | Type::Const(reference)
        | Type::Volatile(reference)
        | Type::Restrict(reference)
        | Type::TypeTag(reference) => reference.target().get(),
        Type::Func(func) => func.prototype().get(),
        Type::Var(var) => var.type_id().get(),
        Type::DeclTag(tag) => tag.target().get(),
        _ => 0,
    })
}

fn relocate(object: &Object, kernel: &Btf) -> u64 {
    let mut resolver = Resolver::new(&object.btf, &object.relos);
    resolver.search_kernel(kernel);
    let fixups = resolver.resolve();
    fixups.iter().map(|fixup| fixup.as_ref().map_or(0, |fixup| fixup.value)).sum()
}

/// Work that needs no preparation.
fn ready<'a>(work: impl Fn() -> u64 + Clone + 'a) -> Prepare<'a> {
    Box::new(move || Box::new(work.clone()))
}

/// All rows.
pub(crate) fn rows<'a>(input: &'a Input) -> Vec<Row<'a>> {
    let floor = Floor::new(input.blob);
    let relocation = |name, object: &'a Object| Row {
        name,
        floor: ready(move || {
            let local = Floor::new(black_box(object.btf.bytes()));
            local.relocate(&object.offsets, &object.relos, &floor, &input.offsets)
        }),
        ours: ready(move || relocate(black_box(object), &input.btf)),
    };
    vec![
        Row {
            name: "open kernel BTF, trusted",
            floor: ready(|| Floor::new(black_box(input.blob)).offsets().len() as u64 + 1),
            ours: ready(|| u64::from(Btf::parse_trusted(black_box(input.blob)).unwrap().len())),
        },
        Row {
            name: "open kernel BTF, validated",
            floor: ready(|| Floor::new(black_box(input.blob)).offsets().len() as u64 + 1),
            ours: ready(|| u64::from(Btf::parse(black_box(input.blob)).unwrap().len())),
        },
        Row {
            name: "1000 names",
            floor: ready(move || floor.names(black_box(&input.offsets), &input.names)),
            ours: Box::new(move || {
                let cold = Btf::parse(input.blob).unwrap();
                Box::new(move || find_all(&cold, &input.names))
            }),
        },
        Row {
            name: "visit every type and its members",
            floor: ready(move || black_box(&floor).walk()),
            ours: ready(|| walk::<false>(black_box(&input.btf))),
        },
        Row {
            name: "visit every type and its members, names read",
            floor: ready(move || black_box(&floor).walk_names()),
            ours: ready(|| walk::<true>(black_box(&input.btf))),
        },
        relocation("CO-RE of 24 relocations", &input.small),
        relocation("CO-RE of 4,250 relocations", &input.large),
        Row {
            name: "first name, with the index of all",
            floor: ready(move || {
                floor.first(black_box(&input.offsets), b"task_struct").unwrap() as u64 + 1
            }),
            ours: Box::new(move || {
                let cold = Btf::parse(input.blob).unwrap();
                Box::new(move || u64::from(cold.find("task_struct", Kind::Struct).unwrap().get()))
            }),
        },
    ]
}
