//! Everything but code: map definitions, variables, values of `struct_ops` maps, license and version.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use bpf_btf::TypeId;
use bpf_sys::abi::{MapFlags, MapType};

use super::definition::define;
use super::error::WriteError;
use super::types::Declared;
use super::{Writer, order};
use crate::emit::{
    ALLOC, Bytes, MERGE, OutBinding, OutKind, OutRelocation, OutSection, OutSymbol, R_BPF_64_ABS64,
    STRINGS, SectionId, SymbolId, WRITE,
};
use crate::reader::is_data_section;
use crate::spec::{MapContents, MapEntry, MapSpec, VariableSpec};

const DEFINITIONS: &str = ".maps";
const LEGACY: &str = "maps";
const ARENA: &str = ".addr_space.1";
const KCONFIG: &str = ".kconfig";

/// Bytes at the end of a section that may belong to nothing.
const SLACK: u32 = 64 << 10;

/// Definitions are zeros, which take no room in the file from this size on: a symbol at any distance, or an entry of any index, may
/// need that many of them.
const MANY_DEFINITIONS: u32 = 1 << 20;

/// A section of variables.
pub(super) struct DataPlace {
    pub(super) section: SectionId,
    /// First and last byte of each variable that has a symbol, by place.
    symbols: Vec<(u32, u32, SymbolId)>,
}

impl DataPlace {
    /// The variable around a byte, and how far the byte is from its start.
    pub(super) fn variable(&self, offset: u32) -> Option<(SymbolId, u32)> {
        let next = self.symbols.partition_point(|(start, ..)| *start <= offset);
        let (start, end, symbol) = *self.symbols.get(next.checked_sub(1)?)?;
        (offset < end).then(|| (symbol, offset.saturating_sub(start)))
    }
}

/// Where an object has a map.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Home<'a> {
    Definitions,
    Legacy,
    /// It is a section.
    Data(&'a str),
    /// It comes from the externs.
    Kconfig,
    StructOps(&'static str),
}

impl<'a> Home<'a> {
    /// The section of definitions.
    fn defining(&self) -> Option<&'a str> {
        match self {
            Home::Definitions => Some(DEFINITIONS),
            Home::Legacy => Some(LEGACY),
            _ => None,
        }
    }

    /// The section of variables.
    fn data(&self) -> Option<&'a str> {
        if let Home::Data(name) = self { Some(name) } else { None }
    }

    /// The section of `struct_ops` values.
    fn struct_ops(&self) -> Option<&'a str> {
        if let Home::StructOps(name) = self { Some(name) } else { None }
    }
}

fn home<'a>(key: &'a str, map: &MapSpec) -> Home<'a> {
    if map.map_type == MapType::STRUCT_OPS {
        let link = map.flags.contains(MapFlags::LINK);
        return Home::StructOps(match (map.autocreate, link) {
            (true, false) => ".struct_ops",
            (true, true) => ".struct_ops.link",
            (false, false) => "?.struct_ops",
            (false, true) => "?.struct_ops.link",
        });
    }
    if key == KCONFIG {
        Home::Kconfig
    } else if is_data_section(key) {
        Home::Data(key)
    } else if map.section == LEGACY {
        Home::Legacy
    } else {
        Home::Definitions
    }
}

impl<'a> Writer<'a> {
    /// Adds all sections but code and types, in the order in which they were read.
    pub(super) fn add_data(&mut self) -> Result<(), WriteError> {
        let spec = self.spec;
        for (key, map) in &spec.maps {
            if matches!(map.contents, MapContents::Pairs(_)) {
                let problem = "begins with pairs of keys and values, and a definition in an object cannot have them";
                return Err(WriteError::map(key, problem));
            }
        }
        let homes: Vec<(&'a str, &'a MapSpec, Home<'a>)> =
            spec.maps.iter().map(|(key, map)| (key, map, home(key, map))).collect();
        let arena = self.arena();
        let layout = &spec.layout.sections;
        let mut sections: Vec<&str> = Vec::new();
        order::merge(&mut sections, layout.names());
        // Each kind of map has its own order, which says nothing about the sections of the others.
        order::merge(&mut sections, homes.iter().filter_map(|(.., home)| home.defining()));
        order::merge(&mut sections, homes.iter().filter_map(|(.., home)| home.data()));
        order::merge(&mut sections, homes.iter().filter_map(|(.., home)| home.struct_ops()));
        let variables = spec.variables.values().map(|variable| match arena {
            Some((key, _)) if variable.map == key => ARENA,
            _ => variable.map.as_str(),
        });
        order::merge(&mut sections, variables);
        if arena.is_some() {
            order::merge(&mut sections, std::iter::once(ARENA));
        }
        if !spec.license.is_empty() {
            order::merge(&mut sections, std::iter::once("license"));
        }
        if spec.kernel_version != 0 {
            order::merge(&mut sections, std::iter::once("version"));
        }

        let mut by_section = HashMap::<&str, Vec<(&'a str, &'a MapSpec)>>::new();
        for (key, map, home) in &homes {
            let name = home.defining().or_else(|| home.data()).or_else(|| home.struct_ops());
            if let Some(name) = name {
                by_section.entry(name).or_default().push((key, map));
            }
        }
        let mut variables = HashMap::<&str, Vec<(&'a str, &'a VariableSpec)>>::new();
        for (name, variable) in &spec.variables {
            variables.entry(&variable.map).or_default().push((name, variable));
        }
        let of = |key: &str| variables.get(key).map_or(&[][..], Vec::as_slice);
        let mut present = Vec::new();
        for section in sections {
            let here = by_section.remove(section).unwrap_or_default();
            let written = match here.first() {
                _ if section == "license" => self.license()?,
                _ if section == "version" => self.version()?,
                _ if section == ARENA => match arena {
                    Some((key, map)) => self.variables(section, key, map, of(key))?,
                    None => false,
                },
                Some((key, map)) if is_data_section(section) => {
                    self.variables(section, key, map, of(key))?
                }
                Some(_) if section == DEFINITIONS => self.definitions(&here)?,
                Some(_) if section == LEGACY => self.legacy(&here)?,
                Some(_) => self.struct_ops(section, &here)?,
                None => self.unknown(section)?,
            };
            if written {
                present.push(section);
            }
        }
        let present: HashSet<&str> = present.into_iter().collect();
        self.types.drop_sections(|name| present.contains(name)).map_err(WriteError::btf)?;
        for (key, map, home) in &homes {
            let bytes = map.contents.bytes().unwrap_or_default();
            if *home == Home::Kconfig && bytes.iter().any(|byte| *byte != 0) {
                let problem = "gets its values when it is loaded, and cannot hold others";
                return Err(WriteError::map(key, problem));
            }
        }
        Ok(())
    }

    /// The arena with variables.
    fn arena(&self) -> Option<(&'a str, &'a MapSpec)> {
        let mut maps = self.spec.maps.iter();
        maps.find(|(_, map)| map.map_type == MapType::ARENA && map.contents != MapContents::None)
    }

    /// Where a symbol was when the section was read.
    fn known_place(&self, section: &str, symbol: &str) -> Option<u32> {
        Some(self.spec.layout.section(section)?.symbol(symbol)?.offset)
    }

    /// The size of a section as it was read, for what its symbols do not cover. A section of zeros may claim any size: what is far
    /// more than `needed` is not made room for.
    fn known_size(&self, section: &str, needed: u32) -> u32 {
        let size = self.spec.layout.section(section).map_or(0, |section| section.size);
        if size > needed.saturating_add(SLACK) { needed } else { size.max(needed) }
    }

    fn align(&self, section: &str, default: u32) -> u64 {
        let known = self.spec.layout.section(section).map(|section| section.align);
        u64::from(known.filter(|align| align.is_power_of_two()).unwrap_or(default))
    }

    /// A symbol of a thing in a section, with the binding that it had.
    fn object(
        &mut self,
        section: SectionId,
        (section_name, name): (&str, &str),
        value: u32,
        size: u32,
    ) -> SymbolId {
        let known = self.spec.layout.section(section_name);
        let known = known.and_then(|section| section.symbol(name));
        let weak = known.is_some_and(|symbol| symbol.weak);
        let binding = if weak { OutBinding::Weak } else { OutBinding::Global };
        self.elf.add_symbol(OutSymbol {
            section: Some(section),
            value: u64::from(value),
            size: u64::from(size),
            kind: OutKind::Object,
            hidden: known.is_some_and(|symbol| symbol.hidden),
            ..OutSymbol::undefined(name, binding)
        })
    }

    /// A section of variables, which is the value of a map. `visible` are those that the spec has in that map.
    fn variables(
        &mut self,
        section: &str,
        key: &'a str,
        map: &'a MapSpec,
        visible: &[(&'a str, &'a VariableSpec)],
    ) -> Result<bool, WriteError> {
        let spec = self.spec;
        let known = spec.layout.section(section);
        let mut variables: Vec<(&str, Cow<'a, VariableSpec>)> =
            visible.iter().map(|&(name, variable)| (name, Cow::Borrowed(variable))).collect();
        // Hidden ones are nobody's business, but types and relocations name them.
        for symbol in known.into_iter().flat_map(|known| &known.symbols) {
            if symbol.hidden && !spec.variables.contains(&symbol.name) {
                let size = self.described_size(section, &symbol.name);
                let variable = VariableSpec::new(&*symbol.name, key, symbol.offset, size);
                variables.push((&symbol.name, Cow::Owned(variable)));
            }
        }
        variables.sort_by_key(|(_, variable)| variable.offset);
        let size = match &map.contents {
            MapContents::Bytes(bytes) => {
                u32::try_from(bytes.len()).map_err(|_| WriteError::TooLarge)?
            }
            _ if section == ARENA => known.map_or(0, |known| known.size),
            _ => map.value_size,
        };
        if size == 0 {
            return Ok(false);
        }
        let align = self.align(section, 8);
        let out = data_section(section, map, size, align)?;
        let id = self.elf.add_section(out);

        let mut symbols = Vec::with_capacity(variables.len());
        let mut declared = Vec::with_capacity(variables.len());
        for (name, variable) in &variables {
            let (offset, size) = (variable.offset, variable.size);
            let symbol = self.object(id, (section, name), offset, size);
            symbols.push((offset, offset.saturating_add(size), symbol));
            let type_id = (variable.type_id != 0).then(|| TypeId::new(variable.type_id));
            declared.push(Declared { name, offset, size, type_id });
        }
        self.data.insert(key, DataPlace { section: id, symbols });
        // Without type information a section has no description, unless mapping it into memory depends on it.
        let described = self.types.datasec(section).is_some();
        if described || map.flags.contains(MapFlags::MMAPABLE) {
            let place = |name: &str| Some(known?.symbol(name)?.offset);
            self.types.declare(section, size, declared, place, false).map_err(WriteError::btf)?;
        }
        Ok(true)
    }

    /// The size of a variable by the type information.
    fn described_size(&self, section: &str, name: &str) -> u32 {
        self.types.variable(section, name).map_or(0, |(_, size)| size)
    }

    /// `.maps`.
    fn definitions(&mut self, maps: &[(&'a str, &'a MapSpec)]) -> Result<bool, WriteError> {
        let mut places = Vec::with_capacity(maps.len());
        let mut declared = Vec::with_capacity(maps.len());
        let mut end = 0_u32;
        for (key, map) in maps {
            let defined = define(&mut self.types, key, map)?;
            let known = self.known_place(DEFINITIONS, key);
            let known = known.or_else(|| self.known_place(DEFINITIONS, &map.name));
            let offset = match known.filter(|known| *known >= end) {
                Some(known) => known,
                None => end.checked_next_multiple_of(8).ok_or(WriteError::TooLarge)?,
            };
            end = offset.checked_add(defined.size).ok_or(WriteError::TooLarge)?;
            let (name, size, type_id) = (*key, defined.size, defined.type_id);
            declared.push(Declared { name, offset, size, type_id });
            places.push((offset, defined));
        }
        let size = self.known_size(DEFINITIONS, end);
        let align = self.align(DEFINITIONS, 8);
        let out = if size > MANY_DEFINITIONS {
            OutSection::zeros(DEFINITIONS, ALLOC | WRITE, align, u64::from(size))
        } else {
            let bytes = vec![0; usize::try_from(size).map_err(|_| WriteError::TooLarge)?];
            OutSection::new(DEFINITIONS, ALLOC | WRITE, align, bytes)
        };
        let id = self.elf.add_section(out);
        for ((key, _), (offset, defined)) in maps.iter().zip(&places) {
            let symbol = self.object(id, (DEFINITIONS, key), *offset, defined.size);
            self.maps.insert(key, symbol);
        }
        let layout = &self.spec.layout;
        let place = |name: &str| Some(layout.section(DEFINITIONS)?.symbol(name)?.offset);
        self.types.declare(DEFINITIONS, size, declared, place, true).map_err(WriteError::btf)?;

        let mut relocations = Vec::new();
        for ((key, map), (offset, defined)) in maps.iter().zip(&places) {
            let MapContents::Entries(entries) = &map.contents else { continue };
            for entry in entries {
                let at = entry.key.checked_mul(8).and_then(|at| at.checked_add(defined.values));
                let at = at.and_then(|at| at.checked_add(*offset)).ok_or(WriteError::TooLarge)?;
                let symbol = self.entry(map, entry);
                let symbol =
                    symbol.ok_or_else(|| WriteError::map(key, "holds a map without definition"))?;
                let kind = R_BPF_64_ABS64;
                relocations.push(OutRelocation { offset: u64::from(at), kind, symbol });
            }
        }
        relocations.sort_by_key(|relocation| relocation.offset);
        if let Some(section) = self.elf.section_mut(id) {
            section.relocations = relocations;
        }
        Ok(true)
    }

    /// The symbol of what a map holds.
    fn entry(&self, map: &MapSpec, entry: &MapEntry) -> Option<SymbolId> {
        if map.map_type == MapType::PROG_ARRAY {
            return self.function_symbol(self.code.program(&entry.name)?);
        }
        self.maps.get(entry.name.as_str()).copied()
    }

    /// `maps`: five numbers, and what is behind them.
    fn legacy(&mut self, maps: &[(&'a str, &'a MapSpec)]) -> Result<bool, WriteError> {
        let mut bytes = Bytes::new(self.spec.byte_order);
        let mut places = Vec::with_capacity(maps.len());
        for (key, map) in maps {
            let start = u32::try_from(bytes.len()).map_err(|_| WriteError::TooLarge)?;
            let known = self.known_place(LEGACY, key).filter(|known| *known >= start);
            let offset = known.unwrap_or(start);
            bytes.zeros(usize::try_from(offset.saturating_sub(start)).unwrap_or(0));
            for number in
                [map.map_type.0, map.key_size, map.value_size, map.max_entries, map.flags.bits()]
            {
                bytes.u32(number);
            }
            bytes.put(&map.extra);
            bytes.align(4);
            let end = u32::try_from(bytes.len()).map_err(|_| WriteError::TooLarge)?;
            places.push((offset, end.saturating_sub(offset)));
        }
        let end = u32::try_from(bytes.len()).map_err(|_| WriteError::TooLarge)?;
        let rest = self.known_size(LEGACY, end).saturating_sub(end);
        bytes.zeros(usize::try_from(rest).map_err(|_| WriteError::TooLarge)?);
        let align = self.align(LEGACY, 4);
        let size = u32::try_from(bytes.len()).map_err(|_| WriteError::TooLarge)?;
        let out = OutSection::new(LEGACY, ALLOC | WRITE, align, bytes.into_vec());
        let id = self.elf.add_section(out);
        let mut declared = Vec::with_capacity(maps.len());
        for ((key, _), (offset, size)) in maps.iter().zip(&places) {
            let symbol = self.object(id, (LEGACY, key), *offset, *size);
            self.maps.insert(key, symbol);
            let size = match self.described_size(LEGACY, key) {
                0 => *size,
                known => known,
            };
            declared.push(Declared { name: key, offset: *offset, size, type_id: None });
        }
        if self.types.datasec(LEGACY).is_some() {
            let layout = &self.spec.layout;
            let place = |name: &str| Some(layout.section(LEGACY)?.symbol(name)?.offset);
            self.types.declare(LEGACY, size, declared, place, true).map_err(WriteError::btf)?;
        }
        Ok(true)
    }

    /// `.struct_ops` and the like.
    fn struct_ops(
        &mut self,
        section: &str,
        maps: &[(&'a str, &'a MapSpec)],
    ) -> Result<bool, WriteError> {
        let mut bytes: Vec<u8> = Vec::new();
        let mut places = Vec::with_capacity(maps.len());
        let mut relocations = Vec::new();
        for (key, map) in maps {
            let Some(value) = map.contents.bytes() else {
                return Err(WriteError::map(key, "has no value"));
            };
            let known = self.known_place(section, key);
            let known = known.and_then(|known| usize::try_from(known).ok());
            let start = match known.filter(|known| *known >= bytes.len()) {
                Some(known) => Some(known),
                None => bytes.len().checked_next_multiple_of(8),
            };
            bytes.resize(start.ok_or(WriteError::TooLarge)?, 0);
            let offset = u32::try_from(bytes.len()).map_err(|_| WriteError::TooLarge)?;
            bytes.extend_from_slice(value);
            places.push((offset, map.value_size));
            for member in &map.function_members {
                let program = self.code.program(&member.program);
                let Some(symbol) = program.and_then(|id| self.function_symbol(id)) else {
                    continue;
                };
                let offset = u64::from(offset).saturating_add(u64::from(member.offset));
                relocations.push(OutRelocation { offset, kind: R_BPF_64_ABS64, symbol });
            }
        }
        let end = u32::try_from(bytes.len()).map_err(|_| WriteError::TooLarge)?;
        let known = self.known_size(section, end);
        bytes.resize(usize::try_from(known).map_err(|_| WriteError::TooLarge)?, 0);
        relocations.sort_by_key(|relocation| relocation.offset);
        let size = u32::try_from(bytes.len()).map_err(|_| WriteError::TooLarge)?;
        let align = self.align(section, 8);
        let mut out = OutSection::new(section, ALLOC | WRITE, align, bytes);
        out.relocations = relocations;
        let id = self.elf.add_section(out);
        let mut declared = Vec::with_capacity(maps.len());
        for ((key, map), (offset, size)) in maps.iter().zip(&places) {
            let symbol = self.object(id, (section, key), *offset, *size);
            self.maps.insert(key, symbol);
            let wanted = map.value_type.as_ref().map(|found| TypeId::new(found.id()));
            let known = self.resolved_type(section, key);
            let type_id = if wanted == known { None } else { wanted };
            if type_id.is_none() && known.is_none() {
                return Err(WriteError::map(key, "has no type for its value"));
            }
            declared.push(Declared { name: key, offset: *offset, size: *size, type_id });
        }
        let layout = &self.spec.layout;
        let place = |name: &str| Some(layout.section(section)?.symbol(name)?.offset);
        self.types.declare(section, size, declared, place, true).map_err(WriteError::btf)?;
        Ok(true)
    }

    /// The structure that is the type of a variable.
    fn resolved_type(&self, section: &str, name: &str) -> Option<TypeId> {
        let (type_id, _) = self.types.variable(section, name)?;
        Some(self.types.old?.resolve(type_id)?.id())
    }

    fn license(&mut self) -> Result<bool, WriteError> {
        let mut bytes = self.spec.license.clone().into_bytes();
        if bytes.is_empty() && self.known_size("license", 0) == 0 {
            return Ok(false);
        }
        bytes.push(0);
        let end = u32::try_from(bytes.len()).map_err(|_| WriteError::TooLarge)?;
        let known = self.known_size("license", end);
        bytes.resize(usize::try_from(known).map_err(|_| WriteError::TooLarge)?, 0);
        self.plain("license", 1, bytes)
    }

    fn version(&mut self) -> Result<bool, WriteError> {
        let mut bytes = Bytes::new(self.spec.byte_order);
        bytes.u32(self.spec.kernel_version);
        self.plain("version", 4, bytes.into_vec())
    }

    /// A section that programs do not see, with the symbols that it had.
    fn plain(&mut self, section: &str, align: u32, bytes: Vec<u8>) -> Result<bool, WriteError> {
        let size = u32::try_from(bytes.len()).map_err(|_| WriteError::TooLarge)?;
        let align = self.align(section, align);
        let id = self.elf.add_section(OutSection::new(section, ALLOC | WRITE, align, bytes));
        self.known_symbols(id, section, size)
    }

    /// A section that nobody reads: the types name it, and no more than its size and symbols are known.
    fn unknown(&mut self, section: &str) -> Result<bool, WriteError> {
        let Some(known) = self.spec.layout.section(section) else { return Ok(false) };
        let taken = is_data_section(section)
            || matches!(section, DEFINITIONS | LEGACY)
            || section.trim_start_matches('?').starts_with(".struct_ops");
        if taken || known.size == 0 {
            return Ok(false);
        }
        let align = self.align(section, 8);
        let zeros = u64::from(known.size);
        let id = self.elf.add_section(OutSection::zeros(section, ALLOC | WRITE, align, zeros));
        self.known_symbols(id, section, known.size)
    }

    fn known_symbols(
        &mut self,
        id: SectionId,
        section: &str,
        size: u32,
    ) -> Result<bool, WriteError> {
        // Of a section that was not read no symbols are known. Variables that the types have in it get none, as those of any other.
        let known = self.spec.layout.section(section);
        let symbols = known.map_or(&[][..], |known| known.symbols.as_slice());
        let mut declared = Vec::with_capacity(symbols.len());
        for symbol in symbols {
            let described = self.described_size(section, &symbol.name);
            self.object(id, (section, &symbol.name), symbol.offset, described);
            let (name, offset, size) = (symbol.name.as_str(), symbol.offset, described);
            declared.push(Declared { name, offset, size, type_id: None });
        }
        let place = |name: &str| Some(known?.symbol(name)?.offset);
        self.types.declare(section, size, declared, place, false).map_err(WriteError::btf)?;
        Ok(true)
    }
}

/// A section with the value of a map.
fn data_section(
    name: &str,
    map: &MapSpec,
    size: u32,
    align: u64,
) -> Result<OutSection, WriteError> {
    let constant = name.starts_with(".rodata");
    let mut flags = if constant { ALLOC } else { ALLOC | WRITE };
    let mut entry_size = 0;
    // Names that a compiler gives: elements of this size, which a linker may merge.
    let strings = name.strip_prefix(".rodata.str");
    let constants = name.strip_prefix(".rodata.cst");
    if let Some(width) = strings.or(constants) {
        let width: String = width.chars().take_while(char::is_ascii_digit).collect();
        if let Ok(width @ (1 | 2 | 4 | 8 | 16 | 32)) = width.parse() {
            flags |= MERGE | if strings.is_some() { STRINGS } else { 0 };
            entry_size = width;
        }
    }
    let zero = name == ".bss" || name.starts_with(".bss.");
    let mut section = match &map.contents {
        MapContents::Bytes(bytes) if zero => {
            if bytes.iter().any(|byte| *byte != 0) {
                let problem = "is a section of zeros in an object and cannot hold other bytes";
                return Err(WriteError::map(name, problem));
            }
            OutSection::zeros(name, flags, align, u64::from(size))
        }
        MapContents::Bytes(bytes) => OutSection::new(name, flags, align, bytes.clone()),
        MapContents::Entries(_) | MapContents::Pairs(_) => {
            return Err(WriteError::map(name, "is a section of variables and cannot hold entries"));
        }
        MapContents::None | MapContents::Zeroed => {
            OutSection::zeros(name, flags, align, u64::from(size))
        }
    };
    section.entry_size = entry_size;
    Ok(section)
}
