//! Prints the instructions on standard input (an endianness as argument: `little` or `big`) as text: seeds for the target `text`.
#![forbid(unsafe_code)]

use std::io::Read as _;

use bpf_asm::{ByteOrder, Code, decode_slots};
// What the instrumented library counts with is there.
use libfuzzer_sys as _;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let order = match std::env::args().nth(1).as_deref() {
        Some("big") => ByteOrder::Big,
        _ => ByteOrder::Little,
    };
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes)?;
    let mut code = Code::new(decode_slots(&bytes, order)?);
    code.name_jump_targets();
    print!("{code}");
    Ok(())
}
