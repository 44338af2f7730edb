//! Objects that are only whole when they are linked with each other.

use crate::Order;

struct Part {
    name: &'static str,
    little: &'static [u8],
    big: &'static [u8],
}

macro_rules! parts {
    ($($name:literal,)*) => {
        /// Names of the objects in `bpf/link`, sorted. What each is for stands at the top of its source.
        pub const PARTS: &[&str] = &[$($name),*];

        static TABLE: &[Part] = &[$(Part {
            name: $name,
            little: include_bytes!(concat!("../elf/link/", $name, "-el.o")),
            big: include_bytes!(concat!("../elf/link/", $name, "-eb.o")),
        }),*];
    };
}

parts! {
    "conflict",
    "first",
    "other_license",
    "second",
    "wrong_function",
    "wrong_map",
    "wrong_value",
    "wrong_variable",
}

/// What `bpftool gen object` makes of the parts `first` and `second`, in little-endian order.
pub const LINKED: &[u8] = include_bytes!("../elf/link/linked-el.o");

/// The bytes of an object that is only whole when it is linked with another.
///
/// # Panics
///
/// When there is no object with that name.
#[expect(
    clippy::panic,
    reason = "a test asks for a fixture by name: a wrong name is a mistake in the test"
)]
#[track_caller]
pub fn part(name: &str, order: Order) -> &'static [u8] {
    let part = TABLE.iter().find(|part| part.name == name);
    let part = part.unwrap_or_else(|| panic!("no part {name:?}"));
    match order {
        Order::Little => part.little,
        Order::Big => part.big,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_is_in_the_list() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/bpf/link");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .expect("list the sources")
            .map(|entry| {
                entry.expect("list the sources").file_name().into_string().expect("a plain name")
            })
            .filter_map(|name| name.strip_suffix(".c").map(str::to_owned))
            .collect();
        names.sort();
        assert_eq!(names, PARTS);
    }
}
