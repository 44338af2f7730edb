//! What `bpf_elf::compat` says of this kernel by its BTF alone, against what the kernel does.

use std::path::Path;

use bpf_btf::Btf;
use bpf_core::{
    Collection, CollectionSpec, Context, Error, ErrorKind, LoadOptions, MapType, ProgramOptions,
};
use bpf_elf::compat::{Report, TargetKernel, check};
use bpf_elf::spec::{MapContents, Pinning};

use crate::support::{NoLeak, spec};

/// The running kernel as `/sys/kernel/btf` describes it.
fn this_kernel(context: &Context) -> TargetKernel {
    let read = |path: &Path| std::fs::read(path).unwrap();
    let folder = Path::new("/sys/kernel/btf");
    let vmlinux = Btf::parse(read(&folder.join("vmlinux"))).unwrap();
    let mut modules = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if name != "vmlinux" {
            modules.push((name, Btf::parse_split(read(&entry.path()), &vmlinux).unwrap()));
        }
    }
    TargetKernel::new("this", vmlinux)
        .with_modules(modules)
        .with_version(context.kernel_version().unwrap())
}

/// Objects that this library cannot load yet, for reasons of its own.
const NOT_YET: [&str; 3] = ["arena", "jump_table", "struct_ops"];

/// Programs that do not do what BTF lets expect: all of them are refused.
struct Difference {
    object: &'static str,
    programs: &'static [&'static str],
    /// The kernels, from the first number up to before the second. For what a configuration decides: those of the guests.
    kernels: [(u32, u32); 2],
    /// What decides, and is not in BTF.
    cause: Cause,
}

enum Cause {
    /// The verifier or the loader, on every kernel of these versions.
    Rule(&'static str),
    /// An option of the configuration, which may be otherwise on a machine that is no guest.
    Option(&'static str),
}

const ALWAYS: [(u32, u32); 2] = [(0, 0), (u32::MAX, 0)];
const IN_NO_GUEST: [(u32, u32); 2] = [(0, 0), (0, 0)];

/// Programs of which BTF does not tell.
const DIFFERENCES: &[Difference] = &[
    Difference {
        object: "question_mark",
        programs: &["refused"],
        kernels: ALWAYS,
        cause: Cause::Rule("a context has no such field"),
    },
    Difference {
        object: "sections",
        programs: &["on_freplace_old"],
        kernels: ALWAYS,
        cause: Cause::Rule("the loader wants the program whose function is replaced"),
    },
    Difference {
        object: "sections",
        programs: &[
            "on_cgroup_recvmsg4",
            "on_cgroup_recvmsg6",
            "on_cgroup_getpeername4",
            "on_cgroup_getpeername6",
            "on_cgroup_getsockname4",
            "on_cgroup_getsockname6",
        ],
        kernels: ALWAYS,
        cause: Cause::Rule("such a program has to return 1"),
    },
    Difference {
        object: "sections",
        programs: &[
            "on_cgroup_recvmsg_unix",
            "on_cgroup_getpeername_unix",
            "on_cgroup_getsockname_unix",
        ],
        kernels: [(6, 7), (u32::MAX, 0)],
        cause: Cause::Rule("such a program has to return 1"),
    },
    Difference {
        object: "sections",
        programs: &[
            "on_fentry_s_do_exit",
            "on_fexit_s_do_exit",
            "on_fmod_ret_s_bpf_modify_return_test",
        ],
        kernels: ALWAYS,
        cause: Cause::Rule("no program may sleep in these functions"),
    },
    Difference {
        object: "sections",
        programs: &["on_lsm_s_file_open"],
        kernels: [(5, 10), (5, 11)],
        cause: Cause::Rule("no program may sleep in this hook yet"),
    },
    Difference {
        object: "sections",
        programs: &["on_fexit_do_exit"],
        kernels: [(6, 12), (u32::MAX, 0)],
        cause: Cause::Rule("the function does not return"),
    },
    Difference {
        object: "sections",
        programs: &["on_fsession_do_exit", "on_fsession_s_do_exit"],
        kernels: [(7, 0), (u32::MAX, 0)],
        cause: Cause::Rule("the function does not return"),
    },
    Difference {
        object: "sections",
        programs: &["on_fmod_ret_bpf_modify_return_test"],
        kernels: [(0, 0), (6, 2)],
        cause: Cause::Option("CONFIG_FUNCTION_ERROR_INJECTION"),
    },
    Difference {
        object: "tracing",
        programs: &["on_fmod_ret"],
        kernels: [(0, 0), (6, 2)],
        cause: Cause::Option("CONFIG_FUNCTION_ERROR_INJECTION"),
    },
    Difference {
        object: "sections",
        programs: &["on_lirc_mode2"],
        kernels: ALWAYS,
        cause: Cause::Option("CONFIG_BPF_LIRC_MODE2"),
    },
    Difference {
        object: "kconfig_ksyms",
        programs: &["read_typed"],
        kernels: IN_NO_GUEST,
        cause: Cause::Option("CONFIG_KALLSYMS_ALL"),
    },
];

impl Difference {
    /// Whether this is about a program on this kernel.
    fn is_for(&self, object: &str, program: &str) -> bool {
        let [first, end] = self.kernels;
        let anywhere = matches!(self.cause, Cause::Option(_)) && !testdata::in_guest();
        self.object == object
            && self.programs.contains(&program)
            && (anywhere || (first..end).contains(&testdata::kernel_release()))
    }
}

/// Options of the configuration that the fixtures want and this library does not find everywhere.
const KCONFIG: &str = "CONFIG_HZ=250\nCONFIG_BPF_SYSCALL=y\n";

/// A collection without what needs its surroundings: a BPF file system to pin maps in, other programs to jump to.
fn alone(mut spec: CollectionSpec) -> CollectionSpec {
    for (_, map) in &mut spec.maps {
        map.pinning = Pinning::None;
        if map.map_type == MapType::PROG_ARRAY {
            map.contents = MapContents::None;
        }
    }
    spec
}

/// Loads one program alone, with all maps of the collection.
fn loads(spec: &CollectionSpec, program: &str, context: &Context) -> Result<(), Error> {
    let mut options = LoadOptions::new().with_context(context).with_kconfig(KCONFIG);
    for name in spec.programs.names() {
        let own = ProgramOptions::new().with_autoload(name == program);
        options = options.with_program(name, own);
    }
    Collection::load(spec, &options).map(drop)
}

fn reasons(report: &Report, program: &str) -> String {
    let own = report.programs.iter().filter(|of| of.name == program).flat_map(|of| &of.findings);
    let all = report.findings.iter().chain(own);
    all.map(|of| format!("{:?}: {}", of.severity, of.text)).collect::<Vec<_>>().join("; ")
}

/// What became of the comparison.
#[derive(Default)]
struct Tally {
    compared: usize,
    breaking: usize,
    not_yet: usize,
    not_permitted: usize,
    /// Rows of [`DIFFERENCES`], and programs in them that are as BTF tells after all.
    differences: usize,
    not_needed: Vec<String>,
    wrong: Vec<String>,
}

impl Tally {
    fn program(&mut self, object: &str, name: &str, report: &Report, result: &Result<(), Error>) {
        let what = format!("{object}/{name}");
        let told = match result {
            Ok(()) => "it loads".to_owned(),
            Err(error) => error.to_string(),
        };
        if NOT_YET.contains(&object) {
            assert!(told.contains("cannot be loaded yet"), "{what}: {told}");
            self.not_yet += 1;
            return;
        }
        // Rights of this process; a guest has them all.
        if result.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotPermitted) {
            assert!(!testdata::in_guest(), "{what}: {told}");
            self.not_permitted += 1;
            return;
        }
        let expected = report.loads(name).unwrap();
        self.compared += 1;
        self.breaking += usize::from(!expected);
        let differs = expected != result.is_ok();
        match DIFFERENCES.iter().find(|row| row.is_for(object, name)) {
            Some(_) if differs && result.is_err() => self.differences += 1,
            Some(Difference { cause: Cause::Option(_), .. }) if !testdata::in_guest() => {}
            Some(Difference { cause: Cause::Rule(why) | Cause::Option(why), .. }) => {
                self.not_needed.push(format!("{what}: {told}, not for {why}"));
            }
            None if differs => {
                self.wrong.push(format!("{what}: {told}; BTF: {}", reasons(report, name)));
            }
            None => {}
        }
    }
}

#[test]
fn the_verdicts_of_btf_are_those_of_the_kernel() {
    let _leak = NoLeak::new();
    let context = Context::new();
    let kernel = this_kernel(&context);
    let mut tally = Tally::default();
    for &object in testdata::OBJECTS {
        let spec = alone(spec(object));
        let report = check(&spec, &kernel);
        for name in spec.programs.names() {
            tally.program(object, name, &report, &loads(&spec, name, &context));
        }
    }
    let Tally { compared, breaking, not_yet, not_permitted, differences, .. } = tally;
    eprintln!(
        "{compared} programs compared, {breaking} of them break, {differences} by what BTF does not tell; {not_yet} that this library cannot load yet, {not_permitted} that this process may not load"
    );
    let Tally { wrong, not_needed, .. } = tally;
    assert!(wrong.is_empty(), "{} disagree:\n{}", wrong.len(), wrong.join("\n"));
    assert!(not_needed.is_empty(), "exceptions without need:\n{}", not_needed.join("\n"));
    assert!(compared > 150 && breaking > 0, "{compared} {breaking}");
}
