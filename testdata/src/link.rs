//! Objects that are only whole when they are linked with each other.

use crate::Order;
use crate::objects::{Compiled, find};

macro_rules! parts {
    ($($name:literal,)*) => {
        /// Names of the objects in `bpf/link`, sorted. What each is for stands at the top of its source.
        pub const PARTS: &[&str] = &[$($name),*];

        pub(crate) static TABLE: &[Compiled] = &[$(Compiled {
            name: $name,
            source: include_str!(concat!("../bpf/link/", $name, ".c")),
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

/// What libbpf's linker makes of the parts `first` and `second`: in little-endian order that of `bpftool gen object` (libbpf 1.1), in big-endian
/// order, which it links since 1.6, the newest one.
pub fn linked(order: Order) -> &'static [u8] {
    match order {
        Order::Little => include_bytes!("../elf/link/linked-el.o"),
        Order::Big => include_bytes!("../elf/link/linked-eb.o"),
    }
}

/// The bytes of an object that is only whole when it is linked with another.
///
/// # Panics
///
/// When there is no object with that name.
#[track_caller]
pub fn part(name: &str, order: Order) -> &'static [u8] {
    find(TABLE, name).bytes(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_is_in_the_list() {
        assert_eq!(crate::objects::sources("bpf/link"), PARTS);
    }
}
