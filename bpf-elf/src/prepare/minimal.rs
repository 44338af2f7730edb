//! The part of a kernel's BTF that objects need.

use bpf_btf::{Btf, ByteOrder, CoreRelo, Minimizer, TypeId};

use super::PrepareError;
use super::btf::all_functions;
use crate::spec::{CollectionSpec, Function};

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
        let records: Vec<CoreRelo> = all_functions(spec).flat_map(records).collect();
        // One search of the kernel's names serves all. Only if that fails it matters whose relocation it is.
        if let Err(error) = minimizer.keep_for(local, &records) {
            return Err(culprit(spec, local, kernel, &error));
        }
    }
    Ok(minimizer.finish()?.builder.write(order)?)
}

fn records(function: &Function) -> impl Iterator<Item = CoreRelo> {
    function.core_relocations.iter().map(|of| {
        // The place is not the resolver's business.
        CoreRelo::new(0, TypeId::new(of.type_id), of.access, of.kind.0)
    })
}

/// The function and slot of the relocation that is wrong.
fn culprit(
    spec: &CollectionSpec,
    local: &Btf,
    kernel: &Btf,
    error: &bpf_btf::core::CoreError,
) -> PrepareError {
    let mut found = (String::new(), 0);
    for function in all_functions(spec) {
        let wrong = records(function)
            .position(|record| Minimizer::new(kernel).keep_for(local, &[record]).is_err());
        let wrong = wrong.and_then(|at| function.core_relocations.get(at));
        if let Some(relocation) = wrong {
            found = (function.name.clone(), relocation.slot);
            break;
        }
    }
    PrepareError::Core { function: found.0, slot: found.1, reason: error.to_string() }
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
}
