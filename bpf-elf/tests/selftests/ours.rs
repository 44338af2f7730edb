//! What this library makes of the same objects.
use std::collections::HashMap;
use std::fs;
use std::path::Path;

use bpf_btf::Btf;
use bpf_elf::prepare::{CoreResolution, PrepareOptions, PreparedProgram, prepare_program};
use bpf_elf::spec::CollectionSpec;

use crate::Error;

/// Each program of an object by name, or why the object or the target is not read.
pub(crate) type Prepared = Result<Vec<(String, Result<PreparedProgram, String>)>, String>;

/// Reads each file once.
#[derive(Default)]
pub(crate) struct Ours {
    objects: HashMap<String, Result<CollectionSpec, String>>,
    targets: HashMap<String, Result<Btf, String>>,
    modules: HashMap<String, Vec<(String, Btf)>>,
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
            let btf = Btf::parse(fs::read(path)?).map_err(|error| error.to_string());
            self.targets.insert(target.to_owned(), btf);
        }
        let spec = match self.objects.get(object).ok_or("no such object")? {
            Ok(spec) => spec,
            Err(error) => return Ok(Err(error.clone())),
        };
        let btf = match self.targets.get(target).ok_or("no such target")? {
            Ok(btf) => btf,
            Err(error) => return Ok(Err(error.clone())),
        };
        let modules = || -> Result<_, Error> {
            if !self.modules.contains_key(target) {
                self.modules.insert(target.to_owned(), modules(target, btf)?);
            }
            Ok(self.modules.get(target).cloned().unwrap_or_default())
        };
        let resolution = CoreResolution::new(spec, btf, modules)?;
        let options = PrepareOptions::new().with_core(&resolution);
        let prepare = |name: &str| {
            let prepared = prepare_program(spec, name, &options);
            (name.to_owned(), prepared.map_err(|error| error.to_string()))
        };
        Ok(Ok(spec.programs.names().map(prepare).collect()))
    }
}

/// Whether an object asks for types of its target.
pub(crate) fn has_relocations(object: &str) -> bool {
    let spec = fs::read(object).ok().and_then(|bytes| CollectionSpec::parse(&bytes).ok());
    spec.is_some_and(|spec| {
        let programs = spec.programs.values().map(|program| &program.function);
        programs.chain(spec.functions.values()).any(|function| {
            function.core_relocations.iter().any(|relocation| relocation.kind.0 != TYPE_ID_LOCAL)
        })
    })
}

/// Kind of the relocations that ask for a type of the object itself.
const TYPE_ID_LOCAL: u32 = 6;

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
