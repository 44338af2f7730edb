//! `bpf-elf disasm`.

use bpf_asm::{ByteOrder, Code, decode_slots};
use bpf_elf::spec::CollectionSpec;
use testdata::{OBJECTS, Order, object};

use crate::json;
use crate::program::{printed, run};

#[test]
fn a_listing_names_functions_lines_and_references() {
    let expected = "\
; section \".text\", static function, 8 slots
<add>:
; testdata/bpf/callback.c:20
     0:    r6 = r4
; testdata/bpf/callback.c:22
     1:    r1 = *(u64 *)(r3 +0)
     2:    call halve
     3:    r1 = *(u64 *)(r6 +0)
     4:    r1 += r0
     5:    *(u64 *)(r6 +0) = r1
; testdata/bpf/callback.c:23
     6:    r0 = 0
     7:    exit
";
    for order in Order::BOTH {
        let arguments = ["disasm", "--function", "add", "-"];
        assert_eq!(printed(&arguments, object("callback", order)), expected);
    }
}

#[test]
fn a_whole_program_has_its_functions_behind_it() {
    let arguments = ["disasm", "--whole", "--no-source", "--function", "sum_halves", "-"];
    for order in Order::BOTH {
        let text = printed(&arguments, object("callback", order));
        let title = "; section \"socket\", program of type socket_filter, 3 functions, 23 slots";
        assert_eq!(text.lines().next(), Some(title));
        let headers: Vec<_> = text.lines().filter(|line| line.starts_with('<')).collect();
        assert_eq!(headers, ["<sum_halves>:", "<add>:", "<halve>:"]);
        assert!(text.contains("\n    14:    call halve\n"), "{text}");
        assert!(!text.contains(".c:"), "{text}");
    }
}

#[test]
fn bytes_stand_in_the_order_of_the_object() {
    for (order, expected) in [
        (
            Order::Little,
            "     4: 18 11 00 00 00 00 00 00    r1 = map[values] ll\n        00 00 00 00",
        ),
        (Order::Big, "     4: 18 11 00 00 00 00 00 00    r1 = map[values] ll\n        00 00 00 00"),
        (Order::Little, "     3: 07 03 00 00 f8 ff ff ff    r3 += -8\n"),
        (Order::Big, "     3: 07 30 00 00 ff ff ff f8    r3 += -8\n"),
    ] {
        let text = printed(&["disasm", "--raw", "-"], object("callback", order));
        assert!(text.contains(expected), "{text}");
    }
}

/// All programs of an object at once, and each alone. An emulator takes long to start a program: there one of each object is alone.
#[test]
fn a_listing_without_slots_assembles_to_the_code() {
    let is_emulated = std::env::var_os("BPF_RUNNER").is_some();
    for name in OBJECTS {
        for order in Order::BOTH {
            let spec = CollectionSpec::parse(object(name, order)).unwrap();
            let text = printed(&["disasm", "--no-slots", "--whole", "-"], object(name, order));
            let listings: Vec<_> = text.split_terminator("\n\n").collect();
            assert_eq!(listings.len(), spec.programs.len(), "{name}");
            let alone = if is_emulated { 1 } else { listings.len() };
            for (number, ((key, program), text)) in spec.programs.iter().zip(listings).enumerate() {
                let code = Code::assemble(text).unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(code, spec.program_listing(program).unwrap().code, "{name} {key}");
                if number < alone {
                    let arguments = ["disasm", "--no-slots", "--whole", "--function", key, "-"];
                    let one = printed(&arguments, object(name, order));
                    assert_eq!(one.trim_end(), text.trim_end(), "{name} {key}");
                }
            }
        }
    }
}

/// All that the other form tells is in the JSON form, and its bytes are those of the code.
#[test]
fn the_json_form_has_every_instruction() {
    for name in OBJECTS {
        for order in Order::BOTH {
            let spec = CollectionSpec::parse(object(name, order)).unwrap();
            let found = json(&["disasm", "--format", "json", "-"], object(name, order));
            assert_eq!(found["format"], 1);
            let byte_order = match order {
                Order::Little => ByteOrder::Little,
                Order::Big => ByteOrder::Big,
            };
            let functions = found["functions"].as_array().unwrap();
            assert_eq!(functions.len(), spec.programs.len() + spec.functions.len(), "{name}");
            let keys = spec.programs.names().chain(spec.functions.names());
            for (function, key) in functions.iter().zip(keys) {
                let listing = spec.listing(key).unwrap();
                let mut slots = Vec::new();
                for instruction in function["instructions"].as_array().unwrap() {
                    let slot = usize::try_from(instruction["slot"].as_u64().unwrap()).unwrap();
                    assert_eq!(slot, slots.len(), "{name} {key}");
                    let digits = instruction["bytes"].as_str().unwrap();
                    let bytes: Vec<u8> = (0..digits.len() / 2)
                        .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap())
                        .collect();
                    slots.extend(decode_slots(&bytes, byte_order).unwrap());
                    assert_eq!(
                        instruction["core"].is_object(),
                        listing.accesses.contains_key(&slot)
                    );
                    assert_eq!(
                        instruction["source"].is_object(),
                        listing.lines.contains_key(&slot)
                    );
                }
                assert_eq!(slots, listing.code.slots, "{name} {key}");
                let references = function["instructions"].as_array().unwrap().iter();
                let references = references.filter(|of| of["reference"].is_object());
                assert_eq!(references.count(), spec.function(key).unwrap().references.len());
            }
        }
    }
}

#[test]
fn references_have_the_words_of_inspect() {
    for name in OBJECTS {
        let whole = ["disasm", "--format", "json", "--whole", "-"];
        let disasm = json(&whole, object(name, Order::Little));
        let inspect = json(&["inspect", "--format", "json", "-"], object(name, Order::Little));
        let programs = inspect["programs"].as_array().unwrap();
        assert_eq!(disasm["functions"].as_array().unwrap().len(), programs.len(), "{name}");
        for (program, inspected) in disasm["functions"].as_array().unwrap().iter().zip(programs) {
            let instructions = program["instructions"].as_array().unwrap();
            let references = instructions.iter().filter_map(|of| {
                let mut reference = of["reference"].as_object()?.clone();
                reference.insert("slot".to_owned(), of["slot"].clone());
                Some(serde_json::Value::Object(reference))
            });
            // As sets of fields: their order is not part of the format.
            let references: Vec<_> = references.collect();
            assert_eq!(&references, inspected["references"].as_array().unwrap(), "{name}");
            let accesses: Vec<_> = instructions
                .iter()
                .filter(|of| of["core"].is_object())
                .map(|of| (&of["slot"], &of["core"]["kind"], &of["core"]["access"]))
                .collect();
            let expected: Vec<_> = inspected["core_relocations"]
                .as_array()
                .unwrap()
                .iter()
                .map(|of| (&of["slot"], &of["kind"], &of["access"]))
                .collect();
            assert_eq!(accesses, expected, "{name}");
        }
    }
}

#[test]
fn graphs_have_a_frame_for_each_function() {
    let arguments = ["disasm", "--dot", "--whole", "--function", "sum_halves", "-"];
    let dot = printed(&arguments, object("callback", Order::Big));
    assert!(dot.starts_with("digraph program {\n") && dot.ends_with("}\n"), "{dot}");
    assert_eq!(dot.matches("subgraph cluster_").count(), 3, "{dot}");
}

#[test]
fn what_is_not_there_is_named() {
    for (arguments, missing) in [
        (&["disasm", "--function", "nothing", "-"][..], "no function \"nothing\""),
        (&["disasm", "--function", "add", "--function", "x", "-"], "no function \"x\""),
        (&["disasm", "--whole", "--function", "add", "-"], "no entry program \"add\""),
    ] {
        let output = run(arguments, object("callback", Order::Little));
        let messages = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{messages}");
        assert!(messages.contains(missing), "{messages}");
        assert!(output.stdout.is_empty());
    }
}
