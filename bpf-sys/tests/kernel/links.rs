//! Links and attachments, on cgroups and sockets of our own and on iterators.

use std::io::Read;
use std::net::UdpSocket;
use std::os::fd::AsFd;

use bpf_sys::abi::{
    AttachFlags, AttachType, LinkType, MapType, ProgramId, ProgramType, QueryFlags,
};
use bpf_sys::link::{self, IterTarget, LinkCreate, LinkDetails, LinkOptions, LinkSource};
use bpf_sys::prog::{self, Attach, Where};
use bpf_sys::{Errno, OwnedProgFd, memory, object, socket};

use crate::common::{BpfFs, Cgroup, create, leaks_nothing, load, options, returns};

const EGRESS: AttachType = AttachType::CGROUP_INET_EGRESS;

fn id(program: &OwnedProgFd) -> ProgramId {
    ProgramId(prog::info(program.as_borrowed()).unwrap().id)
}

#[test]
fn a_link_on_a_cgroup_is_created_updated_described_pinned_and_detached() {
    leaks_nothing(|| {
        let cgroup = Cgroup::new();
        let (first, second) = (
            load(ProgramType::CGROUP_SKB, &returns(1)),
            load(ProgramType::CGROUP_SKB, &returns(1)),
        );
        let (old, new) =
            (LinkSource::Program(first.as_borrowed()), LinkSource::Program(second.as_borrowed()));
        let owner = link::create(&LinkCreate::new(old, Where::Fd(cgroup.fd()), EGRESS)).unwrap();
        let fd = owner.as_borrowed();
        let info = link::info(fd).unwrap();
        assert_eq!((info.link_type, info.program), (LinkType::CGROUP, id(&first)));
        assert!(
            matches!(info.details, LinkDetails::Cgroup { cgroup, attach_type: EGRESS } if cgroup != 0),
            "{info:?}"
        );
        let listed = prog::query(Where::Fd(cgroup.fd()), EGRESS, QueryFlags::NONE).unwrap();
        assert_eq!(
            listed.programs.iter().map(|entry| entry.program).collect::<Vec<_>>(),
            [id(&first)]
        );
        // Only if the old one is there.
        assert_eq!(link::update(fd, new, Some(new)).unwrap_err().errno, Errno::EPERM);
        link::update(fd, new, Some(old)).unwrap();
        assert_eq!(link::info(fd).unwrap().program, id(&second));
        let fs = BpfFs::new();
        let path = fs.path.join("link");
        object::pin(&owner, None, &path).unwrap();
        assert_eq!(
            link::info(object::open_link(&path).unwrap().as_borrowed()).unwrap().id,
            info.id
        );
        assert_eq!(
            link::info(object::link_by_id(info.id).unwrap().as_borrowed()).unwrap().id,
            info.id
        );
        let mut ids = Vec::new();
        while let Some(next) = object::next_link(ids.last().copied()).unwrap() {
            ids.push(next);
        }
        assert!(ids.contains(&info.id));
        link::detach(fd).unwrap();
        assert!(
            prog::query(Where::Fd(cgroup.fd()), EGRESS, QueryFlags::NONE)
                .unwrap()
                .programs
                .is_empty()
        );
    });
}

#[test]
fn wrong_links_are_errors() {
    leaks_nothing(|| {
        let program = load(ProgramType::CGROUP_SKB, &returns(1));
        let file = std::fs::File::open("/dev/null").unwrap();
        let source = LinkSource::Program(program.as_borrowed());
        let error =
            link::create(&LinkCreate::new(source, Where::Fd(file.as_fd()), EGRESS)).unwrap_err();
        assert_eq!(error.errno, Errno::EBADF);
        let mut options =
            LinkCreate::new(source, Where::Fd(file.as_fd()), AttachType::TRACE_KPROBE_MULTI);
        options.options = LinkOptions::PerfEvent { cookie: 1 };
        assert_eq!(
            link::create(&options).unwrap_err().note,
            Some("options of another kind than the attach type")
        );
        assert_eq!(link::info(program.as_fd().into()).unwrap_err().errno, Errno::EINVAL);
        assert!(link::detach(program.as_fd().into()).is_err());
        assert!(link::open_iter(program.as_fd().into()).is_err());
        assert_eq!(
            link::open_raw_tracepoint(Some(c"none"), program.as_borrowed(), 0).unwrap_err().errno,
            Errno::EINVAL
        );
    });
}

#[test]
fn programs_are_attached_listed_and_detached() {
    leaks_nothing(|| {
        let cgroup = Cgroup::new();
        let target = Where::Fd(cgroup.fd());
        let programs: Vec<_> = (0..5).map(|_| load(ProgramType::CGROUP_SKB, &returns(1))).collect();
        let mut attach = Attach::new(target, EGRESS);
        attach.flags = AttachFlags::ALLOW_MULTI;
        assert!(prog::query(target, EGRESS, QueryFlags::NONE).unwrap().programs.is_empty());
        for program in &programs {
            prog::attach(program.as_borrowed(), &attach).unwrap();
        }
        let list = |flags| {
            prog::query(target, EGRESS, flags)
                .unwrap()
                .programs
                .into_iter()
                .map(|entry| entry.program)
                .collect::<Vec<_>>()
        };
        let expected: Vec<_> = programs.iter().map(id).collect();
        assert_eq!(list(QueryFlags::NONE), expected);
        assert_eq!(list(QueryFlags::EFFECTIVE)[..5], expected);
        for program in &programs {
            prog::detach(Some(program.as_borrowed()), &Attach::new(target, EGRESS)).unwrap();
        }
        assert!(list(QueryFlags::NONE).is_empty());
        let error = prog::detach(Some(programs[0].as_borrowed()), &Attach::new(target, EGRESS))
            .unwrap_err();
        assert_eq!(error.errno, Errno::ENOENT);
    });
}

#[test]
fn a_filter_decides_what_a_socket_receives() {
    leaks_nothing(|| {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        receiver.set_nonblocking(true).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = receiver.local_addr().unwrap();
        let received = |text: &[u8]| {
            sender.send_to(text, address).unwrap();
            let mut buffer = [0; 16];
            receiver.recv(&mut buffer).ok()
        };
        assert_eq!(received(b"one"), Some(3));
        let drops = load(ProgramType::SOCKET_FILTER, &returns(0));
        socket::attach_filter(&receiver, &drops).unwrap();
        assert_eq!(received(b"two"), None);
        socket::detach_filter(&receiver).unwrap();
        assert_eq!(received(b"three"), Some(5));
        let wrong = load(ProgramType::XDP, &returns(0));
        assert_eq!(socket::attach_filter(&receiver, &wrong).unwrap_err().errno, Errno::EINVAL);
    });
}

/// The id of a function in the kernel's BTF: a walk over the types, whose lengths depend on the kind.
fn kernel_function(name: &str) -> u32 {
    let kernel = memory::kernel_btf().unwrap();
    assert!(kernel.from_kernel);
    let bytes: &[u8] = (*kernel.bytes).as_ref();
    let word = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
    let size = |value: u32| usize::try_from(value).unwrap();
    let header = size(word(4));
    let (types, end, strings) =
        (header + size(word(8)), header + size(word(8)) + size(word(12)), header + size(word(16)));
    let (mut at, mut id) = (types, 1);
    while at < end {
        let (name_at, info) = (strings + size(word(at)), word(at + 4));
        let (kind, vlen) = ((info >> 24) & 0x1f, size(info & 0xffff));
        if kind == 12
            && bytes[name_at..].starts_with(name.as_bytes())
            && bytes[name_at + name.len()] == 0
        {
            return id;
        }
        at += 12
            + match kind {
                1 | 14 | 17 => 4,
                3 => 12,
                4 | 5 | 15 | 19 => 12 * vlen,
                6 | 13 => 8 * vlen,
                _ => 0,
            };
        id += 1;
    }
    panic!("no function {name}");
}

#[test]
fn an_iterator_is_linked_and_read() {
    leaks_nothing(|| {
        let instructions = returns(0);
        let mut load = options(ProgramType::TRACING, &instructions);
        load.attach_type = AttachType::TRACE_ITER;
        load.attach_btf_id = kernel_function("bpf_iter_bpf_map_elem");
        let program = prog::load(&mut load).unwrap();
        let map = create(MapType::HASH, 4, 4, 4);
        let mut create = LinkCreate::new(
            LinkSource::Program(program.as_borrowed()),
            Where::None,
            AttachType::TRACE_ITER,
        );
        create.options = LinkOptions::Iter(IterTarget::Map(map.as_borrowed()));
        let link = link::create(&create).unwrap();
        let info = link::info(link.as_borrowed()).unwrap();
        let LinkDetails::Iter { target, map: Some(walked) } = info.details else {
            panic!("{info:?}")
        };
        assert_eq!(
            (info.link_type, target.as_str(), walked.0),
            (LinkType::ITER, "bpf_map_elem", bpf_sys::map::info(map.as_borrowed()).unwrap().id)
        );
        let mut text = String::new();
        std::fs::File::from(link::open_iter(link.as_borrowed()).unwrap())
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "");
    });
}
