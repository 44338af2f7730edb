//! Which crate may depend on which.
use crate::metadata::Package;

/// Normal dependencies between the workspace's crates; whatever is not here is forbidden.
const NORMAL: [(&str, &[&str]); 8] = [
    ("bpf-asm", &[]),
    ("bpf-btf", &[]),
    ("bpf-sys", &[]),
    ("bpf-elf", &["bpf-asm", "bpf-btf", "bpf-sys"]),
    ("bpf-link", &["bpf-btf", "bpf-sys"]),
    ("bpf-core", &["bpf-asm", "bpf-btf", "bpf-elf", "bpf-link", "bpf-sys"]),
    ("testdata", &[]),
    ("xtask", &[]),
];

/// What only tests, examples and benches of a crate may use besides; `testdata` is open to all.
const DEV: [(&str, &[&str]); 3] =
    [("bpf-link", &["bpf-asm"]), ("bpf-sys", &["bpf-btf"]), ("bpf-btf", &[])];

/// Foreign crates that belong to one crate alone.
const OWNED: [(&str, &str); 2] = [("goblin", "bpf-elf"), ("nix", "bpf-sys")];

/// What tools and tests use must not reach who builds a library.
const TOOLS: [&str; 12] = [
    "anyhow",
    "clap",
    "clap_complete",
    "criterion",
    "flate2",
    "indicatif",
    "proptest",
    "rustix",
    "serde_json",
    "sha2",
    "signal-hook",
    "tempfile",
];

/// Crates that know no operating system.
const PORTABLE: [&str; 3] = ["bpf-asm", "bpf-btf", "bpf-elf"];

fn allowed<'a>(table: &'a [(&str, &'a [&'a str])], krate: &str) -> Option<&'a [&'a str]> {
    table.iter().find(|(name, _)| *name == krate).map(|(_, list)| *list)
}

/// The edges in the manifests.
pub(super) fn workspace(packages: &[Package]) -> Vec<String> {
    let mut breaches = Vec::new();
    let members: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    for package in packages {
        let name = package.name.as_str();
        let Some(normal) = allowed(&NORMAL, name) else {
            breaches.push(format!("{name}: a crate that the list of edges does not know"));
            continue;
        };
        for dependency in &package.dependencies {
            let (to, kind) = (dependency.name.as_str(), dependency.kind.as_str());
            if members.contains(&to) {
                let dev = kind == "dev"
                    && (to == "testdata"
                        || allowed(&DEV, name).is_some_and(|list| list.contains(&to)));
                if !(dev || normal.contains(&to) && kind != "build") {
                    breaches.push(format!(
                        "{name} -> {to}: {kind} dependency that the architecture forbids"
                    ));
                }
            }
            if OWNED.iter().any(|(foreign, owner)| *foreign == to && *owner != name) {
                breaches.push(format!("{name} -> {to}: this crate is used in one place only"));
            }
            let syscall = dependency.features.iter().any(|feature| feature == "syscall");
            if PORTABLE.contains(&name) && kind == "normal" && syscall {
                breaches.push(format!("{name} -> {to}: must do without the feature `syscall`"));
            }
        }
    }
    breaches
}

/// The crates that building one library draws in: `cargo tree`, one `name vVERSION ...` per line.
pub(super) fn tree(krate: &str, tree: &str) -> Vec<String> {
    let mut names: Vec<_> =
        tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    names.sort_unstable();
    names.dedup();
    let portable = PORTABLE.contains(&krate) || krate == "bpf-sys";
    let bad = |name: &&str| {
        TOOLS.contains(name) || *name == "testdata" || (portable && ["nix", "libc"].contains(name))
    };
    names
        .into_iter()
        .filter(bad)
        .map(|name| format!("{krate}: its default tree holds {name}"))
        .collect()
}

/// A library's manifest takes over the workspace's lints.
pub(super) fn manifest(krate: &str, text: &str) -> Vec<String> {
    let lints = text
        .split_once("[lints]")
        .is_some_and(|(_, rest)| rest.trim_start().starts_with("workspace = true"));
    if lints {
        Vec::new()
    } else {
        vec![format!("{krate}: does not take over the workspace's lints")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Dependency;

    fn breaches(from: &str, to: &str, kind: &str, features: &[&str]) -> usize {
        let package = |name: &str| Package { name: name.into(), ..Package::default() };
        let mut packages: Vec<_> = NORMAL.iter().map(|(name, _)| package(name)).collect();
        if !packages.iter().any(|package| package.name == from) {
            packages.push(package(from));
        }
        let dependency = Dependency {
            name: to.into(),
            kind: kind.into(),
            features: features.iter().map(|&feature| feature.to_owned()).collect(),
        };
        packages
            .iter_mut()
            .find(|package| package.name == from)
            .unwrap()
            .dependencies
            .push(dependency);
        workspace(&packages).len()
    }

    #[test]
    fn only_listed_edges_are_allowed() {
        let rows: &[(&str, &str, &str, &[&str], usize)] = &[
            ("bpf-elf", "bpf-asm", "normal", &[], 0),
            ("bpf-core", "bpf-link", "normal", &[], 0),
            ("bpf-link", "bpf-sys", "normal", &["syscall"], 0),
            ("bpf-link", "bpf-asm", "dev", &[], 0),
            ("bpf-asm", "testdata", "dev", &[], 0),
            ("bpf-asm", "thiserror", "normal", &[], 0),
            ("bpf-asm", "bpf-btf", "normal", &[], 1),
            ("bpf-asm", "bpf-btf", "dev", &[], 1),
            ("bpf-link", "bpf-asm", "normal", &[], 1),
            ("bpf-link", "bpf-core", "dev", &[], 1),
            ("bpf-elf", "bpf-sys", "build", &[], 1),
            ("bpf-elf", "bpf-sys", "normal", &["syscall"], 1),
            ("bpf-elf", "testdata", "normal", &[], 1),
            ("bpf-core", "xtask", "normal", &[], 1),
            ("xtask", "bpf-elf", "normal", &[], 1),
            ("bpf-core", "goblin", "normal", &[], 1),
            ("bpf-link", "nix", "dev", &[], 1),
            ("newcomer", "thiserror", "normal", &[], 1),
        ];
        for &(from, to, kind, features, expected) in rows {
            assert_eq!(breaches(from, to, kind, features), expected, "{from} -> {to} ({kind})");
        }
    }

    #[test]
    fn a_library_draws_in_neither_tools_nor_the_system() {
        let rows = [
            ("bpf-elf", "bpf-elf v0.1.0 (/p)\ngoblin v0.10.7\nthiserror v2.0.21 (*)\n", 0),
            ("bpf-elf", "bpf-elf v0.1.0\nnix v0.31.3\nlibc v0.2.1\n", 2),
            ("bpf-sys", "libc v0.2.1\n", 1),
            ("bpf-core", "nix v0.31.3\nlibc v0.2.1\n", 0),
            ("bpf-core", "clap v4.6.0\ntempfile v3.27.0\ntestdata v0.1.0\n", 3),
        ];
        for (krate, text, expected) in rows {
            assert_eq!(tree(krate, text).len(), expected, "{krate}: {text}");
        }
    }

    #[test]
    fn lints_are_those_of_the_workspace() {
        assert!(manifest("a", "[package]\n\n[lints]\nworkspace = true\n").is_empty());
        assert_eq!(manifest("a", "[lints.rust]\nunsafe_code = \"allow\"\n").len(), 1);
    }
}
