//! Commands on programs.

mod attach;
mod info;
mod load;
mod run;

pub use attach::{Attach, Query, QueryEntry, TaskEvent, Where, attach, detach, query, task_event};
pub use info::{
    Records, btf_id, func_info, info, jited, jited_function_lengths, jited_symbols, line_info,
    map_ids, tags, xlated,
};
pub use load::{AttachTarget, Load, LoadError, load};
pub use run::{RunOutcome, TestRun, associate_struct_ops, bind_map, read_stream, test_run};
