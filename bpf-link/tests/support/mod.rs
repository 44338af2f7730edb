//! Programs that count, and places of this process's own to attach them to.
#![allow(dead_code, reason = "each of the two test programs uses a part")]

use std::env;
use std::fs;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use bpf_asm::{ByteOrder, Opcode, PSEUDO_MAP_VALUE, Register, Slot, encode_slots};
use bpf_btf::{Btf, Kind};
use bpf_sys::abi::{AttachType, MapType, ProgramId, ProgramType, UpdateFlags};
use bpf_sys::{AsMapFd as _, AsProgFd, BtfFd, OwnedMapFd, OwnedProgFd, ProgFd, map, object, prog};

/// `bpf_get_attach_cookie`.
const GET_ATTACH_COOKIE: i32 = 174;

/// A loaded program with a map of two numbers: how often it ran, and what it saw.
pub(crate) struct Program {
    fd: OwnedProgFd,
    map: OwnedMapFd,
}

impl AsProgFd for Program {
    fn as_prog_fd(&self) -> ProgFd<'_> {
        self.fd.as_borrowed()
    }
}

impl Program {
    /// A program that counts its runs and returns a value.
    pub(crate) fn counting(program_type: ProgramType, result: i32) -> Self {
        Self::counting_for(program_type, AttachType(0), result)
    }

    pub(crate) fn counting_for(
        program_type: ProgramType,
        attach_type: AttachType,
        result: i32,
    ) -> Self {
        Self::bound(program_type, attach_type, 0, false, result)
    }

    /// A program that counts its runs and keeps its cookie.
    pub(crate) fn cookie(program_type: ProgramType) -> Self {
        Self::bound(program_type, AttachType(0), 0, true, 0)
    }

    /// A program for a type in the kernel's BTF, which counts and may keep its cookie.
    pub(crate) fn bound(
        program_type: ProgramType,
        attach_type: AttachType,
        btf_id: u32,
        cookie: bool,
        result: i32,
    ) -> Self {
        Self::build(&Wanted {
            program_type,
            attach_type,
            btf_id,
            cookie,
            result,
            ..Wanted::default()
        })
    }

    pub(crate) fn build(wanted: &Wanted<'_>) -> Self {
        let map =
            map::create(&map::MapCreate::new(MapType::ARRAY, 4, 16, 1)).expect("create a map");
        let fd = load(wanted, &slots(&map, wanted.cookie, wanted.result));
        Program { fd, map }
    }

    pub(crate) fn id(&self) -> ProgramId {
        ProgramId(prog::info(self.as_prog_fd()).expect("program info").id)
    }

    /// How often the program ran.
    pub(crate) fn hits(&self) -> u64 {
        self.numbers()[0]
    }

    /// The cookie of the last run.
    pub(crate) fn seen_cookie(&self) -> u64 {
        self.numbers()[1]
    }

    pub(crate) fn pin(&self, path: &str) {
        object::pin(&self.fd, None, Path::new(path)).expect("pin a program");
    }

    fn numbers(&self) -> [u64; 2] {
        let mut value = [0; 16];
        let flags = UpdateFlags::ANY;
        assert!(map::lookup(self.map.as_map_fd(), &[0; 4], &mut value, flags).expect("lookup"));
        let (hits, seen) = value.split_at(8);
        [hits, seen].map(|bytes| u64::from_ne_bytes(bytes.try_into().unwrap()))
    }
}

/// Everything that a test may choose.
#[derive(Default)]
pub(crate) struct Wanted<'a> {
    pub(crate) program_type: ProgramType,
    pub(crate) attach_type: AttachType,
    /// The type that it attaches to.
    pub(crate) btf_id: u32,
    /// Where that type is.
    pub(crate) target: prog::AttachTarget<'a>,
    pub(crate) btf: Option<BtfFd<'a>>,
    /// Slot and type id of each function.
    pub(crate) functions: &'a [(u32, u32)],
    pub(crate) cookie: bool,
    pub(crate) result: i32,
}

/// Loads instructions.
pub(crate) fn load(wanted: &Wanted<'_>, slots: &[Slot]) -> OwnedProgFd {
    let code = encode_slots(slots, ByteOrder::NATIVE);
    let functions = wanted.functions.iter().flat_map(|&(slot, id)| [slot, id]);
    let functions: Vec<u8> = functions.flat_map(u32::to_ne_bytes).collect();
    let mut log = vec![0; 64 << 10];
    let mut load = prog::Load::default();
    load.program_type = wanted.program_type;
    load.attach_type = wanted.attach_type;
    load.attach_btf_id = wanted.btf_id;
    load.attach_target = wanted.target;
    load.btf = wanted.btf;
    load.func_info = &functions;
    load.func_info_size = 8;
    load.instructions = &code;
    load.license = c"GPL";
    load.log_level = 1;
    load.log = &mut log;
    match prog::load(&mut load) {
        Ok(fd) => fd,
        Err(error) => {
            panic!("{}: {error}\n{}", wanted.program_type, String::from_utf8_lossy(&log))
        }
    }
}

pub(crate) const fn slot(opcode: u8, dst: Register, src: Register, offset: i16, imm: i32) -> Slot {
    Slot::new(Opcode::new(opcode), dst, src, offset, imm)
}

fn slots(map: &OwnedMapFd, cookie: bool, result: i32) -> Vec<Slot> {
    let slot =
        |opcode, dst, src, offset, imm| Slot::new(Opcode::new(opcode), dst, src, offset, imm);
    let [r0, r1, r6] = [Register::R0, Register::R1, Register::R6];
    let mut slots = vec![
        // r6 = address of the map's value
        slot(0x18, r6, PSEUDO_MAP_VALUE, 0, map.as_raw_fd()),
        slot(0, r0, r0, 0, 0),
    ];
    if cookie {
        // *(u64 *)(r6 + 8) = bpf_get_attach_cookie(ctx)
        slots.push(slot(0x85, r0, r0, 0, GET_ATTACH_COOKIE));
        slots.push(slot(0x7b, r6, r0, 8, 0));
    }
    slots.extend([
        // lock *(u64 *)(r6 + 0) += 1
        slot(0xb7, r1, r0, 0, 1),
        slot(0xdb, r6, r1, 0, 0),
        slot(0xb7, r0, r0, 0, result),
        slot(0x95, r0, r0, 0, 0),
    ]);
    slots
}

/// The id of a type of the kernel's own BTF.
pub(crate) fn kernel_type(name: &str, kind: Kind) -> u32 {
    kernel_btf().find(name, kind).expect(name).get()
}

/// The BTF of the running kernel.
pub(crate) fn kernel_btf() -> &'static Btf {
    static KERNEL: OnceLock<Btf> = OnceLock::new();
    KERNEL.get_or_init(|| {
        let bytes = fs::read("/sys/kernel/btf/vmlinux").expect("read the kernel's BTF");
        Btf::parse(bytes).expect("parse the kernel's BTF")
    })
}

/// Runs the body twice and asserts that the second run left no descriptor open: the first may fill caches.
#[track_caller]
pub(crate) fn leaks_nothing(body: impl Fn()) {
    body();
    let before = testdata::open_fds();
    body();
    assert_eq!(testdata::open_fds(), before, "open descriptors");
}

/// Fails outside of a virtual machine that tests may break.
#[track_caller]
pub(crate) fn guest_only() {
    assert!(testdata::in_guest(), "attaches to the whole kernel: only in a guest (BPF_GUEST=1)");
}

/// Runs the body of this test in a process with its own network and mount namespace, a BPF and a trace file system.
#[track_caller]
pub(crate) fn in_own_namespaces(test: &str, body: impl Fn()) {
    const MARK: &str = "BPF_LINK_OWN_NAMESPACES";
    if env::var_os(MARK).is_some() {
        let mounted = Path::new("/sys/kernel/tracing/events").exists();
        let trace = (!mounted).then_some("mount -t tracefs tracefs /sys/kernel/tracing");
        let others = ["mount -t bpf bpf /sys/fs/bpf", "ip link set lo up"];
        for command in others.into_iter().chain(trace) {
            let mut words = command.split(' ');
            let done = Command::new(words.next().unwrap()).args(words).status();
            assert!(done.expect(command).success(), "{command}");
        }
        return body();
    }
    run_again(test, &["-n", "-m"], MARK);
}

/// Runs the body of this test in a process without privileges: in a user namespace of its own.
#[track_caller]
pub(crate) fn without_privileges(test: &str, body: impl Fn()) {
    const MARK: &str = "BPF_LINK_WITHOUT_PRIVILEGES";
    if env::var_os(MARK).is_some() {
        return body();
    }
    run_again(test, &["-U"], MARK);
}

#[track_caller]
fn run_again(test: &str, namespaces: &[&str], mark: &str) {
    let done = Command::new("unshare")
        .args(namespaces)
        .arg(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(mark, "1")
        .output()
        .expect("run unshare");
    let text = String::from_utf8_lossy(&done.stdout);
    // A skip must reach whoever counts them.
    eprint!("{}", String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success() && text.contains("1 passed"), "{text}");
}

/// The probe events of the trace file system that this crate made.
pub(crate) fn probe_events(file: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new("/sys/kernel/tracing").join(file)).expect(file);
    text.lines().filter(|line| line.contains("/bpf_link_")).map(str::to_owned).collect()
}

/// A cgroup that holds this process as long as the value lives.
pub(crate) struct Cgroup {
    path: PathBuf,
    parent: PathBuf,
}

impl Cgroup {
    pub(crate) fn enter() -> Self {
        let root = mount_of("cgroup2");
        let own = fs::read_to_string("/proc/self/cgroup").unwrap();
        let own = own.lines().find_map(|line| line.strip_prefix("0::/")).expect("cgroup version 2");
        let parent = root.join(own);
        let path = parent.join(format!("bpf-link-{}", std::process::id()));
        fs::create_dir(&path).expect("make a cgroup");
        let cgroup = Cgroup { path, parent };
        join(&cgroup.path);
        cgroup
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn id(&self) -> u64 {
        fs::metadata(&self.path).unwrap().ino()
    }
}

fn join(folder: &Path) {
    fs::write(folder.join("cgroup.procs"), std::process::id().to_string()).expect("move");
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        join(&self.parent);
        fs::remove_dir(&self.path).expect("remove the cgroup");
    }
}

fn mount_of(kind: &str) -> PathBuf {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let mount = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    mount.filter(|fields| fields[2] == kind).map(|fields| fields[1].into()).next().expect(kind)
}
