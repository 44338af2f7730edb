//! Digests of programs, functions, maps, variables and externs.

use std::collections::{BTreeMap, HashMap};

use bpf_asm::{ByteOrder, encode_slots};
use bpf_btf::TypeId;

use super::encoder::{Encoder, Hash};
use super::types::TypeDigests;
use crate::spec::{
    CollectionSpec, ExternKind, ExternSpec, Function, Linkage, MapContents, MapSpec, Pinning,
    ProgramSpec, Reference, SpecMap, Target, TypeRef, VariableSpec,
};

/// A name of a function that does not depend on the order of sections and symbols: symbol, section, and which one of those that
/// have both.
pub(crate) type FunctionName<'spec> = (&'spec str, &'spec str, usize);

/// The names of all functions, by key.
pub(crate) fn names_of(spec: &CollectionSpec) -> HashMap<&str, FunctionName<'_>> {
    let mut seen = HashMap::<(&str, &str), usize>::new();
    let functions = spec.functions.iter().map(|(key, function)| {
        let (name, section) = (function.name.as_str(), function.section.as_str());
        let count = seen.entry((name, section)).or_default();
        let number = *count;
        *count = count.saturating_add(1);
        (key, (name, section, number))
    });
    functions.collect()
}

/// Digests of the parts of one spec.
#[derive(Debug)]
pub(crate) struct Parts<'spec> {
    spec: &'spec CollectionSpec,
    types: TypeDigests<'spec>,
    names: HashMap<&'spec str, FunctionName<'spec>>,
}

impl<'spec> Parts<'spec> {
    pub(crate) fn new(spec: &'spec CollectionSpec) -> Self {
        Self { spec, types: TypeDigests::new(spec.btf.as_ref()), names: names_of(spec) }
    }

    pub(super) fn whole(&mut self) -> Hash {
        let spec = self.spec;
        let mut encoder = Encoder::new("bpf spec 1");
        encoder.number(spec.byte_order == ByteOrder::Big);
        encoder.text(&spec.license);
        encoder.number(spec.kernel_version);
        all(&mut encoder, &spec.programs, |program| self.program(program));
        let functions: BTreeMap<_, _> = spec
            .functions
            .iter()
            .map(|(key, function)| (self.names.get(key).copied(), self.function(function)))
            .collect();
        encoder.count(functions.len());
        for hash in functions.values() {
            encoder.hash(hash);
        }
        all(&mut encoder, &spec.maps, |map| self.map(map));
        all(&mut encoder, &spec.variables, |variable| self.variable(variable));
        all(&mut encoder, &spec.externs, |external| self.external(external));
        encoder.finish()
    }

    /// A program without the functions that it calls.
    pub(crate) fn program(&mut self, of: &ProgramSpec) -> Hash {
        let mut encoder = Encoder::new("program");
        encoder.text(&of.name);
        encoder.text(&of.section);
        encoder.number(of.program_type.0);
        encoder.option(of.attach_type, |encoder, of| encoder.number(of.0));
        encoder.number(of.attach_type_optional);
        encoder.option(of.attach_to.as_deref(), Encoder::text);
        encoder.number(of.needs_btf_target);
        encoder.number(of.flags.bits());
        encoder.number(of.autoload);
        encoder.option(of.exception_callback.as_deref(), |encoder, key| self.callee(encoder, key));
        encoder.hash(&self.function(&of.function));
        encoder.finish()
    }

    /// A function: its code, and what that names.
    pub(crate) fn function(&mut self, of: &Function) -> Hash {
        let mut encoder = Encoder::new("function");
        encoder.text(&of.name);
        encoder.text(&of.section);
        encoder.number(match of.linkage {
            Linkage::Static => 0_u64,
            Linkage::Global => 1,
            Linkage::Weak => 2,
        });
        encoder.number(of.hidden);
        encoder.option(of.type_id, |encoder, id| encoder.hash(&self.types.of(TypeId::new(id))));
        // Instructions mean the same in either order.
        encoder.bytes(&encode_slots(&of.slots, ByteOrder::Little));
        encoder.count(of.references.len());
        for reference in &of.references {
            self.reference(&mut encoder, of, reference);
        }
        encoder.count(of.core_relocations.len());
        for relocation in &of.core_relocations {
            encoder.count(relocation.slot);
            encoder.number(relocation.kind.0);
            encoder.hash(&self.types.of(TypeId::new(relocation.type_id)));
            encoder.option(self.spec.core_access(relocation), Encoder::text);
        }
        encoder.finish()
    }

    fn reference(&self, encoder: &mut Encoder, function: &Function, of: &Reference) {
        encoder.count(of.slot);
        let mut named = |kind: &str, name: &str| {
            encoder.text(kind);
            encoder.text(name);
        };
        match &of.target {
            Target::Map { name } => named("map", name),
            Target::MapValue { map, offset } => {
                named("map value", map);
                encoder.number(*offset);
            }
            Target::Call { function } => {
                encoder.text("call");
                self.callee(encoder, function);
            }
            Target::FunctionAddress { function } => {
                encoder.text("function");
                self.callee(encoder, function);
            }
            Target::Kfunc { name } => named("kfunc", name),
            Target::KfuncAddress { name } => named("kfunc address", name),
            Target::Ksym { name } => named("ksym", name),
            Target::Kconfig { name } => named("kconfig", name),
            Target::JumpTable { index } => {
                encoder.text("jump table");
                // The name of a table only counts them.
                let table = function.jump_tables.get(*index);
                encoder.option(table, |encoder, table| {
                    encoder.count(table.targets.len());
                    table.targets.iter().for_each(|target| encoder.count(*target));
                });
            }
        }
    }

    /// A function by a name that other sections and symbols do not change.
    fn callee(&self, encoder: &mut Encoder, key: &str) {
        if let Some((name, section, number)) = self.names.get(key) {
            encoder.text("function");
            encoder.text(name);
            encoder.text(section);
            encoder.count(*number);
        } else {
            encoder.text("program");
            encoder.text(key);
        }
    }

    pub(crate) fn map(&mut self, of: &MapSpec) -> Hash {
        let mut encoder = Encoder::new("map");
        encoder.text(&of.name);
        encoder.text(&of.section);
        for number in [
            of.map_type.0,
            of.key_size,
            of.value_size,
            of.max_entries,
            of.flags.bits(),
            of.numa_node,
        ] {
            encoder.number(number);
        }
        encoder.number(of.map_extra);
        encoder.number(match of.pinning {
            Pinning::None => 0_u64,
            Pinning::ByName => 1,
        });
        self.type_ref(&mut encoder, of.key_type.as_ref());
        self.type_ref(&mut encoder, of.value_type.as_ref());
        encoder.option(of.inner.as_deref(), |encoder, inner| encoder.hash(&self.map(inner)));
        contents(&mut encoder, of);
        let mut members: Vec<_> =
            of.function_members.iter().map(|member| (member.offset, &member.program)).collect();
        members.sort();
        encoder.count(members.len());
        for (offset, program) in members {
            encoder.number(offset);
            encoder.text(program);
        }
        encoder.number(of.autocreate);
        encoder.number(of.freeze);
        encoder.bytes(&of.extra);
        encoder.finish()
    }

    fn type_ref(&mut self, encoder: &mut Encoder, of: Option<&TypeRef>) {
        encoder.option(of, |encoder, of| encoder.hash(&self.types.of(TypeId::new(of.id()))));
    }

    /// A variable without its value, which is in the map.
    pub(crate) fn variable(&mut self, of: &VariableSpec) -> Hash {
        let mut encoder = Encoder::new("variable");
        encoder.text(&of.name);
        encoder.text(&of.map);
        encoder.number(of.offset);
        encoder.number(of.size);
        encoder.number(of.constant);
        encoder.hash(&self.types.of(TypeId::new(of.type_id)));
        encoder.finish()
    }

    pub(crate) fn external(&mut self, of: &ExternSpec) -> Hash {
        let mut encoder = Encoder::new("extern");
        encoder.text(&of.name);
        encoder.number(match of.kind {
            ExternKind::Kconfig => 0_u64,
            ExternKind::Ksym => 1,
            ExternKind::Kfunc => 2,
        });
        encoder.number(of.weak);
        encoder.hash(&self.types.of(TypeId::new(of.type_id)));
        encoder.number(of.offset);
        encoder.number(of.size);
        encoder.finish()
    }

    /// The digest of a type of the object.
    pub(crate) fn type_of(&mut self, id: u32) -> Hash {
        self.types.of(TypeId::new(id))
    }
}

/// Specs by name, whatever their order.
fn all<T>(encoder: &mut Encoder, specs: &SpecMap<T>, mut hash: impl FnMut(&T) -> Hash) {
    let by_name: BTreeMap<_, _> = specs.iter().collect();
    encoder.count(by_name.len());
    for (name, spec) in by_name {
        encoder.text(name);
        encoder.hash(&hash(spec));
    }
}

/// What a map begins with. Zeros are zeros, whether they are stored or not.
fn contents(encoder: &mut Encoder, of: &MapSpec) {
    let mut value = |len: u64, bytes: &[u8]| {
        let end =
            bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last.saturating_add(1));
        encoder.text("value");
        encoder.number(len);
        encoder.bytes(bytes.get(..end).unwrap_or_default());
    };
    match &of.contents {
        MapContents::None => encoder.text("none"),
        MapContents::Zeroed => value(of.value_size.into(), &[]),
        MapContents::Bytes(bytes) => {
            value(u64::try_from(bytes.len()).unwrap_or(u64::MAX), bytes);
        }
        MapContents::Entries(entries) => {
            let mut entries: Vec<_> =
                entries.iter().map(|entry| (entry.key, &entry.name)).collect();
            entries.sort();
            encoder.text("entries");
            encoder.count(entries.len());
            for (key, name) in entries {
                encoder.number(key);
                encoder.text(name);
            }
        }
        MapContents::Pairs(pairs) => {
            // Each key has one value, so the order in which they are put says nothing.
            let mut pairs: Vec<_> = pairs.iter().map(|pair| (&pair.key, &pair.value)).collect();
            pairs.sort();
            encoder.text("pairs");
            encoder.count(pairs.len());
            for (key, value) in pairs {
                encoder.bytes(key);
                encoder.bytes(value);
            }
        }
    }
}
