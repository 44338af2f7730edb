//! Collections without an object file: code of the assembler, maps and types by hand.

use bpf_core::asm::{ByteOrder, Code};
use bpf_core::{
    CollectionSpec, MapContents, MapFlags, MapSpec, MapType, ProgramType, VariableSpec,
};
use testdata::requires;

use crate::support::{NoLeak, load_spec, run};
use crate::written::written;

/// Counts its runs in a map, and gives the double of a variable.
const CODE: &str = "
<entry>:
    *(u32 *)(r10 -4) = 0
    r2 = r10
    r2 += -4
    r1 = map[hits] ll
    call bpf_map_lookup_elem#1
    if r0 == 0 goto out
    r1 = 1
    lock *(u64 *)(r0 +0) += r1
out:
    r1 = map[.data][0]+4 ll
    r1 = *(u32 *)(r1 +0)
    call double
    exit
<double>:
    r0 = r1
    r0 += r1
    exit
";

fn by_hand() -> CollectionSpec {
    let mut spec = CollectionSpec::new(ByteOrder::NATIVE);
    "GPL".clone_into(&mut spec.license);
    spec.maps.insert("hits", MapSpec::new("hits", MapType::ARRAY, 4, 8, 1));
    let mut data = MapSpec::new(".data", MapType::ARRAY, 4, 8, 1);
    data.contents = MapContents::Zeroed;
    // As such maps of an object are.
    data.flags = MapFlags::MMAPABLE;
    spec.maps.insert(".data", data);
    spec.variables.insert("number", VariableSpec::new("number", ".data", 4, 4));
    let code = Code::assemble(CODE).unwrap();
    spec.add_program("double_it", ProgramType::SOCKET_FILTER, &code).unwrap();
    spec.check().unwrap();
    spec
}

fn check(spec: &CollectionSpec) {
    let collection = load_spec(spec);
    let program = collection.program("double_it").unwrap();
    assert_eq!([run(program, 64), run(program, 64)], [42, 42]);
    let hits = collection.map("hits").unwrap().typed::<u32, u64>().unwrap();
    assert_eq!(hits.get(&0).unwrap(), Some(2));
}

/// As it is, and out of an object file.
fn check_and_write(spec: &CollectionSpec) {
    check(spec);
    check(&written(spec));
}

#[test]
fn code_of_the_assembler_loads_and_runs_with_maps_functions_and_variables() {
    let _leak = NoLeak::new();
    // A load of the address of a map's value.
    if !requires("direct access to map values", (5, 2)) {
        return;
    }
    let mut spec = by_hand();
    spec.set_variable("number", &21_u32).unwrap();
    check_and_write(&spec);
    // Once more under other names.
    spec.rename_map("hits", "counts").unwrap();
    spec.rename_map("counts", "hits").unwrap();
    spec.rename_map(".data", "numbers").unwrap();
    check(&spec);
    spec.rename_map("numbers", ".data.numbers").unwrap();
    check_and_write(&spec);
}

/// The functions and variables of [`by_hand`] in BTF.
#[cfg(feature = "unstable-btf")]
#[test]
fn types_by_hand_load_with_the_code() {
    use bpf_core::btf::{
        Btf, BtfBuilder, ByteOrder, Definition, FuncLinkage, NewParam, NewSectionEntry, TypeId,
        VarLinkage,
    };
    use bpf_core::spec::TypeRef;

    let _leak = NoLeak::new();
    if !requires("global variables with BTF", (5, 2)) {
        return;
    }
    let mut builder = BtfBuilder::new();
    let mut add = |definition: &Definition<'_>| builder.add(definition).unwrap();
    let int =
        add(&Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false });
    let long =
        add(&Definition::Int { name: "u64", size: 8, signed: false, char: false, bool: false });
    let context = add(&Definition::Ptr { target: TypeId::VOID });
    let linkage = FuncLinkage::Static;
    let params = [NewParam::new("context", context)];
    let prototype = add(&Definition::FuncProto { return_type: int, params: &params });
    let entry = add(&Definition::Func { name: "double_it", prototype, linkage });
    let params = [NewParam::new("number", int)];
    let prototype = add(&Definition::FuncProto { return_type: int, params: &params });
    let double = add(&Definition::Func { name: "double", prototype, linkage });
    let pad = add(&Definition::Var { name: "first", target: int, linkage: VarLinkage::Global });
    let number = add(&Definition::Array { element: int, index: int, len: 1 });
    let var = Definition::Var { name: "number", target: number, linkage: VarLinkage::Global };
    let var = add(&var);
    let entries = [NewSectionEntry::new(pad, 0, 4), NewSectionEntry::new(var, 4, 4)];
    let data = add(&Definition::Datasec { name: ".data", size: 8, entries: &entries });

    let mut spec = by_hand();
    spec.set_btf(Some(Btf::parse(builder.write(ByteOrder::NATIVE).unwrap()).unwrap()));
    spec.programs.get_mut("double_it").unwrap().function.type_id = Some(entry.get());
    spec.functions.get_mut("double").unwrap().type_id = Some(double.get());
    let map = spec.maps.get_mut("hits").unwrap();
    map.key_type = Some(TypeRef::new(int.get(), "int"));
    map.value_type = Some(TypeRef::new(long.get(), "u64"));
    spec.maps.get_mut(".data").unwrap().value_type = Some(TypeRef::new(data.get(), ".data"));
    spec.variables.insert("first", VariableSpec::new("first", ".data", 0, 4));
    spec.variables.get_mut("number").unwrap().type_id = number.get();
    spec.set_variable("number[0]", &21_u32).unwrap();
    check_and_write(&spec);
    // The types follow: the kernel compares the size of the section with that of the map's value.
    spec.resize_variable("number", 4096).unwrap();
    spec.set_variable("number[1023]", &1).unwrap();
    check_and_write(&spec);
    for spec in [&spec, &written(&spec)] {
        let collection = load_spec(spec);
        let info = collection.map(".data").unwrap().info().unwrap();
        assert_eq!(info.value_size, 4100);
        assert!(collection.program("double_it").unwrap().info().unwrap().btf_id.is_some());
        let hits = collection.map("hits").unwrap().info().unwrap();
        assert!(hits.btf_id.is_some() && hits.key_type_id != 0 && hits.value_type_id != 0);
    }
}
