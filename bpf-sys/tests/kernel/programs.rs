//! Programs: loading, logs, running, information.

use std::os::fd::{AsFd, AsRawFd};

use bpf_sys::abi::{MapId, MapType, ObjectName, ProgramFlags, ProgramType, UpdateFlags};
use bpf_sys::prog::{self, TestRun};
use bpf_sys::{Errno, btf, map};

use crate::common::{
    add, call, copy, create, exit, leaks_nothing, load, options, returns, set, slot, store,
    store_register, wide,
};
use crate::objects::blob;

#[test]
fn a_program_runs_on_given_data() {
    leaks_nothing(|| {
        // XDP_PASS, and the first byte of the frame set to 0x55 when it has 14.
        let instructions = [
            slot(0x61, 2, 1, 0, 0),
            slot(0x61, 3, 1, 4, 0),
            copy(4, 2),
            add(4, 14),
            slot(0x2d, 4, 3, 1, 0),
            slot(0x72, 2, 0, 0, 0x55),
            returns(2),
        ]
        .concat();
        let program = load(ProgramType::XDP, &instructions);
        let data = [0xaa; 64];
        let mut out = [0; 100];
        let mut run = TestRun::default();
        run.data_in = &data;
        run.data_out = &mut out;
        run.repeat = 3;
        let outcome = prog::test_run(program.as_borrowed(), &mut run).unwrap();
        assert_eq!((outcome.return_value, outcome.data_len), (2, 64));
        assert_eq!(out[..2], [0x55, 0xaa]);
        assert!(out[64..].iter().all(|&byte| byte == 0), "the kernel writes no more than there is");
        // Too little room: an error, and not a byte beyond.
        let mut guarded = [0x77; 32];
        let (room, guard) = guarded.split_at_mut(16);
        let mut run = TestRun::default();
        run.data_in = &data;
        run.data_out = room;
        assert_eq!(
            prog::test_run(program.as_borrowed(), &mut run).unwrap_err().errno,
            Errno::ENOSPC
        );
        assert_eq!(guard, [0x77; 16]);
    });
}

#[test]
fn a_syscall_program_changes_its_context() {
    leaks_nothing(|| {
        if !testdata::requires("syscall programs", (5, 14)) {
            return;
        }
        // Through a register: kernels before 6.4 let no constant be stored into a context.
        let instructions = [set(2, 0x1234), store_register(1, 8, 2), returns(7)].concat();
        let mut load = options(ProgramType::SYSCALL, &instructions);
        load.flags = ProgramFlags::SLEEPABLE;
        let program = prog::load(&mut load).unwrap();
        let mut context = [0; 16];
        let mut run = TestRun::default();
        run.context = &mut context;
        assert_eq!(prog::test_run(program.as_borrowed(), &mut run).unwrap().return_value, 7);
        assert_eq!(context[8..], 0x1234u64.to_ne_bytes());
    });
}

#[test]
fn a_refused_program_has_a_log() {
    leaks_nothing(|| {
        // r0 is not set.
        let instructions = exit();
        let mut log = vec![0; 4096];
        let mut load = options(ProgramType::SOCKET_FILTER, &instructions);
        load.log_level = 1;
        load.log = &mut log;
        let error = prog::load(&mut load).unwrap_err();
        assert_eq!(error.error.errno, Errno::EACCES);
        assert_eq!(error.to_string(), "bpf(BPF_PROG_LOAD): EACCES (permission denied)");
        let text = String::from_utf8_lossy(&log).into_owned();
        assert!(text.contains("R0 !read_ok"), "{text}");
        // Without a level and without room.
        assert_eq!(
            prog::load(&mut options(ProgramType::SOCKET_FILTER, &instructions))
                .unwrap_err()
                .error
                .errno,
            Errno::EACCES
        );
        if testdata::requires("length of the log", (6, 4)) {
            let len = text.trim_end_matches('\0').len();
            assert_eq!(usize::try_from(error.log_true_size).unwrap(), len + 1);
            let mut short = vec![0; 8];
            let mut load = options(ProgramType::SOCKET_FILTER, &instructions);
            load.log_level = 1;
            load.log = &mut short;
            let error = prog::load(&mut load).unwrap_err();
            assert_eq!(
                (error.error.errno, usize::try_from(error.log_true_size).unwrap()),
                (Errno::ENOSPC, len + 1)
            );
        }
    });
}

#[test]
fn a_program_tells_its_name_maps_and_instructions() {
    leaks_nothing(|| {
        let map = create(MapType::ARRAY, 4, 8, 1);
        let instructions = [wide(1, 1, map.as_raw_fd(), 0), returns(0)].concat();
        let mut load = options(ProgramType::SOCKET_FILTER, &instructions);
        load.name = ObjectName::new("bpf_sys_test").unwrap();
        let program = prog::load(&mut load).unwrap();
        let program = program.as_borrowed();
        let info = prog::info(program).unwrap();
        assert_eq!(ProgramType(info.r#type), ProgramType::SOCKET_FILTER);
        assert_eq!(ObjectName::from_bytes(info.name).as_str(), "bpf_sys_test");
        assert_eq!(
            prog::map_ids(program).unwrap(),
            [MapId(map::info(map.as_borrowed()).unwrap().id)]
        );
        let xlated = prog::xlated(program).unwrap();
        assert_eq!(xlated.len(), usize::try_from(info.xlated_prog_len).unwrap());
        assert!(xlated.ends_with(&exit()));
        assert_eq!(
            prog::jited(program).unwrap().len(),
            usize::try_from(info.jited_prog_len).unwrap()
        );
        assert_eq!(prog::tags(program).unwrap(), [info.tag]);
        assert_eq!(
            prog::jited_symbols(program).unwrap().len(),
            prog::jited_function_lengths(program).unwrap().len()
        );
        assert_eq!(prog::btf_id(program).unwrap(), None);
        assert_eq!(prog::info(map.as_fd().into()).unwrap_err().errno, Errno::EINVAL);
        assert_eq!(prog::xlated(map.as_fd().into()).unwrap_err().errno, Errno::EINVAL);
    });
}

#[test]
fn records_of_functions_and_lines_come_back() {
    leaks_nothing(|| {
        let btf = btf::load(&blob(&["main"]), 0, &mut [], None).unwrap();
        let instructions = returns(0);
        let words =
            |words: &[u32]| words.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<u8>>();
        let (functions, lines) = (words(&[0, 3]), words(&[0, 1, 1, 7 << 10, 1, 1, 1, 8 << 10]));
        let mut load = options(ProgramType::SOCKET_FILTER, &instructions);
        load.btf = Some(btf.as_borrowed());
        load.func_info = &functions;
        load.func_info_size = 8;
        load.line_info = &lines;
        load.line_info_size = 16;
        let program = prog::load(&mut load).unwrap();
        let program = program.as_borrowed();
        let found = prog::func_info(program).unwrap();
        assert_eq!((found.size, &found.bytes), (8, &functions));
        let found = prog::line_info(program).unwrap();
        assert_eq!((found.size, found.iter().count(), &found.bytes), (16, 2, &lines));
        assert_eq!(prog::btf_id(program).unwrap(), Some(btf::info(btf.as_borrowed()).unwrap().id));
    });
}

#[test]
fn maps_are_named_by_descriptor_and_by_index() {
    leaks_nothing(|| {
        let map = create(MapType::ARRAY, 4, 8, 1);
        let by_descriptor = [wide(1, 2, map.as_raw_fd(), 0), store(1, 0, 11), returns(0)].concat();
        let program = load(ProgramType::SOCKET_FILTER, &by_descriptor);
        let run = |program: &bpf_sys::OwnedProgFd| {
            let mut run = TestRun::default();
            run.data_in = &[0; 64];
            prog::test_run(program.as_borrowed(), &mut run).unwrap();
            let mut value = [0; 8];
            assert!(map::lookup(map.as_borrowed(), &[0; 4], &mut value, UpdateFlags::ANY).unwrap());
            u64::from_ne_bytes(value)
        };
        assert_eq!(run(&program), 11);
        if testdata::requires("maps by index", (5, 14)) {
            let by_index = [wide(1, 6, 1, 0), store(1, 0, 12), returns(0)].concat();
            let fds = [map.as_fd(), map.as_fd()];
            let mut load = options(ProgramType::SOCKET_FILTER, &by_index);
            load.fd_array = &fds;
            assert_eq!(run(&prog::load(&mut load).unwrap()), 12);
            load.fd_array = &fds[..1];
            let error = prog::load(&mut load).unwrap_err().error;
            assert_eq!(error.note, Some("instruction with an index beyond fd_array"));
            if testdata::requires("length of fd_array", (6, 14)) {
                load.fd_array = &fds;
                load.bind_fd_array = true;
                assert_eq!(run(&prog::load(&mut load).unwrap()), 12);
            }
        }
    });
}

#[test]
fn a_bound_map_belongs_to_the_program() {
    leaks_nothing(|| {
        let program = load(ProgramType::SOCKET_FILTER, &returns(0));
        let map = create(MapType::ARRAY, 4, 8, 1);
        prog::bind_map(program.as_borrowed(), map.as_borrowed()).unwrap();
        assert_eq!(
            prog::map_ids(program.as_borrowed()).unwrap(),
            [MapId(map::info(map.as_borrowed()).unwrap().id)]
        );
    });
}

#[test]
fn a_program_array_takes_programs() {
    leaks_nothing(|| {
        let target = load(ProgramType::XDP, &returns(1));
        let array = create(MapType::PROG_ARRAY, 4, 4, 1);
        map::update(
            array.as_borrowed(),
            &[0; 4],
            &target.as_raw_fd().to_ne_bytes(),
            UpdateFlags::ANY,
        )
        .unwrap();
        // bpf_tail_call(ctx, array, 0); return 2
        let caller = load(
            ProgramType::XDP,
            &[wide(2, 1, array.as_raw_fd(), 0), set(3, 0), call(12), returns(2)].concat(),
        );
        let mut run = TestRun::default();
        run.data_in = &[0; 64];
        assert_eq!(prog::test_run(caller.as_borrowed(), &mut run).unwrap().return_value, 1);
        assert!(map::delete(array.as_borrowed(), &[0; 4]).unwrap());
    });
}

#[test]
fn a_program_prints_to_its_stream() {
    leaks_nothing(|| {
        let program = load(ProgramType::XDP, &returns(2));
        let mut text = [0; 64];
        let result = prog::read_stream(program.as_borrowed(), 1, &mut text);
        if testdata::requires("program streams", (6, 17)) {
            assert_eq!(result.unwrap(), 0);
        }
        // Whatever the kernel, a stream that there is not is an error.
        assert!(prog::read_stream(program.as_borrowed(), 99, &mut text).is_err());
    });
}
