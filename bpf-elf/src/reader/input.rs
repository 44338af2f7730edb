//! What the reader knows before it reads the parts.

use bpf_btf::{Btf, BtfExt, Kind, Type, TypeId};

use super::class::Class;
use crate::budget::Budget;
use crate::object::{
    Binding, Object, Place, Relocation, Section, SectionIndex, SectionKind, Symbol,
};
use crate::spec::Warning;
use crate::{BtfError, ElfError, Error, ReadOptions};

/// Bytes that an entry of the section table takes while the object is read.
const SECTION: usize = 320;

/// Bytes for each byte of type information: a copy in each byte order, the offsets of types, the index of names.
const BTF: usize = 3;

/// What is known about an object before its parts are read: all of it is only looked at from here on.
pub(super) struct Input<'data> {
    pub(super) options: &'data ReadOptions,
    pub(super) object: Object<'data>,
    /// By section index.
    classes: Vec<Class>,
    /// Indexes of the symbols that are in a section, by section, value and index.
    by_section: Vec<u32>,
    /// Sections with relocations, behind the section that they apply to.
    relocations: Vec<(SectionIndex, SectionIndex)>,
    pub(super) btf: Option<Btf>,
    /// Types of sections with the starts of their names, by name and number.
    datasecs: Vec<(u64, TypeId)>,
    pub(super) btf_ext: Option<BtfExt<'data>>,
}

impl<'data> Input<'data> {
    pub(super) fn new(
        object: Object<'data>,
        options: &'data ReadOptions,
        budget: &mut Budget,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, Error> {
        budget.charge(object.sections().len().saturating_mul(SECTION))?;
        budget.records::<Symbol>(object.symbols().len())?;
        budget.records::<u32>(object.symbols().len())?;
        let classes: Vec<Class> = object.sections().iter().map(Class::of).collect();
        let mut unique = Vec::with_capacity(object.sections().len());
        let mut relocations = Vec::new();
        let (mut btf, mut btf_ext) = (None, None);
        for (section, class) in object.sections().iter().zip(&classes) {
            match class {
                Class::Ignored => continue,
                Class::Relocations => {
                    let target = SectionIndex::from(section.info);
                    let used = classes.get(target.get()).is_some_and(|class| {
                        matches!(class, Class::Code | Class::Maps | Class::StructOps { .. })
                    });
                    if !used {
                        continue;
                    }
                    if section.kind == SectionKind::Rela {
                        let section = section.name.to_owned();
                        return Err(ElfError::Addends { section }.into());
                    }
                    relocations.push((target, section.index));
                }
                Class::Btf => btf = Some(section),
                Class::BtfExt => btf_ext = Some(section),
                _ => {}
            }
            section.require_plain()?;
            // Sections that are known by their name.
            let by_name = !matches!(class, Class::Code | Class::Relocations);
            if by_name {
                unique.push(section.name);
            }
        }
        unique.sort_unstable();
        if let Some([name, _]) = unique.windows(2).find(|pair| pair.first() == pair.last()) {
            return Err(Error::DuplicateSection { section: (*name).to_owned() });
        }
        relocations.sort_unstable();
        if let Some(section) = btf {
            budget.charge(section.data.len().saturating_mul(BTF))?;
        }
        // libbpf (`bpf_object__init_btf`): only these cannot do without. Externs that are used and not declared are an error elsewhere.
        let needed =
            classes.iter().any(|class| matches!(class, Class::Maps | Class::StructOps { .. }));
        let btf = match btf.map(read_btf).transpose() {
            Err(error) if !needed => left_out(".BTF", error, warnings),
            read => read?,
        };
        let btf_ext = btf_ext.filter(|_| btf.is_some());
        let btf_ext = match btf_ext.map(read_btf_ext).transpose() {
            Err(error) if !needed => left_out(".BTF.ext", error, warnings),
            read => read?,
        };
        let by_section = index(&object);
        let datasecs =
            btf.as_ref().map(|btf| datasecs(btf, budget)).transpose()?.unwrap_or_default();
        Ok(Self { options, object, classes, by_section, relocations, btf, datasecs, btf_ext })
    }

    /// Sections and their classes.
    pub(super) fn sections(&self) -> impl Iterator<Item = (&Section<'data>, Class)> {
        self.object.sections().iter().zip(self.classes.iter().copied())
    }

    /// The class of a section.
    pub(super) fn class(&self, section: SectionIndex) -> Class {
        self.classes.get(section.get()).copied().unwrap_or(Class::Ignored)
    }

    /// The name of a section, for messages.
    pub(super) fn section_name(&self, section: SectionIndex) -> &'data str {
        self.object.section(section).map_or("", |section| section.name)
    }

    /// Symbols of a section with their indexes, by value.
    pub(super) fn symbols_of(
        &self,
        section: SectionIndex,
    ) -> impl Iterator<Item = (usize, &Symbol)> {
        let symbols = self.object.symbols();
        let place = |&index: &u32| {
            let symbol = usize::try_from(index).ok().and_then(|index| symbols.get(index));
            section_of(symbol)
        };
        let start = self.by_section.partition_point(|index| place(index) < Some(section));
        let indexes = self.by_section.get(start..).unwrap_or_default();
        indexes.iter().take_while(move |index| place(index) == Some(section)).filter_map(
            move |&index| {
                let index = usize::try_from(index).ok()?;
                Some((index, symbols.get(index)?))
            },
        )
    }

    /// Symbols of a section that other objects see, with their names. A name that cannot be read is an error.
    pub(super) fn exports_of(
        &self,
        section: SectionIndex,
    ) -> impl Iterator<Item = Result<(&'data str, &Symbol), ElfError>> {
        self.symbols_of(section)
            .filter(|(_, symbol)| matches!(symbol.binding, Binding::Global | Binding::Weak))
            .map(|(_, symbol)| Ok((self.object.symbol_name(symbol)?, symbol)))
    }

    /// Relocations that apply to a section, by offset.
    pub(super) fn relocations_of(
        &self,
        section: SectionIndex,
        budget: &mut Budget,
    ) -> Result<Vec<Relocation>, Error> {
        let start = self.relocations.partition_point(|(target, _)| *target < section);
        let tables = self.relocations.get(start..).unwrap_or_default();
        let mut all = Vec::new();
        for (_, table) in tables.iter().take_while(|(target, _)| *target == section) {
            if let Some(table) = self.object.section(*table) {
                let relocations = self.object.relocations(table)?;
                budget.records::<Relocation>(relocations.len())?;
                all.reserve_exact(relocations.len());
                all.extend(relocations);
            }
        }
        if !all.is_sorted_by_key(|relocation| relocation.offset) {
            all.sort_unstable_by_key(|relocation| relocation.offset);
        }
        Ok(all)
    }

    /// The symbol of a relocation in a section.
    pub(super) fn symbol(
        &self,
        section: SectionIndex,
        relocation: &Relocation,
    ) -> Result<&Symbol, Error> {
        self.object.symbols().get(relocation.symbol).ok_or_else(|| Error::RelocationSymbol {
            section: self.section_name(section).to_owned(),
            offset: relocation.offset,
            symbol: relocation.symbol,
        })
    }

    /// The type information that a section cannot do without.
    pub(super) fn require_btf(&self, section: &Section<'_>) -> Result<&Btf, Error> {
        let section = || section.name.to_owned();
        self.btf.as_ref().ok_or_else(|| Error::MissingBtf { section: section() })
    }

    /// What the type information says about a section.
    pub(super) fn datasec(&self, name: &str) -> Option<bpf_btf::Datasec<'_>> {
        let btf = self.btf.as_ref()?;
        let start = start_of(name);
        let at = self.datasecs.partition_point(|(known, id)| {
            known.cmp(&start).then_with(|| name_of(btf, *id).cmp(name)).is_lt()
        });
        let (known, id) = *self.datasecs.get(at)?;
        match btf.get(id).filter(|_| known == start)? {
            Type::Datasec(datasec) if datasec.name() == name => Some(datasec),
            _ => None,
        }
    }
}

fn section_of(symbol: Option<&Symbol>) -> Option<SectionIndex> {
    match symbol?.place {
        Place::Section(section) => Some(section),
        _ => None,
    }
}

fn contents<'data>(section: &Section<'data>) -> Result<&'data [u8], Error> {
    if section.data.is_empty() {
        return Err(Error::NoContents { section: section.name.to_owned() });
    }
    Ok(section.data)
}

/// The name of a type.
fn name_of(btf: &Btf, id: TypeId) -> &str {
    btf.get(id).map_or("", |found| found.name())
}

/// The first eight bytes of a name as a number that is in the order of names. Most names of sections differ in them.
fn start_of(name: &str) -> u64 {
    let mut start = [0; 8];
    start.iter_mut().zip(name.bytes()).for_each(|(place, byte)| *place = byte);
    u64::from_be_bytes(start)
}

/// The types of sections, by name and number: they are looked up more often than all others, which therefore need no index to be read.
fn datasecs(btf: &Btf, budget: &mut Budget) -> Result<Vec<(u64, TypeId)>, Error> {
    let mut ids = Vec::new();
    for id in btf.of_kind(Kind::Datasec) {
        budget.grow(&mut ids, 1)?;
        ids.push((start_of(name_of(btf, id)), id));
    }
    ids.sort_by(|(start, one), (other_start, other)| {
        start.cmp(other_start).then_with(|| name_of(btf, *one).cmp(name_of(btf, *other)))
    });
    Ok(ids)
}

/// Goes on without what cannot be read.
fn left_out<T>(section: &'static str, error: Error, warnings: &mut Vec<Warning>) -> Option<T> {
    let problem = match error {
        Error::Btf { source, .. } => source,
        error => BtfError::new(&error),
    };
    warnings.push(Warning::Btf { section, problem });
    None
}

fn read_btf(section: &Section<'_>) -> Result<Btf, Error> {
    let failed = |error| Error::Btf { section: ".BTF", source: BtfError::new(&error) };
    Btf::parse(contents(section)?.to_vec()).map_err(failed)
}

fn read_btf_ext<'data>(section: &Section<'data>) -> Result<BtfExt<'data>, Error> {
    let failed = |error| Error::Btf { section: ".BTF.ext", source: BtfError::new(&error) };
    BtfExt::parse(contents(section)?).map_err(failed)
}

/// The symbols that are in a section, by section, value and index.
fn index(object: &Object<'_>) -> Vec<u32> {
    let symbols = object.symbols();
    let placed = |(index, symbol)| {
        section_of(Some(symbol))?;
        u32::try_from(index).ok()
    };
    let mut indexes = Vec::with_capacity(symbols.len());
    indexes.extend(symbols.iter().enumerate().filter_map(placed));
    indexes.sort_unstable_by_key(|&index| {
        let symbol = usize::try_from(index).ok().and_then(|index| symbols.get(index));
        (section_of(symbol), symbol.map(|symbol| symbol.value), index)
    });
    indexes
}
