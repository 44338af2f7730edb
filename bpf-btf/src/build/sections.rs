//! Sections of variables: what compilers leave open, and what the kernel wants instead of externs.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::{BtfBuilder, BuildError, Definition};
use crate::{FuncLinkage, Kind, NewSectionEntry, TypeId, VarLinkage};

/// What an object file says about its sections of variables.
pub trait SectionLayout {
    /// Size in bytes of a section; `None` when the object has no such section.
    fn section_size(&self, section: &str) -> Option<u32>;

    /// Where the symbol of a global variable is; `None` when there is no such symbol.
    fn variable(&self, section: &str, variable: &str) -> Option<VariablePlace>;
}

/// Place of a global variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VariablePlace {
    /// Offset in bytes from the start of the section.
    pub offset: u32,
    /// Whether the symbol's visibility is hidden or internal: then the variable becomes static.
    pub hidden: bool,
}

impl VariablePlace {
    /// A place.
    pub const fn new(offset: u32, hidden: bool) -> Self {
        Self { offset, hidden }
    }
}

/// Size of the stand-in for an extern.
const STAND_IN_SIZE: u32 = 4;

impl BtfBuilder {
    /// Fills in the sizes of sections and the offsets of global variables that compilers leave 0, and sorts the
    /// variables by offset (libbpf: `btf_fixup_datasec`). Static variables have their offsets already; `.kconfig` and
    /// `.ksyms` are no sections of the object and stay as they are.
    ///
    /// Offsets go by the symbols also in a section that has a size, otherwise than in libbpf: its linker leaves the
    /// offset of the declaration or of the weak definition that came first, and the kernel refuses BTF with two
    /// variables in one place.
    pub fn fix_sections(&mut self, layout: &dyn SectionLayout) -> Result<(), BuildError> {
        for id in
            self.own_ids().filter(|id| self.kind(*id) == Some(Kind::Datasec)).collect::<Vec<_>>()
        {
            let section = self.name(id).to_string();
            if matches!(section.as_str(), ".kconfig" | ".ksyms") {
                continue;
            }
            let mut size = self.words_of(id).and_then(|words| words.get(2)).copied().unwrap_or(0);
            if size == 0 {
                size = layout
                    .section_size(&section)
                    .ok_or_else(|| BuildError::SectionSize { section: section.clone() })?;
            }
            let mut entries = self.section_entries(id);
            for entry in &mut entries {
                let not_variable =
                    BuildError::NotVariable { section: section.clone(), id: entry.type_id };
                let linkage = self.var_linkage(entry.type_id).ok_or(not_variable)?;
                if linkage != VarLinkage::Global {
                    continue;
                }
                let name = self.name(entry.type_id);
                let place =
                    layout.variable(&section, name).ok_or_else(|| BuildError::VariableOffset {
                        section: section.clone(),
                        variable: name.to_string(),
                    })?;
                entry.offset = place.offset;
                if place.hidden {
                    self.set_var_linkage(entry.type_id, VarLinkage::Static)?;
                }
            }
            self.set_section(id, size, entries)?;
        }
        Ok(())
    }

    /// Replaces size and entries of a section; the entries are sorted by offset, as the kernel wants them.
    pub fn set_section(
        &mut self,
        id: TypeId,
        size: u32,
        mut entries: Vec<NewSectionEntry>,
    ) -> Result<(), BuildError> {
        if self.kind(id) != Some(Kind::Datasec) {
            return Err(BuildError::Kind { id, expected: Kind::Datasec });
        }
        entries.sort_by_key(|entry| entry.offset);
        let name = self.name(id).to_string();
        self.set(id, &Definition::Datasec { name: &name, size, entries: &entries })
    }

    /// Replaces the linkage of a variable.
    pub fn set_var_linkage(&mut self, id: TypeId, linkage: VarLinkage) -> Result<(), BuildError> {
        let wrong = BuildError::Kind { id, expected: Kind::Var };
        if self.kind(id) != Some(Kind::Var) {
            return Err(wrong);
        }
        *self.words_of_mut(id).and_then(|words| words.get_mut(3)).ok_or(wrong)? = linkage.number();
        Ok(())
    }

    /// Replaces the linkage of a function.
    pub fn set_func_linkage(&mut self, id: TypeId, linkage: FuncLinkage) -> Result<(), BuildError> {
        let wrong = BuildError::Kind { id, expected: Kind::Func };
        let (Some(Kind::Func), Some(words)) = (self.kind(id), self.words_of(id)) else {
            return Err(wrong);
        };
        let prototype = words.get(2).map_or(TypeId::VOID, |word| TypeId::new(*word));
        let name = self.name(id).to_string();
        self.set(id, &Definition::Func { name: &name, prototype, linkage })
    }

    /// Rewrites `.ksyms` as kernels want it, which load no externs (libbpf: `bpf_object__collect_externs`): every
    /// variable becomes a defined integer of 4 bytes, every function a defined one whose place in the section a dummy
    /// variable takes, and parameters of such functions get names.
    pub fn define_ksyms(&mut self) -> Result<(), BuildError> {
        let sections = self
            .own_ids()
            .filter(|id| self.kind(*id) == Some(Kind::Datasec) && self.name(*id) == ".ksyms");
        for section in sections.collect::<Vec<_>>() {
            let int = self.plain_int()?;
            let mut dummy = None;
            let mut offset = 0_u32;
            let mut entries = self.section_entries(section);
            for entry in &mut entries {
                let id = entry.type_id;
                match self.kind(id) {
                    Some(Kind::Var) => {
                        if let Some([_, _, target, linkage]) = self.words_of_mut(id) {
                            *target = int.get();
                            *linkage = VarLinkage::Global.number();
                        }
                    }
                    Some(Kind::Func) => {
                        let stand_in = match dummy {
                            Some(stand_in) => stand_in,
                            None => *dummy.insert(self.add(&Definition::Var {
                                name: "dummy_ksym",
                                target: int,
                                linkage: VarLinkage::Global,
                            })?),
                        };
                        self.set_func_linkage(id, FuncLinkage::Global)?;
                        self.name_parameters(id, "dummy_ksym")?;
                        entry.type_id = stand_in;
                    }
                    _ => {
                        return Err(BuildError::NotVariable {
                            section: self.name(section).to_string(),
                            id,
                        });
                    }
                }
                entry.offset = offset;
                entry.size = STAND_IN_SIZE;
                offset = offset.checked_add(STAND_IN_SIZE).ok_or(BuildError::TooLarge)?;
            }
            self.set_section(section, offset, entries)?;
        }
        Ok(())
    }

    /// An integer of 4 bytes: one that is there, or a new one.
    fn plain_int(&mut self) -> Result<TypeId, BuildError> {
        let is_plain = |id: &TypeId| {
            self.kind(*id) == Some(Kind::Int)
                && self.words_of(*id).is_some_and(|words| {
                    words.get(2) == Some(&4) && words.get(3).is_some_and(|word| word & 0xff == 32)
                })
        };
        match self.own_ids().find(is_plain) {
            Some(id) => Ok(id),
            None => self.add(&Definition::Int {
                name: "int",
                size: 4,
                signed: true,
                char: false,
                bool: false,
            }),
        }
    }

    /// Gives a name to the parameters of a function that have none.
    fn name_parameters(&mut self, func: TypeId, name: &str) -> Result<(), BuildError> {
        let name = self.add_string(name)?;
        let prototype = self
            .words_of(func)
            .and_then(|words| words.get(2))
            .map_or(TypeId::VOID, |word| TypeId::new(*word));
        if self.kind(prototype) == Some(Kind::FuncProto) {
            let params = self
                .words_of_mut(prototype)
                .and_then(|words| words.get_mut(3..))
                .unwrap_or_default();
            for param in params.chunks_exact_mut(2) {
                match param {
                    // `...` has neither a name nor a type.
                    [param_name @ 0, type_id] if *type_id != 0 => *param_name = name,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn var_linkage(&self, id: TypeId) -> Option<VarLinkage> {
        if self.kind(id)? != Kind::Var {
            return None;
        }
        self.words_of(id)?.get(3).map(|number| VarLinkage::from_number(*number))
    }

    fn section_entries(&self, id: TypeId) -> Vec<NewSectionEntry> {
        let words = self.words_of(id).and_then(|words| words.get(3..)).unwrap_or_default();
        let entry = |words: &[u32]| match words {
            &[type_id, offset, size] => {
                Some(NewSectionEntry::new(TypeId::new(type_id), offset, size))
            }
            _ => None,
        };
        words.chunks_exact(3).filter_map(entry).collect()
    }
}
