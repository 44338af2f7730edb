//! What clang makes of types that were written as C: the same layouts. Needs clang for BPF.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use bpf_btf::{
    Btf, CDeclarationOptions, CHeaderOptions, CPrinter, Composite, Kind, Type, TypeId, c_header,
};
use testdata::Order;

use crate::elf;

const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

fn kernel() -> Btf {
    Btf::parse(std::fs::read(VMLINUX).unwrap()).unwrap()
}

/// A directory of its own for each test.
fn directory(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// Compiles C for BPF with debugging information and reads the BTF.
fn compile(name: &str, order: Order, source: &str) -> Btf {
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
        let shape = shape(btf, member.type_id());
        write!(out, " {}@{}", member.name(), member.bit_offset()).unwrap();
        write!(out, "+{:?} {shape};", member.bitfield_size()).unwrap();
    }
    out + " }"
}

/// Writes every type, compiles it as a member of one large structure, and compares what comes back.
fn round_trip(name: &str, order: Order, btf: &Btf) -> usize {
    let mut printer = CPrinter::new(btf);
    let mut members = String::new();
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
            writeln!(members, "{text};").unwrap();
            wanted.push(id);
        }
    }
    if wanted.is_empty() {
        return 0;
    }
    let source = format!("{}\nstruct every_type {{ {members} }} every_type;\n", printer.text());
    let compiled = compile(name, order, &source);
    let every = compiled.find("every_type", Kind::Struct).and_then(|id| compiled.get(id));
    let every = every.and_then(|found| found.composite()).unwrap();
    assert_eq!(every.member_count(), wanted.len());
    let mut different = Vec::new();
    for (id, member) in wanted.iter().zip(every.members()) {
        assert_eq!(member.name(), format!("v{id}"));
        let Some(Type::Array(array)) = compiled.resolve(member.type_id()) else { panic!("array") };
        let target = array.element();
        let (theirs, ours) = (whole_shape(&compiled, target), whole_shape(btf, *id));
        // Compilers decide themselves what a list of arguments is.
        if theirs != ours && !ours.contains("__va_list_tag") {
            different.push(format!("{:?}\nBTF {ours}\nC   {theirs}", btf.get(*id)));
        }
    }
    assert!(different.is_empty(), "{name}: {} differ\n{}", different.len(), different.join("\n"));
    wanted.len()
}

fn has_body(btf: &Btf, id: TypeId) -> bool {
    matches!(btf.resolve(id), Some(Type::Struct(_) | Type::Union(_)))
}

fn whole_shape(btf: &Btf, id: TypeId) -> String {
    match btf.resolve(id) {
        Some(Type::Struct(found) | Type::Union(found)) => layout(btf, found),
        _ => shape(btf, id),
    }
}

#[test]
fn the_kernels_types_compile_to_the_same_layouts() {
    let btf = kernel();
    let count = round_trip("vmlinux", Order::Little, &btf);
    assert!(count > 10_000, "{count}");
}

#[test]
fn the_kernels_header_compiles() {
    let btf = kernel();
    for (name, options) in [
        ("sorted", CHeaderOptions::default()),
        ("by_id", CHeaderOptions::default().in_order_of_ids().with_guard(None)),
    ] {
        let header = c_header(&btf, &options).unwrap();
        let task = "struct task_struct *task; int pid(void) { return task->pid; }\n";
        let compiled = compile(name, Order::Little, &format!("{header}{task}"));
        let find = |btf: &Btf| {
            let id = btf.find("task_struct", Kind::Struct).unwrap();
            whole_shape(btf, id)
        };
        assert_eq!(find(&compiled), find(&btf), "{name}");
    }
}

#[test]
fn types_of_the_fixtures_compile_to_the_same_layouts() {
    let mut count = 0;
    for name in testdata::OBJECTS {
        for order in Order::BOTH {
            let Some(blob) = elf::section(testdata::object(name, order), ".BTF") else { continue };
            let btf = Btf::parse(blob.to_vec()).unwrap();
            count += round_trip(&format!("{name}-{order:?}"), order, &btf);
        }
    }
    assert!(count > 100, "{count}");
}

/// Whatever C has that kernels or programs use.
const EVERYTHING: &str = r#"
#define user __attribute__((btf_type_tag("user")))
typedef int number_t;
typedef number_t matrix_t[3][4];
enum small { SMALL = 1 } __attribute__((mode(QI)));
enum middle { MIDDLE = 1 } __attribute__((mode(HI)));
enum negative { NEGATIVE = -5, POSITIVE = 5 };
enum large { LARGE = 0x123456789aULL, LARGER = 0xffffffffffffffffULL };
enum lowest { LOWEST = -9223372036854775807LL - 1 };
enum wide { WIDE = 3 } __attribute__((mode(DI)));
struct leaf { char c; short s; };
struct packed { char a; int b; long long c; } __attribute__((packed));
struct aligned { char a; } __attribute__((aligned(32)));
struct around { char a; struct packed p; struct aligned q; char z; };
struct bits {
	int a: 3;
	unsigned int: 5;
	unsigned int b: 7;
	int: 0;
	long long c: 40;
	_Bool flag: 1;
	unsigned char d: 8;
	int whole;
	int last: 31;
};
struct packed_bits { int a: 31; int b: 9; char c; int d: 5; } __attribute__((packed));
union choice { struct leaf leaf; long long number; char bytes[24]; };
union raised { int x; } __attribute__((aligned(16)));
struct flexible { int len; struct leaf leaves[]; };
struct nested {
	struct { int x; union { int y; float z; }; } inner[2];
	union { char small; struct { double d; }; };
	enum { INSIDE = 7 } state;
	struct {} empty;
};
struct callbacks {
	int (*plain)(void);
	int (*old)();
	void (*variadic)(const char *format, ...);
	int (*(*returns)(int))(struct callbacks *, const struct leaf *);
	void (*table[3])(matrix_t *);
	int (*array)[5];
	const int (*const volatile fixed)[2];
	void *(*const restricted)(void *restrict);
};
struct node {
	struct node *next;
	const char *const *volatile names;
	int user *address;
	struct leaf user *user *twice;
	matrix_t matrix;
	const matrix_t fixed;
	volatile number_t counter;
	__int128 huge;
	unsigned long long_word;
	union choice *choice;
};
struct padded { char a; long long: 64; char b; int: 32; short c; char pad[3]; long d; };
"#;

/// Names of the types in [`EVERYTHING`], and of what they are built of.
const NAMED: [(&str, Kind); 24] = [
    ("number_t", Kind::Typedef),
    ("matrix_t", Kind::Typedef),
    ("small", Kind::Enum),
    ("middle", Kind::Enum),
    ("negative", Kind::Enum),
    ("large", Kind::Enum64),
    ("lowest", Kind::Enum64),
    ("wide", Kind::Enum64),
    ("leaf", Kind::Struct),
    ("packed", Kind::Struct),
    ("aligned", Kind::Struct),
    ("around", Kind::Struct),
    ("bits", Kind::Struct),
    ("packed_bits", Kind::Struct),
    ("choice", Kind::Union),
    ("raised", Kind::Union),
    ("flexible", Kind::Struct),
    ("nested", Kind::Struct),
    ("callbacks", Kind::Struct),
    ("node", Kind::Struct),
    ("padded", Kind::Struct),
    ("int", Kind::Int),
    ("__int128", Kind::Int),
    ("_Bool", Kind::Int),
];

#[test]
fn types_that_were_written_and_compiled_are_equal_in_everything() {
    let keyword = |kind| match kind {
        Kind::Struct => "struct ",
        Kind::Union => "union ",
        Kind::Enum | Kind::Enum64 => "enum ",
        _ => "",
    };
    let mut members = String::new();
    for (index, (name, kind)) in NAMED.iter().enumerate() {
        writeln!(members, "{}{name} v{index}[0];", keyword(*kind)).unwrap();
    }
    let variable = format!("struct every_type {{ {members} }} every_type;\n");
    for order in Order::BOTH {
        let first = compile(&format!("first-{order:?}"), order, &format!("{EVERYTHING}{variable}"));
        let options = CHeaderOptions::default().without_preserve_access_index();
        let header = c_header(&first, &options).unwrap();
        let second = format!("{header}\nstruct every_type every_type;\n");
        let second = compile(&format!("second-{order:?}"), order, &second);
        for (name, kind) in NAMED.into_iter().chain([("every_type", Kind::Struct)]) {
            let [a, b] = [&first, &second]
                .map(|btf| btf.find(name, kind).unwrap_or_else(|| panic!("{name}")));
            assert!(
                first.types_equal(a, &second, b),
                "{name} {order:?}\n{}\n{}\n{header}",
                whole_shape(&first, a),
                whole_shape(&second, b)
            );
        }
    }
}
