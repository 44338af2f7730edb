//! What is told when nothing matches.

use bpf_btf::core::CoreKind;
use bpf_btf::{Btf, CoreRelo, TypeId};

use crate::asm::{Asm, ORDERS, SIGNED, asm};
use crate::core::resolve;

fn check(local: &Asm, target: &Asm, relo: (u32, &str, CoreKind), access: &str, text: &str) {
    for order in ORDERS {
        let target = Btf::parse(target.write(order)).unwrap();
        let fixup = resolve(local, &target, &[], order, &[relo]).pop().unwrap().unwrap();
        let story = fixup.story.unwrap();
        assert_eq!((story.access().as_str(), story.kind()), (access, Some(relo.2)));
        assert_eq!(story.to_string(), text);
    }
}

fn kernel() -> Asm {
    asm()
        .int("int", 4, SIGNED) // 1
        .int("long", 8, SIGNED) // 2
        .array(1, 1, 2) // 3
        .structure("sched_entity", 8, &[("load", 2, 0)]) // 4
        .union("", 8, &[("stack_canary", 2, 0)]) // 5
        .structure(
            "task_struct",
            40,
            &[("__state", 1, 0), ("", 5, 64), ("se", 4, 128), ("list", 3, 192), ("pid", 2, 256)],
        ) // 6
        .structure("task_structure", 8, &[]) // 7
        .enumeration("color", 4, false, &[("COLOR_RED", 0), ("COLOR_GREEN", 1)]) // 8
        .structure("task_struct___other", 8, &[("_state", 1, 0)]) // 9
}

fn program() -> Asm {
    asm()
        .int("int", 4, SIGNED) // 1
        .ptr(0) // 2
        .array(1, 1, 4) // 3
        .structure("sched_entity", 8, &[("vruntime", 1, 0)]) // 4
        .structure(
            "task_struct___old",
            64,
            &[
                ("state", 1, 0),
                ("se", 4, 64),
                ("list", 3, 128),
                ("pid", 1, 256),
                ("stack_canari", 1, 288),
                ("__state", 2, 320),
            ],
        ) // 5
        .structure("task_strukt", 8, &[("x", 1, 0)]) // 6
        .enumeration("color", 4, false, &[("COLOR_REDD___x", 0)]) // 7
        .structure("nothing_like_it", 8, &[]) // 8
}

#[test]
fn missing_members_are_named_with_the_nearest_names() {
    check(
        &program(),
        &kernel(),
        (5, "0:0", CoreKind::FieldByteOffset),
        "task_struct___old->state",
        "offset of task_struct___old->state: nothing in the target matches
  relocation <byte_off> [5] struct task_struct___old.state (0:0 @ offset 0)
  struct task_struct [6] of vmlinux: has no member state; nearest: __state
  struct task_struct___other [9] of vmlinux: has no member state; nearest: _state",
    );
    check(
        &program(),
        &kernel(),
        (5, "0:4", CoreKind::FieldExists),
        "task_struct___old->stack_canari",
        "existence of task_struct___old->stack_canari: nothing in the target matches
  relocation <field_exists> [5] struct task_struct___old.stack_canari (0:4 @ offset 36)
  struct task_struct [6] of vmlinux: has no member stack_canari; nearest: stack_canary
  struct task_struct___other [9] of vmlinux: has no member stack_canari",
    );
}

#[test]
fn steps_that_fail_are_named() {
    check(
        &program(),
        &kernel(),
        (5, "0:1:0", CoreKind::FieldByteSize),
        "task_struct___old->se.vruntime",
        "size of task_struct___old->se.vruntime: nothing in the target matches
  relocation <byte_sz> [5] struct task_struct___old.se.vruntime (0:1:0 @ offset 8)
  struct task_struct [6] of vmlinux: struct sched_entity in it has no member vruntime
  struct task_struct___other [9] of vmlinux: has no member se",
    );
    check(
        &program(),
        &kernel(),
        (5, "1:2:3", CoreKind::FieldByteOffset),
        "task_struct___old[1].list[3]",
        "offset of task_struct___old[1].list[3]: nothing in the target matches
  relocation <byte_off> [5] struct task_struct___old[1].list[3] (1:2:3 @ offset 92)
  struct task_struct [6] of vmlinux: array list has 2 elements
  struct task_struct___other [9] of vmlinux: has no member list",
    );
    check(
        &program(),
        &kernel(),
        (5, "0:5", CoreKind::FieldSigned),
        "task_struct___old->__state",
        "signedness of task_struct___old->__state: nothing in the target matches
  relocation <signed> [5] struct task_struct___old.__state (0:5 @ offset 40)
  struct task_struct [6] of vmlinux: member __state is int, which cannot be read as void *
  struct task_struct___other [9] of vmlinux: has no member __state; nearest: _state",
    );
}

#[test]
fn missing_types_and_enumerators_are_named_with_the_nearest_names() {
    check(
        &program(),
        &kernel(),
        (6, "0:0", CoreKind::FieldLshiftU64),
        "task_strukt->x",
        "place of bitfield task_strukt->x: nothing in the target matches
  relocation <lshift_u64> [6] struct task_strukt.x (0:0 @ offset 0)
  no struct named task_strukt in vmlinux; nearest: task_struct",
    );
    check(
        &program(),
        &kernel(),
        (8, "0", CoreKind::TypeSize),
        "struct nothing_like_it",
        "size of struct nothing_like_it: nothing in the target matches
  relocation <type_size> [8] struct nothing_like_it
  no struct named nothing_like_it in vmlinux",
    );
    check(
        &program(),
        &kernel(),
        (7, "0", CoreKind::EnumvalValue),
        "enum color::COLOR_REDD___x",
        "value of enum color::COLOR_REDD___x: nothing in the target matches
  relocation <enumval_value> [7] enum color::COLOR_REDD___x = 0
  enum color [8] of vmlinux: has no enumerator COLOR_REDD; nearest: COLOR_RED",
    );
    check(
        &program(),
        &kernel(),
        (5, "0", CoreKind::TypeMatches),
        "struct task_struct___old",
        "match of struct task_struct___old: nothing in the target matches
  relocation <type_matches> [5] struct task_struct___old
  struct task_struct [6] of vmlinux: is defined differently
  struct task_struct___other [9] of vmlinux: is defined differently",
    );
}

#[test]
fn sizes_that_must_not_change_are_told() {
    check(
        &program(),
        &kernel(),
        (5, "0:3", CoreKind::FieldByteOffset),
        "task_struct___old->pid",
        "task_struct___old->pid has 4 bytes in the object and 8 in the target: only pointers and unsigned integers may change their size
  relocation <byte_off> [5] struct task_struct___old.pid (0:3 @ offset 32)
  struct task_struct [6] of vmlinux: matches",
    );
}

#[test]
fn all_that_was_searched_is_told() {
    let rows: [(&[(&str, bool)], &str); 5] = [
        (&[("veth", true)], "vmlinux and 1 module"),
        (&[("veth", true), ("tun", true)], "vmlinux and 2 modules"),
        (&[("other", false)], "vmlinux and other"),
        (&[("other", false), ("third", false)], "vmlinux, other and third"),
        (&[("other", false), ("veth", true)], "vmlinux, other and 1 module"),
    ];
    for order in ORDERS {
        let mut local = program();
        let access = local.string("0");
        let local = Btf::parse(local.write(order)).unwrap();
        let kernel = Btf::parse(kernel().write(order)).unwrap();
        let relos = [CoreRelo::new(0, TypeId::new(8), access, CoreKind::TypeSize.number())];
        for (targets, expected) in rows {
            let mut resolver = bpf_btf::core::Resolver::new(&local, &relos);
            resolver.search_kernel(&kernel);
            for (name, is_module) in targets {
                if *is_module {
                    resolver.search_module(&kernel, name);
                } else {
                    resolver.search_target(&kernel, name);
                }
            }
            let fixup = resolver.resolve().pop().unwrap().unwrap();
            let text = fixup.story.unwrap().to_string();
            let last = text.lines().last().unwrap();
            assert_eq!(last, format!("  no struct named nothing_like_it in {expected}"));
        }
    }
}

#[test]
fn nothing_searched_is_told() {
    for order in ORDERS {
        let mut local = program();
        let access = local.string("0:0");
        let local = Btf::parse(local.write(order)).unwrap();
        let relos = [CoreRelo::new(0, TypeId::new(5), access, 0)];
        let fixup = bpf_btf::core::Resolver::new(&local, &relos).resolve().pop().unwrap().unwrap();
        assert!(fixup.poison);
        let story = fixup.story.unwrap();
        assert_eq!(
            (story.local_type().as_str(), story.spec_text().as_str()),
            (
                "struct task_struct___old",
                "<byte_off> [5] struct task_struct___old.state (0:0 @ offset 0)",
            )
        );
        assert!(
            story
                .to_string()
                .ends_with("no struct named task_struct in any target, because none was searched")
        );
    }
}
