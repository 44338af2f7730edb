//! Objects linked with each other, by us and by libbpf.
//!
//! libbpf's linker is the program `link` beside the objects, compiled from `testdata/oracle/link.c`.
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use bpf_btf::{Btf, Type};
use bpf_elf::Linker;
use bpf_elf::spec::{CollectionSpec, MapContents};

use crate::report::{Check, Report};
use crate::view::view;
use crate::{Error, Object};

/// How far the objects of a pair are apart when they are sorted by their names.
const DISTANCES: [usize; 3] = [1, 7, 50];

/// Why libbpf 1.5 (Linux 6.12) refuses two objects that declare the same kernel function; later ones link them.
const NO_SIZE: &str = "failed to resolve size of underlying type";

/// Links objects of one byte order in both ways.
pub(crate) fn check(report: &mut Report, folder: &Path, objects: &[Object]) -> Result<(), Error> {
    let scratch = tempfile::tempdir()?;
    let linkers =
        Linkers { libbpfs: &folder.join("link"), output: &scratch.path().join("linked.o") };
    for job in jobs(objects) {
        match linkers.difference(&job)? {
            None => report.equal(Check::Link),
            Some(what) => {
                let names: Vec<&str> = job.iter().map(|object| object.name.as_str()).collect();
                report.differ(Check::Link, &names, &what);
            }
        }
    }
    Ok(())
}

/// Each object alone, pairs in both orders, and three that belong together by their names.
fn jobs(objects: &[Object]) -> Vec<Vec<&Object>> {
    let mut jobs: Vec<Vec<&Object>> = Vec::new();
    for (at, one) in objects.iter().enumerate() {
        jobs.push(vec![one]);
        let places = DISTANCES.iter().filter_map(|distance| at.checked_add(*distance));
        for other in places.filter_map(|place| objects.get(place)) {
            jobs.extend([vec![one, other], vec![other, one]]);
        }
    }
    let together = |three: &&[Object]| {
        three
            .first()
            .is_some_and(|first| three.iter().all(|object| object.name.starts_with(&first.name)))
    };
    jobs.extend(objects.windows(3).filter(together).map(|three| three.iter().collect()));
    jobs
}

struct Linkers<'a> {
    /// The program.
    libbpfs: &'a Path,
    /// The file that it writes.
    output: &'a Path,
}

impl Linkers<'_> {
    /// In what the results differ.
    fn difference(&self, job: &[&Object]) -> Result<Option<String>, Error> {
        let (ours, theirs) = match (ours(job)?, self.theirs(job)?) {
            (Ok(ours), Ok(theirs)) => (ours, theirs),
            (Err(_), Err(_)) => return Ok(None),
            (Ok(_), Err(error)) if error.contains(NO_SIZE) => return Ok(None),
            (Ok(_), Err(error)) => return Ok(Some(format!("linked, libbpf refuses: {error}"))),
            (Err(error), Ok(_)) => return Ok(Some(format!("refused, libbpf links: {error}"))),
        };
        Ok(match (CollectionSpec::parse(&ours), CollectionSpec::parse(&theirs)) {
            (Ok(ours_read), Ok(theirs_read)) => {
                line_that_differs(&text(&ours_read), &text(&theirs_read))
                    .or_else(|| line_that_differs(&types(&ours), &types(&theirs)))
            }
            // What cannot be read alone cannot be read linked.
            (Err(_), Err(_)) => None,
            (Ok(_), Err(error)) => Some(format!("can be read, that of libbpf not: {error}")),
            (Err(error), Ok(_)) => Some(format!("cannot be read, that of libbpf can: {error}")),
        })
    }

    fn theirs(&self, job: &[&Object]) -> Result<Result<Vec<u8>, String>, Error> {
        let mut link = Command::new(self.libbpfs);
        link.arg(self.output).args(job.iter().map(|object| &object.path));
        let output = link
            .output()
            .map_err(|error| format!("cannot start {}: {error}", self.libbpfs.display()))?;
        if output.status.success() {
            return Ok(Ok(fs::read(self.output)?));
        }
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        // One that crashes refuses nothing.
        if output.status.code().is_none() {
            return Ok(Err(format!("{}: {text}", output.status)));
        }
        Ok(Err(text))
    }
}

fn ours(job: &[&Object]) -> Result<Result<Vec<u8>, String>, Error> {
    let mut linker = Linker::new();
    for object in job {
        linker = match linker.add(&object.name, fs::read(&object.path)?) {
            Ok(linker) => linker,
            Err(error) => return Ok(Err(error.to_string())),
        };
    }
    Ok(linker.link().map_err(|error| error.to_string()))
}

/// A spec as text, with the bytes of its maps.
fn text(spec: &CollectionSpec) -> String {
    let mut text = view(spec);
    for (name, map) in &spec.maps {
        if let MapContents::Bytes(bytes) = &map.contents {
            let _ = writeln!(text, "bytes of {name}: {bytes:x?}");
        }
    }
    text
}

/// The types with a name, sorted: how many there are of each kind, name and size.
fn types(object: &[u8]) -> String {
    let Some(btf) = bpf_elf::btf_section(object)
        .ok()
        .flatten()
        .and_then(|bytes| Btf::parse(bytes.to_vec()).ok())
    else {
        return String::new();
    };
    let named = btf.types().filter(|(_, found)| !matches!(found, Type::Datasec(_)));
    let mut lines: Vec<String> = named
        .map(|(id, found)| {
            format!("{} {} {:?}", found.kind(), btf.display_name(id), btf.size_of(id).ok())
        })
        .collect();
    lines.sort();
    lines.join("\n")
}

/// The first line that is another one.
fn line_that_differs(ours: &str, theirs: &str) -> Option<String> {
    let mut lines = ours.lines().zip(theirs.lines());
    match lines.find(|(ours, theirs)| ours != theirs) {
        Some((ours, theirs)) => Some(format!("{ours}\n instead of {theirs}")),
        None if ours.lines().count() != theirs.lines().count() => {
            Some("one has more lines".to_owned())
        }
        None => None,
    }
}
