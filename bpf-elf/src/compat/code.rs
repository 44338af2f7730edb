//! The instructions of a program: what they name, what they call, what they are.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bpf_asm::{HelperId, Instruction};
use bpf_btf::core::{Stories, Story};
use bpf_sys::abi::KernelVersion;

use super::map::first;
use super::paths::{place, walk};
use super::reach::{Loaded, Reach};
use super::version::{judge, lacking, of_pair, shown};
use super::{Finding, FindingKind, Severity, TargetKernel};
use crate::prepare::{
    FixupTarget, Flattened, KernelType, POISON_HELPER, PreparedProgram, extern_fits, flatten,
};
use crate::spec::{CollectionSpec, ProgramSpec};

/// Something that makes the verifier refuse the program where it comes upon it.
struct Fault<'a> {
    slot: usize,
    finding: Finding,
    /// For CO-RE. Its text is made for one of many instructions only.
    story: Option<&'a Story>,
}

/// What a kernel lacks for the instructions of a program.
pub(super) fn check(
    spec: &CollectionSpec,
    program: &ProgramSpec,
    kernel: &TargetKernel,
    prepared: &PreparedProgram,
    stories: &mut Stories,
    findings: &mut Vec<Finding>,
) {
    // It was prepared, so this works.
    let Ok(flat) = flatten(spec, program) else { return };
    let mut names =
        Names { spec, kernel, flat: &flat, loads: HashMap::new(), faults: Vec::new(), findings };
    names.fixups(prepared);
    let Names { loads, mut faults, .. } = names;
    for access in &prepared.poisoned {
        let finding = Finding::new(FindingKind::Core, Severity::Breaks, access.story.access(), "");
        faults.push(Fault { slot: access.slot, finding, story: Some(&access.story) });
    }
    // What is poisoned, or becomes a load of null, is not what the object has there.
    let mut replaced: BTreeSet<usize> = faults.iter().map(|fault| fault.slot).collect();
    replaced
        .extend(loads.iter().filter(|(_, loaded)| **loaded == Loaded::Null).map(|(slot, _)| *slot));
    instructions(kernel, prepared, &replaced, &mut faults, findings, |slot| {
        place(spec, &flat, slot)
    });
    if faults.is_empty() {
        return;
    }
    let reach = walk(spec, program, &flat, prepared, kernel, &loads);
    findings.extend(judged(faults, &reach, stories, |slot| place(spec, &flat, slot)));
}

/// One finding for all instructions that are about the same thing, as heavy as the worst of them.
fn judged(
    faults: Vec<Fault<'_>>,
    reach: &[Reach],
    stories: &mut Stories,
    place: impl Fn(usize) -> Option<super::Place>,
) -> impl Iterator<Item = Finding> {
    let mut worst: BTreeMap<(FindingKind, String), (Reach, Fault<'_>)> = BTreeMap::new();
    for fault in faults {
        let reached = reach.get(fault.slot).copied().unwrap_or(Reach::Never);
        let key = (fault.finding.kind, fault.finding.name.clone());
        let known = worst.get(&key);
        if known.is_none_or(|(before, of)| {
            (*before, of.finding.severity) < (reached, fault.finding.severity)
        }) {
            worst.insert(key, (reached, fault));
        }
    }
    worst.into_values().map(move |(reached, Fault { slot, mut finding, story })| {
        if let Some(story) = story.map(|story| stories.text(story)) {
            story.lines().next().unwrap_or_default().clone_into(&mut finding.text);
            finding.story = Some(story);
        }
        let (severity, suffix) = match reached {
            Reach::Never => (Severity::Note, "; the program does without"),
            Reach::Perhaps => (Severity::Unknown, "; whether that is reached cannot be told"),
            Reach::Surely => (Severity::Breaks, ""),
        };
        finding.severity = finding.severity.min(severity);
        if finding.severity == severity {
            finding.text.push_str(suffix);
        }
        finding.at(place(slot))
    })
}

/// What instructions name.
struct Names<'a, 'f> {
    spec: &'a CollectionSpec,
    kernel: &'a TargetKernel,
    flat: &'a Flattened<'a>,
    loads: HashMap<usize, Loaded>,
    faults: Vec<Fault<'a>>,
    findings: &'f mut Vec<Finding>,
}

impl Names<'_, '_> {
    fn fixups(&mut self, prepared: &PreparedProgram) {
        for fixup in &prepared.fixups {
            match &fixup.target {
                FixupTarget::Map { name } | FixupTarget::MapValue { map: name, .. } => {
                    self.map(fixup.slot, name);
                }
                FixupTarget::Kfunc { name, weak } => self.kfunc(fixup.slot, name, *weak, true),
                FixupTarget::KfuncAddress { name, weak } => {
                    self.kfunc(fixup.slot, name, *weak, false);
                }
                FixupTarget::Ksym { name, weak } => self.ksym(fixup.slot, name, *weak),
                FixupTarget::JumpTable { .. } => {}
            }
        }
    }

    /// A loader refuses the program, whether the instruction is reached or not.
    fn refuse(&mut self, slot: usize, finding: Finding) {
        let known = |of: &Finding| of.kind == finding.kind && of.name == finding.name;
        if !self.findings.iter().any(known) {
            self.findings.push(finding.at(place(self.spec, self.flat, slot)));
        }
    }

    fn map(&mut self, slot: usize, name: &str) {
        if self.spec.maps.get(name).is_none_or(|map| map.autocreate) {
            return;
        }
        let text = format!("it uses the map `{name}`, which is not created by default");
        let finding = Finding::new(FindingKind::Object, Severity::Breaks, name, text);
        self.faults.push(Fault { slot, finding, story: None });
    }

    /// libbpf: E37. `call` tells calls from loads of the address.
    fn kfunc(&mut self, slot: usize, name: &str, weak: bool, call: bool) {
        let Some(external) = self.spec.externs.get(name) else { return };
        let Some(wanted) = KernelType::of_extern(external) else { return };
        let new = |severity, text: String| {
            Finding::new(FindingKind::Kfunc, severity, &*wanted.name, text)
        };
        let missing = match self.kernel.find(&wanted) {
            None => new(
                Severity::Breaks,
                format!(
                    "this kernel has no function `{}`{}",
                    wanted.name,
                    self.kernel.hint_modules()
                ),
            ),
            Some(found) if !extern_fits(self.spec, external, found.btf, found.id) => new(
                Severity::Breaks,
                format!("the function `{}` of this kernel has another prototype", wanted.name),
            ),
            Some(found) => {
                if call && self.kernel.is_kfunc(&found) == Some(false) {
                    let text = format!(
                        "the function `{}` of this kernel is not for programs",
                        wanted.name
                    );
                    self.faults.push(Fault {
                        slot,
                        finding: new(Severity::Breaks, text),
                        story: None,
                    });
                }
                self.loads.insert(slot, Loaded::Pointer);
                return;
            }
        };
        if !weak {
            // What it guards is looked at as if it were there.
            self.loads.insert(slot, Loaded::Pointer);
            self.refuse(slot, missing);
        } else if call {
            self.faults.push(Fault { slot, finding: missing, story: None });
        } else {
            self.loads.insert(slot, Loaded::Null);
        }
    }

    /// libbpf: E36, E38.
    fn ksym(&mut self, slot: usize, name: &str, weak: bool) {
        let Some(external) = self.spec.externs.get(name) else { return };
        let new = |severity, text: String| Finding::new(FindingKind::Ksym, severity, name, text);
        let Some(wanted) = KernelType::of_extern(external) else {
            // Only an address, which is in no BTF.
            self.loads.insert(slot, if weak { Loaded::Open } else { Loaded::Any });
            if !weak {
                let text = format!("whether this kernel has a symbol `{name}` is not in its BTF");
                self.refuse(slot, new(Severity::Unknown, text));
            }
            return;
        };
        match self.kernel.find(&wanted) {
            Some(found) if extern_fits(self.spec, external, found.btf, found.id) => {
                self.loads.insert(slot, Loaded::Any);
            }
            Some(_) => {
                self.loads.insert(slot, Loaded::Any);
                let text =
                    format!("the variable `{}` of this kernel has another type", wanted.name);
                self.refuse(slot, new(Severity::Breaks, text));
            }
            None if weak => {
                self.loads.insert(slot, Loaded::Null);
            }
            None => {
                self.loads.insert(slot, Loaded::Any);
                let hint = self.kernel.hint_modules();
                let text =
                    format!("the BTF of this kernel has no variable `{}`{hint}", wanted.name);
                self.refuse(slot, new(Severity::Breaks, text));
            }
        }
    }
}

/// Helpers, and instructions that came later than the kernel.
fn instructions(
    kernel: &TargetKernel,
    prepared: &PreparedProgram,
    replaced: &BTreeSet<usize>,
    faults: &mut Vec<Fault<'_>>,
    findings: &mut Vec<Finding>,
    place: impl Fn(usize) -> Option<super::Place>,
) {
    // The newest instruction that is too new, and its slot.
    let mut newest: Option<(KernelVersion, usize)> = None;
    let mut slot = 0_usize;
    while let Some(code) = prepared.slots.get(slot..).filter(|code| !code.is_empty()) {
        let decoded = Instruction::decode(code);
        let at = slot;
        slot = slot.saturating_add(decoded.map_or(1, Instruction::slot_count));
        if replaced.contains(&at) {
            continue;
        }
        match decoded {
            // The second half of a load that was poisoned.
            Some(Instruction::Call { helper }) if helper.number() == POISON_HELPER => {}
            Some(Instruction::Call { helper }) => {
                if let Some(finding) = missing_helper(kernel, helper) {
                    faults.push(Fault { slot: at, finding, story: None });
                }
            }
            Some(instruction) => {
                let since = instruction.first_kernel().map(of_pair);
                if since > newest.map(|(since, _)| since) {
                    newest = since.map(|since| (since, at));
                }
            }
            None => {}
        }
    }
    if let Some((since, at)) = newest {
        if let Some(severity) = judge(kernel, since) {
            let text = match prepared.slots.get(at..).and_then(Instruction::decode) {
                // Its number is not known before it is loaded.
                Some(Instruction::CallKfunc { .. }) | None => "call kfunc".to_owned(),
                Some(found) => found.to_string(),
            };
            let line =
                format!("the instruction `{text}` came with Linux {since}: {}", shown(kernel));
            let finding = Finding::new(FindingKind::Instruction, severity, text, line);
            findings.push(finding.since(Some(since)).at(place(at)));
        }
    }
}

fn missing_helper(kernel: &TargetKernel, helper: HelperId) -> Option<Finding> {
    let since = helper.first_kernel().map(of_pair);
    let listed = kernel.vocabulary().has_helper(helper);
    let (severity, why) = lacking(kernel, listed, since, "this kernel does not have it")?;
    let name = helper.name().map_or_else(|| format!("helper {}", helper.number()), str::to_owned);
    // The loader puts it in.
    let old = helper.older().filter(|old| kernel.vocabulary().has_helper(*old) == Some(true));
    let (severity, why) = match old {
        Some(old) => (Severity::Note, format!("{why}, and a loader calls {old} instead")),
        None => (severity, why.to_owned()),
    };
    let text = format!("it calls {name}{}: {why}", first(since));
    Some(Finding::new(FindingKind::Helper, severity, name, text).since(since))
}
