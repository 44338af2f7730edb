//! `bpf-elf diff` and `bpf-elf digest`.

use bpf_elf::spec::CollectionSpec;
use testdata::{OBJECTS, Order, object};

use crate::program::{printed, run};
use crate::{File, json};

#[test]
fn an_object_does_not_differ_from_itself() {
    for name in OBJECTS {
        for order in Order::BOTH {
            let file = File::new(name, order);
            let arguments = ["diff", "--exit-code", file.path(), "-"];
            assert_eq!(printed(&arguments, object(name, order)), "", "{name}");
        }
    }
}

#[test]
fn what_differs_is_listed() {
    let file = File::new("bss", Order::Little);
    let text = printed(&["diff", "-", file.path()], object("license_version", Order::Little));
    for line in ["~ kernel_version: ", "- program ", "+ program ", "+ map .bss", "+ variable "] {
        assert!(text.lines().any(|found| found.starts_with(line)), "{line}:\n{text}");
    }
    let output = run(&["diff", "--exit-code", file.path(), "-"], object("data", Order::Little));
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stderr.is_empty() && !output.stdout.is_empty());
}

/// The number of entries of a pinned map, in the BTF of the definition: an array's length.
#[test]
fn a_pinned_map_that_cannot_stay_is_told() {
    for order in Order::BOTH {
        let file = File::new("pinned", order);
        let mut bytes = object("pinned", order).to_vec();
        let spec = CollectionSpec::parse(&bytes).unwrap();
        let pinned = spec.maps.get("pinned").unwrap();
        // The array that says how many entries there are: element, index, length.
        let (old, new) = (pinned.max_entries, pinned.max_entries + 1);
        let word = |number: u32| match order {
            Order::Little => number.to_le_bytes(),
            Order::Big => number.to_be_bytes(),
        };
        let places: Vec<_> =
            (0..bytes.len() - 4).step_by(4).filter(|at| bytes[*at..*at + 4] == word(old)).collect();
        let edited = places.into_iter().find_map(|at| {
            let mut edited = bytes.clone();
            edited[at..at + 4].copy_from_slice(&word(new));
            let map = CollectionSpec::parse(&edited).ok()?.maps.get("pinned")?.max_entries;
            (map == new).then_some(edited)
        });
        bytes = edited.expect("the number of entries somewhere in the object");
        let text = printed(&["diff", file.path(), "-"], &bytes);
        let expected = format!(
            "~ map pinned\n    max_entries: {old} -> {new}\n    \
             pinned: a map that the old object pinned cannot be used (max_entries)\n"
        );
        assert!(text.contains(&expected), "{text}");
        let found = json(&["diff", "--format", "json", file.path(), "-"], &bytes);
        let map = found["maps"].as_array().unwrap().iter().find(|map| map["name"] == "pinned");
        let map = map.expect("the map");
        assert_eq!(map["difference"], "changed");
        assert_eq!(map["changes"][0]["field"], "max_entries");
        assert_eq!(
            (&map["changes"][0]["old"], &map["changes"][0]["new"]),
            (&old.into(), &new.into())
        );
        assert_eq!(map["pinned"]["works"], false);
        assert_eq!(map["pinned"]["fields"][0], "max_entries");
    }
}

#[test]
fn the_json_form_says_whether_there_is_a_difference() {
    for name in OBJECTS {
        let little = File::new(name, Order::Little);
        let format = ["diff", "--format", "json", little.path(), "-"];
        let same = json(&format, object(name, Order::Little));
        assert_eq!((&same["format"], &same["same"]), (&1.into(), &true.into()), "{name}");
        let other = json(&format, object(name, Order::Big));
        assert_eq!(other["same"], false);
        assert_eq!(other["changes"][0]["field"], "byte_order");
    }
}

#[test]
fn only_one_object_can_come_from_standard_input() {
    let output = run(&["diff", "-", "-"], b"");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("only one"));
}

#[test]
fn a_digest_is_that_of_the_library() {
    for name in OBJECTS {
        for order in Order::BOTH {
            let spec = CollectionSpec::parse(object(name, order)).unwrap();
            let expected = format!("{}  standard input\n", spec.digest());
            assert_eq!(printed(&["digest", "-"], object(name, order)), expected);
        }
    }
    let (first, second) = (File::new("bss", Order::Little), File::new("data", Order::Little));
    let text = printed(&["digest", first.path(), second.path()], b"");
    assert_eq!(text.lines().count(), 2);
    assert!(text.lines().all(|line| line.starts_with("v1:") && line.ends_with("/object.o")));
    let found = json(&["digest", "--format", "json", first.path()], b"");
    assert_eq!(found["file"], first.path());
}

#[test]
fn an_expected_digest_is_compared() {
    let digest = CollectionSpec::parse(object("bss", Order::Little)).unwrap().digest().to_string();
    printed(&["digest", "--expect", &digest, "-"], object("bss", Order::Little));
    let output = run(&["digest", "--expect", &digest, "-"], object("bss", Order::Big));
    assert_eq!(output.status.code(), Some(1));
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(messages.contains("the digest is v1:") && messages.contains(&digest), "{messages}");
    for wrong in ["v2:00", "v1:00", "00"] {
        let output = run(&["digest", "--expect", wrong, "-"], object("bss", Order::Little));
        assert_eq!(output.status.code(), Some(2), "{wrong}");
    }
}
