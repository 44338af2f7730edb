//! Commands on maps.
//!
//! Buffers are bytes in the machine's byte order. Their lengths are checked against the sizes that the kernel has for the map, before the call:
//! a wrong length is `EINVAL` with a [`note`](crate::SysError::note), never an access beyond a buffer.

mod batch;
mod create;
mod element;
mod fd;

pub use batch::{
    Batch, BatchCursor, BatchError, delete_batch, lookup_and_delete_batch, lookup_batch,
    update_batch,
};
pub use create::{MapCreate, create};
pub(crate) use create::{create_fd, create_with_bad_descriptors};
pub use element::{delete, freeze, lookup, lookup_and_delete, next_key, update};
pub use fd::{MapFd, MapShape, OwnedMapFd, info};
