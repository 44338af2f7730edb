//! What a program needs, and where control goes in it.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use bpf_asm::{
    Code, ControlFlow, Dot, EdgeKind, FlowError, HelperId, Instruction, IsaVersion, Reference,
    Target,
};
use proptest::prelude::*;

#[test]
fn every_instruction_has_a_version_and_a_first_kernel() {
    use IsaVersion::{V1, V2, V3, V4};
    for (text, version, kernel) in [
        ("r1 += r2", V1, Some((3, 18))),
        ("w1 += 5", V1, Some((3, 18))),
        ("r1 = -r1", V1, Some((3, 18))),
        ("r1 /= r2", V1, Some((3, 18))),
        ("r1 s/= r2", V4, Some((6, 6))),
        ("w1 s%= 3", V4, Some((6, 6))),
        ("r1 = (s8)r2", V4, Some((6, 6))),
        ("r1 = be16 r1", V1, Some((3, 18))),
        ("r1 = bswap16 r1", V4, Some((6, 6))),
        ("r1 = addr_space_cast(r2, 0, 1)", V4, Some((6, 9))),
        ("r1 = *(u32 *)(r2 +0)", V1, Some((3, 18))),
        ("r1 = *(s32 *)(r2 +0)", V4, Some((6, 6))),
        ("r0 = *(u16 *)skb[12]", V1, Some((3, 18))),
        ("*(u32 *)(r2 +0) = 0", V1, Some((3, 18))),
        ("lock *(u64 *)(r1 +0) += r2", V1, Some((3, 18))),
        ("lock *(u64 *)(r1 +0) |= r2", V3, Some((5, 12))),
        ("r2 = atomic64_fetch_add((u64 *)(r1 +0), r2)", V3, Some((5, 12))),
        ("r1 = load_acquire((u8 *)(r2 +0))", V4, Some((6, 15))),
        ("store_release((u8 *)(r1 +0), r2)", V4, Some((6, 15))),
        ("goto +1", V1, Some((3, 18))),
        ("gotol +1", V4, Some((6, 6))),
        ("gotox r1", V4, Some((6, 19))),
        ("may_goto +1", V4, Some((6, 9))),
        ("if r1 s> 0x0 goto +1", V1, Some((3, 18))),
        ("if r1 s< 0x0 goto +1", V2, Some((4, 14))),
        ("if w1 s< 0x0 goto +1", V3, Some((5, 1))),
        ("call bpf_map_lookup_elem#1", V1, Some((3, 19))),
        ("call bpf_ringbuf_output#130", V1, Some((5, 8))),
        ("call unknown#999", V1, None),
        ("call pc+1", V1, Some((4, 16))),
        ("call kfunc[id:1]", V1, Some((5, 13))),
        ("call kfunc[id:1, idx:1]", V1, Some((5, 16))),
        ("callx r1", V1, None),
        ("exit", V1, Some((3, 18))),
        ("r1 = 0x1 ll", V1, Some((3, 18))),
        ("r1 = map[fd:1] ll", V1, Some((3, 18))),
        ("r1 = map[fd:1][0]+0 ll", V1, Some((5, 2))),
        ("r1 = ksym[id:1] ll", V1, Some((5, 10))),
        ("r1 = func[pc+1] ll", V1, Some((5, 13))),
        ("r1 = map[idx:1] ll", V1, Some((5, 14))),
        ("r1 = map[idx:1][0]+0 ll", V1, Some((5, 14))),
    ] {
        let instruction: Instruction = text.parse().unwrap();
        assert_eq!(
            (instruction.isa_version(), instruction.first_kernel()),
            (version, kernel),
            "{text}"
        );
    }
}

#[test]
fn a_program_needs_what_its_instructions_need() {
    let code = Code::assemble(
        "call bpf_ktime_get_ns\ncall 1\ncall 1\ncall kfunc[b]\ncall kfunc[a]\ncall kfunc[b]\nif w1 < 2 goto +0\nexit",
    )
    .unwrap();
    assert_eq!(code.isa_version(), IsaVersion::V3);
    assert!(code.helpers().into_iter().eq([HelperId::MAP_LOOKUP_ELEM, HelperId::KTIME_GET_NS]));
    assert!(code.kfuncs().into_iter().eq(["a", "b"]));
    assert_eq!(code.first_kernel(), Some((5, 13)));
    assert_eq!(Code::assemble("callx r1").unwrap().first_kernel(), None);
    assert_eq!(Code::assemble(".insn 0xff, r0, r0, 0, 0").unwrap().first_kernel(), None);
    assert_eq!(Code::default().isa_version(), IsaVersion::V1);
    assert_eq!(Code::default().first_kernel(), Some((3, 18)));
}

/// Blocks as `start..end`, each with its function and the targets of its edges.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let code = Code::assemble(text).unwrap();
    let flow = ControlFlow::new(&code).unwrap();
    let blocks: Vec<String> = flow
        .blocks
        .iter()
        .map(|block| {
            let edges: Vec<String> = block
                .edges
                .iter()
                .map(|edge| match edge.kind {
                    EdgeKind::Always => format!("{}", edge.target),
                    EdgeKind::Taken => format!("{}?", edge.target),
                    EdgeKind::NotTaken => format!("{}!", edge.target),
                    other => panic!("{other:?}"),
                })
                .collect();
            format!("{} {:?} -> {}", block.function, block.slots, edges.join(" "))
        })
        .collect();
    let blocks: Vec<&str> = blocks.iter().map(|block| block.trim_end()).collect();
    assert_eq!(blocks, expected, "{text}");
}

#[test]
fn blocks_end_at_jumps_and_begin_at_targets() {
    check("", &[]);
    check("exit", &["0 0..1 ->"]);
    check("r0 = 0\ncall 1\nr1 = 0x1 ll\nexit", &["0 0..5 ->"]);
    check("if r1 == 0 goto a\nr0 = 1\na:\nexit", &["0 0..1 -> 2? 1!", "0 1..2 -> 2", "0 2..3 ->"]);
    check("a:\nr0 += 1\nmay_goto a\nexit", &["0 0..2 -> 0? 2!", "0 2..3 ->"]);
    check(
        "goto a\nr0 = 1\na:\ngotol b\nb:\nexit",
        &["0 0..1 -> 2", "0 1..2 -> 2", "0 2..3 -> 3", "0 3..4 ->"],
    );
    check("gotox r1\nexit", &["0 0..1 ->", "0 1..2 ->"]);
    // Nothing follows: the verifier refuses that, the graph shows it.
    check("r0 = 0", &["0 0..1 ->"]);
    check(".insn 0xff, r0, r0, 0, 0\nexit", &["0 0..2 ->"]);
}

#[test]
fn functions_begin_at_names_and_call_targets() {
    check("<a>:\ncall b\nexit\n<b>:\nr0 = 0\nexit", &["0 0..2 ->", "2 2..4 ->"]);
    check("call pc+1\nexit\nr0 = 0\nexit", &["0 0..2 ->", "2 2..4 ->"]);
    check("r1 = func[pc+2] ll\nexit\nexit", &["0 0..3 ->", "3 3..4 ->"]);
    // Open: where it leads is not known.
    check("call elsewhere\nexit", &["0 0..2 ->"]);
}

#[test]
fn control_that_leaves_the_program_is_an_error() {
    for (text, error) in [
        ("goto +1\nexit", FlowError::Outside { slot: 0, target: 2 }),
        ("exit\ngoto -3", FlowError::Outside { slot: 1, target: -1 }),
        ("exit\nif r1 == 0 goto -2", FlowError::Outside { slot: 1, target: 2 }),
        ("call pc+5\nexit", FlowError::Outside { slot: 0, target: 6 }),
        ("goto +1\nr1 = 0x1 ll\nexit", FlowError::InsideLoad { slot: 0, target: 2 }),
    ] {
        assert_eq!(ControlFlow::new(&Code::assemble(text).unwrap()), Err(error), "{text}");
    }
}

#[test]
fn what_is_reachable_follows_the_edges() {
    let code = Code::assemble("if r1 == 0 goto a\ngoto b\nr0 = 1\na:\nexit\nb:\nexit").unwrap();
    let flow = ControlFlow::new(&code).unwrap();
    assert!(flow.reachable(0).into_iter().eq([0, 1, 3, 4]));
    assert!(flow.reachable(2).into_iter().eq([2, 3]));
    assert!(flow.reachable(99).is_empty());
}

#[test]
fn the_graph_reads_as_dot() {
    let code = Code::assemble(
        "<\"a \\\"b\">:\nr1 = map[m] ll\nif r1 == 0 goto out\ncall c\nout:\nexit\n<c>:\nr0 = 0\nexit",
    )
    .unwrap();
    assert_eq!(
        Dot::new(&code).unwrap().to_string(),
        r#"digraph program {
    node [shape=box, fontname=monospace];
    subgraph cluster_0 {
        label="a \"b";
        b0 [label="r1 = map[m] ll\lif r1 == 0x0 goto out\l"];
        b3 [label="call c\l"];
        b4 [label="exit\l"];
    }
    subgraph cluster_5 {
        label="c";
        b5 [label="r0 = 0\lexit\l"];
    }
    b0 -> b4 [label=taken];
    b0 -> b3 [style=dashed];
    b3 -> b4;
}
"#
    );
}

proptest! {
    /// The blocks of any program are the program, and edges lead to blocks.
    #[test]
    fn blocks_cover_the_program(raw in prop::collection::vec((prop::sample::select(vec![
        0x05u8, 0x15, 0x18, 0x85, 0x95, 0xb7, 0xe5, 0x06, 0x00
    ]), -6i16..6, 0u8..5), 0..12)) {
        let slots = raw.iter().map(|(opcode, offset, src)| {
            let bytes = [*opcode, if *opcode == 0x85 || *opcode == 0x18 { src << 4 } else { 0 }, 0, 0, 0, 0, 0, 0];
            let mut slot = bpf_asm::Slot::decode(bytes, bpf_asm::ByteOrder::Little);
            if matches!(*opcode, 0x06 | 0x85 | 0x18 | 0xb7) { slot.imm = (*offset).into() } else { slot.offset = *offset }
            slot
        }).collect();
        let mut code = Code::new(slots);
        code.references.push(Reference::new(0, Target::Call { function: "elsewhere".into() }));
        if let Ok(flow) = ControlFlow::new(&code) {
            let mut next = 0;
            for block in &flow.blocks {
                prop_assert_eq!(block.slots.start, next);
                prop_assert!(block.slots.end > next && block.function <= next);
                next = block.slots.end;
                for edge in &block.edges {
                    prop_assert!(flow.block(edge.target).is_some());
                }
            }
            prop_assert_eq!(next, code.slots.len());
            prop_assert!(Dot::new(&code).is_ok());
        }
    }
}

#[test]
fn an_indirect_jump_goes_to_the_targets_in_its_function() {
    #[track_caller]
    fn check(text: &str, targets: &[usize], expected: Result<&[usize], FlowError>) {
        let code = Code::assemble(text).unwrap();
        let flow = ControlFlow::with_targets(&code, targets.iter().copied());
        let found = flow.map(|flow| {
            let ways = flow.blocks.iter().flat_map(|block| &block.edges);
            let indirect = ways.filter(|edge| edge.kind == EdgeKind::Indirect);
            indirect.map(|edge| edge.target).collect::<Vec<_>>()
        });
        assert_eq!(found, expected.map(<[usize]>::to_vec), "{text}");
    }
    let code = Code::assemble("gotox r1\nexit").unwrap();
    let flow = ControlFlow::with_targets(&code, [1]).unwrap();
    let dot = Dot::with_flow(&code, flow).to_string();
    assert!(dot.contains("b0 -> b1 [style=dotted];"), "{dot}");
    let two = "<f>:\ngotox r1\nexit\nexit\n<g>:\nexit\ngotox r2\nexit";
    check(two, &[], Ok(&[]));
    check(two, &[2, 1, 2], Ok(&[1, 2]));
    check(two, &[1, 2, 3, 5], Ok(&[1, 2, 3, 5]));
    let load = "gotox r1\nr0 = 1 ll\nexit";
    check(load, &[2], Err(FlowError::InsideLoad { slot: 0, target: 2 }));
    check(load, &[9], Err(FlowError::Outside { slot: 0, target: 9 }));
}
