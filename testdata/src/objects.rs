//! The compiled objects and their sources.

/// Byte order of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// Compiled for `bpfel`.
    Little,
    /// Compiled for `bpfeb`.
    Big,
}

impl Order {
    /// Both, for loops.
    pub const BOTH: [Self; 2] = [Self::Little, Self::Big];
    /// The order of the machine that runs the test: the one that its kernel loads.
    pub const NATIVE: Self = if cfg!(target_endian = "big") { Self::Big } else { Self::Little };
}

/// What one source gives.
pub(crate) struct Compiled {
    pub(crate) name: &'static str,
    pub(crate) source: &'static str,
    pub(crate) little: &'static [u8],
    pub(crate) big: &'static [u8],
}

impl Compiled {
    pub(crate) fn bytes(&self, order: Order) -> &'static [u8] {
        match order {
            Order::Little => self.little,
            Order::Big => self.big,
        }
    }
}

macro_rules! objects {
    ($($name:literal,)*) => {
        /// Names of all objects, sorted. What each is for stands at the top of its source.
        pub const OBJECTS: &[&str] = &[$($name),*];

        static TABLE: &[Compiled] = &[$(Compiled {
            name: $name,
            source: include_str!(concat!("../bpf/", $name, ".c")),
            little: include_bytes!(concat!("../elf/", $name, "-el.o")),
            big: include_bytes!(concat!("../elf/", $name, "-eb.o")),
        }),*];
    };
}

objects! {
    "arena",
    "bss",
    "callback",
    "cgroup",
    "constants",
    "core",
    "core_module",
    "counter",
    "data",
    "data_custom",
    "exception",
    "inner_maps",
    "isa_v4",
    "jump_table",
    "kconfig_ksyms",
    "legacy_maps",
    "license_version",
    "map_kinds",
    "no_btf",
    "no_license",
    "other_section",
    "packets",
    "pinned",
    "prog_array",
    "question_mark",
    "ring",
    "rodata",
    "sections",
    "struct_ops",
    "subprograms",
    "tracing",
    "unknown_section",
    "variables",
    "xdp",
}

#[expect(
    clippy::panic,
    reason = "a test asks for a fixture by name: a wrong name is a mistake in the test"
)]
#[track_caller]
pub(crate) fn find(table: &'static [Compiled], name: &str) -> &'static Compiled {
    table.iter().find(|object| object.name == name).unwrap_or_else(|| panic!("no fixture {name:?}"))
}

/// The bytes of an object.
///
/// # Panics
///
/// When there is no object with that name.
#[track_caller]
pub fn object(name: &str, order: Order) -> &'static [u8] {
    find(TABLE, name).bytes(order)
}

/// The C source of an object.
///
/// # Panics
///
/// When there is no object with that name.
#[track_caller]
pub fn source(name: &str) -> &'static str {
    find(TABLE, name).source
}

/// Names of the C files in a folder of this crate, sorted.
#[cfg(test)]
pub(crate) fn sources(folder: &str) -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = std::fs::read_dir(folder).expect("list the sources");
    let names = files.map(|file| file.expect("list the sources").file_name().into_string());
    let mut names: Vec<String> = names
        .filter_map(|name| name.expect("a plain name").strip_suffix(".c").map(str::to_owned))
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    // Offsets and values of the ELF header: EI_DATA, and e_machine, which is BPF.
    const EI_DATA: usize = 5;
    const E_MACHINE: usize = 18;

    #[test]
    fn names_are_sorted_and_unique() {
        assert!(OBJECTS.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn every_source_has_its_objects_in_the_list() {
        assert_eq!(sources("bpf"), OBJECTS);
    }

    /// The objects, and those that are only whole when linked.
    fn all() -> impl Iterator<Item = &'static Compiled> {
        TABLE.iter().chain(crate::link::TABLE)
    }

    #[test]
    fn each_object_is_bpf_in_the_order_of_its_name() {
        for object in all() {
            let name = object.name;
            for (order, data, machine) in [(Order::Little, 1, [247, 0]), (Order::Big, 2, [0, 247])]
            {
                let bytes = object.bytes(order);
                assert!(bytes.starts_with(b"\x7fELF\x02"), "{name} {order:?}");
                assert_eq!(bytes[EI_DATA], data, "{name} {order:?}");
                assert_eq!(bytes[E_MACHINE..E_MACHINE + 2], machine, "{name} {order:?}");
            }
        }
    }

    #[test]
    fn no_object_names_a_place_on_a_machine() {
        for object in all() {
            for order in Order::BOTH {
                let bytes = object.bytes(order);
                for place in [&b"/tmp"[..], b"/home", b"/root", b"/usr", b"clang version"] {
                    let found = bytes.windows(place.len()).any(|window| window == place);
                    assert!(!found, "{} {order:?}", object.name);
                }
            }
        }
    }

    #[test]
    fn each_source_starts_by_saying_what_it_is_for() {
        for Compiled { name, source, .. } in all() {
            assert!(source.starts_with("// "), "{name}");
            let since = |line: &str| line.contains("Linux ") || line.contains("4.18");
            assert!(source.lines().take(4).any(since), "{name}");
        }
    }
}
