//! Commands on links.

mod create;
mod info;

pub use create::{
    IterTarget, KprobeTargets, LinkCreate, LinkOptions, LinkSource, create, detach, open_iter,
    open_raw_tracepoint, update,
};
pub use info::{LinkDetails, LinkInfo, info};
