//! What holds for every command.

use std::io::Read as _;
use std::process::Stdio;

use testdata::{Order, object};

use crate::File;
use crate::program::{printed, program, refused, run};

/// BTF of a kernel: that of an object will do.
fn kernel() -> File {
    File::new("counter", Order::Little)
}

/// Every command with arguments that make it read an object from standard input, and its status when it cannot.
fn readers(kernel: &File) -> [(Vec<&str>, i32); 7] {
    [
        (vec!["inspect", "-"], 1),
        (vec!["compat", "-", "--btf", kernel.path()], 2),
        (vec!["disasm", "-"], 1),
        (vec!["digest", "-"], 1),
        (vec!["diff", "-", "/dev/null"], 1),
        (vec!["btf", "list", "-"], 1),
        (vec!["btf", "header", "-"], 1),
    ]
}

#[test]
fn help_has_examples() {
    let text = printed(&["--help"], b"");
    for command in ["inspect", "compat", "disasm", "btf", "diff", "digest", "link", "completions"] {
        assert!(text.contains(&format!("\n  {command} ")), "{text}");
        let text = printed(&[command, "--help"], b"");
        assert!(text.contains("Examples:\n  "), "{text}");
        assert!(text.contains(&format!("bpf-elf {command} ")), "{text}");
    }
}

#[test]
fn a_bad_object_gives_one_line_and_a_status() {
    let whole = object("packets", Order::Little);
    let kernel = kernel();
    for (arguments, status) in readers(&kernel) {
        for input in [&b"not an object"[..], b"", &whole[..1000]] {
            refused(&arguments, input, status);
        }
    }
}

#[test]
fn what_is_wrong_is_said_once() {
    let mut bytes = object("counter", Order::Little).to_vec();
    // The version of the type information.
    let at = bytes.windows(4).position(|word| word == [0x9f, 0xeb, 1, 0]).unwrap();
    bytes[at + 2] = 77;
    for arguments in [&["inspect", "-"][..], &["disasm", "-"], &["btf", "list", "-"]] {
        let messages = refused(arguments, &bytes, 1);
        assert_eq!(messages.matches("77").count(), 1, "{arguments:?}: {messages}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let kernel = kernel();
    for (arguments, status) in readers(&kernel) {
        let arguments: Vec<_> = arguments
            .iter()
            .map(|word| if *word == "-" { "/no/such\nfile" } else { word })
            .collect();
        let messages = refused(&arguments, b"", status);
        assert!(messages.contains("cannot read /no/such"), "{arguments:?}: {messages}");
    }
}

#[test]
fn wrong_usage_gives_status_2() {
    for arguments in [
        &["disasm"][..],
        &["disasm", "--format", "yaml", "-"],
        &["disasm", "--dot", "--raw", "-"],
        &["digest"],
        &["compat", "-"],
        &["compat", "-", "--btf", "x", "--format", "yaml"],
        &["compat", "-", "--btf", "x", "--kernel-version", "six"],
        &["link", "-"],
        &["diff", "-"],
        &["btf"],
        &["btf", "raw", "-"],
        &["btf", "minimal", "-", "-o", "-"],
        &["completions", "tcsh"],
        &["nothing"],
    ] {
        let output = run(arguments, b"");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

/// A table without colours, whatever prints it.
#[test]
fn verdicts_have_no_colours() {
    let kernel = kernel();
    for format in ["text", "json"] {
        let arguments = ["compat", "-", "--btf", kernel.path(), "--format", format];
        let text = printed(&arguments, object("counter", Order::Little));
        assert!(!text.is_empty() && !text.contains('\x1b'), "{text}");
    }
}

/// Standard output is no terminal here.
#[test]
fn colours_are_for_terminals_or_on_demand() {
    let other = File::new("bss", Order::Little);
    for arguments in [&["disasm", "-"][..], &["diff", other.path(), "-"]] {
        for (color, expected) in [(None, false), (Some("always"), true), (Some("never"), false)] {
            let mut arguments = arguments.to_vec();
            arguments.extend(color.into_iter().flat_map(|when| ["--color", when]));
            let text = printed(&arguments, object("core", Order::Little));
            assert_eq!(text.contains('\x1b'), expected, "{arguments:?}");
        }
    }
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let kernel = kernel();
    for arguments in [
        &["disasm", "-"][..],
        &["compat", "-", "--btf", kernel.path()],
        &["btf", "header", "-"],
        &["completions", "bash"],
    ] {
        let mut command = program();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Before it can write anything.
        drop(child.stdout.take());
        let mut stdin = child.stdin.take().unwrap();
        let _ = std::io::Write::write_all(&mut stdin, object("core", Order::Little));
        drop(stdin);
        let mut messages = String::new();
        child.stderr.take().unwrap().read_to_string(&mut messages).unwrap();
        assert!(child.wait().unwrap().success(), "{arguments:?}");
        assert_eq!(messages, "", "{arguments:?}");
    }
}

#[test]
fn shells_get_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = printed(&["completions", shell], b"");
        for word in [
            "inspect",
            "compat",
            "disasm",
            "btf",
            "diff",
            "digest",
            "link",
            "minimal",
            "no-source",
            "kernel-version",
            "kconfig",
        ] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}
