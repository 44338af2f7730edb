//! CO-RE: how much is done for an object and a target that were made to need much.

use bpf_btf::Btf;
use bpf_btf::core::CoreKind::TypeExists;

use crate::asm::ORDERS;
use crate::core::{ints, resolve, short};

/// Every type of the object has the name of every type of the target, but for its flavour.
#[test]
fn there_is_an_end_to_the_candidates_that_are_asked() {
    let flavours = |count: u32| {
        (0..count).fold(ints(), |blob, number| blob.structure(&format!("s___{number}"), 4, &[]))
    };
    let first = Btf::parse(ints().write(ORDERS[0])).unwrap().len();
    let outcome = |count: u32| {
        let target = Btf::parse(flavours(count).write(ORDERS[0])).unwrap();
        let relos = (first..first + count).map(|id| (id, "0", TypeExists)).collect::<Vec<_>>();
        resolve(&flavours(count), &target, &[], ORDERS[0], &relos)
    };
    assert!(outcome(100).iter().all(Result::is_ok));
    let error =
        "type_exists struct s___0: the targets have too many types of the names that are asked for";
    assert_eq!(short(&outcome(2000)[0]), format!("error: {error}"));
}
