//! Code through bytes and text and back.
use bpf_asm::{ByteOrder, Code, Slot, Symbol, decode_slots, encode_slots};
use bpf_elf::spec::{CollectionSpec, Function, Target};

use crate::report::{Check, Report};

/// Every function of an object stays what it is.
pub(crate) fn check(report: &mut Report, object: &str, spec: &CollectionSpec) {
    let programs = spec.programs.values().map(|program| &program.function);
    for function in spec.functions.values().chain(programs) {
        match loss(function) {
            None => report.equal(Check::Code),
            Some(what) => report.differs(Check::Code, object, &function.name, &what),
        }
    }
}

/// What gets lost on one of the ways.
fn loss(function: &Function) -> Option<String> {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let bytes = encode_slots(&function.slots, order);
        if decode_slots(&bytes, order).ok().as_ref() != Some(&function.slots) {
            return Some(format!("not the same after bytes in {order:?}"));
        }
    }
    let numbers = Code::new(function.slots.clone());
    through_text(&numbers).or_else(|| {
        let mut named = numbers.clone();
        // The assembler leaves this number to the loader too, and holds another place for it.
        for reference in &function.references {
            if let (Target::Kfunc { .. }, Some(slot)) =
                (&reference.target, named.slots.get_mut(reference.slot))
            {
                slot.imm = 0;
            }
        }
        named.functions.push(Symbol::new(function.name.clone(), 0));
        named.references.extend(function.references.iter().filter_map(|reference| {
            Some(bpf_asm::Reference::new(reference.slot, named_target(&reference.target)?))
        }));
        // A call of the function itself gets its distance from the name.
        if let Err(error) = named.link() {
            if named.undefined_functions().next().is_none() {
                return Some(format!("cannot link: {error}"));
            }
        }
        named.name_jump_targets();
        through_text(&named)
    })
}

/// What a listing loses.
pub(crate) fn through_text(code: &Code) -> Option<String> {
    let text = code.to_string();
    let again = match Code::assemble(&text) {
        Ok(again) => again,
        Err(error) => return Some(format!("its text is refused: {error}")),
    };
    let differs = |(ours, theirs): (&Slot, &Slot)| ours != theirs;
    let at = code.slots.iter().zip(&again.slots).position(differs);
    match at {
        Some(slot) => Some(format!(
            "slot {slot} is another one after its text: {:?}, {:?}",
            code.slots.get(slot),
            again.slots.get(slot)
        )),
        None if code.slots.len() != again.slots.len() => {
            Some(format!("{} slots after {}", again.slots.len(), code.slots.len()))
        }
        None => None,
    }
}

/// The name that the assembler has for what an instruction refers to, if it has one.
pub(crate) fn named_target(target: &Target) -> Option<bpf_asm::Target> {
    Some(match target {
        Target::Map { name } => bpf_asm::Target::Map { name: name.to_string() },
        Target::MapValue { map, offset } => {
            bpf_asm::Target::MapValue { map: map.to_string(), offset: *offset }
        }
        Target::Call { function } => bpf_asm::Target::Call { function: function.to_string() },
        Target::FunctionAddress { function } => {
            bpf_asm::Target::FunctionAddress { function: function.to_string() }
        }
        Target::Kfunc { name } => bpf_asm::Target::Kfunc { name: name.to_string() },
        Target::KfuncAddress { name } => bpf_asm::Target::Ksym { name: name.to_string() },
        _ => return None,
    })
}
