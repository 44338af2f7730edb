//! The vocabulary of the kernel's BPF interface: constants, flags, ids. Plain numbers with names, on any system.
//!
//! Constants are *open newtypes*: `MapType(99)` is a map type without a name. They carry the names of C without the
//! prefix (`BPF_MAP_TYPE_HASH` is [`MapType::HASH`]), the lower-case name for texts, and the first kernel.

mod attach;
mod command;
mod id;
mod link;
mod macros;
mod map;
mod name;
mod program;
pub mod raw;
mod version;

pub use attach::{AttachFlags, AttachType, QueryFlags};
pub use command::Command;
pub use id::{BtfId, LinkId, MapId, ProgramId};
pub use link::{
    KprobeMultiFlags, LinkType, NetfilterFlags, PerfEventType, UprobeMultiFlags, XdpFlags,
};
pub use map::{MapFlags, MapType, UpdateFlags};
pub use name::ObjectName;
pub use program::{ProgramFlags, ProgramType, TestRunFlags};
pub use version::{KernelVersion, ParseVersionError};

/// Room for the name of a map or program, with the NUL at its end: a name has at most 15 bytes.
#[doc(alias = "BPF_OBJ_NAME_LEN")]
pub const OBJECT_NAME_LEN: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_c_in_lower_case() {
        let rows = [
            (MapType::HASH.name(), "hash"),
            (MapType(35).name(), "rhash"),
            (ProgramType::CGROUP_SKB.name(), "cgroup_skb"),
            (ProgramType(0).name(), "unspec"),
            (AttachType::CGROUP_INET_EGRESS.name(), "cgroup_inet_egress"),
            (AttachType::TRACE_FENTRY.name(), "trace_fentry"),
            (AttachType(61).name(), "trace_fsession_multi"),
            (LinkType(15).name(), "tracing_multi"),
            (Command(38).name(), "prog_assoc_struct_ops"),
        ];
        for (name, expected) in rows {
            assert_eq!(name, Some(expected));
        }
        assert_eq!(Command::MAP_CREATE.c_name().as_deref(), Some("BPF_MAP_CREATE"));
    }

    #[test]
    fn every_value_has_one_name_and_the_numbers_have_no_gap() {
        fn check(all: &[(u32, Option<&str>, Option<u32>)]) {
            for (index, (value, name, back)) in all.iter().enumerate() {
                assert_eq!(usize::try_from(*value).ok(), Some(index));
                assert_eq!(*back, Some(*value), "{name:?}");
            }
        }
        macro_rules! rows {
            ($type:ident) => {
                $type::ALL
                    .iter()
                    .map(|v| (v.0, v.name(), v.name().and_then($type::from_name).map(|v| v.0)))
                    .collect::<Vec<_>>()
            };
        }
        let tables = [
            (rows!(MapType), 36),
            (rows!(ProgramType), 33),
            (rows!(AttachType), 62),
            (rows!(LinkType), 16),
            (rows!(Command), 39),
            (rows!(PerfEventType), 7),
        ];
        for (table, len) in tables {
            assert_eq!(table.len(), len);
            check(&table);
        }
    }

    #[test]
    fn unknown_values_survive_and_print_as_numbers() {
        assert_eq!(MapType(999).name(), None);
        assert_eq!(MapType(999).first_kernel(), None);
        assert_eq!(format!("{:?} {:?}", MapType(999), MapType::HASH), "MapType(999) MapType(hash)");
        assert_eq!(format!("{} {}", MapType(999), MapType::HASH), "unknown (999) hash");
        assert_eq!(AttachType::from_name("no such type"), None);
        assert_eq!(MapType::RINGBUF.first_kernel(), Some(KernelVersion::new(5, 8, 0)));
    }

    #[test]
    fn flags_keep_unknown_bits_and_print_them_in_hexadecimal() {
        let flags = MapFlags::NO_PREALLOC | MapFlags::RDONLY_PROG | MapFlags::from_bits(1 << 31);
        assert_eq!(format!("{flags:?}"), "MapFlags(NO_PREALLOC | RDONLY_PROG | 0x80000000)");
        assert_eq!(
            format!("{:?} {:?}", MapFlags::NONE, UpdateFlags::EXIST),
            "MapFlags(0x0) UpdateFlags(EXIST)"
        );
        assert_eq!(flags.bits(), 0x8000_0081);
        assert!(
            flags.contains(MapFlags::RDONLY_PROG)
                && !flags.contains(MapFlags::RDONLY_PROG | MapFlags::CLONE)
        );
        assert!(
            flags.intersects(MapFlags::RDONLY_PROG | MapFlags::CLONE)
                && !flags.intersects(MapFlags::CLONE)
        );
        assert_eq!(flags.without(MapFlags::NO_PREALLOC).bits(), 0x8000_0080);
        assert!(MapFlags::default().is_empty() && !flags.is_empty());
        let mut grown = ProgramFlags::SLEEPABLE;
        grown |= ProgramFlags::XDP_HAS_FRAGS;
        assert_eq!(grown.bits(), 0x30);
        assert_eq!(UpdateFlags::for_cpu(3).bits(), 0x3_0000_0008);
    }

    #[test]
    fn ids_print_as_numbers() {
        assert_eq!(format!("{} {:?}", MapId(7), ProgramId(8)), "7 ProgramId(8)");
        assert_eq!(u32::from(LinkId(9)) + u32::from(BtfId(1)), 10);
    }
}
