//! Exception callbacks: a tag on the type of a program names the function that handles what it throws.

use std::collections::HashSet;
use std::sync::Arc;

use bpf_btf::{Kind, Type};

use super::input::Input;
use crate::Error;
use crate::budget::Budget;
use crate::spec::{CollectionSpec, Linkage, Warning};

const TAG: &str = "exception_callback:";

/// Ties programs to their callbacks, as libbpf does before it relocates (`exception_cb_idx`).
pub(super) fn attach(
    input: &Input<'_>,
    budget: &mut Budget,
    spec: &mut CollectionSpec,
) -> Result<(), Error> {
    let Some(btf) = &input.btf else { return Ok(()) };
    let mut tagged = HashSet::new();
    for id in btf.of_kind(Kind::DeclTag) {
        let Some(ty @ Type::DeclTag(tag)) = btf.get(id) else { continue };
        let Some(callback) = ty.name().strip_prefix(TAG) else { continue };
        let (None, Some(Type::Func(function))) = (tag.component(), btf.get(tag.target())) else {
            continue;
        };
        let Some(program) = spec.programs.get_mut(function.name()) else { continue };
        budget.records::<[&str; 4]>(1)?;
        let again = !tagged.insert(function.name());
        // The kernel finds it by name, so it has to be one that only one function can have.
        let found = spec.functions.get(callback).filter(|found| found.section == ".text");
        let problem = match found {
            _ if again => {
                // The verifier has something to say about that: libbpf leaves all of them to it.
                program.exception_callback = None;
                "the program has more than one"
            }
            None => "there is no such function in section .text",
            Some(found) if found.linkage == Linkage::Static || found.hidden => {
                "it has to be global and not hidden"
            }
            Some(_) => {
                budget.charge(callback.len())?;
                program.exception_callback = Some(Arc::from(callback));
                continue;
            }
        };
        // The program cannot be loaded: the kernel looks for the callback too. The others of the object can.
        budget.records::<Warning>(3)?;
        spec.warnings.push(Warning::ExceptionCallback {
            program: budget.string(function.name())?,
            callback: budget.string(callback)?,
            problem,
        });
    }
    Ok(())
}
