//! Compilers lay out our text of the kernels' types as the kernels' compiler did.

use std::process::Command;

use bpf_btf::{Btf, CHeaderOptions, Type, c_header};
use testdata::Order;

use crate::assertions::assertions;
use crate::kernels::each;
use crate::round_trip::round_trip;

/// Compilers that read a whole header: of the machine, and for programs in the kernel.
const COMPILERS: [(&str, &[&str]); 2] = [
    ("cc", &["-std=gnu11", "-w", "-fmax-errors=20"]),
    ("clang-22", &["-target", "bpfel", "-Wall", "-Werror", "-Wno-unused", "-Wno-visibility"]),
];

/// Structures with a list of arguments in them: what that is, each target decides itself.
fn with_arguments(btf: &Btf) -> Vec<String> {
    let holds = |member: bpf_btf::Member<'_>| match btf.resolve(member.type_id()) {
        Some(Type::Array(array)) => {
            btf.get(array.element()).is_some_and(|found| found.name() == "__va_list_tag")
        }
        _ => false,
    };
    let found = btf.types().filter_map(|(_, found)| found.composite());
    let found = found.filter(|found| found.members().any(holds));
    found.map(|found| format!("struct {}", found.name())).collect()
}

/// Compiles the header of the whole blob with assertions on all that has one name; their number.
fn check_header(name: &str, btf: &Btf) -> usize {
    let (assertions, count) = assertions(btf);
    let header = c_header(btf, &CHeaderOptions::default()).unwrap();
    let lists = with_arguments(btf);
    let path = std::env::temp_dir().join(format!("bpf-btf-{}-{name}.c", std::process::id()));
    for (compiler, flags) in COMPILERS {
        // Only clang for BPF knows what makes accesses relocatable.
        let native = compiler == "cc";
        let plain = if native { "#define BPF_NO_PRESERVE_ACCESS_INDEX\n" } else { "" };
        let same = |line: &&str| native || !lists.iter().any(|list| line.contains(list));
        let assertions: Vec<_> = assertions.lines().filter(same).collect();
        std::fs::write(&path, format!("{plain}{header}{}\n", assertions.join("\n"))).unwrap();
        let mut command = Command::new(compiler);
        let output = command.arg("-fsyntax-only").args(flags).arg(&path).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        let start = errors.get(..errors.len().min(4000)).unwrap_or_default();
        assert!(output.status.success(), "{name}, {compiler}: {start}");
    }
    std::fs::remove_file(&path).unwrap();
    count
}

#[test]
fn whole_headers_compile_to_the_same_layouts() {
    each(|kernel| {
        let release = &kernel.release;
        let count = check_header(release, &kernel.vmlinux);
        assert!(count > 40_000, "{release}: {count}");
        let (mut modules, mut of_modules) = (0, 0);
        for module in kernel.modules() {
            of_modules += check_header(&format!("{release}-{}", module.name), &module.btf);
            modules += 1;
        }
        println!(
            "{release}: layouts: {count} sizes and offsets, and {of_modules} of {modules} modules"
        );
    });
}

#[test]
fn layouts_are_the_same_after_a_compiler() {
    each(|kernel| {
        let count = round_trip(&kernel.release, Order::Little, &kernel.vmlinux);
        assert!(count > 7_000, "{}: {count}", kernel.release);
        println!("{}: layouts: {count} types compiled and read back", kernel.release);
    });
}
