//! Numbers of network devices.

use std::fmt;

/// The index of a network device, unique in its network namespace. As `if_nametoindex` gives it and `ip link` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IfIndex(pub u32);

impl fmt::Display for IfIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<u32> for IfIndex {
    fn from(index: u32) -> Self {
        IfIndex(index)
    }
}
