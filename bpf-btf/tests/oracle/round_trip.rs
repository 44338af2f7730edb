//! Types as C, through clang for BPF and back: the same layouts.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use bpf_btf::{Btf, CDeclarationOptions, CPrinter, Composite, Kind, Type, TypeId};
use testdata::Order;

use crate::elf;

/// A directory of its own for each test.
fn directory(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// Compiles C for BPF with debugging information and reads the BTF.
pub(crate) fn compile(name: &str, order: Order, source: &str) -> Btf {
    let directory = directory("c_header");
    let (input, output) =
        (directory.join(format!("{name}.c")), directory.join(format!("{name}.o")));
    std::fs::write(&input, source).unwrap();
    let target = match order {
        Order::Little => "bpfel",
        Order::Big => "bpfeb",
    };
    let clang = std::env::var("CLANG").unwrap_or_else(|_| "clang-22".to_owned());
    let done = Command::new(clang)
        .args(["-target", target, "-g", "-O1", "-Wall", "-Werror"])
        // Types that nobody uses, and what kernels do in the kernel.
        .args(["-Wno-unused", "-Wno-visibility", "-c", "-o"])
        .args([&output, &input])
        .output()
        .unwrap();
    let complaints = String::from_utf8_lossy(&done.stderr);
    assert!(
        done.status.success(),
        "{}: {}",
        input.display(),
        &complaints[..complaints.len().min(4000)]
    );
    let object = std::fs::read(&output).unwrap();
    Btf::parse(elf::section(&object, ".BTF").unwrap().to_vec()).unwrap()
}

/// A type as text in which names of duplicates are equal.
fn shape(btf: &Btf, id: TypeId) -> String {
    let plain = |name: &str| name.split("___").next().unwrap_or_default().to_owned();
    match btf.resolve(id).unwrap() {
        Type::Int(int) => format!("int {} {}", int.size(), int.is_bool()),
        Type::Float(float) => format!("float {}", float.size()),
        Type::Ptr(_) => "pointer".to_owned(),
        Type::Array(array) => format!("[{}] {}", array.len(), shape(btf, array.element())),
        Type::Enum(values) | Type::Enum64(values) => {
            let values =
                values.values().map(|value| format!("{}={}", plain(value.name()), value.value()));
            format!("enum {} {:?}", btf.size_of(id).unwrap(), values.collect::<Vec<_>>())
        }
        Type::Struct(found) | Type::Union(found) if !found.name().is_empty() => {
            format!("{} {} {}", found.kind(), plain(found.name()), found.size())
        }
        Type::Struct(found) | Type::Union(found) => layout(btf, found),
        other => format!("{}", other.kind()),
    }
}

/// Size and members of a structure as text.
fn layout(btf: &Btf, composite: Composite<'_>) -> String {
    let mut out = format!("{} {} {{", composite.kind(), composite.size());
    for member in composite.members() {
        // A member without a name is written as what it is made of, whatever that is called.
        let shape = if member.is_anonymous() { whole_shape } else { shape }(btf, member.type_id());
        write!(out, " {}@{}", member.name(), member.bit_offset()).unwrap();
        write!(out, "+{:?} {shape};", member.bitfield_size()).unwrap();
    }
    out + " }"
}

/// Writes every type, compiles it as a member of one large structure, and compares what comes back.
pub(crate) fn round_trip(name: &str, order: Order, btf: &Btf) -> usize {
    let mut printer = CPrinter::new(btf);
    let mut wanted = Vec::new();
    for (id, found) in btf.types() {
        // Types without a name come with those that use them.
        if found.name().is_empty() || matches!(found, Type::Var(_) | Type::Func(_)) {
            continue;
        }
        printer.define(id).unwrap_or_else(|error| panic!("{name}: {error}"));
        let is_type = match found {
            Type::Struct(found) | Type::Union(found) => !found.name().is_empty(),
            Type::Enum(values) | Type::Enum64(values) => {
                !values.name().is_empty() && values.value_count() > 0
            }
            Type::Typedef(found) => found.name() != "__builtin_va_list" && has_body(btf, id),
            _ => false,
        };
        if is_type {
            let member = format!("v{id}[0]");
            let options = CDeclarationOptions::default();
            let text = printer.declaration(id, &member, &options).unwrap();
            wanted.push((id, text + ";"));
        }
    }
    let mut different = Vec::new();
    // The time that clang needs for a structure grows with the square of its members.
    for (part, wanted) in wanted.chunks(1000).enumerate() {
        let members = wanted.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n");
        let variable = format!("struct every_type {{ {members} }} every_type;\n");
        let source = format!("{}\n{variable}", printer.text());
        let compiled = compile(&format!("{name}-{part}"), order, &source);
        let every = compiled.find("every_type", Kind::Struct).and_then(|id| compiled.get(id));
        let every = every.and_then(|found| found.composite()).unwrap();
        assert_eq!(every.member_count(), wanted.len());
        for ((id, _), member) in wanted.iter().zip(every.members()) {
            assert_eq!(member.name(), format!("v{id}"));
            let Some(Type::Array(array)) = compiled.resolve(member.type_id()) else {
                panic!("array")
            };
            let target = array.element();
            let (theirs, ours) = (whole_shape(&compiled, target), whole_shape(btf, *id));
            // Compilers decide themselves what a list of arguments is.
            if theirs != ours && !ours.contains("__va_list_tag") {
                different.push(format!("{:?}\nBTF {ours}\nC   {theirs}", btf.get(*id)));
            }
        }
    }
    assert!(different.is_empty(), "{name}: {} differ\n{}", different.len(), different.join("\n"));
    wanted.len()
}

fn has_body(btf: &Btf, id: TypeId) -> bool {
    matches!(btf.resolve(id), Some(Type::Struct(_) | Type::Union(_)))
}

pub(crate) fn whole_shape(btf: &Btf, id: TypeId) -> String {
    match btf.resolve(id) {
        Some(Type::Struct(found) | Type::Union(found)) => layout(btf, found),
        _ => shape(btf, id),
    }
}
