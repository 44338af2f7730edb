//! Types of a kernel that a program names: what it attaches to, the functions and variables that it uses.

use std::borrow::Cow;

use bpf_btf::core::{essential_name, types_are_compatible};
use bpf_btf::{Btf, Kind, Type, TypeId};
use bpf_sys::abi::AttachType;

use crate::section::{BtfTarget, TargetKind};
use crate::spec::{CollectionSpec, ExternKind, ExternSpec};

/// A type to be found in the BTF of a kernel or of its modules.
///
/// It is looked for in the kernel first, then in each module, in the order in which they were loaded (libbpf: S9, E36, E37).
///
/// ```
/// use bpf_elf::prepare::KernelType;
/// use bpf_btf::Kind;
/// use bpf_sys::abi::AttachType;
///
/// let target = KernelType::attach_target(Some(AttachType::LSM_MAC), "file_open");
/// assert_eq!((&*target.name, target.kind), ("bpf_lsm_file_open", Kind::Func));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KernelType<'a> {
    /// The module that was named; `vmlinux` is the kernel itself. Without it: the kernel, then each module.
    pub module: Option<&'a str>,
    /// Its name.
    pub name: Cow<'a, str>,
    /// Its kind.
    pub kind: Kind,
}

impl<'a> KernelType<'a> {
    /// What a program of this attach type attaches to, by the text after the slash of its section name.
    pub fn attach_target(attach_type: Option<AttachType>, target: &'a str) -> Self {
        let BtfTarget { module, name, kind } = BtfTarget::new(attach_type, target);
        let kind = match kind {
            TargetKind::Typedef => Kind::Typedef,
            TargetKind::Function => Kind::Func,
        };
        Self { module, name, kind }
    }

    /// The function or variable that an extern stands for; a flavour after three underscores is the program's own.
    ///
    /// `None` for values of the configuration, and for symbols without a type, which only have an address.
    pub fn of_extern(spec: &'a ExternSpec) -> Option<Self> {
        let kind = match spec.kind {
            ExternKind::Kfunc => Kind::Func,
            ExternKind::Ksym if !spec.is_typeless() => Kind::Var,
            _ => return None,
        };
        Some(Self { module: None, name: Cow::Borrowed(essential_name(&spec.name)), kind })
    }

    /// Looks in the BTF of the kernel itself, if it may be there.
    pub fn find_in_kernel(&self, kernel: &Btf) -> Option<TypeId> {
        let here = self.module.is_none_or(|module| module == "vmlinux");
        here.then(|| kernel.find(&self.name, self.kind)).flatten()
    }

    /// Whether it may be in this module.
    pub fn may_be_in_module(&self, module: &str) -> bool {
        self.module.is_none_or(|wanted| wanted == module)
    }

    /// Looks among the module's own types, not among those of the kernel that its split BTF continues.
    pub fn find_in_module(&self, module: &Btf) -> Option<TypeId> {
        let mut found = module.find_all(&self.name).filter(|&id| id >= module.first_id());
        found.find(|&id| module.get(id).is_some_and(|found| found.kind() == self.kind))
    }
}

/// Whether the type that the object declares for an extern can stand for that of a kernel, `id` of `kernel`.
///
/// libbpf: a variable of another type is an error, a weak function of another prototype counts as missing (E36, E37).
pub fn extern_fits(
    collection: &CollectionSpec,
    spec: &ExternSpec,
    kernel: &Btf,
    id: TypeId,
) -> bool {
    let Some(local) = collection.btf.as_ref().filter(|_| spec.type_id != 0) else { return true };
    let ours = TypeId::new(spec.type_id);
    let (ours, theirs) = match (local.get(ours), kernel.get(id)) {
        (Some(Type::Func(ours)), Some(Type::Func(theirs))) => {
            (ours.prototype(), theirs.prototype())
        }
        (Some(_), Some(Type::Var(theirs))) => (local.strip(ours), kernel.strip(theirs.type_id())),
        // Made by hand, without a type.
        _ => return true,
    };
    types_are_compatible(local, ours, kernel, theirs).unwrap_or(false)
}
