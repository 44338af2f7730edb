//! Places in the list of programs of a hook that takes several: tcx, netkit and cgroups.

use bpf_sys::abi::{AttachFlags, LinkId, ProgramId};
use bpf_sys::link::LinkOptions;

/// Where in the list of attached programs a new one goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Position {
    /// Before all others.
    First,
    /// After all others.
    #[default]
    Last,
    /// Before this program.
    BeforeProgram(ProgramId),
    /// After this program.
    AfterProgram(ProgramId),
    /// Before the program of this link.
    BeforeLink(LinkId),
    /// After the program of this link.
    AfterLink(LinkId),
}

impl Position {
    /// Flags and options of the call that creates a link.
    pub(crate) const fn parts(self, expected_revision: u64) -> (u32, LinkOptions<'static>) {
        let (flags, relative) = self.neighbour();
        (flags.bits(), LinkOptions::Position { relative, expected_revision })
    }

    /// Flags, and the id of the neighbour.
    const fn neighbour(self) -> (AttachFlags, u32) {
        let id = AttachFlags::ID;
        match self {
            Position::First => (AttachFlags::BEFORE, 0),
            Position::Last => (AttachFlags::NONE, 0),
            Position::BeforeProgram(ProgramId(other)) => (AttachFlags::BEFORE.with(id), other),
            Position::AfterProgram(ProgramId(other)) => (AttachFlags::AFTER.with(id), other),
            Position::BeforeLink(LinkId(other)) => {
                (AttachFlags::BEFORE.with(id).with(AttachFlags::LINK), other)
            }
            Position::AfterLink(LinkId(other)) => {
                (AttachFlags::AFTER.with(id).with(AttachFlags::LINK), other)
            }
        }
    }
}

/// How to attach to a device that takes several programs.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct DeviceOptions {
    /// Where among the others.
    pub position: Position,
    /// Fail with [`ErrorKind::Busy`](crate::ErrorKind::Busy) unless the list has this revision, as a query gave it.
    pub expected_revision: Option<u64>,
}

impl DeviceOptions {
    /// Sets where among the others.
    #[must_use]
    pub fn with_position(mut self, position: Position) -> Self {
        self.position = position;
        self
    }

    /// Sets the revision that the list must have.
    #[must_use]
    pub fn with_expected_revision(mut self, revision: u64) -> Self {
        self.expected_revision = Some(revision);
        self
    }

    /// Flags and options of the call.
    pub(crate) fn parts(&self) -> (u32, LinkOptions<'static>) {
        self.position.parts(self.expected_revision.unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_flags_and_an_id() {
        for (position, flags, id) in [
            (Position::First, 8, 0),
            (Position::Last, 0, 0),
            (Position::BeforeProgram(ProgramId(7)), 8 | 32, 7),
            (Position::AfterProgram(ProgramId(7)), 16 | 32, 7),
            (Position::BeforeLink(LinkId(7)), 8 | 32 | 1 << 13, 7),
            (Position::AfterLink(LinkId(7)), 16 | 32 | 1 << 13, 7),
        ] {
            let (found, neighbour) = position.neighbour();
            assert_eq!((found.bits(), neighbour), (flags, id), "{position:?}");
        }
    }
}
