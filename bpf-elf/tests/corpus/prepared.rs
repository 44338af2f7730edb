//! Programs made ready for the running kernel.
use std::fs;
use std::path::Path;

use bpf_asm::{Code, Symbol};
use bpf_btf::Btf;
use bpf_elf::prepare::{CoreResolution, PrepareOptions, prepare_program};

use crate::libbpf::run;
use crate::report::{Check, Report};
use crate::{Error, Object, code};

/// Where the kernel shows its types.
const TYPES: &str = "/sys/kernel/btf";

/// The types of the running kernel and its modules.
pub(crate) struct Target {
    kernel: Btf,
    modules: Vec<(String, Btf)>,
}

impl Target {
    pub(crate) fn open() -> Result<Self, Error> {
        let kernel = Btf::parse(fs::read(Path::new(TYPES).join("vmlinux"))?)?;
        let mut modules = Vec::new();
        for entry in fs::read_dir(TYPES)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != "vmlinux" {
                modules.push((name, Btf::parse_split(fs::read(entry.path())?, &kernel)?));
            }
        }
        Ok(Self { kernel, modules })
    }

    /// Makes every program of an object ready. Gives those that cannot be, with the reason.
    pub(crate) fn prepare(
        &self,
        report: &mut Report,
        object: &Object,
    ) -> Result<Vec<(String, String)>, Error> {
        let Ok(spec) = &object.spec else { return Ok(Vec::new()) };
        let resolution =
            CoreResolution::new(spec, &self.kernel, || Ok::<_, Error>(self.modules.clone()))?;
        let options = PrepareOptions::new().with_core(&resolution);
        let mut refused = Vec::new();
        for name in spec.programs.names() {
            let prepared = match prepare_program(spec, name, &options) {
                Ok(prepared) => prepared,
                Err(error) => {
                    refused.push((name.to_owned(), error.to_string()));
                    continue;
                }
            };
            let mut whole = Code::new(prepared.slots);
            let functions = prepared.functions.into_iter();
            whole.functions.extend(functions.map(|(name, slot)| Symbol::new(name, slot)));
            whole.name_jump_targets();
            match code::through_text(&whole) {
                None => report.equal(Check::Prepare),
                Some(what) => report.differs(Check::Prepare, &object.name, name, what),
            }
        }
        Ok(refused)
    }
}

/// Of programs that were refused, tells those that libbpf relocates.
pub(crate) fn ask(
    report: &mut Report,
    program: &Path,
    refused: &[(&Object, Vec<(String, String)>)],
) -> Result<(), Error> {
    if refused.is_empty() {
        return Ok(());
    }
    let questions: String =
        refused.iter().map(|(object, _)| format!("{}\t-\n", object.path.display())).collect();
    let answers = run(program, questions)?;
    for (object, programs) in refused {
        for (name, error) in programs {
            let prefix = format!("{}\t-\t{name}\t", object.path.display());
            let answer = answers.lines().find_map(|line| line.strip_prefix(&prefix));
            match answer.and_then(|answer| answer.split('\t').next()) {
                Some("refused") => report.equal(Check::Prepare),
                Some("relocated") => {
                    let what = format!("refused, libbpf relocates it: {error}");
                    report.differs(Check::Prepare, &object.name, name, what);
                }
                _ => return Err(format!("no answer for {} {name}", object.name).into()),
            }
        }
    }
    Ok(())
}
