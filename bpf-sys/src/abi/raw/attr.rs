//! `union bpf_attr`: what each command of `bpf(2)` takes. Addresses are `u64`, also on 32-bit systems.

use super::raw;

raw! {
    /// `BPF_MAP_CREATE`.
    MapCreateAttr, 96 {
        /// [`MapType`](crate::abi::MapType).
        0 map_type: u32,
        /// Size of a key in bytes.
        4 key_size: u32,
        /// Size of a value in bytes.
        8 value_size: u32,
        /// Largest number of elements; bytes for a ring buffer, pages for an arena.
        12 max_entries: u32,
        /// [`MapFlags`](crate::abi::MapFlags).
        16 map_flags: u32,
        /// A map like those that this map of maps will hold.
        20 inner_map_fd: u32,
        /// NUMA node, with the flag for it.
        24 numa_node: u32,
        /// Name with NUL at its end.
        28 map_name: [u8; 16],
        /// Device for offloading.
        44 map_ifindex: u32,
        /// BTF that the type ids refer to.
        48 btf_fd: u32,
        /// Type of the key.
        52 btf_key_type_id: u32,
        /// Type of the value.
        56 btf_value_type_id: u32,
        /// Type of the value in the kernel's BTF, for `struct_ops`.
        60 btf_vmlinux_value_type_id: u32,
        /// Depends on the type: hash functions of a bloom filter, address of an arena.
        64 map_extra: u64,
        /// BTF of the module that has the value's type.
        72 value_type_btf_obj_fd: i32,
        /// Token.
        76 map_token_fd: i32,
        /// Address of the SHA-256 of the one program that may use the map (6.18).
        80 excl_prog_hash: u64,
        /// Length of that hash.
        88 excl_prog_hash_size: u32,
        /// Zero.
        92 pad: u32,
    }

    /// Commands on one element: lookup, update, delete, next key, freeze.
    MapElemAttr, 32 {
        /// The map.
        0 map_fd: u32,
        /// Zero.
        4 pad: u32,
        /// Address of the key.
        8 key: u64,
        /// Address of the value, or of the room for the next key.
        16 value: u64,
        /// [`UpdateFlags`](crate::abi::UpdateFlags).
        24 flags: u64,
    }

    /// Commands on many elements.
    BatchAttr, 56 {
        /// Address of the position to start from; zero for the start.
        0 in_batch: u64,
        /// Address of the room for the next position.
        8 out_batch: u64,
        /// Address of the keys.
        16 keys: u64,
        /// Address of the values.
        24 values: u64,
        /// Room for elements, and after the call the number of elements.
        32 count: u32,
        /// The map.
        36 map_fd: u32,
        /// [`UpdateFlags`](crate::abi::UpdateFlags) of each element.
        40 elem_flags: u64,
        /// Zero.
        48 flags: u64,
    }

    /// `BPF_PROG_LOAD`.
    ProgLoadAttr, 168 {
        /// [`ProgramType`](crate::abi::ProgramType).
        0 prog_type: u32,
        /// Number of instruction slots.
        4 insn_cnt: u32,
        /// Address of the instructions.
        8 insns: u64,
        /// Address of the licence, NUL at its end.
        16 license: u64,
        /// 0: no log, 1: what was wrong, 2: every step, 4: statistics.
        24 log_level: u32,
        /// Size of the log buffer.
        28 log_size: u32,
        /// Address of the log buffer.
        32 log_buf: u64,
        /// Version code, which old kernels compare with their own for kprobes.
        40 kern_version: u32,
        /// [`ProgramFlags`](crate::abi::ProgramFlags).
        44 prog_flags: u32,
        /// Name with NUL at its end.
        48 prog_name: [u8; 16],
        /// Device for offloading.
        64 prog_ifindex: u32,
        /// [`AttachType`](crate::abi::AttachType).
        68 expected_attach_type: u32,
        /// BTF of the program.
        72 prog_btf_fd: u32,
        /// Size of a function record.
        76 func_info_rec_size: u32,
        /// Address of the function records.
        80 func_info: u64,
        /// Number of function records.
        88 func_info_cnt: u32,
        /// Size of a line record.
        92 line_info_rec_size: u32,
        /// Address of the line records.
        96 line_info: u64,
        /// Number of line records.
        104 line_info_cnt: u32,
        /// Type to attach to, in the kernel's BTF, a module's or a program's.
        108 attach_btf_id: u32,
        /// Program to attach to, or BTF of a module.
        112 attach_prog_fd: u32,
        /// Number of CO-RE relocations that the kernel applies.
        116 core_relo_cnt: u32,
        /// Address of the descriptors that instructions index.
        120 fd_array: u64,
        /// Address of the CO-RE relocations.
        128 core_relos: u64,
        /// Size of a CO-RE relocation.
        136 core_relo_rec_size: u32,
        /// After the call: bytes of the whole log (6.4).
        140 log_true_size: u32,
        /// Token.
        144 prog_token_fd: i32,
        /// Number of descriptors in `fd_array` (6.14).
        148 fd_array_cnt: u32,
        /// Address of a signature (6.18).
        152 signature: u64,
        /// Length of the signature.
        160 signature_size: u32,
        /// Key ring for the signature.
        164 keyring_id: i32,
    }

    /// `BPF_OBJ_PIN`, `BPF_OBJ_GET`.
    ObjAttr, 24 {
        /// Address of the path, NUL at its end.
        0 pathname: u64,
        /// The object to pin.
        8 bpf_fd: u32,
        /// `RDONLY`, `WRONLY`, `PATH_FD` of [`MapFlags`](crate::abi::MapFlags).
        12 file_flags: u32,
        /// Folder that the path is relative to.
        16 path_fd: i32,
        /// Zero.
        20 pad: u32,
    }

    /// `BPF_PROG_ATTACH`, `BPF_PROG_DETACH`.
    ProgAttachAttr, 32 {
        /// Where: a descriptor, or a device number.
        0 target_fd: u32,
        /// The program.
        4 attach_bpf_fd: u32,
        /// [`AttachType`](crate::abi::AttachType).
        8 attach_type: u32,
        /// [`AttachFlags`](crate::abi::AttachFlags).
        12 attach_flags: u32,
        /// The program to replace.
        16 replace_bpf_fd: u32,
        /// The neighbour: a descriptor or an id.
        20 relative_fd: u32,
        /// Refuse unless the list has this revision.
        24 expected_revision: u64,
    }

    /// `BPF_PROG_TEST_RUN`.
    ProgTestRunAttr, 80 {
        /// The program.
        0 prog_fd: u32,
        /// After the call: what the program returned.
        4 retval: u32,
        /// Bytes of input.
        8 data_size_in: u32,
        /// Room for output; after the call, its length.
        12 data_size_out: u32,
        /// Address of the input.
        16 data_in: u64,
        /// Address of the room for output.
        24 data_out: u64,
        /// How often.
        32 repeat: u32,
        /// After the call: nanoseconds of one run.
        36 duration: u32,
        /// Bytes of context.
        40 ctx_size_in: u32,
        /// Room for the context; after the call, its length.
        44 ctx_size_out: u32,
        /// Address of the context.
        48 ctx_in: u64,
        /// Address of the room for the context.
        56 ctx_out: u64,
        /// [`TestRunFlags`](crate::abi::TestRunFlags).
        64 flags: u32,
        /// CPU, with the flag for it.
        68 cpu: u32,
        /// Packets per batch of live frames.
        72 batch_size: u32,
        /// Zero.
        76 pad: u32,
    }

    /// The commands on ids.
    IdAttr, 16 {
        /// The id, or the one before the one that is wanted.
        0 start_id: u32,
        /// After the call: the next id.
        4 next_id: u32,
        /// `RDONLY`, `WRONLY` of [`MapFlags`](crate::abi::MapFlags).
        8 open_flags: u32,
        /// Token (6.17).
        12 fd_by_id_token_fd: i32,
    }

    /// `BPF_OBJ_GET_INFO_BY_FD`.
    InfoAttr, 16 {
        /// The object.
        0 bpf_fd: u32,
        /// Size of the structure; after the call, how much of it the kernel filled.
        4 info_len: u32,
        /// Address of the structure.
        8 info: u64,
    }

    /// `BPF_PROG_QUERY`.
    ProgQueryAttr, 64 {
        /// Where: a descriptor, or a device number.
        0 target_fd: u32,
        /// [`AttachType`](crate::abi::AttachType).
        4 attach_type: u32,
        /// [`QueryFlags`](crate::abi::QueryFlags).
        8 query_flags: u32,
        /// After the call: [`AttachFlags`](crate::abi::AttachFlags).
        12 attach_flags: u32,
        /// Address of the room for program ids.
        16 prog_ids: u64,
        /// Room for ids; after the call, the number of programs.
        24 count: u32,
        /// Zero.
        28 pad: u32,
        /// Address of the room for each program's flags.
        32 prog_attach_flags: u64,
        /// Address of the room for link ids.
        40 link_ids: u64,
        /// Address of the room for each link's flags.
        48 link_attach_flags: u64,
        /// After the call: revision of the list.
        56 revision: u64,
    }

    /// `BPF_RAW_TRACEPOINT_OPEN`.
    RawTracepointAttr, 24 {
        /// Address of the name, NUL at its end; zero for programs that know their target.
        0 name: u64,
        /// The program.
        8 prog_fd: u32,
        /// Zero.
        12 pad: u32,
        /// Value for `bpf_get_attach_cookie` (6.10).
        16 cookie: u64,
    }

    /// `BPF_BTF_LOAD`.
    BtfLoadAttr, 40 {
        /// Address of the BTF.
        0 btf: u64,
        /// Address of the log buffer.
        8 btf_log_buf: u64,
        /// Bytes of BTF.
        16 btf_size: u32,
        /// Size of the log buffer.
        20 btf_log_size: u32,
        /// 0: no log, 1: what was wrong.
        24 btf_log_level: u32,
        /// After the call: bytes of the whole log (6.4).
        28 btf_log_true_size: u32,
        /// `TOKEN_FD`.
        32 btf_flags: u32,
        /// Token.
        36 btf_token_fd: i32,
    }

    /// `BPF_TASK_FD_QUERY`.
    TaskFdQueryAttr, 48 {
        /// The process.
        0 pid: u32,
        /// Its descriptor.
        4 fd: u32,
        /// Zero.
        8 flags: u32,
        /// Room for the name; after the call, its length.
        12 buf_len: u32,
        /// Address of the room for the name.
        16 buf: u64,
        /// After the call: the program.
        24 prog_id: u32,
        /// After the call: what the descriptor is.
        28 fd_type: u32,
        /// After the call: offset of the probe.
        32 probe_offset: u64,
        /// After the call: address of the probe.
        40 probe_addr: u64,
    }

    /// `BPF_LINK_CREATE`: what all kinds share, and room for what one kind has.
    LinkCreateAttr, 64 {
        /// The program, or the `struct_ops` map.
        0 prog_fd: u32,
        /// Where: a descriptor, or a device number.
        4 target_fd: u32,
        /// [`AttachType`](crate::abi::AttachType).
        8 attach_type: u32,
        /// Flags, which depend on the kind.
        12 flags: u32,
        /// One of the `LinkCreate...` structures.
        16 options: [u64; 6],
    }

    /// A function to replace, or a tracing program's value.
    LinkCreateTracing, 16 {
        /// Type of the function in the target's BTF, for freplace.
        0 target_btf_id: u32,
        /// Zero.
        4 pad: u32,
        /// Value for `bpf_get_attach_cookie` (6.0).
        8 cookie: u64,
    }

    /// An iterator's parameters.
    LinkCreateIter, 16 {
        /// Address of `union bpf_iter_link_info`.
        0 iter_info: u64,
        /// Its size.
        8 iter_info_len: u32,
        /// Zero.
        12 pad: u32,
    }

    /// A perf event's value.
    LinkCreatePerfEvent, 8 {
        /// Value for `bpf_get_attach_cookie`.
        0 bpf_cookie: u64,
    }

    /// Many kernel functions, by symbol or address.
    LinkCreateKprobeMulti, 32 {
        /// [`KprobeMultiFlags`](crate::abi::KprobeMultiFlags).
        0 flags: u32,
        /// How many.
        4 cnt: u32,
        /// Address of the addresses of the symbols.
        8 syms: u64,
        /// Address of the functions' addresses.
        16 addrs: u64,
        /// Address of the values, one per function.
        24 cookies: u64,
    }

    /// A netfilter hook.
    LinkCreateNetfilter, 16 {
        /// Protocol family.
        0 pf: u32,
        /// Hook.
        4 hooknum: u32,
        /// Order among the hook's functions.
        8 priority: i32,
        /// [`NetfilterFlags`](crate::abi::NetfilterFlags).
        12 flags: u32,
    }

    /// Position among the programs of a device (tcx, netkit) or of a cgroup.
    LinkCreateCgroup, 16 {
        /// The neighbour: a descriptor or an id.
        0 relative_fd: u32,
        /// Zero.
        4 pad: u32,
        /// Refuse unless the list has this revision.
        8 expected_revision: u64,
    }

    /// Many places in a user space file.
    LinkCreateUprobeMulti, 48 {
        /// Address of the path, NUL at its end.
        0 path: u64,
        /// Address of the file offsets.
        8 offsets: u64,
        /// Address of the file offsets of the semaphores.
        16 ref_ctr_offsets: u64,
        /// Address of the values, one per place.
        24 cookies: u64,
        /// How many.
        32 cnt: u32,
        /// [`UprobeMultiFlags`](crate::abi::UprobeMultiFlags).
        36 flags: u32,
        /// Only this process; zero for all.
        40 pid: u32,
        /// Zero.
        44 pad: u32,
    }

    /// Many functions, by BTF id.
    LinkCreateTracingMulti, 24 {
        /// Address of the type ids.
        0 ids: u64,
        /// Address of the values, one per function.
        8 cookies: u64,
        /// How many.
        16 cnt: u32,
        /// Zero.
        20 pad: u32,
    }

    /// `BPF_LINK_UPDATE`.
    LinkUpdateAttr, 16 {
        /// The link.
        0 link_fd: u32,
        /// The new program or map.
        4 new_prog_fd: u32,
        /// `REPLACE` of [`AttachFlags`](crate::abi::AttachFlags).
        8 flags: u32,
        /// The program or map that must be there now.
        12 old_prog_fd: u32,
    }

    /// `BPF_LINK_DETACH`.
    LinkDetachAttr, 4 {
        /// The link.
        0 link_fd: u32,
    }

    /// `BPF_ENABLE_STATS`.
    EnableStatsAttr, 4 {
        /// 0: run time.
        0 r#type: u32,
    }

    /// `BPF_ITER_CREATE`.
    IterCreateAttr, 8 {
        /// The link.
        0 link_fd: u32,
        /// Zero.
        4 flags: u32,
    }

    /// `BPF_PROG_BIND_MAP`.
    ProgBindMapAttr, 12 {
        /// The program.
        0 prog_fd: u32,
        /// The map.
        4 map_fd: u32,
        /// Zero.
        8 flags: u32,
    }

    /// `BPF_TOKEN_CREATE`.
    TokenCreateAttr, 8 {
        /// Zero.
        0 flags: u32,
        /// A BPF file system.
        4 bpffs_fd: u32,
    }

    /// `BPF_PROG_STREAM_READ_BY_FD`.
    ProgStreamReadAttr, 24 {
        /// Address of the room for text.
        0 stream_buf: u64,
        /// Its size.
        8 stream_buf_len: u32,
        /// 1: output, 2: errors.
        12 stream_id: u32,
        /// The program.
        16 prog_fd: u32,
        /// Zero.
        20 pad: u32,
    }

    /// `BPF_PROG_ASSOC_STRUCT_OPS`.
    ProgAssocStructOpsAttr, 12 {
        /// The map.
        0 map_fd: u32,
        /// The program.
        4 prog_fd: u32,
        /// Zero.
        8 flags: u32,
    }
}
