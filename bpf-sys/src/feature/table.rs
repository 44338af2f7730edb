//! The table of features.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::fd::AsFd;

use super::blob::{self, INT, RawType, SECOND_NAME, reference};
use super::{Feature, Outcome, Probes, code, conclude, expect, kinds};
use crate::abi::{
    AttachType, KernelVersion, KprobeMultiFlags, MapFlags, MapType, ObjectName, ProgramType,
    UpdateFlags, UprobeMultiFlags,
};
use crate::errno::{Errno, SysError};
use crate::fd::OwnedProgFd;
use crate::link::{self, KprobeTargets, LinkCreate, LinkOptions, LinkSource};
use crate::map::{self, MapCreate};
use crate::prog::{self, Load, Where};
use crate::{btf, system};

/// Rows of name, text, first kernel, probe.
macro_rules! features {
    ($( $(#[$doc:meta])* $name:ident = $text:literal, ($major:literal, $minor:literal), $probe:expr; )+) => {
        impl Feature {
            $(
                $(#[$doc])*
                #[doc = ""]
                #[doc = concat!("Since Linux ", $major, ".", $minor, ".")]
                pub const $name: Self = Self { name: $text, since: KernelVersion::new($major, $minor, 0), probe: $probe };
            )+

            /// Every feature that can be asked for.
            pub const ALL: &[Self] = &[$( Self::$name ),+];
        }
    };
}

features! {
    /// Names of maps and programs.
    OBJECT_NAMES = "object names", (4, 15), |probes| named(probes, "probe");
    /// Dots in these names.
    OBJECT_NAME_DOTS = "dots in object names", (5, 2), |probes| named(probes, ".probe");
    /// `expected_attach_type` when a program is loaded.
    EXPECTED_ATTACH_TYPE = "expected attach type", (4, 17), expected_attach_type;
    /// Values of maps as addresses in instructions: global variables.
    GLOBAL_DATA = "global data", (5, 2), global_data;
    /// Maps that user space may no longer write.
    MAP_FREEZE = "frozen maps", (5, 2), |probes| on_array(probes, |map| map::freeze(map.as_borrowed()));
    /// Arrays that can be mapped into memory.
    ARRAY_MMAP = "memory-mapped arrays", (5, 5), |probes| conclude(kinds::create(probes, flagged(MapFlags::MMAPABLE)));
    /// Array maps of another length as inner maps.
    INNER_MAP = "inner maps of any length", (5, 10), |probes| conclude(kinds::create(probes, flagged(MapFlags::INNER_MAP)));
    /// Operations on many elements.
    MAP_BATCH = "map batch operations", (5, 6), |probes| {
        on_array(probes, |map| Ok(map::update_batch(map.as_borrowed(), &[0; 4], &[0; 4], UpdateFlags::ANY)?))
    };
    /// Ring buffers.
    RING_BUFFER = "ring buffer", (5, 8), |probes| kinds::map_type(probes, MapType::RINGBUF);
    /// BTF.
    BTF = "BTF", (4, 18), |probes| load_btf(probes, &blob::btf(&[INT], ""));
    /// Functions in BTF, and records of functions and lines in programs.
    BTF_FUNC = "BTF functions", (5, 0), |probes| load_btf(probes, &func(0));
    /// Variables and sections in BTF.
    BTF_DATASEC = "BTF data sections", (5, 2), |probes| load_btf(probes, &datasec(".data"));
    /// Linkage of functions in BTF.
    BTF_GLOBAL_FUNC = "BTF global functions", (5, 6), |probes| load_btf(probes, &func(1));
    /// Floating point types in BTF.
    BTF_FLOAT = "BTF floating point types", (5, 13), |probes| load_btf(probes, &blob::btf(&[INT, reference(16, SECOND_NAME, 4)], "float"));
    /// Declaration tags in BTF.
    BTF_DECL_TAG = "BTF declaration tags", (5, 16), |probes| load_btf(probes, &decl_tag());
    /// Type tags in BTF.
    BTF_TYPE_TAG = "BTF type tags", (5, 17), |probes| {
        load_btf(probes, &blob::btf(&[INT, reference(18, SECOND_NAME, 1), reference(2, 0, 2)], "tag"))
    };
    /// 64-bit enumerations in BTF.
    BTF_ENUM64 = "BTF 64-bit enumerations", (6, 0), |probes| load_btf(probes, &enum64());
    /// A question mark at the start of a section's name in BTF.
    BTF_QMARK_DATASEC = "question marks in BTF section names", (6, 10), |probes| load_btf(probes, &datasec("?.data"));
    /// A layout section in BTF.
    BTF_LAYOUT = "BTF layout section", (7, 1), |probes| load_btf(probes, &blob::btf_with_layout(&[INT], ""));
    /// BTF of modules, and names of BTF.
    MODULE_BTF = "module BTF", (5, 11), module_btf;
    /// `bpf_probe_read_kernel` and its relatives.
    PROBE_READ_KERNEL = "bpf_probe_read_kernel", (5, 5), probe_read_kernel;
    /// Memory accounted to the cgroup, not to the memlock limit.
    MEMCG_ACCOUNTING = "memory accounting by cgroup", (5, 11), |probes| {
        // bpf_ktime_get_coarse_ns came with the same kernel, and every program may call it.
        kinds::helper(probes, ProgramType::SOCKET_FILTER, 160)
    };
    /// The tag `arg:ctx` on arguments of global functions.
    ARG_CTX_TAG = "arg:ctx tags", (6, 8), arg_ctx_tag;
    /// Any 32-bit offset into the value of a map as an address in instructions, for arenas.
    LARGE_VALUE_OFFSETS = "map value offsets above 512 MiB", (7, 0), large_value_offset;
    /// Keeping a map as long as a program.
    PROG_BIND_MAP = "binding maps to programs", (5, 10), bind_map;
    /// Links on cgroups.
    LINK = "links", (5, 7), |probes| bad_target(probes, ProgramType::CGROUP_SKB, AttachType::CGROUP_INET_INGRESS, Errno::EBADF);
    /// Links on perf events: tracepoints, kprobes, uprobes.
    PERF_LINK = "perf event links", (5, 15), |probes| bad_target(probes, ProgramType::TRACEPOINT, AttachType::PERF_EVENT, Errno::EBADF);
    /// A value per attachment that the program can read.
    BPF_COOKIE = "BPF cookies", (5, 15), |probes| kinds::helper(probes, ProgramType::TRACEPOINT, 174);
    /// Links on tcx.
    TCX = "tcx links", (6, 6), |probes| bad_target(probes, ProgramType::SCHED_CLS, AttachType::TCX_INGRESS, Errno::ENODEV);
    /// Links on netkit devices.
    NETKIT = "netkit links", (6, 7), |probes| bad_target(probes, ProgramType::SCHED_CLS, AttachType::NETKIT_PRIMARY, Errno::ENODEV);
    /// One link on many functions of the kernel.
    KPROBE_MULTI = "kprobe multi links", (5, 18), |probes| kprobe_multi(probes, AttachType::TRACE_KPROBE_MULTI);
    /// Entry and return of many functions of the kernel as one.
    KPROBE_SESSION = "kprobe sessions", (6, 10), |probes| kprobe_multi(probes, AttachType::TRACE_KPROBE_SESSION);
    /// One link on many places in a file, with a filter of processes that works.
    UPROBE_MULTI = "uprobe multi links", (6, 6), |probes| uprobe_multi(probes, AttachType::TRACE_UPROBE_MULTI);
    /// Entry and return of many functions in a file as one.
    UPROBE_SESSION = "uprobe sessions", (6, 13), |probes| uprobe_multi(probes, AttachType::TRACE_UPROBE_SESSION);
    /// Tokens that delegate rights.
    TOKEN = "BPF tokens", (6, 9), token;
    /// System call functions with a name per architecture and one argument.
    SYSCALL_WRAPPER = "system call wrappers", (4, 17), syscall_wrapper;
    /// Programs of more than 4096 instructions.
    LARGE_PROGRAMS = "programs above 4096 instructions", (5, 2), large_program;
    /// Loops with an end.
    BOUNDED_LOOPS = "bounded loops", (5, 3), bounded_loop;
    /// Instruction set, version 2: more comparisons.
    ISA_V2 = "instruction set v2", (4, 14), |probes| instructions(probes, &[code::mov_imm(0, 0), code::slot(0xa5, 0, 0, 0, 1), code::exit()]);
    /// Instruction set, version 3: comparisons of 32 bits.
    ISA_V3 = "instruction set v3", (5, 1), |probes| instructions(probes, &[code::mov_imm(0, 0), code::slot(0xa6, 0, 0, 0, 1), code::exit()]);
    /// Instruction set, version 4: sign extension (which the probe tries), long jumps, signed division, byte swaps.
    ISA_V4 = "instruction set v4", (6, 6), |probes| instructions(probes, &[code::mov_imm(0, 0), code::slot(0xbf, 0, 0, 8, 0), code::exit()]);
}

/// An array of one `u32`.
fn array() -> MapCreate<'static> {
    MapCreate::new(MapType::ARRAY, 4, 4, 1)
}

fn flagged(flags: MapFlags) -> MapCreate<'static> {
    let mut map = array();
    map.flags = flags;
    map
}

fn named(probes: &Probes, name: &str) -> Outcome {
    let mut map = array();
    map.name = ObjectName::sanitized(name);
    conclude(kinds::create(probes, map))
}

/// Something done with an array.
fn on_array<T>(probes: &Probes, work: impl Fn(&map::OwnedMapFd) -> Result<T, SysError>) -> Outcome {
    let mut create = array();
    create.token = probes.token();
    conclude(work(&map::create(&create)?))
}

/// Whether a socket filter of these instructions loads.
fn instructions(probes: &Probes, slots: &[[u8; 8]]) -> Outcome {
    let bytes = slots.concat();
    conclude(load(probes, ProgramType::SOCKET_FILTER, AttachType::default(), &bytes))
}

fn load(
    probes: &Probes,
    program_type: ProgramType,
    attach_type: AttachType,
    instructions: &[u8],
) -> Result<OwnedProgFd, SysError> {
    let mut program = Load { program_type, attach_type, instructions, ..Load::default() };
    if program_type == ProgramType::KPROBE {
        program.kernel_version = crate::kernel::version().map_or(0, KernelVersion::code);
    }
    Ok(kinds::load(probes, program)?)
}

fn expected_attach_type(probes: &Probes) -> Outcome {
    conclude(load(
        probes,
        ProgramType::CGROUP_SOCK,
        AttachType::CGROUP_INET_SOCK_CREATE,
        &code::nothing(),
    ))
}

fn global_data(probes: &Probes) -> Outcome {
    let mut create = MapCreate::new(MapType::ARRAY, 4, 32, 1);
    create.token = probes.token();
    let map = map::create(&create)?;
    let fd = crate::syscall::raw_signed(map.as_fd());
    // r1 = the address 16 bytes into the value; *(u64 *)(r1 + 0) = 42; r0 = 0; exit
    let slots = [
        code::slot(0x18, 1, 2, 0, fd),
        code::slot(0, 0, 0, 0, 16),
        code::slot(0x7a, 1, 0, 0, 42),
        code::mov_imm(0, 0),
        code::exit(),
    ];
    instructions(probes, &slots)
}

/// An offset beyond the value is refused in any case; old kernels say that it is too large for any value.
fn large_value_offset(probes: &Probes) -> Outcome {
    let mut create = array();
    create.token = probes.token();
    let map = map::create(&create)?;
    let fd = crate::syscall::raw_signed(map.as_fd());
    let instructions = [
        code::slot(0x18, 1, 2, 0, fd),
        code::slot(0, 0, 0, 0, 1 << 30),
        code::mov_imm(0, 0),
        code::exit(),
    ]
    .concat();
    let mut log = vec![0; 4096];
    let program = Load {
        program_type: ProgramType::SOCKET_FILTER,
        instructions: &instructions,
        log_level: 1,
        log: &mut log,
        ..Load::default()
    };
    match kinds::load(probes, program).map_err(SysError::from) {
        Ok(_) => Ok(true),
        // Kernel: `resolve_pseudo_ldimm64`, the check before that of the map.
        Err(error) if error.errno == Errno::EINVAL => {
            Ok(!kinds::text(&log).contains("direct value offset of"))
        }
        Err(error) => Err(error),
    }
}

/// A global function that takes the context as `void *`, which only the tag allows.
fn arg_ctx_tag(probes: &Probes) -> Outcome {
    // Offsets of the strings behind `int`.
    let (a, b, tag) = (SECOND_NAME, 7, 9);
    let pointer = reference(2, 0, 0);
    let prototype = RawType { kind: 13, vlen: 1, name: 0, size_or_type: 1, rest: &[a, 2] };
    let main = RawType { kind: 12, vlen: 0, name: a, size_or_type: 3, rest: &[] };
    let callee = RawType { kind: 12, vlen: 1, name: b, size_or_type: 3, rest: &[] };
    let tagged = RawType { kind: 17, vlen: 0, name: tag, size_or_type: 5, rest: &[0] };
    let blob = blob::btf(&[INT, pointer, prototype, main, callee, tagged], "a\0b\0arg:ctx");
    let btf = match btf::load(&blob, 0, &mut [], probes.token()).map_err(SysError::from) {
        Ok(btf) => btf,
        result => return conclude(result),
    };
    // main: return b(ctx). b: return *(u64 *)ctx, which is right for a context only.
    let instructions = [
        code::slot(0x85, 0, 1, 0, 1),
        code::exit(),
        code::slot(0x79, 0, 1, 0, 0),
        code::mov_imm(0, 0),
        code::exit(),
    ]
    .concat();
    let functions: Vec<u8> = [0_u32, 4, 2, 5].iter().flat_map(|word| word.to_ne_bytes()).collect();
    let program = Load {
        program_type: ProgramType::KPROBE,
        kernel_version: crate::kernel::version().map_or(0, KernelVersion::code),
        instructions: &instructions,
        btf: Some(btf.as_borrowed()),
        func_info: &functions,
        func_info_size: 8,
        ..Load::default()
    };
    match kinds::load(probes, program).map_err(SysError::from) {
        // What the verifier says of a program that it understands and refuses.
        Err(error) if error.errno == Errno::EACCES => Ok(false),
        result => conclude(result),
    }
}

fn load_btf(probes: &Probes, blob: &[u8]) -> Outcome {
    conclude(btf::load(blob, 0, &mut [], probes.token()).map_err(SysError::from))
}

/// `int`, a function type with one argument, and a function of this linkage.
fn func(linkage: u32) -> Vec<u8> {
    let prototype =
        RawType { kind: 13, vlen: 1, name: 0, size_or_type: 0, rest: &[SECOND_NAME, 1] };
    let function =
        RawType { kind: 12, vlen: linkage, name: SECOND_NAME, size_or_type: 2, rest: &[] };
    blob::btf(&[INT, prototype, function], "a")
}

/// `int`, a static variable, and the section that it is in. The variable has the section's neighbour's name, since a dot is wrong there.
fn datasec(name: &str) -> Vec<u8> {
    let variable = RawType { kind: 14, vlen: 0, name: 1, size_or_type: 1, rest: &[0] };
    let section =
        RawType { kind: 15, vlen: 1, name: SECOND_NAME, size_or_type: 4, rest: &[2, 0, 4] };
    blob::btf(&[INT, variable, section], name)
}

fn decl_tag() -> Vec<u8> {
    let variable = RawType { kind: 14, vlen: 0, name: 1, size_or_type: 1, rest: &[0] };
    let tag = RawType { kind: 17, vlen: 0, name: SECOND_NAME, size_or_type: 2, rest: &[u32::MAX] };
    blob::btf(&[INT, variable, tag], "tag")
}

fn enum64() -> Vec<u8> {
    let enumeration =
        RawType { kind: 19, vlen: 1, name: 0, size_or_type: 8, rest: &[SECOND_NAME, 0, 0] };
    blob::btf(&[INT, enumeration], "value")
}

fn module_btf(probes: &Probes) -> Outcome {
    let fd =
        btf::load(&blob::btf(&[INT], ""), 0, &mut [], probes.token()).map_err(SysError::from)?;
    conclude(btf::ask_name(fd.as_borrowed()))
}

fn probe_read_kernel(probes: &Probes) -> Outcome {
    // bpf_probe_read_kernel(fp - 8, 8, NULL)
    let slots = [
        code::mov(1, 10),
        code::add_imm(1, -8),
        code::mov_imm(2, 8),
        code::mov_imm(3, 0),
        code::call(113),
        code::exit(),
    ];
    conclude(load(probes, ProgramType::TRACEPOINT, AttachType::default(), &slots.concat()))
}

fn bind_map(probes: &Probes) -> Outcome {
    let program =
        load(probes, ProgramType::SOCKET_FILTER, AttachType::default(), &code::nothing())?;
    on_array(probes, |map| prog::bind_map(program.as_borrowed(), map.as_borrowed()))
}

/// A link on a target that cannot be: a kernel that knows such links gets as far as looking for it.
fn bad_target(
    probes: &Probes,
    program_type: ProgramType,
    attach_type: AttachType,
    errno: Errno,
) -> Outcome {
    let program = load(probes, program_type, AttachType::default(), &code::nothing())?;
    // The number stands for a descriptor where the kind takes one.
    let target = Where::Device(i32::MAX.unsigned_abs());
    expect(
        link::create(&LinkCreate::new(
            LinkSource::Program(program.as_borrowed()),
            target,
            attach_type,
        )),
        |found| found == errno,
    )
}

fn kprobe_multi(probes: &Probes, attach_type: AttachType) -> Outcome {
    let program = load(probes, ProgramType::KPROBE, attach_type, &code::nothing())?;
    let mut create =
        LinkCreate::new(LinkSource::Program(program.as_borrowed()), Where::None, attach_type);
    // No kernel has this function, so that nothing is attached.
    let symbols = [c"no_such_function_of_the_kernel"];
    create.options = LinkOptions::KprobeMulti {
        targets: KprobeTargets::Symbols(&symbols),
        cookies: &[],
        flags: KprobeMultiFlags::NONE,
    };
    expect(link::create(&create), |errno| matches!(errno, Errno::ESRCH | Errno::ENOENT))
}

fn uprobe_multi(probes: &Probes, attach_type: AttachType) -> Outcome {
    let program = load(probes, ProgramType::KPROBE, attach_type, &code::nothing())?;
    let attempt = |pid: u32| {
        let mut create =
            LinkCreate::new(LinkSource::Program(program.as_borrowed()), Where::None, attach_type);
        create.options = LinkOptions::UprobeMulti {
            path: c"/",
            offsets: &[0],
            ref_ctr_offsets: &[],
            cookies: &[],
            pid,
            flags: UprobeMultiFlags::NONE,
        };
        link::create(&create)
    };
    // A folder is no file to probe: EBADF. The first kernels with such links filter by thread instead of process; those that do it right
    // refuse a process that cannot be.
    if !expect(attempt(0), |errno| errno == Errno::EBADF)? {
        return Ok(false);
    }
    match attempt(u32::MAX) {
        Err(error) if matches!(error.errno, Errno::EINVAL | Errno::ESRCH) => {
            Ok(error.errno == Errno::EINVAL)
        }
        Err(error) => Err(error),
        Ok(_) => Ok(false),
    }
}

fn token(_: &Probes) -> Outcome {
    expect(system::create_token_of_nothing(), |errno| errno == Errno::EBADF)
}

fn syscall_wrapper(_: &Probes) -> Outcome {
    const PATH: &str = "/proc/kallsyms";
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "x86" => "ia32",
        "aarch64" => "arm64",
        "riscv64" => "riscv",
        "powerpc64" => "powerpc",
        other => other,
    };
    let wanted = format!(" __{architecture}_sys_bpf");
    let file = File::open(PATH).map_err(|error| SysError::io(PATH, &error))?;
    for line in BufReader::new(file).lines() {
        let line = line.map_err(|error| SysError::io(PATH, &error))?;
        if line.ends_with(&wanted) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn large_program(probes: &Probes) -> Outcome {
    let mut slots = vec![code::mov_imm(0, 1); 4097];
    slots.push(code::exit());
    instructions(probes, &slots)
}

fn bounded_loop(probes: &Probes) -> Outcome {
    // r0 = 10; do { r0 -= 1 } while (r0 != 0); exit
    instructions(
        probes,
        &[code::mov_imm(0, 10), code::add_imm(0, -1), code::slot(0x55, 0, 0, -2, 0), code::exit()],
    )
}
