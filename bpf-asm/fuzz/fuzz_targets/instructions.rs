//! Any bytes as a program: slots, instructions, text and the analyses, none of which may panic or lose a bit.
#![no_main]

use bpf_asm::{
    ByteOrder, Code, ControlFlow, Dot, Instruction, SLOT_SIZE, Tag, decode_slots, encode_slots,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let Ok(slots) = decode_slots(bytes, order) else {
            assert_ne!(bytes.len() % SLOT_SIZE, 0, "whole slots are refused");
            continue;
        };
        assert_eq!(encode_slots(&slots, order), bytes);
        for rest in (0..slots.len()).filter_map(|start| slots.get(start..)) {
            let Some(instruction) = Instruction::decode(rest) else { continue };
            assert!(rest.starts_with(instruction.encode().as_ref()), "{instruction:?}");
            assert_eq!(instruction.to_string().parse(), Ok(instruction));
            let _ = (instruction.isa_version(), instruction.first_kernel());
        }
        if let Ok(instructions) = Instruction::decode_all(&slots) {
            let again = instructions.iter().flat_map(|(_, one)| one.encode().as_ref().to_vec());
            assert!(again.eq(slots.iter().copied()), "not the same instructions");
        }
        let _ = (Tag::sha1(&slots, order), Tag::sha256(&slots, order));

        let mut code = Code::new(slots);
        let _ = (code.isa_version(), code.first_kernel(), code.helpers(), code.kfuncs());
        if let Ok(flow) = ControlFlow::new(&code) {
            for block in &flow.blocks {
                assert!(block.slots.end <= code.slots.len());
                let _ = flow.reachable(block.slots.start);
            }
            let _ = Dot::new(&code).map(|dot| dot.to_string());
        }
        for _ in 0..2 {
            let text = code.to_string();
            let again = Code::assemble(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
            assert_eq!(again.slots, code.slots, "{text}");
            code.name_jump_targets();
        }
    }
});
