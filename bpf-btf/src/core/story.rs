//! Why a relocation has no match.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use super::candidates::Candidate;
use super::spec::{Spec, Step, step_name_offset};
use super::stories::Stories;
use super::text;
use super::{CoreKind, WidthChange};
use crate::{Btf, CoreRelo, Kind, TypeId};

/// A blob that was searched.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) btf: Btf,
    pub(super) name: String,
    pub(super) pointer: u8,
    /// Searched for what other targets do not have.
    pub(super) is_module: bool,
}

/// Why nothing in the target matched: the access, what the object says about it, each candidate and why it was refused,
/// and names that are nearly the same. The text is made when it is asked for, so keeping a story costs little. Who asks for the texts
/// of many stories does it by [`Stories`].
#[derive(Clone, Debug)]
pub struct Story {
    pub(super) local: Btf,
    pub(super) relo: CoreRelo,
    pub(super) targets: Arc<[Target]>,
    pub(super) candidates: Vec<Candidate>,
    pub(super) width: Option<WidthChange>,
}

/// The access of a relocation as C text: `task_struct->mm`, `sk_buff->cb[3]`, `struct foo`, `enum color::RED`. It comes from
/// the object alone; `None` if the relocation is wrong in itself.
pub fn access_text(local: &Btf, relo: &CoreRelo) -> Option<String> {
    let spec = Spec::parse(local, relo, CoreKind::from_number(relo.kind)?).ok()?;
    Some(spec.text(local))
}

impl Story {
    /// What was asked.
    pub fn kind(&self) -> Option<CoreKind> {
        CoreKind::from_number(self.relo.kind)
    }

    /// The access as C text: `task_struct->mm`, `sk_buff->cb[3]`, `struct foo`, `enum color::RED`.
    pub fn access(&self) -> String {
        self.spec().map_or_else(String::new, |spec| spec.text(&self.local))
    }

    /// The local type at which the access begins, as C names it.
    pub fn local_type(&self) -> String {
        self.local.display_name(self.relo.type_id).to_string()
    }

    /// The relocation as libbpf prints it: `<byte_off> [7] struct task_struct.mm (0:3 @ offset 24)`.
    pub fn spec_text(&self) -> String {
        let mut text = String::new();
        if let (Some(kind), Some(spec)) = (self.kind(), self.spec()) {
            // Writing to a string does not fail.
            let _ = write_spec(&mut text, &self.local, self.relo.access_offset, kind, &spec);
        }
        text
    }

    pub(super) fn spec(&self) -> Option<Spec> {
        Spec::parse(&self.local, &self.relo, self.kind()?).ok()
    }
}

/// The text of [`Stories::text`], as of the only story that is told.
impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Stories::new().text(self))
    }
}

/// The relocation in libbpf's format.
fn write_spec(
    f: &mut dyn Write,
    btf: &Btf,
    access_offset: u32,
    kind: CoreKind,
    spec: &Spec,
) -> fmt::Result {
    let root = btf.get(spec.root);
    let keyword = match root.map(|found| found.kind()) {
        Some(Kind::Struct) => "struct ",
        Some(Kind::Union) => "union ",
        Some(Kind::Enum | Kind::Enum64) => "enum ",
        Some(Kind::Typedef) => "typedef ",
        Some(Kind::Fwd) => "fwd ",
        _ => "",
    };
    let name = text::string(btf, root.map_or(0, |found| found.name_offset()));
    let name = if name.is_empty() { "<anon>" } else { &name };
    write!(f, "<{kind}> [{}] {keyword}{name}", spec.root)?;
    if kind.is_type() {
        return Ok(());
    }
    let access = btf.string(access_offset).unwrap_or_default();
    if kind.is_enumerator() {
        let step = spec.steps.first().copied().unwrap_or(Step {
            type_id: TypeId::VOID,
            index: 0,
            named: true,
        });
        let value = btf
            .get(step.type_id)
            .and_then(|found| found.enumeration())
            .and_then(|values| values.value(step.index as usize));
        return write!(
            f,
            "::{} = {}",
            text::string(btf, step_name_offset(btf, step)),
            value.map_or(0, |value| value.value())
        );
    }
    for (number, step) in spec.steps.iter().enumerate() {
        if step.named {
            write!(f, ".{}", text::string(btf, step_name_offset(btf, *step)))?;
        } else if number > 0 || step.index > 0 {
            write!(f, "[{}]", step.index)?;
        }
    }
    write!(f, " ({access} @ offset {}", spec.bit_offset >> 3)?;
    if spec.bit_offset & 7 != 0 {
        write!(f, ".{}", spec.bit_offset & 7)?;
    }
    f.write_char(')')
}
