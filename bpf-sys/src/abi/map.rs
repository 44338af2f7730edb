//! Kinds of maps, and the flags of their creation and of element operations.

use super::macros::{flags, lower_name, open_enum};

open_enum! {
    /// What kind of map it is: `enum bpf_map_type`.
    MapType(u32), "BPF_MAP_TYPE_";
    /// No type; the kernel refuses it.
    UNSPEC = 0, (3, 18);
    /// Hash table.
    HASH = 1, (3, 19);
    /// Array of a fixed length, indexed by a `u32`; elements exist from the start and cannot be deleted.
    ARRAY = 2, (3, 19);
    /// Array of programs, the targets of tail calls.
    PROG_ARRAY = 3, (4, 2);
    /// Array of perf events, one per CPU: the perf buffer.
    PERF_EVENT_ARRAY = 4, (4, 3);
    /// Hash table with one value per possible CPU.
    PERCPU_HASH = 5, (4, 6);
    /// Array with one value per possible CPU.
    PERCPU_ARRAY = 6, (4, 6);
    /// Call stacks by their id.
    STACK_TRACE = 7, (4, 6);
    /// Array of cgroups.
    CGROUP_ARRAY = 8, (4, 8);
    /// Hash table that drops the least recently used element when full.
    LRU_HASH = 9, (4, 10);
    /// [`LRU_HASH`](Self::LRU_HASH) with one value per possible CPU.
    LRU_PERCPU_HASH = 10, (4, 10);
    /// Longest-prefix-match trie; a key is a `u32` prefix length and the data.
    LPM_TRIE = 11, (4, 11);
    /// Array of maps.
    ARRAY_OF_MAPS = 12, (4, 12);
    /// Hash table of maps.
    HASH_OF_MAPS = 13, (4, 12);
    /// Array of network devices, the targets of XDP redirects.
    DEVMAP = 14, (4, 14);
    /// Array of sockets.
    SOCKMAP = 15, (4, 14);
    /// Array of CPUs, the targets of XDP redirects.
    CPUMAP = 16, (4, 15);
    /// Array of `AF_XDP` sockets.
    XSKMAP = 17, (4, 18);
    /// Hash table of sockets.
    SOCKHASH = 18, (4, 18);
    /// Storage of a program in a cgroup; superseded by [`CGRP_STORAGE`](Self::CGRP_STORAGE).
    CGROUP_STORAGE = 19, (4, 19);
    /// Array of sockets that `SO_REUSEPORT` programs choose from.
    REUSEPORT_SOCKARRAY = 20, (4, 19);
    /// [`CGROUP_STORAGE`](Self::CGROUP_STORAGE) with one value per possible CPU.
    PERCPU_CGROUP_STORAGE = 21, (4, 20);
    /// First in, first out; no key.
    QUEUE = 22, (4, 20);
    /// Last in, first out; no key.
    STACK = 23, (4, 20);
    /// Storage that lives in a socket.
    SK_STORAGE = 24, (5, 2);
    /// Hash table of network devices.
    DEVMAP_HASH = 25, (5, 4);
    /// A kernel structure of function pointers, implemented by programs.
    STRUCT_OPS = 26, (5, 6);
    /// Ring buffer shared by all CPUs, from programs to user space.
    RINGBUF = 27, (5, 8);
    /// Storage that lives in an inode.
    INODE_STORAGE = 28, (5, 10);
    /// Storage that lives in a task.
    TASK_STORAGE = 29, (5, 11);
    /// Bloom filter; values only.
    BLOOM_FILTER = 30, (5, 16);
    /// Ring buffer from user space to programs.
    USER_RINGBUF = 31, (6, 1);
    /// Storage that lives in a cgroup.
    CGRP_STORAGE = 32, (6, 2);
    /// Pages shared between programs and user space.
    ARENA = 33, (6, 9);
    /// Positions in a program, the targets of indirect jumps.
    INSN_ARRAY = 34, (6, 19);
    /// Hash table that grows with its elements.
    RHASH = 35, (7, 2);
}

impl MapType {
    /// Whether user space sees one value per possible CPU, each in a slot of a multiple of 8 bytes.
    ///
    /// Kernel: `bpf_map_value_size` in kernel/bpf/syscall.c.
    pub const fn is_per_cpu(self) -> bool {
        matches!(
            self,
            Self::PERCPU_HASH
                | Self::PERCPU_ARRAY
                | Self::LRU_PERCPU_HASH
                | Self::PERCPU_CGROUP_STORAGE
        )
    }

    /// Whether a value holds another object, given as a `u32` descriptor and read as a `u32` id.
    ///
    /// Kernel: `IS_FD_MAP`, and the socket and device maps.
    pub const fn holds_descriptors(self) -> bool {
        matches!(
            self,
            Self::PROG_ARRAY
                | Self::PERF_EVENT_ARRAY
                | Self::CGROUP_ARRAY
                | Self::ARRAY_OF_MAPS
                | Self::HASH_OF_MAPS
        )
    }

    /// Whether the values are maps, so that creation needs an inner map as a template.
    pub const fn is_map_of_maps(self) -> bool {
        matches!(self, Self::ARRAY_OF_MAPS | Self::HASH_OF_MAPS)
    }
}

flags! {
    /// Flags of a map: `map_flags` of `BPF_MAP_CREATE` and of the map's info.
    MapFlags(u32);
    /// Allocate hash elements on demand, not in advance.
    NO_PREALLOC = 1 << 0, (4, 6);
    /// One list of least recently used elements per CPU.
    NO_COMMON_LRU = 1 << 1, (4, 10);
    /// Allocate on the NUMA node that `numa_node` names.
    NUMA_NODE = 1 << 2, (4, 14);
    /// User space may only read, through this descriptor.
    RDONLY = 1 << 3, (4, 15);
    /// User space may only write, through this descriptor.
    WRONLY = 1 << 4, (4, 15);
    /// Store build ids and offsets instead of addresses, in a stack trace map.
    STACK_BUILD_ID = 1 << 5, (4, 17);
    /// Hash with seed zero; for tests of the kernel only.
    ZERO_SEED = 1 << 6, (5, 0);
    /// Programs may only read.
    RDONLY_PROG = 1 << 7, (5, 2);
    /// Programs may only write.
    WRONLY_PROG = 1 << 8, (5, 2);
    /// Copy socket storage to accepted sockets.
    CLONE = 1 << 9, (5, 4);
    /// Values can be mapped into memory.
    MMAPABLE = 1 << 10, (5, 5);
    /// Keep perf events when the descriptor that installed them is closed.
    PRESERVE_ELEMS = 1 << 11, (5, 10);
    /// An inner array map of another length may replace this one.
    INNER_MAP = 1 << 12, (5, 10);
    /// A `struct_ops` map that a link attaches.
    LINK = 1 << 13, (6, 4);
    /// The path of an object is relative to the descriptor `path_fd`.
    PATH_FD = 1 << 14, (6, 5);
    /// `value_type_btf_obj_fd` is given: the value's type is a module's.
    VTYPE_BTF_OBJ_FD = 1 << 15, (6, 9);
    /// `map_token_fd` is given.
    TOKEN_FD = 1 << 16, (6, 9);
    /// An access to a page of an arena that is not allocated raises `SIGSEGV` instead of allocating it.
    SEGV_ON_FAULT = 1 << 17, (6, 9);
    /// Do not translate arena pointers to user space addresses.
    NO_USER_CONV = 1 << 18, (6, 9);
    /// A full ring buffer overwrites its oldest records.
    RB_OVERWRITE = 1 << 19, (6, 19);
}

flags! {
    /// Flags of operations on map elements.
    ///
    /// The upper 32 bits hold a CPU number when [`CPU`](Self::CPU) is set.
    UpdateFlags(u64);
    /// Create or replace: the default.
    ANY = 0, (3, 18);
    /// Create; `EEXIST` when the key is present.
    NOEXIST = 1, (3, 18);
    /// Replace; `ENOENT` when the key is absent.
    EXIST = 2, (3, 18);
    /// Hold the value's `bpf_spin_lock` during the copy.
    LOCK = 4, (5, 1);
    /// Only the value of the CPU whose number is in the upper 32 bits.
    CPU = 8, (7, 0);
    /// One value, for every CPU.
    ALL_CPUS = 16, (7, 0);
}

impl UpdateFlags {
    /// [`CPU`](Self::CPU) with the number of the CPU that is meant.
    pub const fn for_cpu(cpu: u32) -> Self {
        // A widening cast: `u64::from` is not const.
        Self::from_bits(Self::CPU.bits() | ((cpu as u64) << 32))
    }
}
