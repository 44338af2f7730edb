//! Whether instructions are a function that the kernel would begin to verify.
use bpf_asm::{Code, ControlFlow, FlowError, Instruction, Slot};

use super::check::Missing;
use super::code_problem::CodeProblem;
use super::map_rules;
use crate::reader::distances;
use crate::spec::{CollectionSpec, Function, Reference, Target};

/// `BPF_COMPLEXITY_LIMIT_INSNS`
const MOST: usize = 1_000_000;

/// What is wrong with a function by itself.
pub(super) fn alone(function: &Function) -> Vec<CodeProblem> {
    let count = function.slots.len();
    if count == 0 {
        return vec![CodeProblem::Empty];
    }
    if count > MOST {
        return vec![CodeProblem::TooLong { slots: count }];
    }
    let mut found = Vec::new();
    tables(function, &mut found);
    for reference in &function.references {
        let slot = reference.slot;
        let kind = function.slots.get(slot).and_then(|at| not_referring(*at, reference));
        found.extend(kind.map(|kind| CodeProblem::NotReferring { slot, kind }));
    }
    let at = distances(&function.slots, &function.references).into_iter();
    found.extend(at.map(|slot| CodeProblem::Distance { slot }));
    flow(function, &mut found);
    found
}

fn tables(function: &Function, found: &mut Vec<CodeProblem>) {
    let mut check = |table: &'static str, slots: &mut dyn Iterator<Item = usize>| {
        let mut last = 0;
        for slot in slots {
            if slot < last || slot >= function.slots.len() {
                found.push(CodeProblem::Table { table, slot });
            }
            last = slot;
        }
    };
    check("a reference", &mut function.references.iter().map(|reference| reference.slot));
    check("a CO-RE relocation", &mut function.core_relocations.iter().map(|record| record.slot));
    check("a line", &mut function.line_infos.iter().map(|line| line.slot));
    for table in &function.jump_tables {
        for slot in table.targets.iter().filter(|slot| **slot >= function.slots.len()) {
            found.push(CodeProblem::Table { table: "a jump table", slot: *slot });
        }
    }
}

/// What an instruction cannot name although a reference says so.
fn not_referring(slot: Slot, reference: &Reference) -> Option<&'static str> {
    let (kind, takes) = match &reference.target {
        Target::Call { .. } => ("function to call", slot.is_call()),
        Target::Kfunc { .. } => ("kernel function to call", slot.is_call()),
        Target::Map { .. } => ("map", slot.is_ld_imm64()),
        Target::MapValue { .. } => ("value of a map", slot.is_ld_imm64()),
        Target::JumpTable { .. } => ("jump table", slot.is_ld_imm64()),
        Target::FunctionAddress { .. } | Target::KfuncAddress { .. } => {
            ("function by address", slot.is_ld_imm64())
        }
        Target::Ksym { .. } | Target::Kconfig { .. } => ("extern", slot.is_ld_imm64()),
    };
    (!takes).then_some(kind)
}

/// Where control goes. A call by distance is told elsewhere.
fn flow(function: &Function, found: &mut Vec<CodeProblem>) {
    // Calls lead out of the function: what is left of them here leads nowhere.
    let mut code = Code::new(function.slots.clone());
    code.references = called(function);
    let mut last = None;
    for (slot, instruction) in code.instructions() {
        let second = slot.checked_add(1).and_then(|next| code.slots.get(next));
        let load = code.slots.get(slot).is_some_and(|slot| slot.is_ld_imm64());
        if load && second.is_none_or(|second| second.opcode.byte() != 0) {
            found.push(CodeProblem::HalfLoad { slot });
        }
        last = Some((slot, instruction));
    }
    if let Some((slot, Some(instruction))) = last {
        let ends = matches!(
            instruction,
            Instruction::Exit
                | Instruction::Jump { .. }
                | Instruction::JumpLong { .. }
                | Instruction::JumpRegister { .. }
        );
        if !ends {
            found.push(CodeProblem::End { slot });
        }
    }
    let targets = function.jump_tables.iter().flat_map(|table| table.targets.iter().copied());
    let within = targets.filter(|target| *target < function.slots.len());
    match ControlFlow::with_targets(&code, within) {
        Err(FlowError::InsideLoad { slot, target }) => {
            found.push(CodeProblem::IntoLoad { slot, target });
        }
        // Falling out of the end is told once.
        Err(FlowError::Outside { target, .. })
            if usize::try_from(target) == Ok(function.slots.len())
                && found.iter().any(|problem| matches!(problem, CodeProblem::End { .. })) => {}
        Err(FlowError::Outside { slot, target }) => {
            found.push(CodeProblem::Branch { slot, target });
        }
        _ => {}
    }
}

/// Calls and addresses of functions, as references that are open.
fn called(function: &Function) -> Vec<bpf_asm::Reference> {
    let open = |slot| {
        let target = bpf_asm::Target::Call { function: String::new() };
        bpf_asm::Reference::new(slot, target)
    };
    let sites = function.slots.iter().enumerate();
    sites
        .filter(|(_, slot)| slot.is_pseudo_call() || slot.is_pseudo_func())
        .map(|(at, _)| open(at))
        .collect()
}

impl CollectionSpec {
    /// What a function names and the collection does not have.
    pub(super) fn unnamed(&self, function: &Function) -> Vec<CodeProblem> {
        let mut found = Vec::new();
        for Reference { slot, target } in &function.references {
            let slot = *slot;
            if let Target::MapValue { map, offset } = target {
                if let Some(spec) = self.maps.get(map) {
                    if !map_rules::reaches(spec.map_type, spec.value_size, *offset) {
                        let map = (**map).to_owned();
                        found.push(CodeProblem::MapValue { slot, map, offset: *offset });
                    }
                }
            }
            match self.missing(function, target) {
                None => {}
                Some(Missing::Table(table)) => found.push(CodeProblem::Table { table, slot }),
                Some(Missing::Named(kind, name)) => {
                    found.push(CodeProblem::Missing { slot, kind, name: name.to_owned() });
                }
            }
        }
        found
    }

    /// What is wrong with a function, or with what it names.
    pub(super) fn code_problems(&self, function: &Function) -> Vec<CodeProblem> {
        let mut found = alone(function);
        found.extend(self.unnamed(function));
        found
    }
}
