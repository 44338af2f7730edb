//! The functions of a program, in the order in which the kernel gets them.

use std::collections::HashMap;

use super::PrepareError;
use crate::spec::{CollectionSpec, Function, ProgramSpec, Target};

/// A function at its place in a program.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PlacedFunction<'spec> {
    /// The key by which calls name it.
    pub key: &'spec str,
    /// The function.
    pub function: &'spec Function,
    /// The slot of the program at which it starts.
    pub start: usize,
}

/// A program with all the functions that it reaches, each once.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Flattened<'spec> {
    /// The functions in the order of the code; the entry is the first.
    pub functions: Vec<PlacedFunction<'spec>>,
    /// The number of slots of all of them.
    pub slots: usize,
    by_key: HashMap<&'spec str, usize>,
}

impl Flattened<'_> {
    /// The slot at which a function starts that the program reaches.
    pub fn start_of(&self, key: &str) -> Option<usize> {
        self.by_key.get(key).and_then(|&at| self.functions.get(at)).map(|placed| placed.start)
    }
}

/// Puts the functions that `program` reaches behind it.
///
/// A function is appended where it is first referred to, and what it refers to follows before the search goes on
/// (libbpf: `bpf_object__reloc_code`). Nothing is copied. The search keeps its own stack: a chain of calls of any length is
/// no danger here, whatever the kernel says to it later. An exception callback comes last, unless something else refers to it.
///
/// # Errors
///
/// A reference to a function that the collection does not define.
pub fn flatten<'spec>(
    spec: &'spec CollectionSpec,
    program: &'spec ProgramSpec,
) -> Result<Flattened<'spec>, PrepareError> {
    let mut flat = Flattened { functions: Vec::new(), slots: 0, by_key: HashMap::new() };
    // Functions win over programs where a call could mean either, so the entry owns its name only if none has it.
    let entry_key: &str = &program.name;
    if !spec.functions.contains(entry_key) {
        flat.by_key.insert(entry_key, 0);
    }
    place(&mut flat, entry_key, &program.function);
    reach(&mut flat, spec, &program.function)?;

    if let Some(key) = &program.exception_callback {
        if !flat.by_key.contains_key(&**key) {
            let callback = spec.function(key).ok_or_else(|| PrepareError::NoFunction {
                caller: program.name.clone(),
                slot: 0,
                function: key.to_string(),
            })?;
            flat.by_key.insert(key, flat.functions.len());
            place(&mut flat, key, callback);
            reach(&mut flat, spec, callback)?;
        }
    }
    Ok(flat)
}

/// Places all functions that `from` refers to, and those that they refer to.
fn reach<'spec>(
    flat: &mut Flattened<'spec>,
    spec: &'spec CollectionSpec,
    from: &'spec Function,
) -> Result<(), PrepareError> {
    let mut stack = vec![(from, 0_usize)];
    while let Some((caller, next)) = stack.last_mut() {
        let caller = *caller;
        let Some(reference) = caller.references.get(*next) else {
            stack.pop();
            continue;
        };
        *next = next.saturating_add(1);
        let (Target::Call { function: key } | Target::FunctionAddress { function: key }) =
            &reference.target
        else {
            continue;
        };
        if flat.by_key.contains_key(&**key) {
            continue;
        }
        let (key, callee) = find(spec, key).ok_or_else(|| PrepareError::NoFunction {
            caller: caller.name.clone(),
            slot: reference.slot,
            function: key.to_string(),
        })?;
        flat.by_key.insert(key, flat.functions.len());
        place(flat, key, callee);
        stack.push((callee, 0));
    }
    Ok(())
}

fn place<'spec>(flat: &mut Flattened<'spec>, key: &'spec str, function: &'spec Function) {
    flat.functions.push(PlacedFunction { key, function, start: flat.slots });
    flat.slots = flat.slots.saturating_add(function.slots.len());
}

fn find<'spec>(
    spec: &'spec CollectionSpec,
    key: &'spec str,
) -> Option<(&'spec str, &'spec Function)> {
    spec.function(key).map(|function| (key, function))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Reference;
    use bpf_asm::{ByteOrder, Slot};
    use bpf_sys::abi::ProgramType;

    fn function(name: &str, slots: usize, calls: &[&str]) -> Function {
        let slot = Slot::decode([0x95, 0, 0, 0, 0, 0, 0, 0], ByteOrder::Little);
        let mut function = Function::new(name, vec![slot; slots]);
        function.references = calls
            .iter()
            .enumerate()
            .map(|(slot, callee)| Reference::new(slot, Target::Call { function: (*callee).into() }))
            .collect();
        function
    }

    fn spec(
        functions: &[(&str, usize, &[&str])],
        entries: &[(&str, usize, &[&str])],
    ) -> CollectionSpec {
        let mut spec = CollectionSpec::new(ByteOrder::Little);
        for (name, slots, calls) in functions {
            spec.functions.insert(*name, function(name, *slots, calls));
        }
        for (name, slots, calls) in entries {
            let code = function(name, *slots, calls);
            spec.programs.insert(*name, ProgramSpec::new(*name, ProgramType::XDP, code));
        }
        spec
    }

    #[test]
    fn an_exception_callback_comes_last_unless_it_is_called() {
        let functions: &[(&str, usize, &[&str])] =
            &[("caught", 3, &["helper"]), ("helper", 1, &[]), ("other", 2, &[])];
        let with = |calls: &[&str], callback: &str| {
            let mut spec = spec(functions, &[("main", 4, calls)]);
            spec.programs.get_mut("main").unwrap().exception_callback = Some(callback.into());
            spec
        };
        check(
            &with(&["other"], "caught"),
            &[("main", 0), ("other", 4), ("caught", 6), ("helper", 9)],
        );
        check(
            &with(&["caught", "other"], "caught"),
            &[("main", 0), ("caught", 4), ("helper", 7), ("other", 8)],
        );
        let missing = with(&[], "nowhere");
        let error = flatten(&missing, missing.programs.get("main").unwrap()).unwrap_err();
        assert!(error.to_string().contains("nowhere"), "{error}");
    }

    fn check(spec: &CollectionSpec, expected: &[(&str, usize)]) {
        let program = spec.programs.get("main").unwrap();
        let flat = flatten(spec, program).unwrap();
        let found: Vec<_> =
            flat.functions.iter().map(|placed| (placed.key, placed.start)).collect();
        assert_eq!(found, expected);
        let last = flat.functions.last().unwrap();
        assert_eq!(flat.slots, last.start.wrapping_add(last.function.slots.len()));
    }

    #[test]
    fn callees_follow_depth_first_and_once() {
        let spec = spec(
            &[("a", 2, &["b"]), ("b", 3, &["c", "a"]), ("c", 1, &[]), ("unused", 9, &[])],
            &[("main", 4, &["a", "c", "a"])],
        );
        check(&spec, &[("main", 0), ("a", 4), ("b", 6), ("c", 9)]);
    }

    #[test]
    fn a_call_of_the_entry_does_not_append_it_again() {
        let spec = spec(&[("a", 2, &["main"])], &[("main", 4, &["a", "main"])]);
        check(&spec, &[("main", 0), ("a", 4)]);
    }

    #[test]
    fn another_entry_program_can_be_called() {
        let spec = spec(&[], &[("main", 4, &["other"]), ("other", 2, &[])]);
        check(&spec, &[("main", 0), ("other", 4)]);
    }

    #[test]
    fn a_function_wins_over_a_program_of_the_same_name() {
        let mut spec = spec(&[("main", 7, &[])], &[("main", 4, &["main"])]);
        check(&spec, &[("main", 0), ("main", 4)]);
        spec.functions.remove("main");
        check(&spec, &[("main", 0)]);
    }

    #[test]
    fn a_chain_of_100_000_calls_is_walked_without_recursion() {
        let names: Vec<String> = (0..100_000).map(|n| format!("f{n}")).collect();
        let mut spec = spec(&[], &[("main", 1, &["f0"])]);
        for pair in names.windows(2) {
            spec.functions.insert(pair[0].as_str(), function(&pair[0], 1, &[&pair[1]]));
        }
        let last = names.last().unwrap().as_str();
        spec.functions.insert(last, function(last, 1, &[]));
        let flat = flatten(&spec, spec.programs.get("main").unwrap()).unwrap();
        assert_eq!(flat.functions.len(), 100_001);
        assert_eq!(flat.start_of(last), Some(100_000));
    }

    #[test]
    fn a_call_to_nowhere_names_caller_slot_and_callee() {
        let spec = spec(&[("a", 2, &["b", "gone"]), ("b", 1, &[])], &[("main", 1, &["a"])]);
        let error = flatten(&spec, spec.programs.get("main").unwrap()).unwrap_err();
        assert_eq!(
            error,
            PrepareError::NoFunction { caller: "a".into(), slot: 1, function: "gone".into() }
        );
    }
}
