//! What cargo knows about the workspace.
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::PathBuf;

use crate::process::{capture, cargo};

/// One crate of the workspace.
#[derive(Debug, Clone, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
    pub(crate) published: bool,
    /// Whether it has features that are on unless they are refused.
    pub(crate) default_features: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `normal`, `dev` or `build`.
    pub(crate) kind: String,
    pub(crate) features: Vec<String>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Target {
    pub(crate) name: String,
    /// `lib`, `bin`, `test`, `example`, ...
    pub(crate) kind: String,
    pub(crate) root: PathBuf,
    /// Whether plain `cargo test` runs it.
    pub(crate) tested: bool,
}

pub(crate) fn packages() -> Result<Vec<Package>> {
    let text = capture(cargo().args(["metadata", "--format-version", "1", "--no-deps"]))?;
    let mut packages = parse(&text).context("cannot read what cargo metadata says")?;
    packages.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(packages)
}

/// Where cargo puts what it builds.
pub(crate) fn target_folder() -> Result<PathBuf> {
    let text = capture(cargo().args(["metadata", "--format-version", "1", "--no-deps"]))?;
    let metadata: Value =
        serde_json::from_str(&text).context("cannot read what cargo metadata says")?;
    let folder = metadata.get("target_directory").and_then(Value::as_str);
    Ok(folder.context("cargo metadata names no target folder")?.into())
}

fn parse(text: &str) -> Result<Vec<Package>> {
    let metadata: Value = serde_json::from_str(text)?;
    let items = |value: &Value, key: &str| -> Vec<Value> {
        value.get(key).and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let string = |value: &Value, key: &str| {
        value.get(key).and_then(Value::as_str).map(str::to_owned).unwrap_or_default()
    };
    let strings = |value: &Value, key: &str| -> Vec<String> {
        items(value, key).iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let package = |package: &Value| Package {
        name: string(package, "name"),
        manifest: string(package, "manifest_path").into(),
        dependencies: items(package, "dependencies")
            .iter()
            .map(|dependency| Dependency {
                name: string(dependency, "name"),
                kind: Some(string(dependency, "kind"))
                    .filter(|kind| !kind.is_empty())
                    .unwrap_or("normal".into()),
                features: strings(dependency, "features"),
            })
            .collect(),
        targets: items(package, "targets")
            .iter()
            .map(|target| Target {
                name: string(target, "name"),
                kind: strings(target, "kind").into_iter().next().unwrap_or_default(),
                root: string(target, "src_path").into(),
                tested: target.get("test").and_then(Value::as_bool).unwrap_or(false),
            })
            .collect(),
        default_features: package
            .pointer("/features/default")
            .and_then(Value::as_array)
            .is_some_and(|features| !features.is_empty()),
        published: package.get("publish").is_none_or(Value::is_null),
    };
    Ok(items(&metadata, "packages").iter().map(package).collect())
}

/// The published crates: the libraries.
pub(crate) fn libraries(packages: &[Package]) -> impl Iterator<Item = &Package> {
    packages.iter().filter(|package| package.published)
}

/// The integration tests with one of these names, as (crate, test).
pub(crate) fn tests_named(packages: &[Package], names: &[&str]) -> Vec<(String, String)> {
    let of = |package: &Package| {
        let targets =
            package.targets.iter().filter(|target| target.kind == "test" && !target.tested);
        let found: Vec<_> =
            targets.filter(|target| names.contains(&target.name.as_str())).cloned().collect();
        found.into_iter().map(|target| (package.name.clone(), target.name)).collect::<Vec<_>>()
    };
    packages.iter().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_itself_is_read() {
        let packages = packages().unwrap();
        let elf = packages.iter().find(|package| package.name == "bpf-elf").unwrap();
        assert!(elf.published && elf.manifest.ends_with("bpf-elf/Cargo.toml"));
        let dependency = |name: &str| {
            elf.dependencies.iter().find(|dependency| dependency.name == name).unwrap()
        };
        assert_eq!(dependency("goblin").kind, "normal");
        assert_eq!(dependency("proptest").kind, "dev");
        assert!(
            elf.targets
                .iter()
                .any(|target| target.kind == "lib" && target.root.ends_with("bpf-elf/src/lib.rs"))
        );
        assert!(
            libraries(&packages)
                .all(|package| !["xtask", "testdata"].contains(&package.name.as_str()))
        );
    }

    #[test]
    fn only_tests_that_plain_cargo_leaves_out_are_named() {
        let target = |name: &str, kind: &str, tested| Target {
            name: name.into(),
            kind: kind.into(),
            tested,
            ..Target::default()
        };
        let targets = vec![
            target("kernel", "test", false),
            target("guest", "test", true),
            target("kernel", "bin", false),
        ];
        let packages = [Package { name: "a".into(), targets, ..Package::default() }];
        assert_eq!(
            tests_named(&packages, &["kernel", "guest"]),
            [("a".to_owned(), "kernel".to_owned())]
        );
    }
}
