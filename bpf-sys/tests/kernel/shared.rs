//! Memory shared with the kernel: mapped arrays, rings, perf rings.

use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::Ordering;
use std::time::Duration;

use bpf_sys::abi::{MapFlags, MapType, ProgramFlags, ProgramType, UpdateFlags};
use bpf_sys::map::{self, MapCreate};
use bpf_sys::memory::{ReadMapping, WriteMapping};
use bpf_sys::perf::{self, Event, Scope};
use bpf_sys::poll::{Epoll, wait_readable};
use bpf_sys::prog::{self, TestRun};
use bpf_sys::ring::{PerfRecord, PerfRing, PushError, RingMap, UserRing};
use bpf_sys::{Errno, OwnedMapFd, OwnedProgFd, btf, kernel};

use crate::common::{
    add, call, copy, create, exit, leaks_nothing, load, options, returns, set, slot, store,
    store_register, wide,
};
use crate::objects::blob;

fn mmapable() -> OwnedMapFd {
    let mut options = MapCreate::new(MapType::ARRAY, 4, 64, 2);
    options.flags = MapFlags::MMAPABLE;
    map::create(&options).unwrap()
}

#[test]
fn a_mapped_array_is_the_map() {
    leaks_nothing(|| {
        let map = mmapable();
        let page = kernel::page_size();
        let mapping = WriteMapping::of_map(map.as_borrowed(), 0, 128).unwrap();
        mapping.write(64, &[7; 8]).unwrap();
        mapping.atomic_u32(72).unwrap().store(9, Ordering::Relaxed);
        let mut value = [0; 64];
        assert!(
            map::lookup(map.as_borrowed(), &1u32.to_ne_bytes(), &mut value, UpdateFlags::ANY)
                .unwrap()
        );
        assert_eq!(value[..8], [7; 8]);
        assert_eq!(value[8..12], 9u32.to_ne_bytes());
        map::update(map.as_borrowed(), &0u32.to_ne_bytes(), &[3; 64], UpdateFlags::ANY).unwrap();
        assert_eq!(mapping.load_u32(60), Ok(0x0303_0303));
        // Beyond the map, or not whole pages from its start.
        assert_eq!(
            WriteMapping::of_map(map.as_borrowed(), 0, 2 * page).unwrap_err().errno,
            Errno::EINVAL
        );
        assert_eq!(
            WriteMapping::of_map(map.as_borrowed(), 64, 64).unwrap_err().errno,
            Errno::EINVAL
        );
        // Mapped writable, it cannot be frozen; frozen, it cannot be mapped writable.
        assert_eq!(map::freeze(map.as_borrowed()).unwrap_err().errno, Errno::EBUSY);
        drop(mapping);
        map::freeze(map.as_borrowed()).unwrap();
        assert_eq!(
            WriteMapping::of_map(map.as_borrowed(), 0, 128).unwrap_err().errno,
            Errno::EPERM
        );
        let mapping = ReadMapping::of_map(map.as_borrowed(), 0, 128).unwrap();
        let mut bytes = [0; 128];
        mapping.read(0, &mut bytes).unwrap();
        assert_eq!((bytes[0], bytes[64]), (3, 7));
    });
}

fn run(program: &OwnedProgFd, repeat: u32) {
    let mut run = TestRun::default();
    run.data_in = &[0; 64];
    run.repeat = repeat;
    prog::test_run(program.as_borrowed(), &mut run).unwrap();
}

/// `bpf_ringbuf_output(map, 8 bytes with value, size, 0)`
fn output(map: &OwnedMapFd, value: i32, size: i32) -> OwnedProgFd {
    let instructions = [
        store(10, -8, value),
        wide(1, 1, map.as_raw_fd(), 0),
        copy(2, 10),
        add(2, -8),
        set(3, size),
        set(4, 0),
        call(130),
        returns(0),
    ];
    load(ProgramType::XDP, &instructions.concat())
}

/// Reserves 16 bytes, writes 1 and 2, and discards or submits them.
fn reserve(map: &OwnedMapFd, done: i32) -> OwnedProgFd {
    let instructions = [
        wide(1, 1, map.as_raw_fd(), 0),
        set(2, 16),
        set(3, 0),
        call(131),
        slot(0x15, 0, 0, 5, 0),
        store(0, 0, 1),
        store(0, 8, 2),
        copy(1, 0),
        set(2, 0),
        call(done),
        returns(0),
    ];
    load(ProgramType::XDP, &instructions.concat())
}

#[test]
fn a_ring_brings_every_record_in_order() {
    leaks_nothing(|| {
        let map = create(MapType::RINGBUF, 0, 0, u32::try_from(kernel::page_size()).unwrap());
        let mut ring = RingMap::new(map.as_borrowed()).unwrap();
        assert_eq!((ring.available(), ring.size()), (Ok(0), kernel::page_size()));
        assert_eq!(ring.next_record(), Ok(None));
        assert!(!wait_readable(&map, Some(Duration::ZERO)).unwrap());
        let (first, second, odd) =
            (output(&map, 1, 8), output(&map, 2, 8), output(&map, 0x0403_0201, 3));
        let (discard, submit) = (reserve(&map, 133), reserve(&map, 132));
        let epoll = Epoll::new().unwrap();
        epoll.add(&map, 5).unwrap();
        // Many times around the ring.
        for _ in 0..200 {
            for program in [&first, &discard, &odd, &submit, &second] {
                run(program, 1);
            }
            assert!(wait_readable(&map, Some(Duration::ZERO)).unwrap());
            let expected = [
                1u64.to_ne_bytes().to_vec(),
                0x0403_0201u64.to_ne_bytes()[..3].to_vec(),
                [1u64.to_ne_bytes(), 2u64.to_ne_bytes()].concat(),
                2u64.to_ne_bytes().to_vec(),
            ];
            for record in &expected {
                assert_eq!(ring.next_record().unwrap(), Some(&record[..]));
            }
            assert_eq!(ring.available(), Ok(0));
            assert_eq!(ring.next_record(), Ok(None));
        }
        let mut ready = Vec::new();
        epoll.wait(&mut ready, Some(Duration::ZERO)).unwrap();
        assert!(ready.is_empty());
        // Full: later records are lost, earlier ones are not.
        run(&first, 10_000);
        epoll.wait(&mut ready, None).unwrap();
        assert_eq!(ready, [5]);
        let mut count = 0;
        while let Some(record) = ring.next_record().unwrap() {
            assert_eq!(record, 1u64.to_ne_bytes());
            count += 1;
        }
        // The kernel never fills the last byte.
        assert_eq!(count, kernel::page_size() / 16 - 1);
    });
}

#[test]
fn a_walk_shows_records_in_place_and_gives_them_back_when_it_ends() {
    leaks_nothing(|| {
        let map = create(MapType::RINGBUF, 0, 0, u32::try_from(kernel::page_size()).unwrap());
        let mut ring = RingMap::new(map.as_borrowed()).unwrap();
        let (first, second) = (output(&map, 1, 8), output(&map, 2, 3));
        run(&first, 1);
        run(&second, 1);
        {
            let walk = ring.walk();
            let one = walk.next_record().unwrap();
            // What comes while it walks is part of the walk.
            run(&first, 1);
            let two = walk.next_record().unwrap();
            assert_eq!((one.len(), two.len(), two.is_empty()), (8, 3, false));
            let mut bytes = [0; 8];
            one.read(0, &mut bytes).unwrap();
            assert_eq!(bytes, 1u64.to_ne_bytes());
            two.read(1, &mut bytes[..2]).unwrap();
            assert_eq!(bytes[..2], 2u64.to_ne_bytes()[1..3]);
            // Within the ring, but not within the record.
            let beyond = two.read(1, &mut bytes[..3]).unwrap_err();
            assert_eq!((beyond.offset, beyond.size, beyond.len), (1, 3, 3));
        }
        // The third was not asked for.
        assert_eq!(ring.available(), Ok(16));
        assert_eq!(ring.next_record().unwrap(), Some(&1u64.to_ne_bytes()[..]));
        assert_eq!(ring.available(), Ok(0));
        assert!(ring.walk().next_record().is_none());
    });
}

#[test]
fn a_position_that_cannot_be_is_an_error_once() {
    leaks_nothing(|| {
        let map = create(MapType::RINGBUF, 0, 0, u32::try_from(kernel::page_size()).unwrap());
        let mut ring = RingMap::new(map.as_borrowed()).unwrap();
        let program = output(&map, 1, 8);
        let other = WriteMapping::of_map(map.as_borrowed(), 0, kernel::page_size()).unwrap();
        // Within the record: what is there is no header.
        for misplaced in [8, 1 << 20] {
            for walks in [true, false] {
                run(&program, 1);
                let position = other.atomic_usize(0).unwrap();
                position.fetch_add(misplaced, Ordering::Relaxed);
                if walks {
                    let walk = ring.walk();
                    assert!(walk.next_record().is_none() && walk.error().is_some());
                } else {
                    assert_eq!(ring.next_record().unwrap_err().len, ring.size());
                }
                assert_eq!((ring.available(), ring.next_record()), (Ok(0), Ok(None)));
                run(&program, 1);
                assert_eq!(ring.next_record().unwrap(), Some(&1u64.to_ne_bytes()[..]));
            }
        }
    });
}

#[test]
fn only_a_ring_is_read_as_one() {
    leaks_nothing(|| {
        let array = mmapable();
        assert_eq!(
            RingMap::new(array.as_borrowed()).unwrap_err().note,
            Some("map is not a ring buffer")
        );
        assert!(UserRing::new(array.as_borrowed()).is_err());
        let page = kernel::page_size();
        let map = create(MapType::RINGBUF, 0, 0, u32::try_from(page).unwrap());
        // The kernel's pages are not for writing.
        assert_eq!(
            WriteMapping::of_map(map.as_borrowed(), u64::try_from(page).unwrap(), page)
                .unwrap_err()
                .errno,
            Errno::EPERM
        );
        if testdata::requires("rings that overwrite", (6, 19)) {
            let mut options = MapCreate::new(MapType::RINGBUF, 0, 0, u32::try_from(page).unwrap());
            options.flags = MapFlags::RB_OVERWRITE;
            let map = map::create(&options).unwrap();
            assert_eq!(RingMap::new(map.as_borrowed()).unwrap_err().errno, Errno::EOPNOTSUPP);
        }
    });
}

#[test]
fn a_program_drains_what_user_space_writes() {
    leaks_nothing(|| {
        if !testdata::requires("user ring buffer", (6, 1)) {
            return;
        }
        let page = u32::try_from(kernel::page_size()).unwrap();
        let (map, sums) =
            (create(MapType::USER_RINGBUF, 0, 0, page), create(MapType::ARRAY, 4, 8, 1));
        // main: bpf_user_ringbuf_drain(map, callback, NULL, 0)
        // callback: reads 8 bytes of the record with bpf_dynptr_read, adds them to the array's value, and goes on
        let main = [
            wide(1, 1, map.as_raw_fd(), 0),
            wide(2, 4, 6, 0),
            set(3, 0),
            set(4, 0),
            call(209),
            returns(0),
        ]
        .concat();
        let callback = [
            // bpf_dynptr_read(fp - 8, 8, record, 0, 0)
            copy(3, 1),
            copy(1, 10),
            add(1, -8),
            set(2, 8),
            set(4, 0),
            set(5, 0),
            call(201),
            // r1 = value; r2 = *(u64 *)(fp - 8); r3 = *r1 + r2
            wide(1, 2, sums.as_raw_fd(), 0),
            slot(0x79, 2, 10, -8, 0),
            slot(0x79, 3, 1, 0, 0),
            slot(0x0f, 3, 2, 0, 0),
            store_register(1, 0, 3),
            set(0, 0),
            exit(),
        ]
        .concat();
        // The callback is at slot 9; the load of its address is at slots 2 and 3, and counts from the slot after its first.
        let instructions = [main, callback].concat();
        let btf = btf::load(&blob(&["main", "callback"]), 0, &mut [], None).unwrap();
        let functions: Vec<u8> =
            [0u32, 3, 9, 4].iter().flat_map(|word| word.to_ne_bytes()).collect();
        let mut log = vec![0; 1 << 16];
        let mut load = options(ProgramType::SYSCALL, &instructions);
        load.flags = ProgramFlags::SLEEPABLE;
        load.btf = Some(btf.as_borrowed());
        load.func_info = &functions;
        load.func_info_size = 8;
        load.log_level = 1;
        load.log = &mut log;
        let program = match prog::load(&mut load) {
            Ok(program) => program,
            Err(error) => panic!("{error}\n{}", String::from_utf8_lossy(&log)),
        };
        let mut ring = UserRing::new(map.as_borrowed()).unwrap();
        assert!(matches!(ring.push(&vec![0; ring.size()]), Err(PushError::TooLong { .. })));
        let mut expected = 0u64;
        for round in 0..5u64 {
            let mut pushed = 0u64;
            while ring.push(&(round + pushed).to_ne_bytes()).is_ok() {
                expected += round + pushed;
                pushed += 1;
            }
            assert_eq!(pushed, u64::from(page / 16));
            assert_eq!(ring.push(&[0; 8]), Err(PushError::Full));
            prog::test_run(program.as_borrowed(), &mut TestRun::default()).unwrap();
            let mut sum = [0; 8];
            assert!(map::lookup(sums.as_borrowed(), &[0; 4], &mut sum, UpdateFlags::ANY).unwrap());
            assert_eq!(u64::from_ne_bytes(sum), expected);
        }
    });
}

#[test]
fn a_perf_ring_brings_samples_and_losses() {
    leaks_nothing(|| {
        let cpus = kernel::online_cpus().unwrap();
        let array = create(
            MapType::PERF_EVENT_ARRAY,
            4,
            4,
            u32::try_from(kernel::possible_cpus().unwrap().count()).unwrap(),
        );
        let mut rings = Vec::new();
        for cpu in cpus.iter() {
            let event = perf::open(&Event::BpfOutput, Scope::Cpu(cpu)).unwrap();
            let ring = PerfRing::new(event.as_fd(), kernel::page_size()).unwrap();
            map::update(
                array.as_borrowed(),
                &cpu.to_ne_bytes(),
                &event.as_raw_fd().to_ne_bytes(),
                UpdateFlags::ANY,
            )
            .unwrap();
            perf::enable(&event).unwrap();
            rings.push((event, ring));
        }
        // bpf_perf_event_output(ctx, array, BPF_F_CURRENT_CPU, 8 bytes, 8)
        let instructions = [
            store(10, -8, 77),
            wide(2, 1, array.as_raw_fd(), 0),
            wide(3, 0, -1, 0),
            copy(4, 10),
            add(4, -8),
            set(5, 8),
            call(25),
            returns(0),
        ];
        let program = load(ProgramType::XDP, &instructions.concat());
        run(&program, 3);
        let mut samples = 0;
        let mut lost = 0;
        let mut drain = |rings: &mut Vec<(std::os::fd::OwnedFd, PerfRing)>| {
            for (_, ring) in rings {
                while let Some(record) = ring.next_record().unwrap() {
                    match record {
                        PerfRecord::Sample(bytes) => {
                            assert_eq!(bytes[..8], 77u64.to_ne_bytes());
                            samples += 1;
                        }
                        PerfRecord::Lost(count) => lost += count,
                        other => panic!("{other:?}"),
                    }
                }
            }
            (samples, lost)
        };
        assert!(rings.iter().any(|(event, _)| wait_readable(event, Some(Duration::ZERO)).unwrap()));
        assert_eq!(drain(&mut rings), (3, 0));
        // Full: the kernel counts what it lost, and says so with the next record of that CPU. This thread may be on another by then, and
        // has to fill the ring there.
        let mut told = (0, 0);
        for _ in 0..20 {
            run(&program, 1000);
            drain(&mut rings);
            for _ in 0..20 {
                run(&program, 1);
            }
            told = drain(&mut rings);
            if told.1 > 0 {
                break;
            }
        }
        assert!(told.1 > 0 && told.0 > 3, "{told:?}");
        for (event, _) in &rings {
            perf::disable(event).unwrap();
        }
        assert!(PerfRing::new(rings[0].0.as_fd(), 100).unwrap_err().note.is_some());
    });
}
