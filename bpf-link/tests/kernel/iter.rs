//! Tests of iterators.
use std::io::Read as _;

use bpf_link::{ErrorKind, IterOver, LinkDetails, attach_iter};
use bpf_sys::abi::{AttachType, LinkType, MapType, ProgramType, UpdateFlags};
use bpf_sys::{AsMapFd as _, map};

use crate::support::{Program, kernel_type, leaks_nothing};
use bpf_btf::Kind;

fn program(over: &str) -> Program {
    let btf_id = kernel_type(&format!("bpf_iter_{over}"), Kind::Func);
    Program::bound(ProgramType::TRACING, AttachType::TRACE_ITER, btf_id, false, 0)
}

#[test]
fn reading_runs_the_program_for_every_object() {
    leaks_nothing(|| {
        let program = program("task");
        let link = attach_iter(&program, IterOver::All).unwrap();
        let info = link.info().unwrap();
        assert_eq!((info.link_type, info.program), (LinkType::ITER, program.id()));
        match info.details {
            LinkDetails::Iter { target, map: None, .. } => assert_eq!(target, "task"),
            other => panic!("{other:?}"),
        }
        let mut text = String::new();
        link.read_iter().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "", "the program prints nothing");
        let one_walk = program.hits();
        assert!(one_walk > 1);
        link.read_iter().unwrap().read_to_string(&mut text).unwrap();
        assert!(program.hits() > one_walk, "a second walk starts anew");
    });
}

#[test]
fn an_iterator_over_a_map_visits_its_elements() {
    let program = program("bpf_map_elem");
    let numbers = map::create(&map::MapCreate::new(MapType::HASH, 4, 4, 8)).unwrap();
    for key in 0..5_u32 {
        let key = key.to_ne_bytes();
        map::update(numbers.as_map_fd(), &key, &key, UpdateFlags::ANY).unwrap();
    }
    let link = attach_iter(&program, IterOver::map(&numbers)).unwrap();
    let mut text = String::new();
    link.read_iter().unwrap().read_to_string(&mut text).unwrap();
    // Once for each element, and once more for the end.
    assert_eq!(program.hits(), 6);
    assert!(matches!(link.info().unwrap().details, LinkDetails::Iter { map: Some(_), .. }));
    let error = attach_iter(&program, IterOver::All).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Invalid, "{error}");
}
