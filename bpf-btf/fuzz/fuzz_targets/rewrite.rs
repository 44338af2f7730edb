//! Any bytes as BTF, rewritten: merged, sorted, minimised, distilled. The result is BTF, or there is an error.
#![no_main]

use bpf_btf::{
    Btf, BtfBuilder, BuildError, ByteOrder, Minimizer, Rewritten, dedup, distill, relocate_base, sort_by_name,
};
use libfuzzer_sys::fuzz_target;

fn read(builder: &BtfBuilder) -> Btf {
    let written = builder.write(ByteOrder::Little).expect("what was rewritten can be written");
    Btf::parse(written).expect("what was written can be read")
}

/// No old type has a number that the new ones do not have.
fn check(before: &Btf, rewritten: &Rewritten) -> Btf {
    let after = read(&rewritten.builder);
    for (id, old) in before.types() {
        let Some(new) = rewritten.ids.get(id) else { continue };
        let new = after.get(new).expect("a type that exists");
        assert_eq!(old.name(), new.name(), "{id} became another type");
    }
    after
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(btf) = Btf::parse_trusted(bytes.to_vec()) else { return };
    if let Err(error) = btf.validate() {
        let source = BuildError::Source(error);
        assert_eq!(dedup(&btf).err(), Some(source.clone()));
        assert_eq!(sort_by_name(&btf).err(), Some(source.clone()));
        assert_eq!(Minimizer::new(&btf).finish().err(), Some(source));
        for (id, _) in btf.types() {
            let _ = (btf.post_order(id).count(), btf.type_hash(id));
        }
        return;
    }
    if let Ok(merged) = dedup(&btf) {
        let after = check(&btf, &merged);
        assert!(after.len() <= btf.len(), "merging makes more of them");
        // What a structure stands for may only be seen once its parts are merged: again it is no more.
        let again = dedup(&after).expect("what was merged can be merged");
        assert!(check(&after, &again).len() <= after.len());
    }
    if let Ok(sorted) = sort_by_name(&btf) {
        assert_eq!(check(&btf, &sorted).len(), btf.len());
    }
    let mut minimizer = Minimizer::new(&btf);
    for (id, _) in btf.types().step_by(3) {
        minimizer.keep(id);
        assert!(btf.types_equal(id, &btf, id), "{id} is not equal to itself");
    }
    if let Ok(small) = minimizer.finish() {
        check(&btf, &small);
    }
    // The same bytes on top of themselves: the names of the second are those of the first.
    let Ok(split) = Btf::parse_split(bytes.to_vec(), &btf) else { return };
    let Ok(distilled) = distill(&split) else { return };
    let written = distilled.split.write(ByteOrder::Little).expect("what was distilled is written");
    let again = Btf::parse_split(written, &distilled.base).expect("and can be read");
    let _ = relocate_base(&again, &btf).map(|builder| builder.write(ByteOrder::Little));
});
