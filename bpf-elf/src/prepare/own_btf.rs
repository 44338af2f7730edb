//! The part of an object's BTF that one program needs.

use std::collections::{HashMap, HashSet};

use bpf_btf::{
    Btf, BtfBuilder, BtfFeatures, BuildError, ByteOrder, Definition, FuncLinkage, Kind, Minimizer,
    StringCopier, Type, TypeId, TypeMap,
};

use super::btf::all_functions;
use super::relocate::replace_type_id;
use super::{ContextFunctions, PrepareError, PreparedProgram};
use crate::spec::{CollectionSpec, Linkage};

impl PreparedProgram {
    /// The program with BTF of its own for `BPF_BTF_LOAD` of a kernel of this byte order, instead of that of the whole object: `None`
    /// if nothing in the program refers to BTF. What an object of many programs or of large headers describes is not shipped, and
    /// not checked by the kernel, for each of them.
    ///
    /// The blob has the types of the program's functions, those whose numbers its instructions hold, all that these refer to, the
    /// tags on them, and the strings of its lines: nothing of other programs, no data sections, no maps. The numbers of types and
    /// the offsets of strings in the program that is returned are those of this blob, so load it with no other. What `features`
    /// lacks is replaced by older kinds, as in [`prepare_btf_for`](super::prepare_btf_for). Kernels before 6.8 may want
    /// [copies of functions](Self::with_own_btf_and_contexts) besides.
    ///
    /// `spec` is the collection that the program was prepared from. The program may be [complete](Self::complete) or not; it has to be
    /// one whose numbers are still those of the object, not one that this method returned.
    ///
    /// Maps are created with the BTF of the whole object still. To the kernel types of two blobs are different types
    /// (`btf_struct_ids_match` in kernel/bpf/btf.c): a program that puts objects of `bpf_obj_new` into a map's list, tree or pointer
    /// needs the blob that the map was created with.
    ///
    /// ```
    /// use bpf_asm::Code;
    /// use bpf_btf::{Btf, BtfFeatures, ByteOrder, Kind};
    /// use bpf_elf::prepare::{PrepareOptions, prepare_program};
    /// use bpf_elf::spec::CollectionSpec;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let bytes = testdata::object("counter", testdata::Order::Little);
    /// let spec = CollectionSpec::parse(bytes)?;
    /// let prepared = prepare_program(&spec, "count_xdp", &PrepareOptions::new())?;
    /// let (program, btf) = prepared.with_own_btf(&spec, &BtfFeatures::ALL, ByteOrder::Big)?;
    /// let btf = Btf::parse(btf.ok_or("no BTF")?)?;
    /// assert!(btf.find("count_xdp", Kind::Func).is_some());
    /// assert!(btf.find("count_filter", Kind::Func).is_none());
    /// assert_eq!(program.slots, prepared.slots);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`PrepareError::Btf`]: the program has numbers of types that the BTF does not have, or the BTF has types of kinds that nobody
    /// knows. [`PrepareError::LocalTypeId`]: the slots are no longer those that were prepared.
    pub fn with_own_btf(
        &self,
        spec: &CollectionSpec,
        features: &BtfFeatures,
        order: ByteOrder,
    ) -> Result<(Self, Option<Vec<u8>>), PrepareError> {
        let (program, own) = self.own_types(spec)?;
        let Some((mut builder, _)) = own else { return Ok((program, None)) };
        builder.sanitize(features)?;
        Ok((program, Some(builder.write(order)?)))
    }

    /// As [`with_own_btf`](Self::with_own_btf), with copies of the functions of the program that have a parameter tagged `arg:ctx`: for kernels
    /// before 6.8, which take a parameter for the context by the name of its type (see
    /// [`prepare_btf_with_contexts`](super::prepare_btf_with_contexts)).
    ///
    /// The program that is returned names the functions themselves, which newer kernels want.
    /// [`ContextFunctions::func_infos`] of its type and records are those for an older one.
    ///
    /// # Errors
    ///
    /// As for [`with_own_btf`](Self::with_own_btf).
    pub fn with_own_btf_and_contexts(
        &self,
        spec: &CollectionSpec,
        features: &BtfFeatures,
        order: ByteOrder,
    ) -> Result<(Self, Option<Vec<u8>>, ContextFunctions), PrepareError> {
        let (program, own) = self.own_types(spec)?;
        let (Some((mut builder, ids)), Some(btf)) = (own, &spec.btf) else {
            return Ok((program, None, ContextFunctions::default()));
        };
        // A program is prepared under the name of its function, and nearly always one has it.
        let entry = self.functions.first().map(|(name, _)| name.as_str());
        let same = spec.programs.values().filter(|found| Some(&*found.function.name) == entry);
        let types = same.map(|found| found.program_type);
        let contexts = ContextFunctions::add(spec, btf, types, &mut builder, |id| ids.get(id))?;
        builder.sanitize(features)?;
        Ok((program, Some(builder.write(order)?), contexts))
    }

    /// The program with the numbers of a blob of its own, and the blob with the new numbers of types.
    fn own_types(
        &self,
        spec: &CollectionSpec,
    ) -> Result<(Self, Option<(BtfBuilder, TypeMap)>), PrepareError> {
        let mut program = self.clone();
        let refers = !self.func_infos.is_empty()
            || !self.line_infos.is_empty()
            || !self.local_type_ids.is_empty();
        let Some(btf) = spec.btf.as_ref().filter(|_| refers) else { return Ok((program, None)) };
        let mut minimizer = Minimizer::new(btf);
        for root in named_in_tags(btf, self.roots()) {
            minimizer.keep(root);
        }
        let small = minimizer.finish()?;
        let (mut builder, ids) = (small.builder, small.ids);
        program.renumber(&ids)?;
        program.move_strings(btf, &mut builder)?;
        // libbpf: a hidden global function is verified in the context of its callers.
        for function in all_functions(spec).filter(|f| f.hidden && f.linkage != Linkage::Static) {
            if let Some(id) = function.type_id.and_then(|id| ids.get(TypeId::new(id))) {
                builder.set_func_linkage(id, FuncLinkage::Static)?;
            }
        }
        // Lines alone need a blob, and the kernel takes none without types.
        if builder.len() == 1 {
            let (name, size) = ("int", 4);
            builder.add(&Definition::Int { name, size, signed: true, char: false, bool: false })?;
        }
        Ok((program, Some((builder, ids))))
    }

    /// The types that the program names itself.
    fn roots(&self) -> impl Iterator<Item = TypeId> + '_ {
        let functions = self.func_infos.iter().map(|info| info.type_id);
        let held = self.local_type_ids.iter().map(|held| held.type_id);
        functions.chain(held).map(TypeId::new)
    }

    fn renumber(&mut self, ids: &TypeMap) -> Result<(), PrepareError> {
        let new = |id: u32| {
            let id = TypeId::new(id);
            ids.get(id).ok_or(BuildError::NoSuchType { id })
        };
        for info in &mut self.func_infos {
            info.type_id = new(info.type_id)?.get();
        }
        for held in &mut self.local_type_ids {
            let id = new(held.type_id)?;
            held.type_id = id.get();
            let code = self.slots.get_mut(held.slot..).unwrap_or_default();
            if !replace_type_id(code, id) {
                return Err(PrepareError::LocalTypeId { slot: held.slot, type_id: id.get() });
            }
        }
        Ok(())
    }

    /// A string that does not exist becomes the empty one.
    fn move_strings(&mut self, from: &Btf, to: &mut BtfBuilder) -> Result<(), BuildError> {
        let mut strings = StringCopier::new(from);
        for line in &mut self.line_infos {
            for offset in [&mut line.file_name, &mut line.line_text] {
                *offset = strings.copy(*offset, to)?;
            }
        }
        Ok(())
    }
}

/// The roots, and the structures that tags below them name: what a list or tree holds is written in a tag as
/// `contains:TYPE:MEMBER`, and the kernel refuses BTF without that type (`btf_find_graph_root` in kernel/bpf/btf.c).
fn named_in_tags(btf: &Btf, roots: impl Iterator<Item = TypeId>) -> Vec<TypeId> {
    let mut tags: HashMap<TypeId, Vec<&str>> = HashMap::new();
    for (_, found) in btf.types() {
        let Type::DeclTag(tag) = found else { continue };
        let held = tag.name().strip_prefix("contains:").and_then(|text| text.split(':').next());
        if let Some(name) = held {
            tags.entry(tag.target()).or_default().push(name);
        }
    }
    let mut roots: Vec<TypeId> = roots.collect();
    if tags.is_empty() {
        return roots;
    }
    let mut seen = HashSet::new();
    let mut work = roots.clone();
    while let Some(id) = work.pop() {
        if !seen.insert(id) {
            continue;
        }
        btf.for_each_target(id, &mut |target| work.push(target));
        for name in tags.remove(&id).unwrap_or_default() {
            if let Some(held) = btf.find(name, Kind::Struct) {
                roots.push(held);
                work.push(held);
            }
        }
    }
    roots
}

#[cfg(test)]
mod tests;
