//! Any text as a program: what the assembler takes is printed as text that gives the same program.
#![no_main]

use bpf_asm::{Code, LongJumps};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = Code::assemble_with(text, LongJumps::ViaGotol);
    let Ok(code) = Code::assemble(text) else { return };
    let printed = code.to_string();
    match Code::assemble(&printed) {
        Ok(again) => {
            assert_eq!(again.slots, code.slots, "{printed}");
            assert_eq!(again.to_string(), printed);
        }
        Err(error) => panic!("{error}\n{printed}"),
    }
    let mut linked = code.clone();
    if linked.append(code).is_ok() {
        let _ = linked.link();
    }
});
