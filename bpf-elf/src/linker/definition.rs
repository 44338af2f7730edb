//! Whether two objects define one map.

use bpf_btf::{Btf, Type, TypeId};

use super::type_match;
use crate::budget::Budget;
use crate::reader::map_definition;
use crate::spec::{MapSpec, TypeRef};

/// The section of map definitions.
pub(super) const SECTION: &str = ".maps";

/// What differs between two definitions of a map, if anything. libbpf: `map_defs_match`.
pub(super) fn difference(name: &str, one: (&Btf, TypeId), other: (&Btf, TypeId)) -> Option<String> {
    let (found, expected) = match (read(name, one), read(name, other)) {
        (Ok(found), Ok(expected)) => (found, expected),
        (Err(problem), _) | (_, Err(problem)) => return Some(problem),
    };
    maps((one.0, &found), (other.0, &expected), "")
}

fn read(name: &str, (btf, id): (&Btf, TypeId)) -> Result<MapSpec, String> {
    let Some(Type::Var(variable)) = btf.get(id) else {
        return Err("it is a map in one and a function in the other".to_owned());
    };
    let mut budget = Budget::new(usize::MAX);
    let found = map_definition::read(btf, &mut budget, name, variable.type_id(), SECTION, None);
    found.map(|found| found.map).map_err(|error| error.to_string())
}

fn maps(one: (&Btf, &MapSpec), other: (&Btf, &MapSpec), of: &str) -> Option<String> {
    let ((one_btf, one), (other_btf, other)) = (one, other);
    let numbers = |map: &MapSpec| {
        [
            ("type", u64::from(map.map_type.0)),
            ("max_entries", u64::from(map.max_entries)),
            ("map_flags", u64::from(map.flags.bits())),
            ("numa_node", u64::from(map.numa_node)),
            ("key_size", u64::from(map.key_size)),
            ("value_size", u64::from(map.value_size)),
            ("map_extra", map.map_extra),
            ("pinning", u64::from(map.pinning == crate::spec::Pinning::ByName)),
        ]
    };
    for ((what, one), (_, other)) in numbers(one).into_iter().zip(numbers(other)) {
        if one != other {
            return Some(format!("{what}{of} is {other} instead of {one}"));
        }
    }
    let types =
        [("key", &one.key_type, &other.key_type), ("value", &one.value_type, &other.value_type)];
    for (what, one, other) in types {
        let id = |found: &TypeRef| TypeId::new(found.id());
        match (one, other) {
            (None, None) => {}
            (Some(one), Some(other)) => {
                let problem = type_match::difference((one_btf, id(one)), (other_btf, id(other)));
                if let Some(problem) = problem {
                    return Some(format!("{what}{of}: {problem}"));
                }
            }
            _ => return Some(format!("only one of them has a type of the {what}{of}")),
        }
    }
    match (&one.inner, &other.inner) {
        (Some(one), Some(other)) => maps((one_btf, one), (other_btf, other), " of the inner map"),
        (None, None) => None,
        _ => Some("only one of them has a pattern for inner maps".to_owned()),
    }
}
