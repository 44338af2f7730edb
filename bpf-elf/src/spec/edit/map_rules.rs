//! What the kernel fixes about maps of a type: sizes of keys and values, numbers of entries, flags.
//!
//! Only what no kernel so far does otherwise is a rule; limits that depend on the machine (memory, page size above 4 KiB, processors) are left to
//! the kernel. A type or flag that the table does not know is taken as it is.
use bpf_sys::abi::{MapFlags, MapType};

/// Bytes that a key or value may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sizes {
    /// One of these.
    Only(&'static [u32]),
    /// At least the first, at most the second.
    Within(u32, u32),
    /// A multiple of 8, not 0.
    Words,
}

impl Sizes {
    pub(super) fn allow(self, size: u32) -> bool {
        match self {
            Self::Only(sizes) => sizes.contains(&size),
            Self::Within(least, most) => (least..=most).contains(&size),
            Self::Words => size != 0 && size.trailing_zeros() >= 3,
        }
    }

    /// What is allowed, for people.
    pub(super) fn text(self) -> String {
        match self {
            Self::Only([size]) => size.to_string(),
            Self::Only(sizes) => {
                let sizes: Vec<String> = sizes.iter().map(u32::to_string).collect();
                sizes.join(" or ")
            }
            Self::Within(1, u32::MAX) => "at least 1".to_owned(),
            Self::Within(least, most) => format!("{least} to {most}"),
            Self::Words => "a multiple of 8".to_owned(),
        }
    }
}

/// Numbers of entries that a map may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entries {
    /// At least one.
    Some,
    /// Any: the loader puts the number of processors for 0.
    Any,
    /// None is given: values belong to other kernel objects.
    Zero,
    /// Exactly one.
    One,
    /// Bytes of a ring: a power of two of whole pages.
    Ring,
}

impl Entries {
    pub(super) fn allow(self, entries: u32) -> bool {
        match self {
            Self::Some => entries != 0,
            Self::Any => true,
            Self::Zero => entries == 0,
            Self::One => entries == 1,
            Self::Ring => entries.is_power_of_two() && entries >= PAGE,
        }
    }

    /// What is allowed, for people.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Some => "at least 1",
            Self::Any => "any number",
            Self::Zero => "0",
            Self::One => "1",
            Self::Ring => "a power of two, and at least 4096",
        }
    }
}

/// The smallest page that Linux has.
pub(super) const PAGE: u32 = 4096;

/// What the kernel takes for maps of one type.
#[derive(Clone, Copy, Debug)]
pub(super) struct TypeRules {
    pub(super) key: Sizes,
    pub(super) value: Sizes,
    pub(super) entries: Entries,
    /// Of the flags that are [`JUDGED`], those that the kernel takes.
    pub(super) allowed: MapFlags,
    /// Flags that it wants.
    pub(super) needed: MapFlags,
    /// Whether it wants the types of key and value.
    pub(super) typed: bool,
}

const SOME: Sizes = Sizes::Within(1, u32::MAX);
const NONE: Sizes = Sizes::Only(&[0]);
const FOUR: Sizes = Sizes::Only(&[4]);
const DESCRIPTOR: Sizes = Sizes::Only(&[4, 8]);

const fn any(flags: &[MapFlags]) -> MapFlags {
    let mut all = MapFlags::from_bits(0);
    let mut rest = flags;
    while let [first, others @ ..] = rest {
        all = all.with(*first);
        rest = others;
    }
    all
}

const NUMA: MapFlags = MapFlags::NUMA_NODE;
const NO_FLAGS: MapFlags = any(&[]);
const BY_CALLS: MapFlags = any(&[MapFlags::RDONLY, MapFlags::WRONLY]);
/// `BPF_F_ACCESS_MASK`
const ACCESS: MapFlags = any(&[BY_CALLS, MapFlags::RDONLY_PROG, MapFlags::WRONLY_PROG]);

const fn new(key: Sizes, value: Sizes, entries: Entries, allowed: MapFlags) -> TypeRules {
    TypeRules { key, value, entries, allowed, needed: NO_FLAGS, typed: false }
}

/// Storage of a kernel object (`bpf_local_storage_map_alloc_check`).
const fn storage(allowed: MapFlags) -> TypeRules {
    let needed = MapFlags::NO_PREALLOC;
    TypeRules { needed, typed: true, ..new(FOUR, SOME, Entries::Zero, allowed.with(needed)) }
}

/// The rules for a type: `map_alloc_check` and `map_alloc` of each in kernel/bpf, net/core and net/xdp.
pub(super) fn rules(map_type: MapType) -> Option<TypeRules> {
    use Entries::{Any, One, Ring, Some as AtLeastOne, Zero};
    let array = any(&[NUMA, ACCESS]);
    let hash = any(&[MapFlags::NO_PREALLOC, NUMA, ACCESS, MapFlags::ZERO_SEED]);
    let lru = any(&[MapFlags::NO_COMMON_LRU, NUMA, ACCESS, MapFlags::ZERO_SEED]);
    let plain = any(&[NUMA, BY_CALLS]);
    Some(match map_type {
        MapType::HASH | MapType::PERCPU_HASH => new(SOME, SOME, AtLeastOne, hash),
        MapType::LRU_HASH | MapType::LRU_PERCPU_HASH => new(SOME, SOME, AtLeastOne, lru),
        MapType::HASH_OF_MAPS => new(SOME, FOUR, AtLeastOne, hash),
        MapType::ARRAY => {
            let flags = any(&[array, MapFlags::MMAPABLE, MapFlags::INNER_MAP]);
            new(FOUR, SOME, AtLeastOne, flags)
        }
        MapType::PERCPU_ARRAY => new(FOUR, SOME, AtLeastOne, array),
        MapType::PROG_ARRAY | MapType::CGROUP_ARRAY | MapType::ARRAY_OF_MAPS => {
            new(FOUR, FOUR, AtLeastOne, plain)
        }
        MapType::PERF_EVENT_ARRAY => {
            // The loader fills in what is 0.
            let size = Sizes::Only(&[0, 4]);
            new(size, size, Any, plain.with(MapFlags::PRESERVE_ELEMS))
        }
        MapType::STACK_TRACE => {
            new(FOUR, Sizes::Words, AtLeastOne, plain.with(MapFlags::STACK_BUILD_ID))
        }
        MapType::LPM_TRIE => TypeRules {
            needed: MapFlags::NO_PREALLOC,
            ..new(
                Sizes::Within(5, 260),
                SOME,
                AtLeastOne,
                any(&[MapFlags::NO_PREALLOC, NUMA, ACCESS]),
            )
        },
        MapType::DEVMAP | MapType::DEVMAP_HASH | MapType::SOCKMAP => {
            new(FOUR, DESCRIPTOR, AtLeastOne, plain)
        }
        MapType::CPUMAP => new(FOUR, DESCRIPTOR, AtLeastOne, NUMA),
        MapType::XSKMAP => new(FOUR, FOUR, AtLeastOne, plain),
        MapType::SOCKHASH => new(Sizes::Within(1, 512), DESCRIPTOR, AtLeastOne, plain),
        MapType::REUSEPORT_SOCKARRAY => new(FOUR, DESCRIPTOR, AtLeastOne, array),
        MapType::CGROUP_STORAGE | MapType::PERCPU_CGROUP_STORAGE => {
            new(Sizes::Only(&[8, 16]), SOME, Zero, array)
        }
        MapType::QUEUE | MapType::STACK => new(NONE, SOME, AtLeastOne, array),
        MapType::BLOOM_FILTER => new(NONE, SOME, AtLeastOne, array.with(MapFlags::ZERO_SEED)),
        MapType::SK_STORAGE => storage(MapFlags::CLONE),
        MapType::INODE_STORAGE | MapType::TASK_STORAGE | MapType::CGRP_STORAGE => storage(NO_FLAGS),
        MapType::STRUCT_OPS => {
            new(FOUR, SOME, One, any(&[MapFlags::LINK, MapFlags::VTYPE_BTF_OBJ_FD]))
        }
        MapType::RINGBUF => new(NONE, NONE, Ring, NUMA.with(MapFlags::RB_OVERWRITE)),
        MapType::USER_RINGBUF => new(NONE, NONE, Ring, NUMA),
        MapType::ARENA => TypeRules {
            needed: MapFlags::MMAPABLE,
            ..new(
                NONE,
                NONE,
                AtLeastOne,
                any(&[MapFlags::MMAPABLE, MapFlags::SEGV_ON_FAULT, MapFlags::NO_USER_CONV]),
            )
        },
        MapType::INSN_ARRAY => new(FOUR, Sizes::Only(&[16]), AtLeastOne, NO_FLAGS),
        _ => return None,
    })
}

/// Flags of which every kernel says where they belong. `TOKEN_FD`, `PATH_FD` and bits without a name are for others to judge.
pub(super) const JUDGED: MapFlags = any(&[
    MapFlags::NO_PREALLOC,
    MapFlags::NO_COMMON_LRU,
    NUMA,
    ACCESS,
    MapFlags::STACK_BUILD_ID,
    MapFlags::ZERO_SEED,
    MapFlags::CLONE,
    MapFlags::MMAPABLE,
    MapFlags::PRESERVE_ELEMS,
    MapFlags::INNER_MAP,
    MapFlags::LINK,
    MapFlags::VTYPE_BTF_OBJ_FD,
    MapFlags::SEGV_ON_FAULT,
    MapFlags::NO_USER_CONV,
    MapFlags::RB_OVERWRITE,
]);

/// Flags of which a map has at most one (`bpf_map_flags_access_ok`, `bpf_get_file_flag`).
pub(super) const EITHER: [MapFlags; 2] =
    [BY_CALLS, any(&[MapFlags::RDONLY_PROG, MapFlags::WRONLY_PROG])];

/// Whether programs reach this byte of the value of such a map by its address (`map_direct_value_addr`). An arena has no value: its size is a
/// number of pages.
pub(super) fn reaches(map_type: MapType, value_size: u32, offset: u32) -> bool {
    match map_type {
        MapType::ARENA => true,
        MapType::ARRAY | MapType::PERCPU_ARRAY | MapType::INSN_ARRAY => offset < value_size,
        _ => false,
    }
}

/// Whether a loader can put any key with any bytes as its value into such a map: not where values are descriptors (`holds_descriptors`, sockets), where
/// keys are (storage of a kernel object), where there are no keys, or where only the kernel adds them.
pub(super) fn holds_pairs(map_type: MapType) -> bool {
    let known = matches!(
        map_type,
        MapType::HASH
            | MapType::PERCPU_HASH
            | MapType::LRU_HASH
            | MapType::LRU_PERCPU_HASH
            | MapType::LPM_TRIE
            | MapType::DEVMAP_HASH
    );
    known || is_indexed(map_type) || rules(map_type).is_none()
}

/// Whether the keys of a map that can hold pairs are numbers below `max_entries`.
pub(super) fn is_indexed(map_type: MapType) -> bool {
    matches!(
        map_type,
        MapType::ARRAY
            | MapType::PERCPU_ARRAY
            | MapType::DEVMAP
            | MapType::CPUMAP
            | MapType::INSN_ARRAY
    )
}

/// Whether such a map can be inside of another one (`bpf_map_meta_alloc`).
pub(super) fn can_be_inner(map_type: MapType) -> bool {
    !map_type.is_map_of_maps()
        && !matches!(
            map_type,
            MapType::PROG_ARRAY
                | MapType::CGROUP_STORAGE
                | MapType::PERCPU_CGROUP_STORAGE
                | MapType::STRUCT_OPS
        )
}
