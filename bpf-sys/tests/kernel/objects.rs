//! Pins, BTF, statistics.

use std::os::fd::AsFd;
use std::path::Path;

use bpf_sys::abi::{BtfId, MapFlags, MapType, ProgramId, ProgramType};
use bpf_sys::{Errno, btf, map, object, prog, system};

use crate::common::{BpfFs, create, leaks_nothing, load, returns};

/// BTF with `int`, and for each name in `functions` a static function without arguments, in the machine's byte order. The functions'
/// ids are 3, 4 and so on.
pub(crate) fn blob(functions: &[&str]) -> Vec<u8> {
    let mut strings = b"\0int\0".to_vec();
    let mut types: Vec<u32> = vec![1, 1 << 24, 4, (1 << 24) | 32];
    // int (*)(void)
    types.extend([0, 13 << 24, 1]);
    for name in functions {
        types.extend([u32::try_from(strings.len()).unwrap(), 12 << 24, 2]);
        strings.extend(name.bytes().chain([0]));
    }
    let types: Vec<u8> = types.into_iter().flat_map(u32::to_ne_bytes).collect();
    let (types_len, strings_len) =
        (u32::try_from(types.len()).unwrap(), u32::try_from(strings.len()).unwrap());
    let mut blob = [&0xeb9f_u16.to_ne_bytes()[..], &[1, 0]].concat();
    for word in [24, 0, types_len, types_len, strings_len] {
        blob.extend(word.to_ne_bytes());
    }
    [blob, types, strings].concat()
}

#[test]
fn a_pinned_object_is_opened_by_its_path() {
    leaks_nothing(|| {
        let fs = BpfFs::new();
        let map = create(MapType::ARRAY, 4, 4, 1);
        let program = load(ProgramType::SOCKET_FILTER, &returns(0));
        let (map_path, program_path) = (fs.path.join("map"), fs.path.join("program"));
        object::pin(&map, None, &map_path).unwrap();
        object::pin(&program, None, &program_path).unwrap();
        assert_eq!(object::pin(&map, None, &map_path).unwrap_err().errno, Errno::EEXIST);
        let again = object::open_map(&map_path, MapFlags::NONE).unwrap();
        assert_eq!(
            map::info(again.as_borrowed()).unwrap().id,
            map::info(map.as_borrowed()).unwrap().id
        );
        let again = object::open_program(&program_path).unwrap();
        assert_eq!(
            prog::info(again.as_borrowed()).unwrap().id,
            prog::info(program.as_borrowed()).unwrap().id
        );
        // Of another kind, not there, in no BPF file system.
        assert_eq!(
            object::open_map(&program_path, MapFlags::NONE).unwrap_err().errno,
            Errno::EINVAL
        );
        assert_eq!(object::open_program(&map_path).unwrap_err().errno, Errno::EINVAL);
        assert_eq!(object::open_link(&map_path).unwrap_err().errno, Errno::EINVAL);
        assert_eq!(
            object::open_map(&fs.path.join("none"), MapFlags::NONE).unwrap_err().errno,
            Errno::ENOENT
        );
        let elsewhere = tempfile::tempdir().unwrap();
        assert_eq!(
            object::pin(&map, None, &elsewhere.path().join("map")).unwrap_err().errno,
            Errno::EPERM
        );
        if testdata::requires("paths relative to a folder", (6, 5)) {
            let folder = std::fs::File::open(&fs.path).unwrap();
            let path = Path::new("relative");
            object::pin(&map, Some(folder.as_fd()), path).unwrap();
            object::open(Some(folder.as_fd()), path, MapFlags::NONE).unwrap();
        }
    });
}

#[test]
fn btf_is_loaded_described_and_read_back() {
    leaks_nothing(|| {
        let bytes = blob(&["f", "g"]);
        let fd = btf::load(&bytes, 0, &mut [], None).unwrap();
        let info = btf::info(fd.as_borrowed()).unwrap();
        assert_eq!(
            (usize::try_from(info.size).unwrap(), info.is_kernel, info.name.as_str()),
            (bytes.len(), false, "")
        );
        assert_eq!(btf::bytes(fd.as_borrowed()).unwrap(), bytes);
        let again = object::btf_by_id(info.id).unwrap();
        assert_eq!(btf::info(again.as_borrowed()).unwrap(), info);
        let map = create(MapType::ARRAY, 4, 4, 1);
        assert_eq!(btf::info(map.as_fd().into()).unwrap_err().errno, Errno::EINVAL);
    });
}

#[test]
fn bad_btf_is_refused_with_a_reason() {
    leaks_nothing(|| {
        let mut bytes = blob(&["f"]);
        // The function's type is one that there is not.
        let at = 24 + 16 + 12 + 8;
        bytes[at..at + 4].copy_from_slice(&77u32.to_ne_bytes());
        let mut log = vec![0; 4096];
        let error = btf::load(&bytes, 1, &mut log, None).unwrap_err();
        assert_eq!(error.error.errno, Errno::EINVAL);
        let text = String::from_utf8_lossy(&log);
        assert!(text.contains("type_id=77"), "{text}");
        if testdata::requires("length of the log", (6, 4)) {
            let len = text.trim_end_matches('\0').len();
            assert_eq!(usize::try_from(error.log_true_size).unwrap(), len + 1);
        }
    });
}

#[test]
fn the_kernels_btf_has_a_name() {
    leaks_nothing(|| {
        if !testdata::requires("names of BTF", (5, 11)) {
            return;
        }
        let mut last: Option<BtfId> = None;
        let mut names = Vec::new();
        while let Some(id) = object::next_btf(last).unwrap() {
            if let Ok(fd) = object::btf_by_id(id) {
                let info = btf::info(fd.as_borrowed()).unwrap();
                if info.is_kernel {
                    names.push(info.name);
                }
            }
            last = Some(id);
        }
        assert!(names.iter().any(|name| name == "vmlinux"), "{names:?}");
    });
}

#[test]
fn statistics_count_runs() {
    leaks_nothing(|| {
        let program = load(ProgramType::SOCKET_FILTER, &returns(0));
        let stats = system::enable_run_time_stats().unwrap();
        let mut run = prog::TestRun::default();
        run.data_in = &[0; 64];
        run.repeat = 10;
        prog::test_run(program.as_borrowed(), &mut run).unwrap();
        let info = prog::info(program.as_borrowed()).unwrap();
        drop(stats);
        assert!(info.run_cnt >= 10, "{}", info.run_cnt);
    });
}

#[test]
fn a_program_is_found_by_its_id() {
    leaks_nothing(|| {
        let program = load(ProgramType::SOCKET_FILTER, &returns(0));
        let id = ProgramId(prog::info(program.as_borrowed()).unwrap().id);
        let again = object::program_by_id(id).unwrap();
        assert_eq!(prog::info(again.as_borrowed()).unwrap().id, id.0);
        let mut ids = Vec::new();
        while let Some(next) = object::next_program(ids.last().copied()).unwrap() {
            ids.push(next);
        }
        assert!(ids.contains(&id));
        let (program, again) = (program, again);
        drop((program, again));
        // Gone at once, or after a grace period; never another program.
        match object::program_by_id(id) {
            Ok(fd) => assert_eq!(prog::info(fd.as_borrowed()).unwrap().id, id.0),
            Err(error) => assert_eq!(error.errno, Errno::ENOENT),
        }
    });
}
