//! The same source compiled for the other byte order.
use bpf_elf::spec::{CollectionSpec, MapContents};

use crate::Object;
use crate::report::{Check, Report};

/// Both specs are the same but for the order of bytes in values.
pub(crate) fn check(report: &mut Report, little: &Object, big: &Object) {
    let name = &little.name;
    let differs = |report: &mut Report, what: &str, how: String| {
        report.differs(Check::Orders, name, what, how);
    };
    let (one, other) = match (&little.spec, &big.spec) {
        (Ok(one), Ok(other)) => (plain(one), plain(other)),
        (Err(_), Err(_)) => return report.equal(Check::Orders),
        (Ok(_), Err(error)) => {
            return differs(report, "-", format!("only the big-endian one is refused: {error}"));
        }
        (Err(error), Ok(_)) => {
            return differs(report, "-", format!("only the little-endian one is refused: {error}"));
        }
    };
    if one == other {
        return report.equal(Check::Orders);
    }
    let programs =
        one.programs.names().filter(|key| one.programs.get(key) != other.programs.get(key));
    let functions =
        one.functions.names().filter(|key| one.functions.get(key) != other.functions.get(key));
    let maps = one.maps.names().filter(|key| one.maps.get(key) != other.maps.get(key));
    let variables =
        one.variables.names().filter(|key| one.variables.get(key) != other.variables.get(key));
    let parts: Vec<_> = programs.chain(functions).chain(maps).chain(variables).take(3).collect();
    differs(report, "-", format!("not the same: {parts:?} and others"));
}

/// Without what only one order can have.
fn plain(spec: &CollectionSpec) -> CollectionSpec {
    let mut spec = spec.clone();
    spec.byte_order = bpf_asm::ByteOrder::Little;
    for map in spec.maps.values_mut() {
        if let MapContents::Bytes(bytes) = &mut map.contents {
            bytes.fill(0);
        }
    }
    spec
}
