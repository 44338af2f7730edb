//! What the kernel made of loaded programs, as bpftool prints it: text and bytes of each instruction. Our text of the bytes is
//! bpftool's, and that text read back gives the bytes.
//!
//! Loads the fixtures into the running kernel (root, bpftool, unshare) and attaches nothing. Not part of a plain `cargo test`; run it
//! with `cargo test -p bpf-asm --test xlated`. `BPF_XLATED` names more folders of objects, with a colon between them.
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use bpf_asm::{ByteOrder, Code, Imm64, Instruction, Opcode, Slot, decode_slots};

/// In a file system of its own, which goes when it ends, with all that was pinned there.
const DUMP: &str = r#"
mount -t bpf bpf "$1" || exit 9
bpftool prog loadall "$2" "$1/p" || exit 3
for p in "$1"/p/*; do
    [ -e "$p" ] || continue
    echo "@program ${p##*/}"
    bpftool prog dump xlated pinned "$p" opcodes || exit 4
done
"#;

/// bpftool of Debian 12 is older than these opcodes: signed loads, `bswap`.
const NEWER: [u8; 4] = [0x81, 0x89, 0x91, 0xd7];
/// The register that the kernel's own rewriting uses, which no program can name.
const AUXILIARY: u8 = 11;

/// One instruction: the line of text, and its bytes.
struct Line {
    text: String,
    slots: Vec<Slot>,
}

/// The programs of an object as bpftool dumps them; none if libbpf or the kernel refuses the object.
fn dump(object: &Path) -> BTreeMap<String, Vec<Line>> {
    let folder = std::env::temp_dir().join(format!("bpf-asm-xlated-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", DUMP, "sh"]).arg(&folder).arg(object);
    let output = command.output().expect("unshare");
    std::fs::remove_dir(&folder).expect("an empty folder");
    let errors = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => {}
        Some(3) => return BTreeMap::new(),
        code => panic!("{}: {code:?} {errors}", object.display()),
    }
    let mut programs: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    let mut lines: &mut Vec<Line> = &mut Vec::new();
    for text in String::from_utf8(output.stdout).expect("text").lines() {
        let words: Vec<&str> = text.split_whitespace().collect();
        let bytes: Option<Vec<u8>> = words
            .iter()
            .map(|word| u8::from_str_radix(word, 16).ok().filter(|_| word.len() == 2))
            .collect();
        if let Some(name) = text.strip_prefix("@program ") {
            lines = programs.entry(name.to_owned()).or_default();
        } else if let Some((index, rest)) = text.split_once(": ").filter(|(index, _)| {
            let index = index.trim();
            !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit())
        }) {
            lines.push(Line { text: format!("{}: {rest}", index.trim()), slots: Vec::new() });
        } else if let (Some(bytes), Some(line)) =
            (bytes.filter(|bytes| !bytes.is_empty()), lines.last_mut())
        {
            line.slots = decode_slots(&bytes, ByteOrder::NATIVE).expect("whole slots");
        }
    }
    programs
}

/// What stands in our text where bpftool's has something else: it writes jumps from `pc` and comparisons without a sign, it
/// has the ids of maps where the instruction had descriptors, and it names what is called.
fn as_bpftool_writes(slots: &[Slot]) -> Option<String> {
    let mut slots = slots.to_vec();
    if let [first, second] = slots.as_mut_slice() {
        // The kernel keeps the number of the function where the upper half of a number is.
        if first.is_ld_imm64() && first.src() == bpf_asm::PSEUDO_FUNC {
            second.imm = 0;
        }
    }
    if let [call] = slots.as_mut_slice() {
        // And where it has compiled a call, the distance is in the offset.
        if call.is_pseudo_call() && call.offset != 0 {
            call.imm = i32::from(std::mem::take(&mut call.offset));
        }
    }
    let instruction = Instruction::decode(&slots)?;
    let text = instruction.to_string();
    Some(match instruction {
        Instruction::LdImm64 { dst, value: Imm64::MapFd { fd } } => format!("{dst} = map[id:{fd}]"),
        Instruction::LdImm64 { dst, value: Imm64::MapValue { fd, offset } } => {
            format!("{dst} = map[id:{fd}][0]+{offset}")
        }
        Instruction::LdImm64 { dst, value: Imm64::Function { distance } } => {
            format!("{dst} = subprog[{distance:+}]")
        }
        Instruction::LdImm64 { .. } => text.trim_end_matches(" ll").to_owned(),
        Instruction::Call { .. } | Instruction::CallKfunc { .. } => "call".to_owned(),
        Instruction::CallFunction { distance } => format!("call pc{distance:+}"),
        Instruction::Jump { distance } => format!("goto pc{distance:+}"),
        Instruction::JumpIf { operand, distance, .. } => {
            let (head, _) = text.split_once(" goto")?;
            let head = match operand {
                bpf_asm::Operand::Imm(imm) => {
                    let bits = u32::from_ne_bytes(imm.to_ne_bytes());
                    format!("{} {bits:#x}", head.rsplit_once(' ')?.0)
                }
                bpf_asm::Operand::Register(_) => head.to_owned(),
            };
            format!("{head} goto pc{distance:+}")
        }
        _ => text,
    })
}

/// bpftool's text without index and opcode, and without the names of what is called.
fn without_names(text: &str) -> &str {
    let text = text.split_once(") ").map_or(text, |(_, text)| text);
    if let Some(call) = text.strip_prefix("call ") {
        // `call bpf_map_lookup_elem#196416`: the number is an address by now.
        return if call.starts_with("pc") {
            text.split('#').next().unwrap_or(text)
        } else {
            "call"
        };
    }
    text
}

/// Why an instruction cannot be compared, if it cannot.
fn excuse(line: &Line, first: Slot) -> Option<&'static str> {
    let (opcode, dst, src) = (first.opcode, first.dst(), first.src());
    if line.text.contains("BUG_") {
        assert!(NEWER.contains(&opcode.byte()), "bpftool does not know {}", line.text);
        return Some("newer than bpftool");
    }
    // `gotol`, which it shows as a condition.
    if opcode == Opcode::new(0x06) {
        assert!(line.text.contains(" jmp "), "bpftool knows {}", line.text);
        return Some("newer than bpftool");
    }
    // An inlined bpf_loop: bpftool takes the distance from the offset, where the kernel has none for these.
    if first.is_pseudo_call() && first.offset == 0 && line.text.contains("call pc+0#0x") {
        return Some("a call of the kernel's own");
    }
    // Signed division and sign-extending moves, which it shows as their older relatives, differ from them by the offset.
    let arithmetic = matches!(opcode.byte() & 7, 4 | 7);
    if arithmetic && first.offset != 0 {
        return Some("newer than bpftool");
    }
    if dst.number() == AUXILIARY || (src.number() == AUXILIARY && !first.is_ld_imm64()) {
        return Some("a register of the kernel's own");
    }
    // BPF_PROBE_MEM and its like: modes that the kernel gives to loads, which no program may have.
    (opcode.byte() & 7 <= 3 && opcode.byte() & 0xe0 == 0x20 && opcode != Opcode::new(0x20))
        .then_some("a load of the kernel's own")
}

#[test]
fn loaded_programs_are_written_as_bpftool_writes_them() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/elf");
    let more = std::env::var("BPF_XLATED").unwrap_or_default();
    let folders = more.split(':').filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let order = if ByteOrder::NATIVE == ByteOrder::Little { "-el.o" } else { "-eb.o" };
    let mut total = 0_usize;
    let mut excused: BTreeMap<&str, usize> = BTreeMap::new();
    let mut differ: Vec<String> = Vec::new();
    for folder in std::iter::once(fixtures.clone()).chain(folders) {
        let (mut programs, mut instructions) = (0_usize, 0_usize);
        let mut objects: Vec<PathBuf> = std::fs::read_dir(&folder)
            .expect("objects")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| {
                path.to_string_lossy().ends_with(if folder == fixtures { order } else { ".o" })
            })
            .collect();
        objects.sort();
        for object in &objects {
            for (name, lines) in dump(object) {
                programs = programs.saturating_add(1);
                for line in &lines {
                    let place = format!("{} {name} {}", object.display(), line.text);
                    let first = *line.slots.first().expect(&place);
                    if let Some(reason) = excuse(line, first) {
                        let count = excused.entry(reason).or_default();
                        *count = count.saturating_add(1);
                        continue;
                    }
                    let ours = as_bpftool_writes(&line.slots);
                    if ours.as_deref() != Some(without_names(&line.text)) {
                        differ.push(format!("{place}: {ours:?} {:x?}", line.slots));
                        continue;
                    }
                    instructions = instructions.saturating_add(1);
                    read_back(line, &place);
                }
            }
        }
        let least = if folder == fixtures { (20, 300) } else { (1, 1) };
        let enough = programs >= least.0 && instructions >= least.1;
        assert!(enough, "{}: {programs} programs, {instructions} instructions", folder.display());
        total = total.saturating_add(instructions);
    }
    differ.truncate(20);
    assert!(differ.is_empty(), "{differ:#?}");
    let all: usize = excused.values().sum();
    assert!(all.saturating_mul(4) < total, "too much is excused: {excused:?} beside {total}");
}

/// The line as bpftool wrote it, assembled, is the instruction. Names of calls and ids of maps are not in the text.
fn read_back(line: &Line, place: &str) {
    let names = [") call ", " = map[id:", " = subprog["];
    let named = names.iter().any(|name| line.text.contains(name));
    if !named {
        let code = Code::assemble(&line.text).unwrap_or_else(|error| panic!("{place}: {error}"));
        assert_eq!(code.slots, line.slots, "{place}");
    }
}
