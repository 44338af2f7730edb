//! What is measured: each row is an object read by the library and by the [`floor`](crate::floor), which must find the same in it.

use std::cell::OnceCell;
use std::hint::black_box;

use bpf_asm::ByteOrder;
use bpf_elf::spec::CollectionSpec;
use testdata::Side;

use crate::floor::{self, Facts};
use crate::objects;

/// One row of the table of targets.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// The ratio of time that is aimed at, if there is one.
    pub(crate) target: Option<f64>,
    /// Made when it is first asked for, so that a process that measures one row makes no other.
    object: OnceCell<Vec<u8>>,
    make: fn() -> Vec<u8>,
}

impl Row {
    /// The object.
    pub(crate) fn object(&self) -> &[u8] {
        self.object.get_or_init(self.make)
    }

    /// Reads the object once, and lets go of it.
    pub(crate) fn work(&self, side: Side) -> u64 {
        let object = black_box(self.object());
        match side {
            Side::Floor => floor::read(object).sum(),
            Side::Ours => facts(&CollectionSpec::parse(object).unwrap()).sum(),
        }
    }
}

fn facts(spec: &CollectionSpec) -> Facts {
    let mut facts = Facts::default();
    let programs = spec.programs.values().map(|program| &program.function);
    for function in programs.chain(spec.functions.values()) {
        facts.functions += 1;
        facts.slots += function.slots.len() as u64;
        // Without those that only have a distance.
        facts.references += function.references.len() as u64;
        facts.lines += function.line_infos.len() as u64;
        facts.core += function.core_relocations.len() as u64;
    }
    facts
}

pub(crate) fn rows() -> Vec<Row> {
    let row = |name, target, make| Row { name, target, object: OnceCell::new(), make };
    vec![
        row("small: counter, 4 maps", Some(5.0), || fixture("counter")),
        row("e2e: a socket filter, 5 maps, 24 CO-RE relocations", Some(5.0), || {
            objects::filter(ByteOrder::NATIVE)
        }),
        row("CO-RE: tracing", None, || fixture("tracing")),
        row("big: 300 programs, 600 functions", Some(5.0), || objects::big(ByteOrder::NATIVE)),
        row("half of big", None, || objects::objects(ByteOrder::NATIVE, 150, 300, 20)),
        row("unrolled: 100,000 slots", Some(2.5), || objects::unrolled(ByteOrder::NATIVE)),
    ]
}

fn fixture(name: &str) -> Vec<u8> {
    testdata::object(name, testdata::Order::NATIVE).to_vec()
}
