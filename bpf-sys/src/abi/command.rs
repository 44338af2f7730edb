//! The commands of `bpf(2)`.

use super::macros::{lower_name, open_enum};

open_enum! {
    /// A command of `bpf(2)`: `enum bpf_cmd`.
    Command(u32), "BPF_";
    /// Create a map.
    MAP_CREATE = 0, (3, 18);
    /// Read an element.
    MAP_LOOKUP_ELEM = 1, (3, 18);
    /// Create or replace an element.
    MAP_UPDATE_ELEM = 2, (3, 18);
    /// Delete an element.
    MAP_DELETE_ELEM = 3, (3, 18);
    /// The key after a given one.
    MAP_GET_NEXT_KEY = 4, (3, 18);
    /// Verify and load a program.
    PROG_LOAD = 5, (3, 18);
    /// Give an object a path in a BPF file system.
    OBJ_PIN = 6, (4, 4);
    /// Open an object by its path.
    OBJ_GET = 7, (4, 4);
    /// Attach a program to a hook, without a link.
    PROG_ATTACH = 8, (4, 10);
    /// Detach a program from a hook.
    PROG_DETACH = 9, (4, 10);
    /// Run a program on given data.
    PROG_TEST_RUN = 10, (4, 12);
    /// The program id after a given one.
    PROG_GET_NEXT_ID = 11, (4, 13);
    /// The map id after a given one.
    MAP_GET_NEXT_ID = 12, (4, 13);
    /// Open a program by its id.
    PROG_GET_FD_BY_ID = 13, (4, 13);
    /// Open a map by its id.
    MAP_GET_FD_BY_ID = 14, (4, 13);
    /// Describe an object.
    OBJ_GET_INFO_BY_FD = 15, (4, 13);
    /// List the programs at a hook.
    PROG_QUERY = 16, (4, 15);
    /// Attach a program to a raw tracepoint.
    RAW_TRACEPOINT_OPEN = 17, (4, 17);
    /// Verify and load BTF.
    BTF_LOAD = 18, (4, 18);
    /// Open BTF by its id.
    BTF_GET_FD_BY_ID = 19, (4, 18);
    /// What a perf event descriptor of a task is attached to.
    TASK_FD_QUERY = 20, (4, 18);
    /// Read an element and delete it.
    MAP_LOOKUP_AND_DELETE_ELEM = 21, (4, 20);
    /// Forbid writes from user space for good.
    MAP_FREEZE = 22, (5, 2);
    /// The BTF id after a given one.
    BTF_GET_NEXT_ID = 23, (5, 4);
    /// Read many elements.
    MAP_LOOKUP_BATCH = 24, (5, 6);
    /// Read many elements and delete them.
    MAP_LOOKUP_AND_DELETE_BATCH = 25, (5, 6);
    /// Create or replace many elements.
    MAP_UPDATE_BATCH = 26, (5, 6);
    /// Delete many elements.
    MAP_DELETE_BATCH = 27, (5, 6);
    /// Attach a program to a hook through a link.
    LINK_CREATE = 28, (5, 7);
    /// Replace the program or map of a link.
    LINK_UPDATE = 29, (5, 7);
    /// Open a link by its id.
    LINK_GET_FD_BY_ID = 30, (5, 8);
    /// The link id after a given one.
    LINK_GET_NEXT_ID = 31, (5, 8);
    /// Count runs and time as long as the descriptor is open.
    ENABLE_STATS = 32, (5, 8);
    /// A descriptor that reads from an iterator link.
    ITER_CREATE = 33, (5, 8);
    /// Detach a link, and keep it.
    LINK_DETACH = 34, (5, 9);
    /// Keep a map as long as a program lives.
    PROG_BIND_MAP = 35, (5, 10);
    /// A token that delegates rights, from a BPF file system.
    TOKEN_CREATE = 36, (6, 9);
    /// Read what a program printed to its streams.
    PROG_STREAM_READ_BY_FD = 37, (6, 17);
    /// Tie a program to a `struct_ops` map.
    PROG_ASSOC_STRUCT_OPS = 38, (7, 0);
}

impl Command {
    /// The name as in C: `BPF_MAP_CREATE`.
    pub fn c_name(self) -> Option<String> {
        self.name().map(|name| format!("BPF_{}", name.to_ascii_uppercase()))
    }
}
