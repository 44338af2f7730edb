//! What this library makes of the same objects.
use std::collections::HashMap;
use std::fs;
use std::path::Path;

use bpf_btf::Btf;
use bpf_elf::prepare::{CoreResolution, PrepareOptions, PreparedProgram, prepare_program};
use bpf_elf::spec::CollectionSpec;

use crate::Error;

/// Each program of an object by name, or why the object is not read.
pub(crate) type Prepared = Result<Vec<(String, Result<PreparedProgram, String>)>, String>;

/// Reads each file once.
#[derive(Default)]
pub(crate) struct Ours {
    objects: HashMap<String, Result<CollectionSpec, String>>,
    targets: HashMap<String, Btf>,
}

impl Ours {
    /// All programs of an object, relocated against a target.
    pub(crate) fn prepare(&mut self, object: &str, target: &str) -> Result<Prepared, Error> {
        if !self.objects.contains_key(object) {
            let spec = CollectionSpec::parse(&fs::read(object)?).map_err(|error| error.to_string());
            self.objects.insert(object.to_owned(), spec);
        }
        if !self.targets.contains_key(target) {
            let path = Path::new(target);
            let vmlinux = path.join("vmlinux");
            let path = if path.is_dir() { &vmlinux } else { path };
            self.targets.insert(target.to_owned(), Btf::parse(fs::read(path)?)?);
        }
        let spec = self.objects.get(object).ok_or("no such object")?;
        let btf = self.targets.get(target).ok_or("no such target")?;
        let spec = match spec {
            Ok(spec) => spec,
            Err(error) => return Ok(Err(error.clone())),
        };
        let resolution = CoreResolution::new(spec, btf, || modules(target, btf))?;
        let options = PrepareOptions::new().with_core(&resolution);
        let prepare = |name: &str| {
            let prepared = prepare_program(spec, name, &options);
            (name.to_owned(), prepared.map_err(|error| error.to_string()))
        };
        Ok(Ok(spec.programs.names().map(prepare).collect()))
    }
}

/// A kernel's modules, which are beside it in its folder. A file is searched alone (libbpf: `btf_custom_path` turns modules off).
fn modules(target: &str, base: &Btf) -> Result<Vec<(String, Btf)>, Error> {
    let mut modules = Vec::new();
    if Path::new(target).is_dir() {
        for entry in fs::read_dir(target)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != "vmlinux" {
                modules.push((name, Btf::parse_split(fs::read(entry.path())?, base)?));
            }
        }
    }
    Ok(modules)
}
