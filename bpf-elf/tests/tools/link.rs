//! Objects linked by us mean what they mean linked by bpftool, and what bpftool refuses is refused.

use std::path::{Path, PathBuf};
use std::{env, fs};

use bpf_elf::Linker;
use bpf_elf::spec::CollectionSpec;
use testdata::{OBJECTS, Order, PARTS, object, part};

use crate::tools::run;
use crate::view::view;

/// Objects that libbpf 1.1, which bpftool may have, does not link: jump tables are younger, and type information has to be there.
const OWN: [&str; 2] = ["jump_table", "no_btf"];

fn ours(paths: &[PathBuf]) -> Result<Vec<u8>, String> {
    let mut linker = Linker::new();
    for path in paths {
        let name = path.file_stem().unwrap().to_string_lossy();
        linker = linker.add(name, fs::read(path).unwrap()).map_err(|error| error.to_string())?;
    }
    linker.link().map_err(|error| error.to_string())
}

/// What libbpf makes of it: that of bpftool, or of the program `BPF_LINKER`, which `cargo xtask selftests` compiles with a newer one from
/// `testdata/oracle/link.c`. It takes the output and the inputs.
fn libbpfs(output: &Path, paths: &[PathBuf]) -> Result<Vec<u8>, String> {
    let mut files = vec![output];
    files.extend(paths.iter().map(PathBuf::as_path));
    match env::var("BPF_LINKER") {
        Ok(program) => run(&program, &[], &files)?,
        Err(_) => run("bpftool", &["gen", "object"], &files)?,
    };
    Ok(fs::read(output).unwrap())
}

#[derive(Default)]
struct Counts {
    linked: usize,
    refused: usize,
}

/// Links files in both ways.
fn compare(folder: &Path, paths: &[PathBuf], counts: &mut Counts) -> Result<(), String> {
    let output = folder.join("linked.o");
    match (ours(paths), libbpfs(&output, paths)) {
        (Ok(ours), Ok(theirs)) => {
            counts.linked += 1;
            match (CollectionSpec::parse(&ours), CollectionSpec::parse(&theirs)) {
                (Ok(ours), Ok(theirs)) => {
                    let (ours, theirs) = (view(&ours), view(&theirs));
                    for (ours, theirs) in ours.lines().zip(theirs.lines()) {
                        if ours != theirs {
                            return Err(format!("{ours}\n instead of\n{theirs}"));
                        }
                    }
                    if ours.len() == theirs.len() { Ok(()) } else { Err("less or more".to_owned()) }
                }
                // libbpf does not move the addresses in jump tables: it may be another table that is refused.
                (Err(_), Err(_)) => Ok(()),
                (ours, theirs) => Err(format!("{:?} instead of {:?}", ours.err(), theirs.err())),
            }
        }
        (Err(_), Err(_)) => {
            counts.refused += 1;
            Ok(())
        }
        (Ok(_), Err(theirs)) => Err(format!("only libbpf refuses: {theirs}")),
        (Err(ours), Ok(_)) => Err(format!("only we refuse: {ours}")),
    }
}

#[test]
fn pairs_are_what_bpftool_makes_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for name in OBJECTS {
        if !OWN.contains(name) {
            paths.push(folder.path().join(format!("{name}.o")));
            fs::write(paths.last().unwrap(), object(name, Order::Little)).unwrap();
        }
    }
    for name in PARTS {
        paths.push(folder.path().join(format!("{name}.o")));
        fs::write(paths.last().unwrap(), part(name, Order::Little)).unwrap();
    }
    let mut counts = Counts::default();
    let mut failures = Vec::new();
    for (at, one) in paths.iter().enumerate() {
        for distance in [0, 1, 3, 7, 13] {
            let other = &paths[(at + distance) % paths.len()];
            let pair =
                if distance == 0 { vec![one.clone()] } else { vec![one.clone(), other.clone()] };
            if let Err(problem) = compare(folder.path(), &pair, &mut counts) {
                let names = pair.iter().map(|path| path.file_stem().unwrap().to_string_lossy());
                failures.push(format!("{}: {problem}", names.collect::<Vec<_>>().join(" ")));
            }
        }
    }
    assert!(failures.is_empty(), "{} differ:\n{}", failures.len(), failures.join("\n"));
    assert!(counts.linked > 60 && counts.refused > 10, "{} {}", counts.linked, counts.refused);
}
