//! The part of a kernel's BTF that objects need.

use bpf_btf::core::CoreError;
use bpf_btf::{Btf, ByteOrder, CoreRelo, Minimizer};

use super::PrepareError;
use super::btf::all_functions;
use super::relocate::record;
use crate::error::WithSources;
use crate::spec::{CollectionSpec, CoreRelocation, Function};

/// The part of a kernel's BTF that the CO-RE relocations of these collections need, to be shipped with them for kernels that have no BTF
/// of their own: kilobytes instead of megabytes. The same as `bpftool gen min_core_btf` makes.
///
/// Relocations come to the same results as with the whole; what does not match anything now will not then.
///
/// # Errors
///
/// [`PrepareError::Core`]: a relocation is wrong in itself. [`PrepareError::Btf`]: the BTF has types of kinds that nobody knows.
pub fn minimal_btf<'spec>(
    specs: impl IntoIterator<Item = &'spec CollectionSpec>,
    kernel: &Btf,
    order: ByteOrder,
) -> Result<Vec<u8>, PrepareError> {
    let mut minimizer = Minimizer::new(kernel);
    for spec in specs {
        let Some(local) = &spec.btf else { continue };
        // One search of the kernel's names serves all.
        let records: Vec<CoreRelo> = relocations(spec).map(|(_, of)| record(of)).collect();
        minimizer
            .keep_for_each(local, &records)
            .map_err(|(at, error)| wrong_relocation(spec, at, &error))?;
    }
    Ok(minimizer.finish()?.builder.write(order)?)
}

/// All relocations of a collection with their functions.
fn relocations(spec: &CollectionSpec) -> impl Iterator<Item = (&Function, &CoreRelocation)> {
    all_functions(spec)
        .flat_map(|function| function.core_relocations.iter().map(move |of| (function, of)))
}

/// The error of the relocation at this index of all.
fn wrong_relocation(spec: &CollectionSpec, at: usize, error: &CoreError) -> PrepareError {
    let found = relocations(spec).nth(at);
    let (function, slot) =
        found.map(|(function, of)| (function.name.clone(), of.slot)).unwrap_or_default();
    PrepareError::Core { function, slot, reason: WithSources(error).to_string() }
}

#[cfg(test)]
mod tests {
    use bpf_btf::{BtfBuilder, Definition, Kind, NewMember};
    use testdata::{Order, object};

    use super::*;
    use crate::spec::CoreKind;

    /// A kernel with a `task_struct`, most of which nobody needs.
    fn kernel() -> Btf {
        let mut builder = BtfBuilder::new();
        let mut add = |definition: &Definition<'_>| builder.add(definition).unwrap();
        let int =
            add(&Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false });
        let unused = add(&Definition::Struct { name: "unused", size: 0, members: &[] });
        let pointer = add(&Definition::Ptr { target: unused });
        let members = [
            NewMember::new("state", int, 0),
            NewMember::new("pid", int, 64),
            NewMember::new("unused", pointer, 128),
        ];
        add(&Definition::Struct { name: "task_struct", size: 24, members: &members });
        Btf::parse(builder.write(ByteOrder::NATIVE).unwrap()).unwrap()
    }

    #[test]
    fn only_what_is_accessed_stays() {
        for object_order in Order::BOTH {
            for order in [ByteOrder::Little, ByteOrder::Big] {
                let spec = CollectionSpec::parse(object("core", object_order)).unwrap();
                let bytes = minimal_btf([&spec], &kernel(), order).unwrap();
                let btf = Btf::parse(bytes).unwrap();
                assert_eq!(btf.byte_order(), order);
                let id = btf.find("task_struct", Kind::Struct).unwrap();
                let task = btf.get(id).unwrap().composite().unwrap();
                let members: Vec<_> =
                    task.members().map(|of| (of.name(), of.bit_offset())).collect();
                assert_eq!(members, [("pid", 64)]);
                assert_eq!(btf.find("unused", Kind::Struct), None);
            }
        }
    }

    #[test]
    fn objects_without_relocations_need_nothing() {
        let spec = CollectionSpec::parse(object("counter", Order::NATIVE)).unwrap();
        for specs in [vec![], vec![&spec], vec![&spec, &spec]] {
            let btf = Btf::parse(minimal_btf(specs, &kernel(), ByteOrder::NATIVE).unwrap());
            assert_eq!(btf.unwrap().len(), 1);
        }
    }

    #[test]
    fn a_wrong_relocation_is_named_by_function_and_slot() {
        let mut spec = CollectionSpec::parse(object("core", Order::NATIVE)).unwrap();
        let program = &mut spec.programs.get_mut("read_task").unwrap().function;
        program.core_relocations[2].kind = CoreKind(99);
        let slot = program.core_relocations[2].slot;
        let error = minimal_btf([&spec], &kernel(), ByteOrder::NATIVE).unwrap_err();
        let PrepareError::Core { function, slot: found, reason } = &error else {
            panic!("{error}")
        };
        assert_eq!((function.as_str(), *found), ("read_task", slot), "{reason}");
    }

    /// Each relocation is possible, and all of them together ask for more than a made-up object may.
    #[test]
    fn one_of_too_many_relocations_is_named_as_a_wrong_one_is() {
        const FLAVOURS: u32 = 2000;
        let mut builder = BtfBuilder::new();
        let access = builder.add_string("0").unwrap();
        for number in 1..=FLAVOURS {
            let name = format!("s___{number}");
            builder.add(&Definition::Struct { name: &name, size: 4, members: &[] }).unwrap();
        }
        let btf = Btf::parse(builder.write(ByteOrder::NATIVE).unwrap()).unwrap();
        let kind = CoreKind(bpf_btf::core::CoreKind::TypeExists.number());
        let mut spec = CollectionSpec::new(bpf_asm::ByteOrder::NATIVE);
        for (name, ids) in [("few", 1..=1), ("many", 2..=FLAVOURS)] {
            let mut function = Function::new(name, Vec::new());
            function.core_relocations = (0..)
                .zip(ids)
                .map(|(slot, type_id)| CoreRelocation { slot, kind, type_id, access })
                .collect();
            spec.functions.insert(name, function);
        }
        spec.btf = Some(btf.clone());
        let error = minimal_btf([&spec], &btf, ByteOrder::NATIVE).unwrap_err();
        let PrepareError::Core { function, slot, reason } = &error else { panic!("{error}") };
        assert_eq!((function.as_str(), *slot), ("few", 0), "{reason}");
        assert!(reason.starts_with("type_exists struct s___1: "), "{reason}");
    }
}
