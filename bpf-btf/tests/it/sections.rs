//! Sections as compilers leave them, and as kernels want them.

use bpf_btf::{Btf, BtfBuilder, BuildError, ByteOrder, SectionLayout, TypeId, VariablePlace};

use crate::asm::{Asm, ORDERS, SIGNED, asm};

/// An object with a `.data` section of 12 bytes.
struct Object;

impl SectionLayout for Object {
    fn section_size(&self, section: &str) -> Option<u32> {
        (section == ".data").then_some(12)
    }

    fn variable(&self, section: &str, variable: &str) -> Option<VariablePlace> {
        match (section, variable) {
            (".data", "late") => Some(VariablePlace::new(8, false)),
            (".data", "early") => Some(VariablePlace::new(0, false)),
            (".data", "hidden") => Some(VariablePlace::new(4, true)),
            _ => None,
        }
    }
}

fn check(
    what: &str,
    before: &Asm,
    change: impl Fn(&mut BtfBuilder) -> Result<(), BuildError>,
    expected: &Result<Asm, BuildError>,
) {
    for order in ORDERS {
        let btf = Btf::parse(before.write(order)).unwrap();
        let mut builder = BtfBuilder::from_btf(&btf);
        match (change(&mut builder), expected) {
            (Ok(()), Ok(after)) => {
                let lines = |btf: &Btf| {
                    btf.types().map(|(_, found)| crate::views::describe(found)).collect::<Vec<_>>()
                };
                let changed = Btf::parse(builder.write(order).unwrap()).unwrap();
                assert_eq!(
                    lines(&changed),
                    lines(&Btf::parse(after.write(ByteOrder::NATIVE)).unwrap()),
                    "{what}"
                );
            }
            (Err(error), Err(expected)) => assert_eq!(error, *expected, "{what}"),
            (result, expected) => {
                assert_eq!(result.is_ok(), expected.is_ok(), "{what}: {result:?}");
            }
        }
    }
}

#[test]
fn sizes_and_offsets_come_from_the_object() {
    let variables = |hidden| {
        asm()
            .int("int", 4, SIGNED)
            .var("late", 1, 1)
            .var("early", 1, 1)
            .var("hidden", 1, hidden)
            .var("own", 1, 0)
    };
    let section = ".data".to_owned();
    let rows = [
        (
            "open offsets are filled in and sorted",
            variables(1).datasec(".data", 0, &[(2, 0, 4), (3, 0, 4), (4, 0, 4)]),
            Ok(variables(0).datasec(".data", 12, &[(3, 0, 4), (4, 4, 4), (2, 8, 4)])),
        ),
        (
            "static variables keep their offset",
            variables(1).datasec(".data", 0, &[(2, 0, 4), (5, 4, 4)]),
            Ok(variables(1).datasec(".data", 12, &[(5, 4, 4), (2, 8, 4)])),
        ),
        (
            "a section that has a size keeps it; a linker left offsets of what was overridden",
            variables(1).datasec(".data", 16, &[(2, 0, 4), (3, 0, 4), (5, 12, 4)]),
            Ok(variables(1).datasec(".data", 16, &[(3, 0, 4), (2, 8, 4), (5, 12, 4)])),
        ),
        (
            "sections of externs are left alone",
            variables(1).var("other", 1, 2).datasec(".ksyms", 0, &[(6, 0, 0)]).datasec(
                ".kconfig",
                0,
                &[(6, 0, 0)],
            ),
            Ok(variables(1).var("other", 1, 2).datasec(".ksyms", 0, &[(6, 0, 0)]).datasec(
                ".kconfig",
                0,
                &[(6, 0, 0)],
            )),
        ),
        (
            "no such section",
            variables(1).datasec(".bss", 0, &[(2, 0, 4)]),
            Err(BuildError::SectionSize { section: ".bss".to_owned() }),
        ),
        (
            "no such symbol",
            variables(1).var("nowhere", 1, 1).datasec(".data", 0, &[(6, 0, 4)]),
            Err(BuildError::VariableOffset {
                section: section.clone(),
                variable: "nowhere".to_owned(),
            }),
        ),
        (
            "not a variable",
            variables(1).datasec(".data", 0, &[(1, 0, 4)]),
            Err(BuildError::NotVariable { section, id: TypeId::new(1) }),
        ),
    ];
    for (what, before, expected) in rows {
        check(what, &before, |builder| builder.fix_sections(&Object), &expected);
    }
}

#[test]
fn ksyms_are_defined_for_loading() {
    let rows = [
        (
            "variables become integers",
            asm().int("int", 4, SIGNED).constant(0).var("jiffies", 2, 2).datasec(
                ".ksyms",
                0,
                &[(3, 0, 0)],
            ),
            asm().int("int", 4, SIGNED).constant(0).var("jiffies", 1, 1).datasec(
                ".ksyms",
                4,
                &[(3, 0, 4)],
            ),
        ),
        (
            "functions get a stand-in and their parameters names",
            asm()
                .int("int", 4, SIGNED)
                .prototype(1, &[("", 1), ("b", 1), ("", 0)])
                .func("one", 2, 2)
                .func("two", 2, 2)
                .var("v", 0, 2)
                .datasec(".ksyms", 0, &[(3, 0, 0), (5, 0, 0), (4, 0, 0)]),
            asm()
                .int("int", 4, SIGNED)
                .prototype(1, &[("dummy_ksym", 1), ("b", 1), ("", 0)])
                .func("one", 2, 1)
                .func("two", 2, 1)
                .var("v", 1, 1)
                .datasec(".ksyms", 12, &[(7, 0, 4), (5, 4, 4), (7, 8, 4)])
                .var("dummy_ksym", 1, 1),
        ),
        (
            "an integer is added when there is none",
            asm().var("v", 0, 2).datasec(".ksyms", 0, &[(1, 0, 0)]),
            asm().var("v", 3, 1).datasec(".ksyms", 4, &[(1, 0, 4)]).int("int", 4, SIGNED),
        ),
        ("nothing to do", asm().int("int", 4, SIGNED), asm().int("int", 4, SIGNED)),
    ];
    for (what, before, after) in rows {
        check(what, &before, BtfBuilder::define_ksyms, &Ok(after));
    }
    let wrong = asm().int("int", 4, SIGNED).datasec(".ksyms", 0, &[(1, 0, 0)]);
    let error = BuildError::NotVariable { section: ".ksyms".to_owned(), id: TypeId::new(1) };
    check("an integer in the section", &wrong, BtfBuilder::define_ksyms, &Err(error));
}
