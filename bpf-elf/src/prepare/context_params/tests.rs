//! Which parameters get another type, by type of program.
use bpf_asm::{ByteOrder, Code};
use bpf_btf::{BtfFeatures, Definition, FuncLinkage, NewParam};

use super::super::{PrepareOptions, prepare_btf, prepare_btf_with_contexts, prepare_program};
use super::*;

/// What the parameter of a function points to.
#[derive(Clone, Copy)]
enum Pointee {
    Void,
    Struct(&'static str),
    Typedef(&'static str),
    Int(u32),
    /// No pointer at all.
    None,
}

/// A program that calls `sub(first, ctx)`; the tag is on the second parameter.
fn object(program_type: ProgramType, pointee: Pointee, linkage: Linkage) -> CollectionSpec {
    object_with(program_type, pointee, linkage, 0)
}

/// The same with this many parameters behind.
fn object_with(
    program_type: ProgramType,
    pointee: Pointee,
    linkage: Linkage,
    more: usize,
) -> CollectionSpec {
    let mut builder = BtfBuilder::new();
    let int = |name, size| Definition::Int { name, size, signed: true, char: false, bool: false };
    let number = builder.add(&int("int", 4)).unwrap();
    let structure = |name| Definition::Struct { name, size: 0, members: &[] };
    let target = match pointee {
        Pointee::Void => Some(TypeId::VOID),
        Pointee::Struct(name) => Some(builder.add(&structure(name)).unwrap()),
        Pointee::Typedef(name) => {
            let target = builder.add(&structure("pt_regs")).unwrap();
            let target = builder.add(&Definition::Typedef { name, target }).unwrap();
            Some(builder.add(&Definition::Const { target }).unwrap())
        }
        Pointee::Int(size) => Some(builder.add(&int("number", size)).unwrap()),
        Pointee::None => None,
    };
    let param = target.map_or(number, |target| builder.add(&Definition::Ptr { target }).unwrap());
    let mut params = vec![NewParam::new("first", number), NewParam::new("ctx", param)];
    params.extend(std::iter::repeat_n(NewParam::new("more", number), more));
    let prototype = Definition::FuncProto { return_type: number, params: &params };
    let prototype = builder.add(&prototype).unwrap();
    let kind = if linkage == Linkage::Static { FuncLinkage::Static } else { FuncLinkage::Global };
    let func = builder.add(&Definition::Func { name: "sub", prototype, linkage: kind }).unwrap();
    let tag = |component| Definition::DeclTag {
        name: TAG,
        target: func,
        component: Some(component),
        attribute: false,
    };
    builder.add(&tag(1)).unwrap();
    // A parameter that the function does not have.
    builder.add(&tag(7)).unwrap();

    let mut spec = CollectionSpec::new(ByteOrder::NATIVE);
    let code = Code::assemble("<main>:\ncall sub\nexit\n<sub>:\nr0 = 0\nexit").unwrap();
    spec.add_program("main", program_type, &code).unwrap();
    let sub = spec.functions.get_mut("sub").unwrap();
    sub.linkage = linkage;
    sub.type_id = Some(func.get());
    spec.btf = Some(Btf::parse(builder.write(bpf_btf::ByteOrder::NATIVE).unwrap()).unwrap());
    spec
}

/// The prototype of `sub` as a kernel before 6.8 gets it, if it is another one.
fn changed(spec: &CollectionSpec, order: bpf_btf::ByteOrder) -> Option<String> {
    let program = spec.programs.get("main").unwrap();
    let prepared = prepare_btf_with_contexts(spec, &BtfFeatures::ALL, order).unwrap();
    let (bytes, contexts) = prepared.unwrap();
    let infos =
        [FuncInfo { slot: 2, type_id: spec.functions.get("sub").unwrap().type_id.unwrap() }];
    let Some(infos) = contexts.func_infos(program.program_type, &infos) else {
        assert!(contexts.is_empty());
        let plain = super::super::prepare_btf_for(spec, &BtfFeatures::ALL, order).unwrap();
        assert_eq!(plain, Some(bytes));
        return None;
    };
    assert_eq!(infos[0].slot, 2);
    let btf = Btf::parse(bytes).unwrap();
    let Some(Type::Func(copy)) = btf.get(TypeId::new(infos[0].type_id)) else {
        panic!("no function")
    };
    assert_eq!(copy.name(), "sub");
    Some(btf.display_name(copy.prototype()).to_string())
}

#[test]
fn what_may_stand_for_the_context_gets_its_name() {
    use Pointee::{Int, Struct, Typedef, Void};
    use ProgramType as P;
    let rows: [(P, Pointee, Option<&str>); 21] = [
        (P::XDP, Void, Some("xdp_md")),
        (P::SCHED_CLS, Void, Some("__sk_buff")),
        (P::SOCKET_FILTER, Void, Some("__sk_buff")),
        (P::KPROBE, Void, Some("bpf_user_pt_regs_t")),
        (P::PERF_EVENT, Void, Some("bpf_perf_event_data")),
        (P::NETFILTER, Void, Some("bpf_nf_ctx")),
        // The right one already.
        (P::XDP, Struct("xdp_md"), None),
        (P::KPROBE, Typedef("bpf_user_pt_regs_t"), None),
        (P::PERF_EVENT, Typedef("bpf_user_pt_regs_t"), None),
        // What newer kernels take as well.
        (P::KPROBE, Struct("pt_regs"), Some("bpf_user_pt_regs_t")),
        (P::PERF_EVENT, Struct("user_pt_regs"), Some("bpf_perf_event_data")),
        (P::RAW_TRACEPOINT, Int(8), Some("bpf_raw_tracepoint_args")),
        (P::RAW_TRACEPOINT_WRITABLE, Int(8), Some("bpf_raw_tracepoint_args")),
        // A mistake of the source, which the verifier tells.
        (P::XDP, Struct("__sk_buff"), None),
        (P::XDP, Typedef("bpf_user_pt_regs_t"), None),
        (P::KPROBE, Struct("user_pt_regs"), None),
        (P::RAW_TRACEPOINT, Int(4), None),
        (P::XDP, Int(8), None),
        (P::XDP, Pointee::None, None),
        // Their contexts have no name.
        (P::TRACING, Void, None),
        (P::SYSCALL, Void, None),
    ];
    for (row, (program_type, pointee, expected)) in rows.into_iter().enumerate() {
        let spec = object(program_type, pointee, Linkage::Global);
        let expected = expected.map(|name| format!("int(int, struct {name} *)"));
        for order in [bpf_btf::ByteOrder::Little, bpf_btf::ByteOrder::Big] {
            assert_eq!(changed(&spec, order), expected, "row {row}");
        }
    }
}

#[test]
fn only_functions_that_are_verified_by_themselves_are_copied() {
    let native = bpf_btf::ByteOrder::NATIVE;
    let mut hidden = object(ProgramType::XDP, Pointee::Void, Linkage::Global);
    assert!(changed(&hidden, native).is_some());
    hidden.functions.get_mut("sub").unwrap().hidden = true;
    assert_eq!(changed(&hidden, native), None);
    assert_eq!(changed(&object(ProgramType::XDP, Pointee::Void, Linkage::Static), native), None);
    let weak = object(ProgramType::XDP, Pointee::Void, Linkage::Weak);
    assert!(changed(&weak, native).is_some());
}

/// The same of the blob that only the program needs: its types have other numbers.
#[test]
fn a_program_with_btf_of_its_own_has_copies_too() {
    let rows = [
        (ProgramType::XDP, Pointee::Void, Linkage::Global, Some("int(int, struct xdp_md *)")),
        (
            ProgramType::SCHED_CLS,
            Pointee::Void,
            Linkage::Weak,
            Some("int(int, struct __sk_buff *)"),
        ),
        (ProgramType::XDP, Pointee::Struct("xdp_md"), Linkage::Global, None),
        (ProgramType::XDP, Pointee::Void, Linkage::Static, None),
    ];
    for (program_type, pointee, linkage, expected) in rows {
        let mut spec = object(program_type, pointee, linkage);
        // What another program would need is not in the blob.
        let code = Code::assemble("call sub\nexit").unwrap();
        spec.add_program("other", ProgramType::KPROBE, &code).unwrap();
        let id = spec.functions.get("sub").unwrap().type_id;
        spec.programs.get_mut("main").unwrap().function.type_id = id;
        let prepared = prepare_program(&spec, "main", &PrepareOptions::new()).unwrap();
        for order in [bpf_btf::ByteOrder::Little, bpf_btf::ByteOrder::Big] {
            let features = BtfFeatures::ALL;
            let (plain, blob) = prepared.with_own_btf(&spec, &features, order).unwrap();
            let (program, bytes, contexts) =
                prepared.with_own_btf_and_contexts(&spec, &features, order).unwrap();
            let bytes = bytes.unwrap();
            assert_eq!(program.func_infos, plain.func_infos);
            assert_eq!(contexts.func_infos(ProgramType::KPROBE, &program.func_infos), None);
            let infos = contexts.func_infos(program_type, &program.func_infos);
            assert_eq!(infos.is_none(), blob == Some(bytes.clone()));
            let btf = Btf::parse(bytes).unwrap();
            let shown = infos.map(|infos| {
                assert_ne!(infos, program.func_infos);
                let Some(Type::Func(copy)) = btf.get(TypeId::new(infos[1].type_id)) else {
                    panic!("no function")
                };
                assert_eq!((infos[1].slot, copy.name()), (2, "sub"));
                btf.display_name(copy.prototype()).to_string()
            });
            assert_eq!(shown.as_deref(), expected);
        }
    }
}

#[test]
fn functions_with_more_parameters_than_registers_are_left_to_the_verifier() {
    let native = bpf_btf::ByteOrder::NATIVE;
    for (more, copied) in [(3, true), (4, false), (60_000, false)] {
        let spec = object_with(ProgramType::XDP, Pointee::Void, Linkage::Global, more);
        assert_eq!(changed(&spec, native).is_some(), copied, "{more}");
    }
}

#[test]
fn each_type_of_program_has_a_copy_and_the_function_stays() {
    let mut spec = object(ProgramType::XDP, Pointee::Void, Linkage::Global);
    let code = Code::assemble("call sub\nexit").unwrap();
    spec.add_program("other", ProgramType::SOCKET_FILTER, &code).unwrap();
    spec.add_program("third", ProgramType::SCHED_CLS, &code).unwrap();
    let order = bpf_btf::ByteOrder::NATIVE;
    let features = BtfFeatures::ALL;
    let (bytes, contexts) = prepare_btf_with_contexts(&spec, &features, order).unwrap().unwrap();
    let id = spec.functions.get("sub").unwrap().type_id.unwrap();
    let infos = [FuncInfo { slot: 0, type_id: 99 }, FuncInfo { slot: 5, type_id: id }];
    let types = [ProgramType::XDP, ProgramType::SOCKET_FILTER, ProgramType::SCHED_CLS];
    let copies = types.map(|program_type| contexts.func_infos(program_type, &infos).unwrap());
    assert!(copies.iter().all(|infos| infos[0].type_id == 99 && infos[1].slot == 5));
    let copies = copies.map(|infos| infos[1].type_id);
    assert!(copies[0] != copies[1] && copies[1] == copies[2] && !copies.contains(&id));
    assert_eq!(contexts.func_infos(ProgramType::XDP, &infos[..1]), None);
    // What was there keeps its number.
    let plain = Btf::parse(prepare_btf(&spec, &features).unwrap().unwrap()).unwrap();
    let btf = Btf::parse(bytes).unwrap();
    for (id, found) in plain.types() {
        assert_eq!(btf.get(id).map(|found| found.name()), Some(found.name()));
    }
}
