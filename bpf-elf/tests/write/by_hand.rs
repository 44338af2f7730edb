//! Specs that no compiler made.

use bpf_asm::{Builder, Condition, FP, HelperId, R0, R1, R2, Size};
use bpf_btf::{Btf, BtfBuilder, Definition, FuncLinkage, NewMember};
use bpf_elf::spec::{
    CollectionSpec, ExternKind, ExternSpec, Function, Linkage, MapContents, MapEntry, MapSpec,
    ProgramSpec, Reference, Target, TypeRef, VariableSpec,
};
use bpf_sys::abi::{AttachType, MapFlags, MapType, ProgramType};

const ORDERS: [bpf_asm::ByteOrder; 2] = [bpf_asm::ByteOrder::Little, bpf_asm::ByteOrder::Big];

fn counting() -> Function {
    let mut b = Builder::new();
    b.store(Size::Word, FP, -4, 0)
        .mov64(R2, FP)
        .add64(R2, -4)
        .ld_map(R1, "counters")
        .call(HelperId::MAP_LOOKUP_ELEM)
        .jump_if64(Condition::Eq, R0, 0, "out")
        .mov64(R1, 1)
        .atomic_add64(R0, 0, R1)
        .label("out")
        .mov64(R0, 0)
        .exit();
    let mut function = Function::new("count", b.finish().unwrap().slots);
    function.references = vec![Reference::new(3, Target::Map { name: "counters".into() })];
    function
}

/// Without any type: definitions get some, since `.maps` has to.
#[test]
fn programs_and_maps_suffice() {
    for order in ORDERS {
        let mut spec = CollectionSpec::new(order);
        "GPL".clone_into(&mut spec.license);
        let mut program = ProgramSpec::new("count", ProgramType::XDP, counting());
        program.attach_type = Some(AttachType::XDP);
        spec.programs.insert("count", program);
        spec.maps.insert("counters", MapSpec::new("counters", MapType::ARRAY, 4, 8, 16));
        let mut outer = MapSpec::new("outer", MapType::ARRAY_OF_MAPS, 4, 4, 2);
        outer.inner = Some(Box::new(MapSpec::new("outer.inner", MapType::ARRAY, 4, 8, 16)));
        outer.contents = MapContents::Entries(vec![MapEntry::new(1, "counters")]);
        spec.maps.insert("outer", outer);
        let mut calls = MapSpec::new("calls", MapType::PROG_ARRAY, 4, 4, 2);
        calls.contents = MapContents::Entries(vec![MapEntry::new(0, "count")]);
        spec.maps.insert("calls", calls);

        let written = spec.write_elf().unwrap();
        let read = CollectionSpec::parse(&written).unwrap();
        let program = read.programs.get("count").unwrap();
        assert_eq!((program.section.as_str(), program.program_type), ("xdp", ProgramType::XDP));
        assert_eq!(program.function.linkage, Linkage::Global);
        assert_eq!(program.function.slots[3].src(), bpf_asm::PSEUDO_MAP_FD);
        assert_eq!(read.maps.get("counters").unwrap().max_entries, 16);
        assert_eq!(
            read.maps.get("outer").unwrap().contents,
            spec.maps.get("outer").unwrap().contents
        );
        assert_eq!(CollectionSpec::parse(&read.write_elf().unwrap()).unwrap(), read);
    }
}

/// The types of a small program, and the numbers of `struct value`, `int` and the function `bpf_made_up`.
fn types() -> (Btf, [u32; 4]) {
    let mut builder = BtfBuilder::new();
    let int = Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false };
    let int = builder.add(&int).unwrap();
    let members = [NewMember::new("count", int, 0), NewMember::new("last", int, 32)];
    let value = Definition::Struct { name: "value", size: 8, members: &members };
    let value = builder.add(&value).unwrap();
    let prototype = builder.add(&Definition::FuncProto { return_type: int, params: &[] }).unwrap();
    let linkage = FuncLinkage::Extern;
    let kfunc = Definition::Func { name: "bpf_made_up", prototype, linkage };
    let kfunc = builder.add(&kfunc).unwrap();
    let linkage = FuncLinkage::Global;
    let program = Definition::Func { name: "run", prototype, linkage };
    let program = builder.add(&program).unwrap();
    let bytes = builder.write(bpf_btf::ByteOrder::NATIVE).unwrap();
    (Btf::parse(bytes).unwrap(), [value.get(), int.get(), kfunc.get(), program.get()])
}

#[test]
fn types_variables_and_externs_are_declared() {
    let (btf, [value, int, kfunc, run]) = types();
    for order in ORDERS {
        let mut spec = CollectionSpec::new(order);
        spec.set_btf(Some(btf.clone()));
        let mut map = MapSpec::new("values", MapType::HASH, 4, 8, 7);
        map.key_type = Some(TypeRef::new(int, "int"));
        map.value_type = Some(TypeRef::new(value, "struct value"));
        spec.maps.insert("values", map);

        let mut data = MapSpec::new(".data.mine", MapType::ARRAY, 4, 12, 1);
        data.flags = MapFlags::MMAPABLE;
        data.contents = MapContents::Bytes((1..=12).collect());
        spec.maps.insert(".data.mine", data);
        let mut typed = VariableSpec::new("typed", ".data.mine", 0, 8);
        typed.type_id = value;
        spec.variables.insert("typed", typed);
        spec.variables.insert("plain", VariableSpec::new("plain", ".data.mine", 8, 4));

        let mut hz = ExternSpec::new("CONFIG_HZ", ExternKind::Kconfig);
        (hz.type_id, hz.size) = (int, 4);
        spec.externs.insert("CONFIG_HZ", hz);
        let mut kconfig = MapSpec::new(".kconfig", MapType::ARRAY, 4, 4, 1);
        kconfig.flags = MapFlags::RDONLY_PROG | MapFlags::MMAPABLE;
        kconfig.freeze = true;
        spec.maps.insert(".kconfig", kconfig);
        let mut symbol = ExternSpec::new("jiffies", ExternKind::Ksym);
        symbol.weak = true;
        spec.externs.insert("jiffies", symbol);
        let mut made_up = ExternSpec::new("bpf_made_up", ExternKind::Kfunc);
        made_up.type_id = kfunc;
        spec.externs.insert("bpf_made_up", made_up);

        let mut b = Builder::new();
        b.ld_imm64(R1, 0)
            .ld_imm64(R1, 0)
            .ld_imm64(R2, 0)
            .call(HelperId::new(1))
            .call(HelperId::new(1));
        b.mov64(R0, 0).exit();
        let mut slots = b.finish().unwrap().slots;
        slots[0].set_src(bpf_asm::PSEUDO_MAP_VALUE);
        slots[1].imm = 8;
        slots[2].set_src(bpf_asm::PSEUDO_MAP_VALUE);
        slots[6] = slots[6].with_src(bpf_asm::PSEUDO_KFUNC_CALL).with_imm(-1);
        slots[7] = slots[7].with_src(bpf_asm::PSEUDO_CALL).with_imm(-1);
        let mut function = Function::new("run", slots);
        function.type_id = Some(run);
        function.references = vec![
            Reference::new(0, Target::MapValue { map: ".data.mine".into(), offset: 8 }),
            Reference::new(2, Target::Kconfig { name: "CONFIG_HZ".into() }),
            Reference::new(4, Target::Ksym { name: "jiffies".into() }),
            Reference::new(6, Target::Kfunc { name: "bpf_made_up".into() }),
            Reference::new(7, Target::Call { function: "helper".into() }),
        ];
        spec.programs.insert("run", ProgramSpec::new("run", ProgramType::SOCKET_FILTER, function));
        let mut b = Builder::new();
        b.mov64(R0, 1).exit();
        spec.functions.insert("helper", Function::new("helper", b.finish().unwrap().slots));

        let written = spec.write_elf().unwrap();
        let read = CollectionSpec::parse(&written).unwrap();
        assert_eq!(
            read.maps.get("values").unwrap().value_type.as_ref().unwrap().name(),
            "struct value"
        );
        assert_eq!(read.variables.get("typed").unwrap().type_name.as_deref(), Some("struct value"));
        assert_eq!(read.variables.get("plain").unwrap().type_name.as_deref(), Some("char[4]"));
        assert_eq!(read.externs.get("CONFIG_HZ").unwrap().type_name.as_deref(), Some("int"));
        assert_eq!(read.functions.get("helper").unwrap().section, ".text");
        assert_eq!(CollectionSpec::parse(&read.write_elf().unwrap()).unwrap(), read);
    }
}

#[test]
fn what_has_no_type_cannot_be_declared() {
    let mut spec = CollectionSpec::new(bpf_asm::ByteOrder::Little);
    spec.externs.insert("bpf_made_up", ExternSpec::new("bpf_made_up", ExternKind::Kfunc));
    let error = spec.write_elf().unwrap_err();
    assert_eq!(error.to_string(), "extern \"bpf_made_up\" has no type to declare it with");
}

#[test]
fn names_that_no_file_can_hold_are_refused() {
    let mut spec = CollectionSpec::new(bpf_asm::ByteOrder::Little);
    let program = ProgramSpec::new("a\0b", ProgramType::XDP, counting());
    spec.programs.insert("a\0b", program);
    spec.maps.insert("counters", MapSpec::new("counters", MapType::ARRAY, 4, 8, 16));
    assert!(spec.write_elf().is_err());
}
