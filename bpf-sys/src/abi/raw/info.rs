//! What `BPF_OBJ_GET_INFO_BY_FD` tells about an object.

use super::raw;

raw! {
    /// A map: `struct bpf_map_info`.
    MapInfo, 104 {
        /// [`MapType`](crate::abi::MapType).
        0 r#type: u32,
        /// [`MapId`](crate::abi::MapId).
        4 id: u32,
        /// Size of a key in bytes.
        8 key_size: u32,
        /// Size of a value in bytes.
        12 value_size: u32,
        /// Largest number of elements.
        16 max_entries: u32,
        /// [`MapFlags`](crate::abi::MapFlags).
        20 map_flags: u32,
        /// Name with NUL at its end.
        24 name: [u8; 16],
        /// Device of an offloaded map.
        40 ifindex: u32,
        /// Type of the value in the kernel's BTF, for `struct_ops`.
        44 btf_vmlinux_value_type_id: u32,
        /// Device of the network namespace of an offloaded map.
        48 netns_dev: u64,
        /// Inode of that namespace.
        56 netns_ino: u64,
        /// [`BtfId`](crate::abi::BtfId).
        64 btf_id: u32,
        /// Type of the key.
        68 btf_key_type_id: u32,
        /// Type of the value.
        72 btf_value_type_id: u32,
        /// BTF of the module that has the value's type (6.9).
        76 btf_vmlinux_id: u32,
        /// Depends on the type (5.16).
        80 map_extra: u64,
        /// Address of the room for the hash (6.18).
        88 hash: u64,
        /// Length of the hash.
        96 hash_size: u32,
        /// Zero.
        100 pad: u32,
    }

    /// A program: `struct bpf_prog_info`.
    ProgInfo, 232 {
        /// [`ProgramType`](crate::abi::ProgramType).
        0 r#type: u32,
        /// [`ProgramId`](crate::abi::ProgramId).
        4 id: u32,
        /// SHA-1 prefix of the instructions.
        8 tag: [u8; 8],
        /// Bytes of machine code.
        16 jited_prog_len: u32,
        /// Bytes of instructions after the verifier.
        20 xlated_prog_len: u32,
        /// Address of the room for machine code.
        24 jited_prog_insns: u64,
        /// Address of the room for instructions.
        32 xlated_prog_insns: u64,
        /// Nanoseconds since boot.
        40 load_time: u64,
        /// User that loaded it.
        48 created_by_uid: u32,
        /// Number of maps.
        52 nr_map_ids: u32,
        /// Address of the room for map ids.
        56 map_ids: u64,
        /// Name with NUL at its end.
        64 name: [u8; 16],
        /// Device of an offloaded program.
        80 ifindex: u32,
        /// Bit 0 in the kernel's bit order: the licence is compatible with the GPL.
        84 gpl_compatible: u32,
        /// Device of the network namespace of an offloaded program.
        88 netns_dev: u64,
        /// Inode of that namespace.
        96 netns_ino: u64,
        /// Number of functions with an address.
        104 nr_jited_ksyms: u32,
        /// Number of functions with a length.
        108 nr_jited_func_lens: u32,
        /// Address of the room for addresses.
        112 jited_ksyms: u64,
        /// Address of the room for lengths.
        120 jited_func_lens: u64,
        /// [`BtfId`](crate::abi::BtfId).
        128 btf_id: u32,
        /// Size of a function record.
        132 func_info_rec_size: u32,
        /// Address of the room for function records.
        136 func_info: u64,
        /// Number of function records.
        144 nr_func_info: u32,
        /// Number of line records.
        148 nr_line_info: u32,
        /// Address of the room for line records.
        152 line_info: u64,
        /// Address of the room for the addresses of lines.
        160 jited_line_info: u64,
        /// Number of addresses of lines.
        168 nr_jited_line_info: u32,
        /// Size of a line record.
        172 line_info_rec_size: u32,
        /// Size of an address of a line.
        176 jited_line_info_rec_size: u32,
        /// Number of tags, one per function.
        180 nr_prog_tags: u32,
        /// Address of the room for tags.
        184 prog_tags: u64,
        /// Nanoseconds spent, with statistics enabled.
        192 run_time_ns: u64,
        /// Number of runs, with statistics enabled.
        200 run_cnt: u64,
        /// Runs that were skipped because the program was running on that CPU already.
        208 recursion_misses: u64,
        /// Instructions that the verifier went through (5.16).
        216 verified_insns: u32,
        /// BTF of what it attaches to (5.18).
        220 attach_btf_obj_id: u32,
        /// Type that it attaches to.
        224 attach_btf_id: u32,
        /// Zero.
        228 pad: u32,
    }

    /// BTF: `struct bpf_btf_info`.
    BtfInfo, 32 {
        /// Address of the room for the BTF.
        0 btf: u64,
        /// Room; after the call, bytes of BTF.
        8 btf_size: u32,
        /// [`BtfId`](crate::abi::BtfId).
        12 id: u32,
        /// Address of the room for the name (5.11).
        16 name: u64,
        /// Room; after the call, length of the name.
        24 name_len: u32,
        /// 1 for the kernel's and its modules' BTF.
        28 kernel_btf: u32,
    }

    /// A link: the head of `struct bpf_link_info`, and room for what one kind has.
    LinkInfo, 64 {
        /// [`LinkType`](crate::abi::LinkType).
        0 r#type: u32,
        /// [`LinkId`](crate::abi::LinkId).
        4 id: u32,
        /// [`ProgramId`](crate::abi::ProgramId).
        8 prog_id: u32,
        /// Zero.
        12 pad: u32,
        /// One of the `LinkInfo...` structures.
        16 details: [u64; 6],
    }

    /// Raw tracepoint.
    LinkInfoRawTracepoint, 24 {
        /// Address of the room for the name.
        0 tp_name: u64,
        /// Room; after the call, the length with NUL.
        8 tp_name_len: u32,
        /// Zero.
        12 pad: u32,
        /// Value given at attachment (6.17).
        16 cookie: u64,
    }

    /// Tracing.
    LinkInfoTracing, 24 {
        /// [`AttachType`](crate::abi::AttachType).
        0 attach_type: u32,
        /// BTF or program that it is attached to.
        4 target_obj_id: u32,
        /// Type in that BTF.
        8 target_btf_id: u32,
        /// Zero.
        12 pad: u32,
        /// Value given at attachment (6.17).
        16 cookie: u64,
    }

    /// cgroup.
    LinkInfoCgroup, 16 {
        /// The cgroup's id.
        0 cgroup_id: u64,
        /// [`AttachType`](crate::abi::AttachType).
        8 attach_type: u32,
        /// Zero.
        12 pad: u32,
    }

    /// Iterator.
    LinkInfoIter, 32 {
        /// Address of the room for the name.
        0 target_name: u64,
        /// Room; after the call, the length with NUL.
        8 target_name_len: u32,
        /// The map, for iterators over a map.
        12 map_id: u32,
        /// The cgroup, for iterators over cgroups; low half: the thread, high half: the process, for iterators over tasks.
        16 cgroup_id: u64,
        /// Order of the walk over cgroups.
        24 order: u32,
        /// Zero.
        28 pad: u32,
    }

    /// Network namespace.
    LinkInfoNetns, 8 {
        /// The namespace's inode.
        0 netns_ino: u32,
        /// [`AttachType`](crate::abi::AttachType).
        4 attach_type: u32,
    }

    /// XDP (`ifindex` only), tcx, netkit.
    LinkInfoDevice, 8 {
        /// The device.
        0 ifindex: u32,
        /// [`AttachType`](crate::abi::AttachType); zero for XDP.
        4 attach_type: u32,
    }

    /// `struct_ops` (`map_id` only), socket map.
    LinkInfoMap, 8 {
        /// The map.
        0 map_id: u32,
        /// [`AttachType`](crate::abi::AttachType); zero for `struct_ops`.
        4 attach_type: u32,
    }

    /// Netfilter.
    LinkInfoNetfilter, 16 {
        /// Protocol family.
        0 pf: u32,
        /// Hook.
        4 hooknum: u32,
        /// Order among the hook's functions.
        8 priority: i32,
        /// [`NetfilterFlags`](crate::abi::NetfilterFlags).
        12 flags: u32,
    }

    /// Many kernel functions (6.6).
    LinkInfoKprobeMulti, 32 {
        /// Address of the room for addresses.
        0 addrs: u64,
        /// How many.
        8 count: u32,
        /// [`KprobeMultiFlags`](crate::abi::KprobeMultiFlags).
        12 flags: u32,
        /// Runs that were skipped.
        16 missed: u64,
        /// Address of the room for values.
        24 cookies: u64,
    }

    /// Many places in a user space file (6.8).
    LinkInfoUprobeMulti, 48 {
        /// Address of the room for the path.
        0 path: u64,
        /// Address of the room for file offsets.
        8 offsets: u64,
        /// Address of the room for the semaphores' file offsets.
        16 ref_ctr_offsets: u64,
        /// Address of the room for values.
        24 cookies: u64,
        /// Room; after the call, the length with NUL.
        32 path_size: u32,
        /// How many.
        36 count: u32,
        /// [`UprobeMultiFlags`](crate::abi::UprobeMultiFlags).
        40 flags: u32,
        /// The process, or zero.
        44 pid: u32,
    }

    /// Perf event (6.6): which source.
    LinkInfoPerfEvent, 8 {
        /// [`PerfEventType`](crate::abi::PerfEventType).
        0 r#type: u32,
        /// Zero.
        4 pad: u32,
    }

    /// Perf event on a user space function, after [`LinkInfoPerfEvent`].
    LinkInfoPerfUprobe, 32 {
        /// Address of the room for the path.
        0 file_name: u64,
        /// Room; after the call, the length with NUL.
        8 name_len: u32,
        /// Offset in the file.
        12 offset: u32,
        /// Value given at attachment (6.9).
        16 cookie: u64,
        /// The semaphore's file offset (6.16).
        24 ref_ctr_offset: u64,
    }

    /// Perf event on a kernel function, after [`LinkInfoPerfEvent`].
    LinkInfoPerfKprobe, 40 {
        /// Address of the room for the symbol.
        0 func_name: u64,
        /// Room; after the call, the length with NUL.
        8 name_len: u32,
        /// Offset from the symbol.
        12 offset: u32,
        /// Address; zero when hidden.
        16 addr: u64,
        /// Runs that were skipped (6.7).
        24 missed: u64,
        /// Value given at attachment (6.9).
        32 cookie: u64,
    }

    /// Perf event on a tracepoint, after [`LinkInfoPerfEvent`].
    LinkInfoPerfTracepoint, 24 {
        /// Address of the room for the name.
        0 tp_name: u64,
        /// Room; after the call, the length with NUL.
        8 name_len: u32,
        /// Zero.
        12 pad: u32,
        /// Value given at attachment (6.9).
        16 cookie: u64,
    }

    /// Perf event of another kind, after [`LinkInfoPerfEvent`].
    LinkInfoPerfEventSource, 24 {
        /// `config` of the event.
        0 config: u64,
        /// `type` of the event.
        8 r#type: u32,
        /// Zero.
        12 pad: u32,
        /// Value given at attachment (6.9).
        16 cookie: u64,
    }
}
