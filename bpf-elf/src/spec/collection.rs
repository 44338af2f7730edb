//! The specification of a whole object.
use bpf_asm::ByteOrder;
use bpf_btf::Btf;

use super::layout::Layout;
use super::{
    CoreRelocation, ExternSpec, Function, LineInfo, MapSpec, ProgramSpec, SpecMap, VariableSpec,
    Warning,
};

/// All that an object file defines, as plain data.
///
/// The same bytes give the same spec on every system. A spec can also be made or edited by hand.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CollectionSpec {
    /// The byte order of the object: of its map contents, and of the code that is made from it.
    pub byte_order: ByteOrder,
    /// The licence of the programs; empty if the object has none.
    pub license: String,
    /// The number in the section `version`, which kprobes needed before Linux 5.0.
    pub kernel_version: u32,
    /// Entry programs, in the order of section and offset.
    pub programs: SpecMap<ProgramSpec>,
    /// Functions that are only called, under a unique key: the symbol, or `symbol@section` and `symbol@section+0x40` where
    /// that is taken.
    pub functions: SpecMap<Function>,
    /// Maps: those of definitions, then data sections, then `.kconfig`, then `struct_ops`.
    pub maps: SpecMap<MapSpec>,
    /// Global variables that have external linkage and are not hidden, in the order of section and offset.
    pub variables: SpecMap<VariableSpec>,
    /// Symbols that the kernel has to supply, by name.
    pub externs: SpecMap<ExternSpec>,
    /// What was accepted although libbpf would take it otherwise.
    pub warnings: Vec<Warning>,
    pub(crate) btf: Option<Btf>,
    /// What the ELF file knows and the BTF of the compiler leaves open.
    pub(crate) layout: Layout,
}

impl CollectionSpec {
    /// An empty collection.
    pub fn new(byte_order: ByteOrder) -> Self {
        Self {
            byte_order,
            license: String::new(),
            kernel_version: 0,
            programs: SpecMap::new(),
            functions: SpecMap::new(),
            maps: SpecMap::new(),
            variables: SpecMap::new(),
            externs: SpecMap::new(),
            warnings: Vec::new(),
            btf: None,
            layout: Layout::default(),
        }
    }

    /// Reads an object file from memory.
    ///
    /// # Errors
    ///
    /// [`Error`](crate::Error) names the section, symbol or attribute that is wrong. Whatever the bytes are: this does not panic, and
    /// takes at most 8 times as much memory as the file has, and a megabyte.
    pub fn parse(object: &[u8]) -> Result<Self, crate::Error> {
        Self::parse_with(object, &crate::ReadOptions::default())
    }

    /// Reads an object file from memory in another way than the usual one.
    ///
    /// # Errors
    ///
    /// As for [`parse`](Self::parse).
    pub fn parse_with(object: &[u8], options: &crate::ReadOptions) -> Result<Self, crate::Error> {
        crate::reader::read(object, options)
    }

    /// Reads an object file.
    ///
    /// # Errors
    ///
    /// As for [`parse`](Self::parse), and what the system says about the file.
    pub fn open(path: impl AsRef<std::path::Path>) -> Result<Self, crate::Error> {
        let path = path.as_ref();
        let object = std::fs::read(path)
            .map_err(|source| crate::Error::Io { path: path.to_owned(), source })?;
        Self::parse(&object)
    }

    /// The BTF of the object.
    #[cfg(feature = "unstable-btf")]
    pub fn btf(&self) -> Option<&Btf> {
        self.btf.as_ref()
    }

    /// Replaces the BTF of the object. Type numbers in the spec are not changed: the new BTF must keep the old numbers.
    #[cfg(feature = "unstable-btf")]
    pub fn set_btf(&mut self, btf: Option<Btf>) {
        self.btf = btf;
    }

    /// Whether the object has BTF.
    pub fn has_btf(&self) -> bool {
        self.btf.is_some()
    }

    /// The string at an offset of the BTF of the object.
    pub fn btf_string(&self, offset: u32) -> Option<&str> {
        self.btf.as_ref()?.string(offset)
    }

    /// The name of the local type of a CO-RE relocation; empty for a type without a name.
    pub fn core_type_name(&self, relocation: &CoreRelocation) -> Option<&str> {
        let id = bpf_btf::TypeId::new(relocation.type_id);
        self.btf.as_ref()?.get(id).map(|ty| ty.name())
    }

    /// The access path of a CO-RE relocation, as in `0:1:2`.
    pub fn core_access(&self, relocation: &CoreRelocation) -> Option<&str> {
        self.btf_string(relocation.access)
    }

    /// The text of the line of source of a line info.
    pub fn line_text(&self, line: &LineInfo) -> Option<&str> {
        self.btf_string(line.line_text)
    }

    /// The function that a call names: one of `functions`, or else the code of a program.
    pub fn function(&self, key: &str) -> Option<&Function> {
        self.functions.get(key).or_else(|| self.programs.get(key).map(|program| &program.function))
    }
}
