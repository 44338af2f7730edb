//! `api`: each library's public API as text, held against the checked-in one, so that no change of it goes unseen.
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use public_api::Builder;
use serde_json::Value;

use crate::cache;
use crate::metadata::{self, Package};
use crate::process::{capture, cargo};
use crate::progress::{Outcome, Steps};

/// The golden text, beside the crate's manifest.
const GOLDEN: &str = "api.txt";
/// The version of rustdoc's JSON that the crate `public-api` reads as it is pinned: that of Rust 1.95.
const FORMAT: u64 = 57;

/// Show how the public APIs differ from the checked-in texts
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Make the texts say what the crates are now
    #[arg(long)]
    bless: bool,
    /// Only these crates
    #[arg(short, long)]
    package: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if let Some(reason) = other_format()? {
        bail!(reason);
    }
    let mut different = Vec::new();
    for package in libraries(&args.package)? {
        let now = text(&package)?;
        let path = golden(&package)?;
        if args.bless {
            cache::write(&path, now)?;
        } else {
            let lines = differences(&fs::read_to_string(&path).unwrap_or_default(), &now);
            if !lines.is_empty() {
                println!("{}:\n{}", package.name, lines.join("\n"));
                different.push(package.name);
            }
        }
    }
    if !different.is_empty() {
        bail!("{} changed: if that is meant, `cargo xtask api --bless`", different.join(", "));
    }
    Ok(())
}

/// The step of `cargo xtask test`.
pub(crate) fn step(steps: &Steps) -> Result<Outcome> {
    if let Some(reason) = other_format()? {
        return Ok(Outcome::Skipped(reason));
    }
    let mut complaints = Vec::new();
    for package in libraries(&[])? {
        steps.doing(&package.name);
        let Ok(before) = fs::read_to_string(golden(&package)?) else {
            let reason = format!("{} has no {GOLDEN} yet: `cargo xtask api --bless`", package.name);
            return Ok(Outcome::Skipped(reason));
        };
        let lines = differences(&before, &text(&package)?);
        complaints.extend(lines.iter().map(|line| format!("{}: {line}", package.name)));
    }
    if complaints.is_empty() {
        return Ok(Outcome::good());
    }
    bail!(
        "the public API changed; if that is meant, `cargo xtask api --bless`:\n{}",
        complaints.join("\n")
    )
}

fn libraries(names: &[String]) -> Result<Vec<Package>> {
    let packages = metadata::packages()?;
    let wanted = |package: &&Package| names.is_empty() || names.contains(&package.name);
    Ok(metadata::libraries(&packages).filter(wanted).cloned().collect())
}

fn golden(package: &Package) -> Result<PathBuf> {
    Ok(package.manifest.parent().context("a manifest without a folder")?.join(GOLDEN))
}

/// The public API of one crate with all its features.
fn text(package: &Package) -> Result<String> {
    let folder = metadata::target_folder()?;
    document(package, &folder)?;
    let name = package.name.replace('-', "_");
    let api = Builder::from_rustdoc_json(folder.join(format!("doc/{name}.json")))
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()
        .with_context(|| format!("cannot read rustdoc's description of {name}"))?;
    Ok(api.to_string())
}

/// Why this compiler's description cannot be read; nothing when it can.
fn other_format() -> Result<Option<String>> {
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let source = scratch.path().join("empty.rs");
    cache::write(&source, "//! Nothing.\n")?;
    let mut command = Command::new("rustdoc");
    command.env("RUSTC_BOOTSTRAP", "1").args(["--crate-type", "lib"]).args(JSON);
    capture(command.arg("--output").arg(scratch.path()).arg(&source))?;
    let described: Value =
        serde_json::from_slice(&cache::read(&scratch.path().join("empty.json"))?)
            .context("rustdoc wrote no JSON")?;
    let format = described.get("format_version").and_then(Value::as_u64).unwrap_or(0);
    let text = || {
        format!("this rustdoc describes APIs in format {format}, not in {FORMAT} as Rust 1.95 does")
    };
    Ok((format != FORMAT).then(text))
}

/// Lets rustdoc describe the crate in JSON. Only rustdoc itself is told that the format is unstable: build scripts that
/// ask for it would be built again.
fn document(package: &Package, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let wrapper = folder.join("rustdoc-json");
    cache::write(&wrapper, "#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc \"$@\"\n")?;
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("cannot make {} executable", wrapper.display()))?;
    let mut command = cargo();
    command.env("RUSTDOC", wrapper).args(["rustdoc", "--lib", "--all-features", "-p"]);
    capture(command.arg(&package.name).arg("--").args(JSON)).map(drop)
}

const JSON: [&str; 4] = ["-Z", "unstable-options", "--output-format", "json"];

/// Lines that are gone (`-`) and lines that are new (`+`). An API is a set of items: their order says nothing.
fn differences(before: &str, now: &str) -> Vec<String> {
    let (before, now): (BTreeSet<_>, BTreeSet<_>) =
        (before.lines().collect(), now.lines().collect());
    let gone = before.difference(&now).map(|line| format!("- {line}"));
    gone.chain(now.difference(&before).map(|line| format!("+ {line}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_told_whatever_the_order() {
        let rows: &[(&str, &str, &[&str])] = &[
            ("a\nb\n", "b\na\n", &[]),
            ("a\nb\n", "a\n", &["- b"]),
            ("a\n", "a\nc\n", &["+ c"]),
            ("a\n", "b\n", &["- a", "+ b"]),
            ("", "", &[]),
        ];
        for &(before, now, expected) in rows {
            assert_eq!(differences(before, now), expected, "{before:?} {now:?}");
        }
    }
}
