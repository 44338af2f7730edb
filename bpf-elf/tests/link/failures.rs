//! What does not go together is told, with the names of the symbol and of both objects.

use bpf_elf::Linker;
use testdata::{Order, part};

#[test]
fn errors_name_the_symbol_and_both_objects() {
    let rows = [
        (
            "other_license",
            "section \"license\" of other_license has another contents than that of first",
        ),
        ("conflict", "symbol \"square\" is defined in first and in conflict"),
        (
            "wrong_variable",
            "symbol \"from_first\" of wrong_variable is not what it is in first: int has 8 bytes instead of 4",
        ),
        (
            "wrong_function",
            "symbol \"square\" of wrong_function is not what it is in first: 2 parameters instead of 1",
        ),
        (
            "wrong_map",
            "symbol \"shared\" of wrong_map is not what it is in first: max_entries is 32 instead of 16",
        ),
        (
            "wrong_value",
            "symbol \"origin\" of wrong_value is not what it is in second: struct point has member \"z\" instead of \"y\", or has it in another place",
        ),
    ];
    for (name, expected) in rows {
        for order in Order::BOTH {
            let linker = ["first", "second", name]
                .into_iter()
                .fold(Linker::new(), |linker, name| linker.add(name, part(name, order)).unwrap());
            assert_eq!(linker.link().unwrap_err().to_string(), expected, "{name}");
        }
    }
}

#[test]
fn objects_of_one_byte_order_are_wanted() {
    let linker = Linker::new().add("first", part("first", Order::Little)).unwrap();
    let error = linker.add("second", part("second", Order::Big)).unwrap_err();
    assert_eq!(error.to_string(), "second is in another byte order than first");
    assert_eq!(Linker::new().link().unwrap_err().to_string(), "no objects to link");
    let error = Linker::new().add("text", *b"text").unwrap_err();
    assert_eq!(error.to_string(), "text: not an ELF file");
}
