//! Rules for each source file.
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::code;
use crate::cache;
use crate::metadata::Package;

/// A file longer than this is two files.
const LONGEST: usize = 800;
/// In the first lines of a file that a program wrote: it may be longer.
const GENERATED: &str = "@generated";

/// Words that only these places may have in their code.
const ONLY_IN: [(&str, &[&str]); 4] = [
    ("unsafe", &["bpf-sys/"]),
    ("nix", &["bpf-sys/"]),
    ("libc", &["bpf-sys/"]),
    ("goblin", &["bpf-elf/src/object.rs"]),
];

/// Of the facade's files only these see links: one attaches by section name, one hands them on.
const SEE_LINKS: [&str; 2] = ["bpf-core/src/attach.rs", "bpf-core/src/lib.rs"];

/// These roots belong to crates that do without the standard library.
const NO_STD: [&str; 2] = ["bpf-asm/src/lib.rs", "bpf-btf/src/lib.rs"];

/// Marks of unfinished work.
const UNFINISHED: [&str; 3] = ["FIXME", "XXX", "TODO"];

/// The breaches of all Rust files below a folder.
pub(super) fn sources(root: &Path, packages: &[Package]) -> Result<Vec<String>> {
    let mut files = Vec::new();
    find(root, &mut files)?;
    files.sort();
    let roots: Vec<&Path> = packages
        .iter()
        .flat_map(|package| &package.targets)
        .filter(|target| ["lib", "bin"].contains(&target.kind.as_str()))
        .map(|target| target.root.as_path())
        .collect();
    let mut breaches = Vec::new();
    for file in files {
        let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        breaches.extend(check(&name, &cache::read_text(&file)?, roots.contains(&file.as_path())));
    }
    Ok(breaches)
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            find(&path, files)?;
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// The breaches of one file; `crate_root`: the root of a library or program.
fn check(name: &str, text: &str, crate_root: bool) -> Vec<String> {
    let code = code::only(text);
    let mut breaches = Vec::new();
    let mut breach = |what: String| breaches.push(format!("{name}: {what}"));

    if !text.starts_with("//!") {
        breach("does not begin with a line that says what it is about (//!)".to_owned());
    }
    let lines = text.lines().count();
    if lines > LONGEST && !text.lines().take(10).any(|line| line.contains(GENERATED)) {
        breach(format!("{lines} lines, more than {LONGEST}"));
    }
    for (word, places) in ONLY_IN {
        if !places.iter().any(|place| name.starts_with(place)) && code::has_word(&code, word) {
            breach(format!("`{word}` has no place here, only in {}", places.join(", ")));
        }
    }
    if name.starts_with("bpf-core/src/")
        && !SEE_LINKS.contains(&name)
        && code::has_word(&code, "bpf_link")
    {
        breach(format!("sees links: only {} do", SEE_LINKS.join(" and ")));
    }
    if crate_root && !name.starts_with("bpf-sys/") && !code.contains("#![forbid(unsafe_code)]") {
        breach("a crate root without #![forbid(unsafe_code)]".to_owned());
    }
    if NO_STD.contains(&name) && !code.contains("#![no_std]") {
        breach("a crate for any system without #![no_std]".to_owned());
    }
    if code.contains("mod prelude") {
        breach("a prelude: names are imported by name".to_owned());
    }
    if !name.contains("/tests/") && code.lines().any(glob_export) {
        breach("a glob re-export: the public names are listed by hand".to_owned());
    }
    if code.contains("#[ignore") {
        breach("an ignored test".to_owned());
    }
    for word in UNFINISHED {
        if code::has_word(text, word) && name != "xtask/src/walls/text.rs" {
            breach(format!("unfinished: {word}"));
        }
    }
    breaches
}

fn glob_export(line: &str) -> bool {
    let line = line.trim_start();
    let exported =
        line.starts_with("pub use ") || (line.starts_with("pub(") && line.contains(") use "));
    exported && line.contains('*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_finds_its_breach() {
        let forbid = "#![forbid(unsafe_code)]\n";
        let rows: &[(&str, String, bool, &str)] = &[
            ("bpf-elf/src/lib.rs", format!("//! x\n{forbid}"), true, ""),
            ("bpf-sys/src/lib.rs", "//! x\n".into(), true, ""),
            ("bpf-elf/src/lib.rs", "//! x\n".into(), true, "without #![forbid(unsafe_code)]"),
            (
                "bpf-elf/src/lib.rs",
                "//! x\n// #![forbid(unsafe_code)]\n".into(),
                true,
                "without #![forbid(unsafe_code)]",
            ),
            ("bpf-asm/src/lib.rs", format!("//! x\n{forbid}"), true, "without #![no_std]"),
            ("bpf-asm/src/lib.rs", format!("//! x\n#![no_std]\n{forbid}"), true, ""),
            ("a/src/b.rs", "use x;\n".into(), false, "does not begin with"),
            ("a/src/b.rs", format!("//! x\n{}", "\n".repeat(800)), false, "801 lines"),
            ("a/src/b.rs", format!("//! x\n{}", "\n".repeat(799)), false, ""),
            ("a/src/b.rs", format!("//! x\n// @generated by y\n{}", "\n".repeat(800)), false, ""),
            ("bpf-core/src/b.rs", "//! x\nfn f() { unsafe { g() } }\n".into(), false, "`unsafe`"),
            (
                "bpf-core/src/b.rs",
                "//! x unsafe\n// unsafe nix\nconst X: &str = \"goblin\";\n".into(),
                false,
                "",
            ),
            (
                "bpf-sys/src/b.rs",
                "//! x\nuse nix::libc; fn f() { unsafe { g() } }\n".into(),
                false,
                "",
            ),
            ("bpf-link/src/b.rs", "//! x\nuse nix::sys;\n".into(), false, "`nix`"),
            ("bpf-link/tests/b.rs", "//! x\nuse libc::c_int;\n".into(), false, "`libc`"),
            ("bpf-core/src/attach.rs", "//! x\nuse bpf_link::Link;\n".into(), false, ""),
            ("bpf-core/src/map.rs", "//! x\nuse bpf_link::Link;\n".into(), false, "sees links"),
            ("bpf-elf/src/object.rs", "//! x\nuse goblin::elf;\n".into(), false, ""),
            (
                "bpf-elf/src/error.rs",
                "//! x\nfn f(_: goblin::Error) {}\n".into(),
                false,
                "`goblin`",
            ),
            ("a/src/b.rs", "//! x\npub mod prelude {}\n".into(), false, "prelude"),
            ("a/src/b.rs", "//! x\npub use crate::c::*;\n".into(), false, "glob"),
            ("a/src/b.rs", "//! x\npub(crate) use c::{d, e::*};\n".into(), false, "glob"),
            ("a/src/b.rs", "//! x\nuse super::*;\n".into(), false, ""),
            ("a/src/b.rs", "//! x\n#[test]\n#[ignore]\nfn f() {}\n".into(), false, "ignored"),
            ("a/src/b.rs", format!("//! x\n// {}: later\n", "TODO"), false, "unfinished"),
        ];
        for (name, text, crate_root, expected) in rows {
            let found = check(name, text, *crate_root);
            let right = match found.as_slice() {
                [] => expected.is_empty(),
                [breach] => !expected.is_empty() && breach.contains(expected),
                _ => false,
            };
            assert!(right, "{name}: {text}: {found:?}");
        }
    }

    #[test]
    fn build_folders_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["target/x.rs", ".hidden/x.rs", "src/x.rs", "src/x.c"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        assert_eq!(sources(folder.path(), &[]).unwrap().len(), 1);
    }
}
