//! What is merged.

use std::fmt;
use std::path::{Path, PathBuf};

use bpf_btf::{BtfBuilder, ByteOrder, dedup};
use testdata::{OBJECTS, Order, object};

use crate::{ours, paths};

/// Objects in a group: as many as a program is linked of.
const GROUP: usize = 8;
/// Groups on each kernel's types, which take longest.
const ON_KERNELS: usize = 6;

/// One merge.
pub(crate) struct Case {
    /// The base of split BTF.
    pub(crate) base: Option<PathBuf>,
    /// Objects in their order.
    pub(crate) inputs: Vec<PathBuf>,
}

impl Case {
    /// Whether random changes were made to some of the types, so that no compiler would make them.
    pub(crate) fn is_changed(&self) -> bool {
        self.inputs.iter().any(|path| is_changed(path))
    }
}

fn is_changed(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().contains('~'))
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name =
            |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(base) = &self.base {
            write!(f, "on {}: ", base.display())?;
        }
        match &self.inputs[..] {
            [] => f.write_str("nothing"),
            [one] => f.write_str(&name(one)),
            [first, .., last] if self.inputs.len() > GROUP => {
                write!(f, "{} objects from {} to {}", self.inputs.len(), name(first), name(last))
            }
            few => {
                let names = few.iter().map(|path| name(path)).collect::<Vec<_>>();
                f.write_str(&names.join(" "))
            }
        }
    }
}

/// All merges in named groups. Files that are needed for them go into the folder.
pub(crate) fn all(directory: &Path) -> Vec<(String, Vec<Case>)> {
    let mut groups = Vec::new();
    let mut folders = vec![("fixtures".to_owned(), fixtures(directory))];
    for folder in paths("BPF_DEDUP_OBJECTS") {
        folders.push((folder.display().to_string(), objects(&folder)));
    }
    for (number, (name, objects)) in folders.iter().enumerate() {
        groups.push((name.clone(), plain(objects)));
        let (first, second) = objects.split_at(objects.len() / 2);
        let base = directory.join(format!("base-{number}.btf"));
        std::fs::write(&base, merged(first)).unwrap();
        groups.push((format!("{name}, on a base"), on(&base, second, second.len())));
    }
    for base in paths("BPF_DEDUP_BASES") {
        let compiled = folders.iter().filter(|(_, objects)| !objects.iter().any(|o| is_changed(o)));
        let largest = compiled.max_by_key(|(_, objects)| objects.len()).unwrap();
        groups.push((format!("on {}", base.display()), on(&base, &largest.1, ON_KERNELS)));
    }
    groups
}

fn plain(objects: &[PathBuf]) -> Vec<Case> {
    let alone = objects.chunks(1);
    let reversed = objects.iter().rev().cloned().collect::<Vec<_>>();
    let whole = [objects, &reversed].into_iter();
    let inputs = alone
        .chain(objects.windows(2))
        .chain(objects.chunks(GROUP))
        .chain(reversed.chunks(GROUP))
        .chain(whole);
    inputs.map(|inputs| Case { base: None, inputs: inputs.to_vec() }).collect()
}

/// At most so many groups on a base, and the last of all together.
fn on(base: &Path, objects: &[PathBuf], most: usize) -> Vec<Case> {
    let count = objects.len().div_ceil(GROUP);
    let groups = objects.chunks(GROUP).step_by(count.div_ceil(most).max(1));
    let cases = groups.chain([objects]);
    cases.map(|inputs| Case { base: Some(base.to_owned()), inputs: inputs.to_vec() }).collect()
}

/// Writes the fixtures to files: one byte order after the other.
fn fixtures(directory: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for (order, ending) in [(Order::Little, "el"), (Order::Big, "eb")] {
        for name in OBJECTS {
            let bytes = object(name, order);
            let path = directory.join(format!("{name}-{ending}.o"));
            std::fs::write(&path, bytes).unwrap();
            if ours::read(&path).is_some() {
                paths.push(path);
            }
        }
    }
    paths
}

/// The objects of a folder that have types, and files of BTF.
fn objects(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths = entries
        .filter(|path| path.extension().is_some_and(|end| end == "o" || end == "btf"))
        .filter(|path| ours::read(path).is_some())
        .collect::<Vec<_>>();
    paths.sort();
    assert!(paths.len() > 2, "{} has no objects with types", folder.display());
    paths
}

/// Merged types as a base for others.
fn merged(objects: &[PathBuf]) -> Vec<u8> {
    let mut builder = BtfBuilder::new();
    for path in objects {
        builder.add_btf(&ours::read(path).unwrap()).unwrap();
    }
    let all = bpf_btf::Btf::parse(builder.write(ByteOrder::NATIVE).unwrap()).unwrap();
    dedup(&all).unwrap().builder.write(ByteOrder::NATIVE).unwrap()
}
