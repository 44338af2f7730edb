//! Programs loaded with BTF of their own, against the same programs with that of their object.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd};

use bpf_btf::{Btf, BtfBuilder, BtfFeatures, ByteOrder, Definition, Minimizer, NewMember, TypeId};
use bpf_core::{Collection, CollectionSpec, LoadOptions, Program, ProgramId, ProgramType, TestRun};
use bpf_elf::prepare::{
    FixupTarget, GivenAnswers, PrepareOptions, PreparedProgram, prepare_program,
};
use bpf_sys::prog::Load;
use testdata::{OBJECTS, kernel_release, requires};

use crate::support::{NoLeak, load, run, spec};

const LENGTHS: [usize; 4] = [64, 78, 79, 100];

/// What the running kernel knows; all have functions.
fn features() -> BtfFeatures {
    let running = kernel_release();
    let mut features = BtfFeatures::ALL;
    features.float = running >= (5, 13);
    features.decl_tag = running >= (5, 16);
    features.type_tag = running >= (5, 17);
    features.enum64 = running >= (6, 0);
    features.layout = false;
    features
}

/// A program that can be run, and names nothing of the kernel.
fn is_plain(spec: &CollectionSpec, name: &str, prepared: &PreparedProgram) -> bool {
    let runs = [
        ProgramType::SOCKET_FILTER,
        ProgramType::SCHED_CLS,
        ProgramType::SCHED_ACT,
        ProgramType::XDP,
        ProgramType::CGROUP_SKB,
    ];
    let is_map = |target: &FixupTarget| {
        matches!(target, FixupTarget::Map { .. } | FixupTarget::MapValue { .. })
    };
    let program = &spec.programs.get(name).unwrap();
    runs.contains(&program.program_type)
        && prepared.local_type_ids.is_empty()
        && !prepared.func_infos.is_empty()
        && !prepared.line_infos.is_empty()
        && prepared.fixups.iter().all(|fixup| is_map(&fixup.target))
}

/// Loads a program as it was prepared, with the maps of the collection and its own BTF.
#[track_caller]
fn load_alone(
    spec: &CollectionSpec,
    name: &str,
    prepared: &PreparedProgram,
    maps: &Collection,
) -> Program {
    let (mut program, blob) = prepared.with_own_btf(spec, &features(), ByteOrder::NATIVE).unwrap();
    let blob = blob.unwrap();
    let types = Btf::parse(blob.clone()).unwrap();
    for (info, (function, _)) in program.func_infos.iter().zip(&program.functions) {
        assert_eq!(types.get(TypeId::new(info.type_id)).unwrap().name(), function);
    }
    let mut answers = GivenAnswers::new();
    for (name, map) in maps.maps() {
        answers = answers.with_map(name, map.as_fd().as_raw_fd());
    }
    program.complete(&mut answers).unwrap();
    let btf = bpf_sys::btf::load(&blob, 0, &mut [], None).unwrap();
    let order = bpf_core::asm::ByteOrder::NATIVE;
    let [code, functions, lines] =
        [program.code_bytes(order), program.func_info_bytes(order), program.line_info_bytes(order)];
    let license = CString::new(spec.license.as_str()).unwrap();
    let described = spec.programs.get(name).unwrap();
    // Linux 5.10 writes each step, however little is asked for.
    let mut log = vec![0; (1 << 24) - 1];
    let mut load = Load::new(described.program_type, &code, &license);
    load.attach_type = described.attach_type.unwrap_or_default();
    load.flags = described.flags;
    load.btf = Some(btf.as_borrowed());
    (load.func_info, load.func_info_size) = (&functions, 8);
    (load.line_info, load.line_info_size) = (&lines, 16);
    (load.log_level, load.log) = (1, &mut log);
    let loaded = bpf_sys::prog::load(&mut load)
        .unwrap_or_else(|error| panic!("{name}: {error}\n{}", String::from_utf8_lossy(&log)));
    let info = bpf_sys::prog::info(loaded.as_borrowed()).unwrap();
    Program::from_id(ProgramId(info.id)).unwrap()
}

#[test]
fn programs_with_their_own_btf_load_and_run_to_the_same_results() {
    let _leak = NoLeak::new();
    let (mut loaded, mut filters, mut runs) = (0, 0, 0);
    for object in OBJECTS {
        let spec = spec(object);
        // Each has maps of its own, so that both begin with the same values.
        let [Ok(whole), Ok(maps)] = [(); 2].map(|()| Collection::load(&spec, &LoadOptions::new()))
        else {
            continue;
        };
        for (name, expected) in whole.programs() {
            // Without the types of a kernel: not all can be prepared.
            let Ok(prepared) = prepare_program(&spec, name, &PrepareOptions::new()) else {
                continue;
            };
            if !is_plain(&spec, name, &prepared) {
                continue;
            }
            let program = load_alone(&spec, name, &prepared, &maps);
            let infos = [&program, expected].map(|program| program.info().unwrap());
            assert_eq!(infos[0].tag, infos[1].tag, "{object}: {name}");
            assert_eq!(infos[0].translated_size, infos[1].translated_size, "{object}: {name}");
            assert!(infos[0].btf_id.is_some() && infos[0].btf_id != infos[1].btf_id);
            for len in LENGTHS {
                // Some are of types that can be run, but attach where they cannot.
                let [own, whole] = [&program, expected].map(|program| {
                    let output = program.test_run(&TestRun::new().with_data(vec![0; len]));
                    output.map(|found| (found.return_value, found.data)).map_err(|e| e.errno())
                });
                assert_eq!(own, whole, "{object}: {name}, {len}");
                runs += usize::from(own.is_ok());
            }
            loaded += 1;
            filters += usize::from(program.program_type() == ProgramType::SOCKET_FILTER);
        }
    }
    let counts = format!("{loaded} loaded, {filters} socket filters, {runs} runs");
    assert!(loaded >= 20 && filters >= 10 && runs >= 60, "{counts}");
}

#[test]
fn a_socket_filter_with_subprograms_runs_with_its_own_btf() {
    let _leak = NoLeak::new();
    let (spec, maps) = (spec("subprograms"), load("subprograms"));
    for (name, len, expected) in [("call_static", 40, 80), ("call_global", 35, 1600)] {
        let prepared = prepare_program(&spec, name, &PrepareOptions::new()).unwrap();
        assert!(prepared.functions.len() > 1, "{name}");
        assert_eq!(run(&load_alone(&spec, name, &prepared, &maps), len), expected, "{name}");
    }
}

/// Why a list comes with what a tag says it holds: the kernel looks for the type in the same blob.
#[test]
fn the_kernel_refuses_a_list_without_the_type_that_it_holds() {
    if !requires("list nodes that know their list", (6, 6)) {
        return;
    }
    let mut builder = BtfBuilder::new();
    let mut add = |definition: &Definition<'_>| builder.add(definition).unwrap();
    let int = |name, size| Definition::Int { name, size, signed: false, char: false, bool: false };
    let (word, long) = (add(&int("unsigned int", 4)), add(&int("unsigned long", 8)));
    let mut structure = |name, size, members: &[(&str, TypeId, u32)]| {
        let members: Vec<_> = members
            .iter()
            .map(|(name, id, offset)| NewMember::new(name, *id, offset * 8))
            .collect();
        add(&Definition::Struct { name, size, members: &members })
    };
    let head = structure("bpf_list_head", 16, &[("a", long, 0), ("b", long, 8)]);
    let node = structure("bpf_list_node", 24, &[("a", long, 0), ("b", long, 8), ("c", long, 16)]);
    let lock = structure("bpf_spin_lock", 4, &[("val", word, 0)]);
    let item = structure("item", 24, &[("node", node, 0)]);
    let list = structure("list", 24, &[("head", head, 0), ("lock", lock, 16)]);
    let (name, component) = ("contains:item:node", Some(0));
    add(&Definition::DeclTag { name, target: list, component, attribute: false });
    let whole = Btf::parse(builder.write(ByteOrder::NATIVE).unwrap()).unwrap();
    for (kept, taken) in [(vec![list, item], true), (vec![item], true), (vec![list], false)] {
        let mut minimizer = Minimizer::new(&whole);
        for id in &kept {
            minimizer.keep(*id);
        }
        let blob = minimizer.finish().unwrap().builder.write(ByteOrder::NATIVE).unwrap();
        let answer = bpf_sys::btf::load(&blob, 0, &mut [], None);
        assert_eq!(answer.is_ok(), taken, "{kept:?}: {answer:?}");
    }
}
