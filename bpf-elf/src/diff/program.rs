//! Changes of programs.

use super::code::{CodeChange, Codes};
use super::field::{FieldChange, FieldValue, Fields, ProgramField, named};
use crate::spec::ProgramSpec;

/// What changes about a program.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ProgramChange<'spec> {
    /// What is said about it.
    pub fields: Vec<FieldChange<'spec, ProgramField>>,
    /// Its code, with that of all functions that it reaches.
    pub code: Option<CodeChange<'spec>>,
}

pub(super) fn change<'spec>(
    old: &'spec ProgramSpec,
    new: &'spec ProgramSpec,
    codes: &Codes<'spec>,
) -> Option<ProgramChange<'spec>> {
    let mut fields = Fields::new();
    fields.text(ProgramField::Name, &old.name, &new.name);
    fields.text(ProgramField::Section, &old.section, &new.section);
    let program_type = |of: &ProgramSpec| named(of.program_type.name(), of.program_type.0);
    fields.value(ProgramField::Type, program_type(old), program_type(new));
    let attach_type =
        |of: &ProgramSpec| of.attach_type.map_or(FieldValue::Nothing, |of| named(of.name(), of.0));
    fields.value(ProgramField::AttachType, attach_type(old), attach_type(new));
    fields.flag(
        ProgramField::AttachTypeOptional,
        old.attach_type_optional,
        new.attach_type_optional,
    );
    fields.option(ProgramField::AttachTo, old.attach_to.as_deref(), new.attach_to.as_deref());
    fields.flag(ProgramField::NeedsBtfTarget, old.needs_btf_target, new.needs_btf_target);
    fields.bits(ProgramField::Flags, old.flags.bits(), new.flags.bits());
    fields.flag(ProgramField::Autoload, old.autoload, new.autoload);
    let (old_callback, new_callback) = (
        codes.old.callback(old.exception_callback.as_deref()),
        codes.new.callback(new.exception_callback.as_deref()),
    );
    fields.option(ProgramField::ExceptionCallback, old_callback, new_callback);
    let fields = fields.finish();
    let code = super::code::program(old, new, codes);
    (code.is_some() || !fields.is_empty()).then_some(ProgramChange { fields, code })
}
