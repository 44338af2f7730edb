//! Exception callbacks: a tag on the type of a program names the function that handles what it throws.

use std::sync::Arc;

use bpf_btf::Type;

use super::input::Input;
use crate::Error;
use crate::spec::{CollectionSpec, Linkage};

const TAG: &str = "exception_callback:";

/// Ties programs to their callbacks, as libbpf does before it relocates (`exception_cb_idx`).
pub(super) fn attach(input: &Input<'_>, spec: &mut CollectionSpec) -> Result<(), Error> {
    let Some(btf) = &input.btf else { return Ok(()) };
    for (_, ty) in btf.types() {
        let Type::DeclTag(tag) = ty else { continue };
        let Some(callback) = ty.name().strip_prefix(TAG) else { continue };
        let (None, Some(Type::Func(function))) = (tag.component(), btf.get(tag.target())) else {
            continue;
        };
        let Some(program) = spec.programs.get_mut(function.name()) else { continue };
        let error = |problem| Error::ExceptionCallback {
            program: function.name().to_owned(),
            callback: callback.to_owned(),
            problem,
        };
        // The kernel finds it by name, so it has to be one that only one function can have.
        let found = spec.functions.get(callback).filter(|found| found.section == ".text");
        match found {
            None => return Err(error("there is no such function in section .text")),
            Some(found) if found.linkage == Linkage::Static || found.hidden => {
                return Err(error("it has to be global and not hidden"));
            }
            Some(_) => {}
        }
        if program.exception_callback.replace(Arc::from(callback)).is_some() {
            return Err(error("it is the second one"));
        }
    }
    Ok(())
}
