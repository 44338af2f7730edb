//! Objects made by hand: what compilers rarely or never write.

mod conventions;
mod data;
mod functions;
mod kernel_symbols;
mod maps;
mod quirks;
mod records;
mod references;

use bpf_asm::Slot;
use bpf_btf::{
    BtfBuilder, Definition, FuncLinkage, NewMember, NewSectionEntry, TypeId, VarLinkage,
};

use crate::ReadOptions;
use crate::spec::CollectionSpec;
use crate::testing::{Elf, ORDERS};

/// Reads the object in both byte orders and hands each spec over.
#[track_caller]
fn reads(build: impl Fn(&mut Elf), check: impl Fn(CollectionSpec)) {
    for order in ORDERS {
        let mut elf = Elf::new(order);
        build(&mut elf);
        let spec = CollectionSpec::parse(&elf.build()).unwrap();
        spec.check().unwrap();
        check(spec);
    }
}

/// Reads the object with these options in both byte orders and hands each spec over.
#[track_caller]
fn reads_with(options: &ReadOptions, build: impl Fn(&mut Elf), check: impl Fn(CollectionSpec)) {
    for order in ORDERS {
        let mut elf = Elf::new(order);
        build(&mut elf);
        check(CollectionSpec::parse_with(&elf.build(), options).unwrap());
    }
}

/// The object is refused with this message, in both byte orders.
#[track_caller]
fn fails(build: impl Fn(&mut Elf), message: &str) {
    for order in ORDERS {
        let mut elf = Elf::new(order);
        build(&mut elf);
        let error = CollectionSpec::parse(&elf.build()).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

/// Code of this many slots, all of them `exit`.
fn exits(count: usize) -> Vec<Slot> {
    vec![Slot::exit(); count]
}

/// Types that tests are made of.
struct Types {
    btf: BtfBuilder,
    int: TypeId,
}

impl Types {
    fn new() -> Self {
        let mut btf = BtfBuilder::new();
        let int = Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false };
        let int = btf.add(&int).unwrap();
        Self { btf, int }
    }

    fn add(&mut self, definition: &Definition<'_>) -> TypeId {
        self.btf.add(definition).unwrap()
    }

    fn pointer(&mut self, target: TypeId) -> TypeId {
        self.add(&Definition::Ptr { target })
    }

    fn array(&mut self, element: TypeId, len: u32) -> TypeId {
        let index = self.int;
        self.add(&Definition::Array { element, index, len })
    }

    /// The type behind `__uint(..., value)`.
    fn number(&mut self, value: u32) -> TypeId {
        let array = self.array(self.int, value);
        self.pointer(array)
    }

    /// A structure of pointers.
    fn attributes(&mut self, name: &str, members: &[(&str, TypeId)]) -> TypeId {
        let members: Vec<NewMember<'_>> = members
            .iter()
            .zip((0..).step_by(64))
            .map(|(&(name, id), at)| NewMember::new(name, id, at))
            .collect();
        let size = u32::try_from(members.len() * 8).unwrap();
        self.add(&Definition::Struct { name, size, members: &members })
    }

    fn variable(&mut self, name: &str, target: TypeId, linkage: VarLinkage) -> TypeId {
        self.add(&Definition::Var { name, target, linkage })
    }

    fn function(&mut self, name: &str, linkage: FuncLinkage) -> TypeId {
        let prototype = Definition::FuncProto { return_type: self.int, params: &[] };
        let prototype = self.add(&prototype);
        self.add(&Definition::Func { name, prototype, linkage })
    }

    /// A section of variables as compilers describe it: without sizes of its own and offsets.
    fn section(&mut self, name: &str, entries: &[(TypeId, u32)]) {
        let entries: Vec<NewSectionEntry> =
            entries.iter().map(|&(id, size)| NewSectionEntry::new(id, 0, size)).collect();
        self.add(&Definition::Datasec { name, size: 0, entries: &entries });
    }
}
