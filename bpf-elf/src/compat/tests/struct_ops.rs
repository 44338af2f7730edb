//! Types of the kernel that programs implement.

use bpf_sys::abi::MapType;

use super::Member::{Bits, Function as Code, Int, Long};
use super::*;
use crate::spec::{FunctionMember, MapContents, MapSpec, TypeRef};

/// A map that implements `ops` with these members, in which the bytes at these offsets are not zero, and the program `p` at others.
fn implements(members: &[(&str, Member)], set: &[usize], programs: &[u32]) -> CollectionSpec {
    let mut spec = object(RETURN);
    spec.programs.get_mut("p").unwrap().program_type = ProgramType::STRUCT_OPS;
    let mut builder = BtfBuilder::new();
    let id = add_ops(&mut builder, "ops___mine", members);
    spec.btf = Some(Btf::parse(builder.write(bpf_btf::ByteOrder::NATIVE).unwrap()).unwrap());
    let mut map = MapSpec::new("map", MapType::STRUCT_OPS, 4, 8, 1);
    map.value_type = Some(TypeRef::new(id.get(), "struct ops___mine"));
    let mut bytes = vec![0; members.len() * 8];
    for &at in set {
        bytes[at] = 1;
    }
    map.contents = MapContents::Bytes(bytes);
    let member = |&offset: &u32| FunctionMember { offset, program: "p".into() };
    map.function_members = programs.iter().map(member).collect();
    spec.maps.insert("map", map);
    spec
}

/// Members of the object's type, offsets that are set, offsets of programs, what is found.
type Row<'a> = (&'a [(&'a str, Member)], &'a [usize], &'a [u32], Expected<'a>);

#[test]
fn members_that_are_set_must_be_in_the_kernel() {
    let world = World::default();
    let rows: [Row<'_>; 9] = [
        (&[("init", Code), ("flags", Int)], &[8], &[0], &[]),
        // By name, wherever they are.
        (&[("flags", Int), ("init", Code)], &[0], &[8], &[]),
        (&[("init", Code), ("newer", Int)], &[], &[0], &[]),
        (&[("init", Code), ("newer", Int)], &[8], &[0], &[(Kind::StructOps, Breaks, "ops.newer")]),
        (&[("init", Code), ("flags", Long)], &[], &[0], &[(Kind::StructOps, Breaks, "ops.flags")]),
        (&[("init", Code), ("flags", Code)], &[], &[0], &[(Kind::StructOps, Breaks, "ops.flags")]),
        (&[("init", Code), ("flags", Bits)], &[], &[0], &[(Kind::StructOps, Breaks, "ops.flags")]),
        // A program without a place there is left out.
        (&[("newer", Code)], &[], &[0], &[(Kind::StructOps, Note, "ops.newer")]),
        // One that nothing names cannot be loaded.
        (&[("init", Code)], &[], &[], &[(Kind::StructOps, Breaks, "p")]),
    ];
    for (members, set, programs, expected) in rows {
        let report = compare(&implements(members, set, programs), &world, expected);
        let left_out = expected.iter().any(|row| row.1 == Note);
        assert_eq!(report.programs[0].autoload, !left_out);
    }
}

#[test]
fn the_type_must_be_one_that_programs_can_implement() {
    let spec = implements(&[("init", Code)], &[], &[0]);
    compare(&spec, &World::default(), &[]);
    let plain = World { value: false, ..World::default() };
    compare(&spec, &plain, &[(Kind::StructOps, Breaks, "ops")]);
    let pointer = World { ops: vec![("init", Int)], ..World::default() };
    compare(&spec, &pointer, &[(Kind::StructOps, Breaks, "ops.init")]);
}

#[test]
fn programs_of_maps_that_are_not_created_are_not_loaded() {
    let mut spec = implements(&[("init", Code)], &[], &[0]);
    spec.maps.get_mut("map").unwrap().autocreate = false;
    let report = compare(&spec, &World { value: false, ..World::default() }, &[]);
    assert!(!report.programs[0].autoload);
}
