//! `bpf-elf btf`.

use bpf_btf::{Btf, BtfBuilder, ByteOrder, Definition, NewMember};
use testdata::{OBJECTS, Order, object};

use crate::program::{printed, run};
use crate::{File, json};

const WITHOUT_BTF: [&str; 1] = ["no_btf"];

#[test]
fn every_type_has_a_line() {
    for name in OBJECTS.iter().filter(|name| !WITHOUT_BTF.contains(name)) {
        for order in Order::BOTH {
            let bytes = object(name, order);
            let btf = Btf::parse_file(bytes).unwrap();
            // Number 0 is void.
            let count = usize::try_from(btf.len() - 1).unwrap();
            let text = printed(&["btf", "list", "-"], bytes);
            assert_eq!(text.lines().count(), count, "{name}");
            let found = json(&["btf", "list", "--format", "json", "-"], bytes);
            assert_eq!(found["types"].as_array().unwrap().len(), count, "{name}");
            assert_eq!(found["byte_order"], if order == Order::Big { "big" } else { "little" });
        }
    }
}

#[test]
fn types_read_as_in_c() {
    for order in Order::BOTH {
        let text = printed(&["btf", "list", "-"], object("core", order));
        for line in [
            "STRUCT struct task_struct, 64 bytes, 7 members",
            "PTR struct task_struct *",
            "ARRAY char[16]",
            "FUNC int direct(__u64 *), global",
            "VAR char saw_comm[16], global",
        ] {
            assert!(text.lines().any(|found| found.ends_with(line)), "{line}:\n{text}");
        }
        let text = printed(&["btf", "header", "--type", "list_head", "-"], object("core", order));
        let expected =
            "struct list_head {\n\tstruct list_head *next;\n\tstruct list_head *prev;\n};";
        assert_eq!(text.trim_end(), expected);
        let text = printed(&["btf", "header", "-"], object("core", order));
        assert!(text.contains("#ifndef ") && text.contains("struct task_struct {"), "{text}");
    }
}

#[test]
fn raw_types_are_those_of_the_object() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("types.btf");
    for name in OBJECTS.iter().filter(|name| !WITHOUT_BTF.contains(name)) {
        for order in Order::BOTH {
            let bytes = object(name, order);
            let arguments = ["btf", "raw", "-", "--output", path.to_str().unwrap()];
            assert_eq!(printed(&arguments, bytes), "");
            let written = std::fs::read(&path).unwrap();
            // The section, byte for byte.
            assert!(bytes.windows(written.len()).any(|part| part == written), "{name} {order:?}");
        }
    }
    let swapped =
        run(&["btf", "raw", "-", "-o", "-", "--byte-order", "big"], object("core", Order::Little));
    assert_eq!(Btf::parse(swapped.stdout).unwrap().byte_order(), ByteOrder::Big);
}

#[test]
fn the_minimal_types_of_a_kernel_are_those_that_objects_need() {
    let mut builder = BtfBuilder::new();
    let mut add = |definition: &Definition<'_>| builder.add(definition).unwrap();
    let int =
        add(&Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false });
    let members = [NewMember::new("unused", int, 0), NewMember::new("pid", int, 32)];
    add(&Definition::Struct { name: "task_struct", size: 8, members: &members });
    add(&Definition::Struct { name: "other", size: 8, members: &members });
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let kernel = File::with(&builder.write(order).unwrap());
        let second = File::new("counter", Order::Big);
        let arguments =
            ["btf", "minimal", "--kernel", kernel.path(), "-", second.path(), "-o", "-"];
        for object_order in Order::BOTH {
            let output = run(&arguments, object("core", object_order));
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let btf = Btf::parse(output.stdout).unwrap();
            assert_eq!(btf.byte_order(), order);
            let names: Vec<_> =
                btf.types().map(|(_, ty)| ty.name()).filter(|name| !name.is_empty()).collect();
            assert_eq!(names, ["int", "task_struct"]);
        }
    }
}

#[test]
fn what_has_no_types_is_an_error() {
    for (arguments, input, expected) in [
        (&["btf", "list", "-"][..], object("no_btf", Order::Little), "no section"),
        (&["btf", "list", "-"], &b"text"[..], "not BTF"),
        (&["btf", "header", "--type", "nothing", "-"], object("core", Order::Big), "nothing"),
        (&["btf", "raw", "-", "-o", "/no/such/folder/x"], object("core", Order::Big), "write"),
        (&["btf", "minimal", "--kernel", "/no/such", "-", "-o", "-"], b"", "/no/such"),
    ] {
        let output = run(arguments, input);
        let messages = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {messages}");
        assert!(messages.contains(expected), "{arguments:?}: {messages}");
        assert_eq!(messages.lines().count(), 1, "{messages}");
    }
}
