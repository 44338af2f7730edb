//! A kernel that an object may be meant for.

use std::collections::HashSet;
use std::fmt;
use std::sync::OnceLock;

use bpf_btf::{Btf, Type, TypeId};
use bpf_sys::abi::KernelVersion;

use super::vocabulary::Vocabulary;
use crate::prepare::{KernelConfig, KernelType};

/// A kernel by what describes it: its BTF, that of its modules, its version.
///
/// What is derived from the BTF is kept, so that several objects can be held against the same value.
pub struct TargetKernel {
    name: String,
    version: Option<KernelVersion>,
    btf: Btf,
    modules: Vec<(String, Btf)>,
    config: Option<KernelConfig>,
    vocabulary: OnceLock<Vocabulary>,
    kfuncs: OnceLock<HashSet<TypeId>>,
}

/// A type of a kernel, and the BTF that has it.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) btf: &'a Btf,
    pub(super) id: TypeId,
}

impl TargetKernel {
    /// A kernel of which only its own BTF is known. The name is for people.
    pub fn new(name: impl Into<String>, btf: Btf) -> Self {
        Self {
            name: name.into(),
            version: None,
            btf,
            modules: Vec::new(),
            config: None,
            vocabulary: OnceLock::new(),
            kfuncs: OnceLock::new(),
        }
    }

    /// With the version of the kernel, which tells about instructions and about what the BTF does not have the words for.
    #[must_use]
    pub fn with_version(mut self, version: KernelVersion) -> Self {
        self.version = Some(version);
        self
    }

    /// With the BTF of its modules, by name, each split and based on the kernel's own. The first that has a name wins.
    #[must_use]
    pub fn with_modules(mut self, modules: Vec<(String, Btf)>) -> Self {
        self.modules = modules;
        self
    }

    /// With its configuration, which answers for the values in `.kconfig` that an object reads. Facts that are no options go before what the
    /// BTF and the version tell.
    #[must_use]
    pub fn with_config(mut self, config: KernelConfig) -> Self {
        self.config = Some(config);
        self
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version, if it is known.
    pub fn version(&self) -> Option<KernelVersion> {
        self.version
    }

    /// The BTF of the kernel itself.
    pub fn btf(&self) -> &Btf {
        &self.btf
    }

    /// The modules by name.
    pub fn modules(&self) -> &[(String, Btf)] {
        &self.modules
    }

    /// The configuration, if it is known.
    pub fn config(&self) -> Option<&KernelConfig> {
        self.config.as_ref()
    }

    pub(super) fn vocabulary(&self) -> &Vocabulary {
        self.vocabulary.get_or_init(|| Vocabulary::new(&self.btf))
    }

    pub(super) fn find(&self, wanted: &KernelType<'_>) -> Option<Found<'_>> {
        if let Some(id) = wanted.find_in_kernel(&self.btf) {
            return Some(Found { btf: &self.btf, id });
        }
        let mut modules = self.modules.iter().filter(|(module, _)| wanted.may_be_in_module(module));
        modules.find_map(|(_, btf)| Some(Found { btf, id: wanted.find_in_module(btf)? }))
    }

    /// Whether a function may be called by programs. `None` where the BTF does not mark those that may, as before Linux 6.10.
    pub(super) fn is_kfunc(&self, found: &Found<'_>) -> Option<bool> {
        let own = self.kfuncs.get_or_init(|| marked(&self.btf));
        if own.is_empty() {
            return None;
        }
        Some(
            own.contains(&found.id)
                || (found.id >= self.first_of_modules() && {
                    let of_module = marked(found.btf);
                    // A module that was built by older tools marks nothing.
                    of_module.is_empty() || of_module.contains(&found.id)
                }),
        )
    }

    fn first_of_modules(&self) -> TypeId {
        TypeId::new(self.btf.len())
    }

    /// ` (no BTF of modules was given)`, for what may be in one.
    pub(super) fn hint_modules(&self) -> &'static str {
        if self.modules.is_empty() { " (no BTF of modules was given)" } else { "" }
    }
}

/// Functions with the declaration tag `bpf_kfunc`, which pahole 1.26 writes.
fn marked(btf: &Btf) -> HashSet<TypeId> {
    let tags = btf.types().filter_map(|(_, found)| match found {
        Type::DeclTag(tag) if tag.name() == "bpf_kfunc" => Some(tag.target()),
        _ => None,
    });
    tags.collect()
}

impl fmt::Debug for TargetKernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TargetKernel")
            .field("name", &self.name)
            .field("version", &self.version)
            .field("modules", &self.modules.len())
            .finish_non_exhaustive()
    }
}
