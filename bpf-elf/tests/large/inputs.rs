//! The inputs, each for a size in bytes that it roughly has.

use bpf_asm::ByteOrder;

use crate::testing::{Elf, RawSymbol};
use crate::{code, types};

pub(crate) type Input = fn(ByteOrder, usize) -> Vec<u8>;

pub(crate) const INPUTS: [(&str, Input); 37] = [
    ("functions at one slot", code::one_slot),
    ("functions of one name", code::one_name),
    ("functions that call the next", code::chain),
    ("functions that call one", code::star),
    ("programs that call all the rest", code::programs_of_a_chain),
    ("one long function", code::long),
    ("a function of jumps", code::jumps),
    ("sections of code", code::sections),
    ("empty sections", code::empty_sections),
    ("relocations to one map", code::relocations),
    ("relocations of one slot", code::same_relocation),
    ("names that are ends of one string", code::tails),
    ("variables that overlap", code::overlapping),
    ("variables that overlap in zeros", code::overlapping_zeros),
    ("jump tables that overlap", code::jump_tables),
    ("legacy maps", code::legacy_maps),
    ("undefined symbols", code::undefined),
    ("maps", types::maps),
    ("struct_ops values", types::struct_ops),
    ("kernel symbols", types::ksyms),
    ("typedefs of typedefs", types::typedefs),
    ("pointers to pointers", types::pointers),
    ("arrays of arrays", types::arrays),
    ("structures in structures", types::nested),
    ("structures twice in structures", types::doubled),
    ("a circle of structures", types::circle),
    ("structures of one name", types::one_name),
    ("sections of records", types::record_sections),
    ("records of many names", types::records_of_names),
    ("records beside many names", types::records_beside_names),
    ("types of one long name", types::one_long_name),
    ("types of one long name in another script", types::one_long_foreign_name),
    ("types named by ends of one", types::ends_of_a_long_name),
    ("types named by ends of one in another script", types::ends_of_a_long_foreign_name),
    ("lines of one long text", types::one_long_line),
    ("lines that are ends of one text", types::ends_of_a_long_line),
    ("relocations of types", types::core),
];

/// Adds a symbol without a search for its section, which is that of this index.
pub(crate) fn symbol(elf: &mut Elf, name: String, section: usize, place: (u64, u64), info: u8) {
    let section = Some(u16::try_from(section).unwrap());
    let (value, size) = place;
    elf.symbols.push(RawSymbol { name, section, value, size, info, hidden: false });
}
