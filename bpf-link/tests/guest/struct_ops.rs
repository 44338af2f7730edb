//! Tests of links to `struct_ops` maps.
use std::fs;
use std::os::fd::AsRawFd as _;

use bpf_btf::{BtfBuilder, ByteOrder, Definition, Kind};
use bpf_link::{ErrorKind, LinkDetails, attach_struct_ops};
use bpf_sys::abi::{AttachType, LinkType, MapFlags, MapType, ProgramType, UpdateFlags};
use bpf_sys::{AsMapFd as _, AsProgFd as _, OwnedMapFd, btf, map};

use crate::support::{Program, guest_only, kernel_btf, kernel_type, leaks_nothing};

const STRUCT: &str = "tcp_congestion_ops";
const NAME: &str = "bpf_link_test";

/// A map with a congestion control whose functions are programs; they must live as long as it is registered.
fn congestion_control(flags: MapFlags) -> (OwnedMapFd, Vec<Program>) {
    let kernel = kernel_btf();
    let struct_id = kernel_type(STRUCT, Kind::Struct);
    let outer_id = kernel_type(&format!("bpf_struct_ops_{STRUCT}"), Kind::Struct);
    let composite = |id| kernel.get(bpf_btf::TypeId::new(id)).unwrap().composite().unwrap();
    let (inner, outer) = (composite(struct_id), composite(outer_id));
    let bytes = |bits: u32| usize::try_from(bits / 8).unwrap();
    let data = bytes(outer.member_named("data").unwrap().bit_offset());
    let mut value = vec![0; usize::try_from(outer.size()).unwrap()];
    let mut put = |member: &str, new: &[u8]| {
        let at = bytes(inner.member_named(member).unwrap().bit_offset());
        value[data..][at..][..new.len()].copy_from_slice(new);
    };
    put("name", NAME.as_bytes());
    let programs = ["ssthresh", "undo_cwnd", "cong_avoid"].map(|member| {
        let index = inner.members().position(|found| found.name() == member).unwrap();
        let attach_type = AttachType(u32::try_from(index).unwrap());
        let program = Program::bound(ProgramType::STRUCT_OPS, attach_type, struct_id, false, 2);
        let fd = u64::try_from(program.as_prog_fd().as_raw_fd()).unwrap();
        put(member, &fd.to_ne_bytes());
        program
    });
    let mut any = BtfBuilder::new();
    let int = Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false };
    any.add(&int).unwrap();
    let any = btf::load(&any.write(ByteOrder::NATIVE).unwrap(), 0, &mut [], None).unwrap();
    let mut create = map::MapCreate::new(MapType::STRUCT_OPS, 4, outer.size(), 1);
    create.flags = flags;
    create.btf = Some(any.as_borrowed());
    create.btf_vmlinux_value_type_id = outer_id;
    let map = map::create(&create).unwrap();
    map::update(map.as_map_fd(), &[0; 4], &value, UpdateFlags::ANY).unwrap();
    (map, programs.into())
}

fn registered() -> bool {
    let path = "/proc/sys/net/ipv4/tcp_available_congestion_control";
    fs::read_to_string(path).unwrap().split_whitespace().any(|name| name == NAME)
}

#[test]
fn a_structure_is_registered_until_dropped() {
    guest_only();
    if !testdata::requires("links of struct_ops maps", (6, 4)) {
        return;
    }
    leaks_nothing(|| {
        let (map, _programs) = congestion_control(MapFlags::LINK);
        assert!(!registered());
        let link = attach_struct_ops(&map).unwrap();
        assert!(registered());
        let info = link.info().unwrap();
        assert_eq!(info.link_type, LinkType::STRUCT_OPS);
        assert!(matches!(info.details, LinkDetails::StructOps { .. }), "{info:?}");
        drop(link);
        assert!(!registered(), "after drop");
    });
}

#[test]
fn a_map_of_another_kind_is_refused() {
    guest_only();
    let map = map::create(&map::MapCreate::new(MapType::ARRAY, 4, 4, 1)).unwrap();
    let error = attach_struct_ops(&map).unwrap_err();
    if testdata::requires("links of struct_ops maps", (6, 4)) {
        assert_eq!(error.kind(), &ErrorKind::Invalid, "{error}");
    } else {
        assert!(error.is_not_supported() && error.to_string().contains("6.4"), "{error}");
    }
}
