//! Global functions with a parameter that is tagged as the context, on kernels that know the tag (6.8) and on those that do not.

use bpf_core::CollectionSpec;
use bpf_core::asm::{ByteOrder, Code};
use bpf_core::btf::{Btf, BtfBuilder, Definition, FuncLinkage, NewParam, TypeId};
use bpf_core::spec::Linkage;
use bpf_core::{Collection, LoadOptions, ProgramType};
use testdata::requires;

use crate::support::{NoLeak, load_spec, run};

/// `length` reads the length of the packet, and is called with its context.
const CODE: &str = "
<measure>:
    call length
    exit
<length>:
    r0 = *(u32 *)(r1 +0)
    exit
";

/// `__attribute__((noinline)) int length(void *context __arg_ctx)`, or without the tag.
fn object(tagged: bool) -> CollectionSpec {
    let mut builder = BtfBuilder::new();
    let int = Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false };
    let int = builder.add(&int).unwrap();
    let pointer = builder.add(&Definition::Ptr { target: TypeId::VOID }).unwrap();
    let params = [NewParam::new("context", pointer)];
    let prototype = Definition::FuncProto { return_type: int, params: &params };
    let prototype = builder.add(&prototype).unwrap();
    let linkage = FuncLinkage::Global;
    let [entry, length] = ["measure", "length"]
        .map(|name| builder.add(&Definition::Func { name, prototype, linkage }).unwrap());
    if tagged {
        let tag = Definition::DeclTag {
            name: "arg:ctx",
            target: length,
            component: Some(0),
            attribute: false,
        };
        builder.add(&tag).unwrap();
    }
    let mut spec = CollectionSpec::new(ByteOrder::NATIVE);
    "GPL".clone_into(&mut spec.license);
    spec.add_program("measure", ProgramType::SOCKET_FILTER, &Code::assemble(CODE).unwrap())
        .unwrap();
    let bytes = builder.write(bpf_core::btf::ByteOrder::NATIVE).unwrap();
    spec.set_btf(Some(Btf::parse(bytes).unwrap()));
    let function = &mut spec.programs.get_mut("measure").unwrap().function;
    (function.type_id, function.linkage) = (Some(entry.get()), Linkage::Global);
    let function = spec.functions.get_mut("length").unwrap();
    (function.type_id, function.linkage) = (Some(length.get()), Linkage::Global);
    spec.check().unwrap();
    spec
}

#[test]
fn a_tagged_parameter_is_the_context_on_every_kernel() {
    let _leak = NoLeak::new();
    if !requires("global functions", (5, 6)) {
        return;
    }
    let collection = load_spec(&object(true));
    assert_eq!(run(collection.program("measure").unwrap(), 77), 77);
}

#[test]
fn without_the_tag_no_kernel_takes_it_for_the_context() {
    let _leak = NoLeak::new();
    if !requires("global functions", (5, 6)) {
        return;
    }
    let error = Collection::load(&object(false), &LoadOptions::new()).unwrap_err();
    assert!(error.verifier_log().is_some(), "{error}");
}
