//! Objects linked into one: what the linker makes is loaded, and runs as its parts do.

use bpf_core::{Collection, CollectionSpec, Context, LoadOptions};
use bpf_elf::Linker;
use testdata::{Order, linked, object, part, requires};

use crate::support::{NoLeak, run, spec};
use crate::written::{behaviour, written};

fn link(objects: &[(&str, &[u8])]) -> CollectionSpec {
    let mut linker = Linker::new();
    for (name, bytes) in objects {
        linker = linker.add(*name, *bytes).unwrap();
    }
    let linked = linker.link().unwrap_or_else(|error| panic!("{error}"));
    CollectionSpec::parse(&linked).unwrap()
}

/// Two objects that need each other.
fn halves() -> CollectionSpec {
    link(&["first", "second"].map(|name| (name, part(name, Order::NATIVE))))
}

#[track_caller]
fn load(spec: &CollectionSpec) -> Collection {
    let options = LoadOptions::new().with_kconfig("CONFIG_SOMETHING=y\n");
    Collection::load(spec, &options).unwrap_or_else(|error| {
        panic!("{error}\n{}", error.verifier_log().map_or("", bpf_core::VerifierLog::text))
    })
}

/// What the programs give, by the definitions that win and the static names that stay apart.
#[test]
fn halves_call_each_other() {
    let _leak = NoLeak::new();
    if !requires("bpf_for_each_map_elem", (5, 13)) {
        return;
    }
    let linked = halves();
    for spec in [&linked, &written(&linked)] {
        let collection = load(spec);
        let program = |name| collection.program(name).unwrap();
        // `helper` of the first adds to its counter (16), that of the second takes from its own (26).
        //   add_in_second(helper(1), square(2)): 18, 4 + 20; of the second: 26 - 18 - 1 + 24 = 31
        //   hidden_in_second: 1 + 21 = 22
        //   weak_here_only, of the second: 8 - 23 - 1 + 11 = -5
        //   weak_twice, of the first: 19 + 14 + 1 + 100 = 134
        //   12 + 15 + 1 = 28
        assert_eq!(run(program("first_program"), 64), 31 + 22 - 5 + 134 + 28);
        let theirs = collection.map("theirs").unwrap().typed::<u32, u64>().unwrap();
        let version = theirs.get(&0).unwrap().unwrap();
        let (major, minor) = testdata::kernel_release();
        assert_eq!(version >> 8, u64::from((major << 8) | minor));
        let shared = collection.map("shared").unwrap().typed::<u32, [u32; 4]>().unwrap();
        assert_eq!(shared.get(&0).unwrap(), Some([1, 21 + 22, 0, 0]));
        assert_eq!(run(program("only_in_first"), 64), 2);
        // -15 - 77 - 1 + 21
        assert_eq!(run(program("only_in_second"), 77).cast_signed(), -72);
        for (name, expected) in
            [("from_first", 11_u32), ("from_second", 21), ("weak_here", 23), ("weak_in_both", 14)]
        {
            let variable = collection.variable(name).unwrap();
            assert_eq!(variable.get::<u32>().unwrap(), expected, "{name}");
        }
        // It calls itself through the array that the second half fills, until the kernel stops that.
        run(program("second_program"), 64);
    }
}

/// Objects that do not know of each other do in one what they do alone.
#[test]
fn strangers_do_not_change_each_other() {
    let _leak = NoLeak::new();
    let context = Context::new();
    let names =
        ["bss", "constants", "data_custom", "inner_maps", "rodata", "subprograms", "variables"];
    let linked = link(&names.map(|name| (name, object(name, Order::NATIVE))));
    let whole = behaviour(&context, &linked).unwrap();
    assert_eq!(behaviour(&context, &written(&linked)).unwrap(), whole);
    for name in names {
        for line in behaviour(&context, &spec(name)).unwrap() {
            if line.starts_with("  run of") {
                assert!(whole.contains(&line), "{name}: {line}\n{}", whole.join("\n"));
            }
        }
    }
}

/// What bpftool (libbpf 1.1) makes of the halves.
///
/// Its types have wrong places, as those of libbpf 7.3 still have. That of `theirs` in `.maps`, which the first half only declares, is
/// that of `shared`: the kernel refuses such BTF ("Invalid offset"), and without BTF the callback ("missing btf `func_info`"); libbpf does
/// not find the map, and opens no such object. That of `weak_here` is the place of the weak definition that lost. The symbols have the
/// right ones, and the loader goes by them.
#[test]
fn what_bpftool_links_is_loaded_too() {
    let _leak = NoLeak::new();
    if Order::NATIVE == Order::Big || !requires("bpf_for_each_map_elem", (5, 13)) {
        return;
    }
    let context = Context::new();
    let theirs = CollectionSpec::parse(linked(Order::NATIVE)).unwrap();
    let [ours, theirs, rewritten] =
        [&halves(), &theirs, &written(&theirs)].map(|spec| behaviour(&context, spec).unwrap());
    assert_eq!(theirs, ours);
    assert_eq!(rewritten, ours);
}
