//! Programs made ready for a kernel.
use std::fs;
use std::path::{Path, PathBuf};

use bpf_asm::{ByteOrder, Code, Slot, Symbol, decode_slots};
use bpf_btf::Btf;
use bpf_elf::prepare::{CoreResolution, PrepareOptions, PreparedProgram, prepare_program};

use crate::compare::difference;
use crate::libbpf::run;
use crate::report::{Check, Report};
use crate::{Error, Object, code};

/// A program, or why there is none.
type Prepared = Result<PreparedProgram, String>;

/// The types of a kernel and its modules.
pub(crate) struct Target {
    folder: PathBuf,
    kernel: Btf,
    modules: Vec<(String, Btf)>,
}

impl Target {
    /// Reads a folder like /sys/kernel/btf.
    pub(crate) fn open(folder: &Path) -> Result<Self, Error> {
        let kernel = Btf::parse(fs::read(folder.join("vmlinux"))?)?;
        let mut modules = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != "vmlinux" {
                modules.push((name, Btf::parse_split(fs::read(entry.path())?, &kernel)?));
            }
        }
        Ok(Self { folder: folder.to_owned(), kernel, modules })
    }

    /// Every program of an object, by name.
    fn prepare(&self, object: &Object) -> Vec<(String, Prepared)> {
        let Ok(spec) = &object.spec else { return Vec::new() };
        let modules = || Ok::<_, std::convert::Infallible>(self.modules.clone());
        let Ok(resolution) = CoreResolution::new(spec, &self.kernel, modules);
        let options = PrepareOptions::new().with_core(&resolution);
        let prepare = |name: &str| {
            let prepared = prepare_program(spec, name, &options);
            (name.to_owned(), prepared.map_err(|error| error.to_string()))
        };
        spec.programs.names().map(prepare).collect()
    }

    /// What libbpf relocates is made ready here, with the same instructions, and they survive their text.
    pub(crate) fn check(
        &self,
        report: &mut Report,
        libbpf: &Path,
        objects: &[Object],
    ) -> Result<(), Error> {
        let target = self.folder.display();
        let lines = objects.iter().map(|object| format!("{}\t{target}", object.path.display()));
        let lines: Vec<_> = lines.collect();
        let answers = run(libbpf, &lines.join("\n"))?;
        let mut answers = answers.lines().peekable();
        // The first line may tell of what version libbpf is.
        answers.next_if(|line| line.starts_with("libbpf\t"));
        for object in objects {
            let prefix = format!("{}\t{target}\t", object.path.display());
            let prepared = self.prepare(object);
            for (name, ours) in &prepared {
                if let Ok(ours) = ours {
                    match text_of(ours) {
                        None => report.equal(Check::Code),
                        Some(what) => report.differs(Check::Code, &object.name, name, &what),
                    }
                }
            }
            while let Some(line) = answers.next_if(|line| line.starts_with(&prefix)) {
                let (name, theirs) = parse(line.get(prefix.len()..).unwrap_or_default())?;
                let ours = prepared.iter().find(|(own, _)| own == name).map(|(_, found)| found);
                match (ours, theirs) {
                    // What only a kernel can refuse is left to the loader.
                    (_, None) | (None, Some(_)) => {}
                    (Some(Err(error)), Some(_)) => {
                        let what = format!("refused, libbpf relocates it: {error}");
                        report.differs(Check::Prepare, &object.name, name, &what);
                    }
                    (Some(Ok(ours)), Some(theirs)) => match difference(ours, &theirs) {
                        None => report.equal(Check::Prepare),
                        Some(what) => report.differs(Check::Prepare, &object.name, name, &what),
                    },
                }
            }
        }
        match answers.next() {
            None => Ok(()),
            Some(line) => Err(format!("an answer to no question: {line}").into()),
        }
    }
}

/// What the listing of a whole program loses.
fn text_of(prepared: &PreparedProgram) -> Option<String> {
    let mut whole = Code::new(prepared.slots.clone());
    let functions = prepared.functions.iter();
    whole.functions.extend(functions.map(|(name, slot)| Symbol::new(name.clone(), *slot)));
    whole.name_jump_targets();
    code::through_text(&whole)
}

/// A program's name, and its instructions if libbpf relocates it.
fn parse(line: &str) -> Result<(&str, Option<Vec<Slot>>), Error> {
    let mut fields = line.splitn(3, '\t');
    match (fields.next(), fields.next(), fields.next()) {
        (Some(name), Some("relocated"), Some(text)) => {
            let digits = text.as_bytes().chunks(2);
            let bytes = digits.map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?));
            let bytes = bytes.collect::<Result<Vec<u8>, Error>>()?;
            Ok((name, Some(decode_slots(&bytes, ByteOrder::NATIVE)?)))
        }
        (Some(name), Some("refused"), _) => Ok((name, None)),
        _ => Err(format!("neither relocated nor refused: {line}").into()),
    }
}
