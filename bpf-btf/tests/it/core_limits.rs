//! CO-RE: how much is done for an object and a target that were made to need much.

use bpf_btf::core::CoreError;
use bpf_btf::core::CoreKind::TypeExists;
use bpf_btf::{Btf, CoreRelo, Minimizer, TypeId};

use crate::asm::{ORDERS, asm};
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

/// The same for what is kept: each record has as many answers as there are flavours.
#[test]
fn there_is_an_end_to_the_candidates_that_are_kept() {
    let outcome = |count: u32| {
        let flavours = (1..=count)
            .fold(asm(), |blob, number| blob.structure(&format!("s___{number}"), 4, &[]));
        let mut local = flavours.clone();
        let access = local.string("0");
        let relo = |id| CoreRelo::new(0, TypeId::new(id), access, TypeExists.number());
        let relos = (1..=count).map(relo).collect::<Vec<_>>();
        let [local, kernel] =
            [local, flavours].map(|blob| Btf::parse(blob.write(ORDERS[0])).unwrap());
        Minimizer::new(&kernel).keep_for(&local, &relos)
    };
    assert_eq!(outcome(300), Ok(()));
    let access = "struct s___1".to_string();
    assert_eq!(outcome(2000), Err(CoreError::TooManyCandidates { kind: TypeExists, access }));
}
