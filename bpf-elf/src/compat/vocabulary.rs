//! The numbers of the UAPI that a kernel knows, by the enumerations of its BTF.

use std::collections::BTreeSet;

use bpf_asm::HelperId;
use bpf_btf::{Btf, Enum, Kind, Type, TypeId};
use bpf_sys::abi::{AttachType, KernelVersion, MapFlags, MapType, ProgramType};

use super::version::of_pair;

/// The numbers of one enumeration; `None` where the BTF does not have it, as one that was cut down for CO-RE.
type Numbers = Option<BTreeSet<u64>>;

/// What a kernel's BTF says about the words of its UAPI.
#[derive(Clone, Debug)]
pub(super) struct Vocabulary {
    program_types: Numbers,
    map_types: Numbers,
    attach_types: Numbers,
    helpers: Numbers,
    map_flags: Option<u64>,
    at_least: Option<KernelVersion>,
}

impl Vocabulary {
    pub(super) fn new(btf: &Btf) -> Self {
        let named = |name: &str| {
            let id = btf.find(name, Kind::Enum).or_else(|| btf.find(name, Kind::Enum64))?;
            btf.get(id)?.enumeration().map(numbers)
        };
        let mut vocabulary = Self {
            program_types: named("bpf_prog_type"),
            map_types: named("bpf_map_type"),
            attach_types: named("bpf_attach_type"),
            helpers: named("bpf_func_id"),
            map_flags: anonymous(btf, "BPF_F_NO_PREALLOC")
                .map(|found| numbers(found).into_iter().fold(0, |flags, flag| flags | flag)),
            at_least: None,
        };
        vocabulary.at_least = vocabulary.newest();
        vocabulary
    }

    /// The version of the mainline of which the kernel has at least some words: those that were ported back count as well.
    pub(super) fn at_least(&self) -> Option<KernelVersion> {
        self.at_least
    }

    /// Whether the kernel has a type of program. `None`, here and below, when its BTF does not tell.
    pub(super) fn has_program_type(&self, wanted: ProgramType) -> Option<bool> {
        has(self.program_types.as_ref(), wanted.0)
    }

    pub(super) fn has_map_type(&self, wanted: MapType) -> Option<bool> {
        has(self.map_types.as_ref(), wanted.0)
    }

    pub(super) fn has_attach_type(&self, wanted: AttachType) -> Option<bool> {
        has(self.attach_types.as_ref(), wanted.0)
    }

    pub(super) fn has_helper(&self, wanted: HelperId) -> Option<bool> {
        has(self.helpers.as_ref(), wanted.number())
    }

    /// The flags of maps that the kernel does not know.
    pub(super) fn unknown_map_flags(&self, flags: MapFlags) -> Option<MapFlags> {
        let known = u32::try_from(self.map_flags? & u64::from(u32::MAX)).unwrap_or_default();
        Some(flags.without(MapFlags::from_bits(known)))
    }

    fn newest(&self) -> Option<KernelVersion> {
        let helpers = HelperId::all()
            .filter(|helper| self.has_helper(*helper) == Some(true))
            .filter_map(|helper| helper.first_kernel().map(of_pair));
        let maps = MapType::ALL.iter().filter(|found| self.has_map_type(**found) == Some(true));
        let attaches =
            AttachType::ALL.iter().filter(|found| self.has_attach_type(**found) == Some(true));
        let maps = maps.filter_map(|found| found.first_kernel());
        helpers.chain(maps).chain(attaches.filter_map(|found| found.first_kernel())).max()
    }
}

fn has(numbers: Option<&BTreeSet<u64>>, wanted: u32) -> Option<bool> {
    numbers.map(|numbers| numbers.contains(&u64::from(wanted)))
}

/// The numbers but for those that only mark the end: `__MAX_BPF_PROG_TYPE`.
fn numbers(of: Enum<'_>) -> BTreeSet<u64> {
    let real = of.values().filter(|value| !value.name().starts_with("__"));
    real.map(|value| value.bits()).collect()
}

/// The enumeration without a name that has this enumerator.
fn anonymous<'btf>(btf: &'btf Btf, enumerator: &str) -> Option<Enum<'btf>> {
    let unnamed = btf.types().filter_map(|(_, found): (TypeId, Type<'_>)| {
        found.enumeration().filter(|found| found.name().is_empty())
    });
    let mut unnamed = unnamed;
    unnamed.find(|found| found.values().any(|value| value.name() == enumerator))
}
