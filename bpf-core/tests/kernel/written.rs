//! Specs written as object files: what was written and read again is to the kernel what the spec is.

use bpf_core::{
    Collection, CollectionSpec, Context, LoadOptions, Map, MapContents, MapType, Program,
    ProgramType, TestRun,
};
use testdata::OBJECTS;

use crate::support::{Folder, NoLeak, load_spec, run, spec};

/// Of a guest there is no configuration.
const KCONFIG: &str = "CONFIG_HZ=321\nCONFIG_BPF_SYSCALL=y\nCONFIG_TUN=m\nCONFIG_MODULES=n\n\
                       CONFIG_DEFAULT_HOSTNAME=\"(none)\"\n";

/// The object file of a spec, read.
#[track_caller]
pub(crate) fn written(spec: &CollectionSpec) -> CollectionSpec {
    let bytes = spec.write_elf().unwrap_or_else(|error| panic!("{error}"));
    CollectionSpec::parse(&bytes).unwrap()
}

/// What the kernel makes of a spec: a line for each map, program, run, and for each entry afterwards; or the error.
pub(crate) fn behaviour(context: &Context, spec: &CollectionSpec) -> Result<Vec<String>, String> {
    let folder = Folder::new("written");
    let options = LoadOptions::new().with_context(context).with_kconfig(KCONFIG);
    let collection = Collection::load(spec, &options.with_pin_path(&folder.0))
        .map_err(|error| error.to_string())?;
    let mut lines = Vec::new();
    for (name, program) in collection.programs() {
        let info = program.info().unwrap();
        lines.push(format!(
            "program {name}: {:?} {:?} in {:?}, tag {:x?}, {} bytes, verified {}, {} maps, typed {}",
            info.name,
            info.program_type,
            program.section(),
            info.tag,
            info.translated_size,
            info.verified_instructions,
            info.map_ids.len(),
            info.btf_id.is_some(),
        ));
        runs(name, program, &mut lines);
    }
    for (name, map) in collection.maps() {
        let mut info = map.info().unwrap();
        // Of a map that the kernel numbers, not of the object.
        info.id.0 = 0;
        if let Some(id) = &mut info.btf_id {
            id.0 = 0;
        }
        // Types that nothing names any more are not written, which changes the numbers.
        (info.key_type_id, info.value_type_id) =
            (info.key_type_id.min(1), info.value_type_id.min(1));
        lines.push(format!("map {name}: {info:?}"));
        entries(map, &mut lines);
    }
    Ok(lines)
}

/// Runs a program that can be run without being attached, on packets of several lengths.
fn runs(name: &str, program: &Program, lines: &mut Vec<String>) {
    let tests = match program.program_type() {
        ProgramType::SOCKET_FILTER
        | ProgramType::SCHED_CLS
        | ProgramType::SCHED_ACT
        | ProgramType::XDP
        | ProgramType::CGROUP_SKB => {
            [64, 78, 79, 100].map(|len| TestRun::new().with_data(vec![0; len])).to_vec()
        }
        ProgramType::RAW_TRACEPOINT | ProgramType::SYSCALL => vec![TestRun::new()],
        _ => return,
    };
    for test in tests {
        let outcome = program.test_run(&test).map(|output| (output.return_value, output.data));
        lines.push(format!("  run of {name} on {}: {outcome:?}", test.data.len()));
    }
}

/// What is in a map after the runs.
fn entries(map: &Map, lines: &mut Vec<String>) {
    let whole = match map.map_type() {
        MapType::ARRAY | MapType::HASH | MapType::LRU_HASH | MapType::LPM_TRIE => true,
        // Values are numbers of the kernel's, or one for each CPU: which one a run was on is chance.
        MapType::ARRAY_OF_MAPS
        | MapType::HASH_OF_MAPS
        | MapType::PERCPU_ARRAY
        | MapType::PERCPU_HASH => false,
        _ => return,
    };
    let mut found: Vec<_> = if whole {
        map.entries().map(Result::unwrap).collect()
    } else {
        map.keys().map(|key| (key.unwrap(), Vec::new())).collect()
    };
    found.sort();
    let found =
        found.into_iter().filter(|(_, value)| !whole || value.iter().any(|byte| *byte != 0));
    lines.extend(found.map(|(key, value)| format!("  {key:x?}: {value:x?}")));
}

/// The same is loaded, runs to the same results and leaves the same in the maps; or is refused with the same words.
#[track_caller]
fn check(context: &Context, what: &str, spec: &CollectionSpec) -> Result<(), String> {
    let expected = behaviour(context, spec);
    assert_eq!(behaviour(context, &written(spec)), expected, "{what}");
    expected.map(drop)
}

#[test]
fn written_objects_are_to_the_kernel_what_clangs_are() {
    let _leak = NoLeak::new();
    // The types of the kernel are read once; it keeps those of modules open.
    let context = Context::new();
    let (mut whole, mut alone, mut refused) = (0, 0, 0);
    for name in OBJECTS {
        let spec = spec(name);
        if check(&context, name, &spec).is_ok() {
            whole += 1;
            continue;
        }
        // Some of its programs are for another kernel: each by itself.
        for program in spec.programs.names() {
            let [clangs, ours] = [spec.clone(), written(&spec)].map(|mut spec| {
                for (name, other) in &mut spec.programs {
                    other.autoload = name == program;
                }
                behaviour(&context, &spec)
            });
            assert_eq!(ours, clangs, "{name} {program}");
            *(if clangs.is_ok() { &mut alone } else { &mut refused }) += 1;
        }
    }
    // 24, 82 and 59 on Linux 5.10; 28, 107 and 27 on 7.3.
    assert!(whole >= 20 && alone >= 60, "{whole} whole, {alone} alone, {refused} refused");
}

/// A change that any spec can bear; says whether there was something to change.
type Edit = (&'static str, fn(&mut CollectionSpec) -> bool);

const EDITS: [Edit; 3] = [
    ("all variables have other values", |spec| {
        let mut changed = false;
        let names: Vec<String> = spec.variables.names().map(str::to_owned).collect();
        for name in names {
            // Zeros of a `.bss` are no bytes, and an object has no others there.
            if spec.variable(&name).unwrap().bytes().is_some_and(|bytes| !bytes.is_empty()) {
                let mut variable = spec.variable_mut(&name).unwrap();
                if let Some(byte) = variable.bytes_mut().unwrap().first_mut() {
                    *byte ^= 1;
                    changed = true;
                }
            }
        }
        changed
    }),
    ("all maps are twice as large", |spec| {
        let kinds = [MapType::ARRAY, MapType::HASH, MapType::PERCPU_ARRAY, MapType::RINGBUF];
        let mut changed = false;
        for map in spec.maps.values_mut() {
            // The maps of data sections are the only ones with bytes.
            if kinds.contains(&map.map_type) && map.contents == MapContents::None {
                map.max_entries *= 2;
                changed = true;
            }
        }
        changed
    }),
    ("one program is gone", |spec| {
        let names: Vec<String> = spec.programs.names().map(str::to_owned).collect();
        names.len() > 1 && names.iter().any(|name| spec.remove_program(name).is_ok())
    }),
];

#[test]
fn edited_objects_are_to_the_kernel_what_the_edited_spec_is() {
    let _leak = NoLeak::new();
    // The types of the kernel are read once; it keeps those of modules open.
    let context = Context::new();
    for (what, edit) in EDITS {
        let mut loaded = 0;
        for name in OBJECTS {
            let mut spec = spec(name);
            if edit(&mut spec) {
                loaded += usize::from(check(&context, &format!("{name}: {what}"), &spec).is_ok());
            }
        }
        assert!(loaded >= 5, "{what}: only {loaded} objects load");
    }
}

#[test]
fn edits_have_their_effect_in_the_kernel() {
    let _leak = NoLeak::new();
    let mut data = spec("data");
    data.set_variable("counter", &41_u32).unwrap();
    let collection = load_spec(&written(&data));
    assert_eq!(run(collection.program("increment").unwrap(), 64), 42);

    let mut rodata = spec("rodata");
    rodata.set_variable("answer", &43_u32).unwrap();
    let collection = load_spec(&written(&rodata));
    assert_eq!(run(collection.program("read_constants").unwrap(), 64), 43);
    assert!(collection.variable("answer").unwrap().is_read_only());

    let mut counter = spec("counter");
    counter.maps.get_mut("runs").unwrap().max_entries = 9;
    counter.remove_program("count_xdp").unwrap();
    let collection = load_spec(&written(&counter));
    assert_eq!(run(collection.program("count_filter").unwrap(), 64), 64);
    assert!(collection.program("count_xdp").is_err());
    let runs = collection.map("runs").unwrap();
    assert_eq!((runs.info().unwrap().max_entries, runs.max_entries()), (9, 9));
    let runs = runs.typed::<u32, u64>().unwrap();
    assert_eq!((runs.get(&0).unwrap(), runs.get(&8).unwrap()), (Some(1), Some(0)));
    assert_eq!(runs.get(&9).unwrap(), None);
}
