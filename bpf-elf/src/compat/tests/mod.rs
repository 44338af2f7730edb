//! Rules of the verdicts, on objects and kernels made by hand: each kind of finding where it is found, and where it is not.

mod maps;
mod programs;
mod struct_ops;
mod symbols;

use bpf_asm::{ByteOrder, Code};
use bpf_btf::{
    Btf, BtfBuilder, Definition, FuncLinkage, NewEnumValue, NewMember, NewParam, TypeId, VarLinkage,
};
use bpf_sys::abi::{KernelVersion, ProgramType};

use super::FindingKind as Kind;
use super::Severity::{Breaks, NoAttach, Note, Unknown};
use super::{FindingKind, Report, Severity, TargetKernel, check};
use crate::prepare::KernelConfig;
use crate::spec::{CollectionSpec, Function, ProgramSpec};

/// A kernel: Linux 6.1, in what matters here.
#[derive(Clone)]
struct World {
    order: bpf_btf::ByteOrder,
    version: Option<(u16, u16)>,
    /// Whether the enumerations of the UAPI are there.
    words: bool,
    /// The last of each.
    program_type: u32,
    map_type: u32,
    attach_type: u32,
    helper: u32,
    map_flag: u32,
    /// Functions `int f(int)`.
    functions: Vec<&'static str>,
    /// Functions that take a pointer instead.
    pointer_functions: Vec<&'static str>,
    /// Functions with the tag `bpf_kfunc`.
    kfuncs: Vec<&'static str>,
    typedefs: Vec<&'static str>,
    /// Variables of type `int`.
    variables: Vec<&'static str>,
    /// Members of `struct task`, each an `int`.
    members: Vec<&'static str>,
    /// Members of `struct ops`: a function, an `int`, a `long`.
    ops: Vec<(&'static str, Member)>,
    /// Whether programs can implement `struct ops`.
    value: bool,
    /// The module `m` has these functions.
    module: Option<Vec<&'static str>>,
    config: Option<KernelConfig>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Member {
    Function,
    Int,
    Long,
    Bits,
}

impl Default for World {
    fn default() -> Self {
        Self {
            order: bpf_btf::ByteOrder::Little,
            version: Some((6, 1)),
            words: true,
            program_type: 31,
            map_type: 31,
            attach_type: 43,
            helper: 209,
            map_flag: 12,
            functions: vec!["traced", "called", "bpf_lsm_hook", "bpf_iter_thing"],
            pointer_functions: Vec::new(),
            kfuncs: Vec::new(),
            typedefs: vec!["btf_trace_event", "btf_trace_sys_enter"],
            variables: vec!["variable"],
            members: vec!["pid"],
            ops: vec![("init", Member::Function), ("flags", Member::Int)],
            value: true,
            module: None,
            config: None,
        }
    }
}

fn int(name: &'static str, size: u32) -> Definition<'static> {
    Definition::Int { name, size, signed: true, char: false, bool: false }
}

fn add_functions(builder: &mut BtfBuilder, names: &[&str], argument: TypeId, result: TypeId) {
    let params = [NewParam::new("a", argument)];
    let prototype =
        builder.add(&Definition::FuncProto { return_type: result, params: &params }).unwrap();
    for name in names {
        let linkage = FuncLinkage::Global;
        builder.add(&Definition::Func { name, prototype, linkage }).unwrap();
    }
}

/// `struct ops`, and what it is made of.
fn add_ops(builder: &mut BtfBuilder, name: &str, members: &[(&str, Member)]) -> TypeId {
    let number = builder.add(&int("int", 4)).unwrap();
    let long = builder.add(&int("long", 8)).unwrap();
    let prototype =
        builder.add(&Definition::FuncProto { return_type: number, params: &[] }).unwrap();
    let function = builder.add(&Definition::Ptr { target: prototype }).unwrap();
    let place = |(index, (name, kind)): (u32, &(&'static str, Member))| match kind {
        Member::Function => NewMember::new(name, function, index * 64),
        Member::Int => NewMember::new(name, number, index * 64),
        Member::Long => NewMember::new(name, long, index * 64),
        Member::Bits => NewMember::bitfield(name, number, index * 64, 3),
    };
    // The names live as long as the test.
    let members: Vec<(&'static str, Member)> =
        members.iter().map(|(name, kind)| (&*name.to_string().leak(), *kind)).collect();
    let size = u32::try_from(members.len()).unwrap() * 8;
    let members: Vec<_> = (0..).zip(&members).map(place).collect();
    builder.add(&Definition::Struct { name, size, members: &members }).unwrap()
}

impl World {
    fn kernel(&self) -> TargetKernel {
        let mut builder = BtfBuilder::new();
        let number = builder.add(&int("int", 4)).unwrap();
        let pointer = builder.add(&Definition::Ptr { target: TypeId::VOID }).unwrap();
        if self.words {
            let mut words = |name, values: &[NewEnumValue<'_>]| {
                builder.add(&Definition::Enum { name, size: 4, signed: false, values }).unwrap();
            };
            for (name, last) in [
                ("bpf_prog_type", self.program_type),
                ("bpf_map_type", self.map_type),
                ("bpf_attach_type", self.attach_type),
                ("bpf_func_id", self.helper),
            ] {
                let mut values: Vec<_> =
                    (0..=last).map(|value| NewEnumValue::new("WORD", i128::from(value))).collect();
                values.push(NewEnumValue::new("__MAX_WORD", i128::from(last) + 1));
                words(name, &values);
            }
            let mut flags: Vec<_> =
                (0..=self.map_flag).map(|bit| NewEnumValue::new("FLAG", 1 << bit)).collect();
            flags[0] = NewEnumValue::new("BPF_F_NO_PREALLOC", 1);
            words("", &flags);
        }
        add_functions(&mut builder, &self.functions, number, number);
        add_functions(&mut builder, &self.pointer_functions, pointer, number);
        for name in &self.kfuncs {
            let id = builder.len();
            add_functions(&mut builder, &[name], number, number);
            let target = TypeId::new(id + 1);
            let tag = Definition::DeclTag {
                name: "bpf_kfunc",
                target,
                component: None,
                attribute: false,
            };
            builder.add(&tag).unwrap();
        }
        for name in &self.typedefs {
            builder.add(&Definition::Typedef { name, target: number }).unwrap();
        }
        for name in &self.variables {
            let linkage = VarLinkage::Global;
            builder.add(&Definition::Var { name, target: number, linkage }).unwrap();
        }
        let members: Vec<_> = (0..)
            .zip(&self.members)
            .map(|(at, name)| NewMember::new(name, number, at * 32))
            .collect();
        builder.add(&Definition::Struct { name: "task", size: 64, members: &members }).unwrap();
        let ops = add_ops(&mut builder, "ops", &self.ops);
        if self.value {
            let members = [NewMember::new("data", ops, 0)];
            let name = "bpf_struct_ops_ops";
            builder.add(&Definition::Struct { name, size: 64, members: &members }).unwrap();
        }
        let btf = Btf::parse(builder.write(self.order).unwrap()).unwrap();
        let mut kernel = TargetKernel::new("kernel", btf.clone());
        if let Some((major, minor)) = self.version {
            kernel = kernel.with_version(KernelVersion::new(major, minor, 0));
        }
        if let Some(config) = &self.config {
            kernel = kernel.with_config(config.clone());
        }
        if let Some(functions) = &self.module {
            let mut builder = BtfBuilder::split(&btf);
            add_functions(&mut builder, functions, number, number);
            let bytes = builder.write(bpf_btf::ByteOrder::NATIVE).unwrap();
            let module = Btf::parse_split(bytes, &btf).unwrap();
            kernel = kernel.with_modules(vec![("m".to_owned(), module)]);
        }
        kernel
    }
}

/// An object with the XDP program `p` of this text.
fn object(text: &str) -> CollectionSpec {
    let mut spec = CollectionSpec::new(ByteOrder::Little);
    let code = Code::assemble(text).unwrap();
    let function = Function::new("p", code.slots);
    spec.programs.insert("p", ProgramSpec::new("p", ProgramType::XDP, function));
    spec
}

const RETURN: &str = "r0 = 0\nexit";

type Expected<'a> = &'a [(FindingKind, Severity, &'a str)];

fn findings(report: &Report) -> Vec<(FindingKind, Severity, String)> {
    let programs = report.programs.iter().flat_map(|program| &program.findings);
    let all = report.findings.iter().chain(programs);
    all.map(|of| (of.kind, of.severity, of.name.clone())).collect()
}

/// One row: an object, a kernel, and all that is found.
#[track_caller]
fn compare(spec: &CollectionSpec, world: &World, expected: Expected<'_>) -> Report {
    let report = check(spec, &world.kernel());
    let expected: Vec<_> = expected
        .iter()
        .map(|(kind, severity, name)| (*kind, *severity, (*name).to_owned()))
        .collect();
    assert_eq!(findings(&report), expected, "{report:#?}");
    report
}

#[test]
fn an_object_that_asks_for_nothing_finds_nothing_missing() {
    let report = compare(&object(RETURN), &World::default(), &[]);
    assert_eq!((report.severity(), report.breaks()), (None, false));
    assert_eq!((report.loads("p"), report.loads("q")), (Some(true), None));
}

#[test]
fn a_kernel_has_one_byte_order() {
    let big = World { order: bpf_btf::ByteOrder::Big, ..World::default() };
    let report = compare(&object(RETURN), &big, &[(Kind::Object, Breaks, "byte order")]);
    assert_eq!(report.loads("p"), Some(false));
    let mut spec = object(RETURN);
    spec.byte_order = ByteOrder::Big;
    compare(&spec, &big, &[]);
}

#[test]
fn only_programs_that_are_loaded_by_default_count() {
    let mut spec = object(RETURN);
    let kernel = World { program_type: 3, ..World::default() };
    let expected = [(Kind::ProgramType, Breaks, "xdp")];
    assert!(compare(&spec, &kernel, &expected).breaks());
    spec.programs.get_mut("p").unwrap().autoload = false;
    let report = compare(&spec, &kernel, &expected);
    assert_eq!((report.breaks(), report.loads("p")), (false, Some(false)));
}
