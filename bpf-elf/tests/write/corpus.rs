//! Objects by the folder: those of others, or else the fixtures with the parts of linked ones.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{env, fs};

use bpf_elf::ReadOptions;
use bpf_elf::spec::CollectionSpec;

/// The objects in a folder and those below it.
fn objects(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            objects(&path, found);
        } else if path.extension() == Some(OsStr::new("o")) {
            found.push(path);
        }
    }
}

#[test]
fn what_can_be_read_is_written_as_itself() {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/elf");
    let folder = env::var_os("BPF_OBJECTS").unwrap_or_else(|| fixtures.into());
    let mut paths = Vec::new();
    objects(Path::new(&folder), &mut paths);
    assert!(!paths.is_empty(), "no objects in {folder:?}");
    let options = ReadOptions::new().with_relaxed_maps();
    let mut failures = Vec::new();
    let (mut read, count) = (0, paths.len());
    for path in paths {
        let Ok(spec) = CollectionSpec::parse_with(&fs::read(&path).unwrap(), &options) else {
            continue;
        };
        read += 1;
        // A table that leads out of its function has no targets in the spec, and so none to write.
        if spec.warnings.iter().any(|warning| warning.to_string().contains("jump table")) {
            continue;
        }
        let problem = match spec.write_elf_with(&options) {
            Ok(written) => {
                let again = CollectionSpec::parse_with(&written, &options).unwrap();
                difference(&spec, &again).or_else(|| {
                    // libbpf's linker leaves wrong places in types, which are put right: then they stay.
                    let settled = again.write_elf_with(&options).unwrap();
                    let settled = CollectionSpec::parse_with(&settled, &options).unwrap();
                    (settled != again).then(|| "types or places".to_owned())
                })
            }
            Err(error) => Some(format!("{error}: {:?}", std::error::Error::source(&error))),
        };
        failures.extend(problem.map(|problem| format!("{}: {problem}", path.display())));
    }
    assert!(read * 4 > count * 3, "only {read} of {count} objects can be read");
    assert!(failures.is_empty(), "{} differ:\n{}", failures.len(), failures.join("\n"));
}

/// Which part of a spec is another one.
fn difference(one: &CollectionSpec, other: &CollectionSpec) -> Option<String> {
    let parts = [
        ("programs", one.programs == other.programs),
        ("functions", one.functions == other.functions),
        ("maps", one.maps == other.maps),
        ("variables", one.variables == other.variables),
        ("externs", one.externs == other.externs),
        ("warnings", one.warnings == other.warnings),
    ];
    parts.iter().find(|(_, same)| !same).map(|(part, _)| (*part).to_owned())
}
