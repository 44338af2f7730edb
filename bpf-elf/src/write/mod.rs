//! From a spec to an object file that is read as the same spec.

mod code;
mod compare;
mod data;
mod definition;
mod error;
mod ext_info;
mod instructions;
mod order;
mod tables;
mod types;

use std::collections::HashMap;

use bpf_asm::ByteOrder;

pub use error::WriteError;

use crate::ReadOptions;
use crate::emit::{
    ALLOC, CODE, ElfWriter, OutBinding, OutKind, OutSection, OutSymbol, SectionId, SymbolId,
};
use crate::spec::{CollectionSpec, Linkage};
use code::{Code, FunctionId};
use data::DataPlace;
use types::Types;

impl CollectionSpec {
    /// The object file, in the byte order of the spec, that is read as this spec: by this library, libbpf and what else reads the
    /// objects of clang.
    ///
    /// What was edited is written as it is now: values of variables, sizes and attributes of maps, names, code. Debug information
    /// of DWARF is not in the spec and not in the file. A section `.bss` holds zeros only; whoever gives one of its variables another
    /// value needs a map of another name. Names of sections follow the programs: one that lost its autoload flag gets a `?` before
    /// it, one whose type changed the first name that says so.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use bpf_elf::spec::CollectionSpec;
    ///
    /// # let bytes = testdata::object("rodata", testdata::Order::NATIVE);
    /// let mut spec = CollectionSpec::parse(bytes)?;
    /// # let name = spec.variables.names().next().ok_or("a variable")?.to_owned();
    /// # let size = spec.variable(&name)?.spec().size as usize;
    /// # let value = vec![7_u8; size];
    /// spec.set_variable(&name, value.as_slice())?;
    /// let patched = spec.write_elf()?;
    /// assert_eq!(CollectionSpec::parse(&patched)?.variable(&name)?.bytes(), Some(value.as_slice()));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The spec does not [hold together](Self::check), or says what no object can say, as the [pairs](crate::spec::MapContents::Pairs) of a map. The file is read again before it is given
    /// out: what would be read as something else is an error, [`WriteError::Inexpressible`].
    pub fn write_elf(&self) -> Result<Vec<u8>, WriteError> {
        self.write_elf_with(&ReadOptions::default())
    }

    /// The object file that is read as this spec with these options.
    ///
    /// # Errors
    ///
    /// As for [`write_elf`](Self::write_elf).
    pub fn write_elf_with(&self, options: &ReadOptions) -> Result<Vec<u8>, WriteError> {
        self.check()?;
        let code = Code::new(self, options)?;
        let file = Writer::new(self, code).write()?;
        let read = Self::parse_with(&file, options)
            .map_err(|error| WriteError::Unreadable(Box::new(error)))?;
        compare::compare(self, &Code::new(self, options)?, &read)?;
        Ok(file)
    }
}

/// A file in the making, with the symbols of what is in it.
struct Writer<'a> {
    spec: &'a CollectionSpec,
    elf: ElfWriter,
    types: Types<'a>,
    code: Code<'a>,
    code_sections: Vec<SectionId>,
    /// By section and place in it.
    functions: Vec<Vec<SymbolId>>,
    /// Maps with definitions.
    maps: HashMap<&'a str, SymbolId>,
    /// Sections with variables, by their map.
    data: HashMap<&'a str, DataPlace>,
    externs: HashMap<&'a str, SymbolId>,
    /// Tables by the function that has them.
    jump_tables: HashMap<(usize, usize), Vec<SymbolId>>,
}

impl<'a> Writer<'a> {
    fn new(spec: &'a CollectionSpec, code: Code<'a>) -> Self {
        Self {
            spec,
            elf: ElfWriter::new(spec.byte_order),
            types: Types::new(spec),
            code,
            code_sections: Vec::new(),
            functions: Vec::new(),
            maps: HashMap::new(),
            data: HashMap::new(),
            externs: HashMap::new(),
            jump_tables: HashMap::new(),
        }
    }

    fn write(mut self) -> Result<Vec<u8>, WriteError> {
        self.add_code();
        self.add_jump_tables();
        self.add_externs()?;
        self.add_data()?;
        self.relocate()?;
        self.add_types()?;
        Ok(self.elf.write()?)
    }

    /// Sections and symbols of the functions. The instructions come later, when all that they name has its symbol.
    fn add_code(&mut self) {
        for section in &self.code.sections {
            let id = self.elf.add_section(OutSection::new(
                section.name.as_str(),
                ALLOC | CODE,
                code::SLOT,
                Vec::new(),
            ));
            let symbols = section.functions.iter().map(|placed| OutSymbol {
                name: placed.symbol.to_owned(),
                section: Some(id),
                value: placed.offset,
                size: placed.size(),
                binding: match placed.linkage {
                    Linkage::Static => OutBinding::Local,
                    Linkage::Global => OutBinding::Global,
                    Linkage::Weak => OutBinding::Weak,
                },
                kind: OutKind::Function,
                hidden: placed.function.hidden,
            });
            let elf = &mut self.elf;
            self.functions.push(symbols.map(|symbol| elf.add_symbol(symbol)).collect());
            self.code_sections.push(id);
        }
    }

    fn add_externs(&mut self) -> Result<(), WriteError> {
        let spec = self.spec;
        for (name, found) in &spec.externs {
            let binding = if found.weak { OutBinding::Weak } else { OutBinding::Global };
            let symbol = self.elf.add_symbol(OutSymbol::undefined(name, binding));
            self.externs.insert(name, symbol);
        }
        self.types.externs(spec)
    }

    /// `.BTF` and `.BTF.ext`, last, since all other parts add to them.
    fn add_types(&mut self) -> Result<(), WriteError> {
        let order = match self.spec.byte_order {
            ByteOrder::Little => bpf_btf::ByteOrder::Little,
            ByteOrder::Big => bpf_btf::ByteOrder::Big,
        };
        for section in &self.code.sections {
            for placed in &section.functions {
                let renamed = placed.entry && placed.function.name != placed.key;
                if let (true, Some(id)) = (renamed, placed.function.type_id) {
                    self.types.name_function(id, placed.key).map_err(WriteError::btf)?;
                }
            }
        }
        let ext = ext_info::write(&mut self.types, &self.code, self.spec.byte_order)?;
        if let Some(bytes) = self.types.write(order).map_err(WriteError::btf)? {
            self.elf.add_section(OutSection::new(".BTF", 0, 4, bytes));
        }
        if let Some(bytes) = ext {
            self.elf.add_section(OutSection::new(".BTF.ext", 0, 4, bytes));
        }
        Ok(())
    }

    fn function_symbol(&self, id: FunctionId) -> Option<SymbolId> {
        self.functions.get(id.section)?.get(id.index).copied()
    }
}
