//! What clang makes of types that were written as C: the same layouts. Needs clang for BPF.

use std::fmt::Write;

use bpf_btf::{Btf, CHeaderOptions, Kind, c_header};
use testdata::Order;

use crate::elf;
use crate::round_trip::{compile, round_trip, whole_shape};

const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

fn kernel() -> Btf {
    Btf::parse(std::fs::read(VMLINUX).unwrap()).unwrap()
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
