//! Objects to measure with: made by the library's own writer, so that every machine has the same.

use std::fmt::Write as _;

use bpf_asm::{ByteOrder, Code};
use bpf_btf::{
    Btf, BtfBuilder, Definition, FuncLinkage, NewMember, NewParam, NewSectionEntry, TypeId,
    VarLinkage,
};
use bpf_elf::spec::{
    CollectionSpec, CoreKind, CoreRelocation, Function, LineInfo, Linkage, MapContents, MapSpec,
    VariableSpec,
};
use bpf_sys::abi::{MapType, ProgramType};

/// The types that the code of an object names.
struct Types {
    builder: BtfBuilder,
    int: TypeId,
    prototype: TypeId,
    file: u32,
}

impl Types {
    fn new() -> Self {
        let mut builder = BtfBuilder::new();
        let int = Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false };
        let int = builder.add(&int).unwrap();
        let params = [NewParam::new("n", int)];
        let prototype = Definition::FuncProto { return_type: int, params: &params };
        let prototype = builder.add(&prototype).unwrap();
        let file = builder.add_string("/src/generated.bpf.c").unwrap();
        Self { builder, int, prototype, file }
    }

    /// Gives a function its type, and a line to each `step` slots that begins an instruction.
    fn describe(&mut self, function: &mut Function, linkage: FuncLinkage, step: usize) {
        let (name, prototype) = (function.name.as_str(), self.prototype);
        let id = self.builder.add(&Definition::Func { name, prototype, linkage }).unwrap();
        function.type_id = Some(id.get());
        let mut second = false;
        for (slot, found) in function.slots.iter().enumerate() {
            let within = std::mem::replace(&mut second, found.is_ld_imm64());
            if within || slot % step != 0 {
                continue;
            }
            let line = u32::try_from(slot).unwrap() + 1;
            // As in sources, many lines have a text that others have too.
            let text = format!("\tvalue += lookup(&table, key, {});", line % 512);
            let line_text = self.builder.add_string(&text).unwrap();
            function.line_infos.push(LineInfo {
                slot,
                file_name: self.file,
                line_text,
                line,
                column: 9,
            });
        }
    }

    /// The object, with a variable of each of these names and sizes in `.rodata`.
    fn finish(mut self, mut spec: CollectionSpec, variables: &[(String, u32)]) -> Vec<u8> {
        let size = variables.iter().map(|(_, size)| size).sum();
        let mut map = MapSpec::new(".rodata", MapType::ARRAY, 4, size, 1);
        ".rodata".clone_into(&mut map.section);
        map.contents = MapContents::Bytes(vec![7; usize::try_from(size).unwrap()]);
        map.flags = bpf_sys::abi::MapFlags::RDONLY_PROG | bpf_sys::abi::MapFlags::MMAPABLE;
        map.freeze = true;
        let mut entries = Vec::new();
        let mut offset = 0;
        for (name, size) in variables {
            let len = size / 4;
            let array = Definition::Array { element: self.int, index: self.int, len };
            let target = self.builder.add(&array).unwrap();
            let linkage = VarLinkage::Global;
            let id = self.builder.add(&Definition::Var { name, target, linkage }).unwrap();
            entries.push(NewSectionEntry::new(id, offset, *size));
            let mut variable = VariableSpec::new(name, ".rodata", offset, *size);
            variable.constant = true;
            variable.type_id = target.get();
            spec.variables.insert(name.as_str(), variable);
            offset += size;
        }
        let section = Definition::Datasec { name: ".rodata", size, entries: &entries };
        let id = self.builder.add(&section).unwrap();
        map.value_type = Some(bpf_elf::spec::TypeRef::new(id.get(), ".rodata"));
        spec.maps.insert(".rodata", map);
        let order = match spec.byte_order {
            ByteOrder::Little => bpf_btf::ByteOrder::Little,
            ByteOrder::Big => bpf_btf::ByteOrder::Big,
        };
        let btf = Btf::parse(self.builder.write(order).unwrap()).unwrap();
        // Names of types follow from the BTF when the object is read.
        for variable in spec.variables.values_mut() {
            let id = TypeId::new(variable.type_id);
            variable.type_name = Some(btf.display_name(id).to_string());
        }
        spec.set_btf(Some(btf));
        spec.write_elf().unwrap()
    }
}

fn maps(spec: &mut CollectionSpec, count: usize) {
    for number in 0..count {
        let name = format!("table_{number}");
        let mut map = MapSpec::new(&name, MapType::HASH, 4, 16, 1024);
        ".maps".clone_into(&mut map.section);
        spec.maps.insert(name, map);
    }
}

/// Code with `references` loads of maps and values, each with some work around it.
fn body(references: usize, seed: usize, map_count: usize) -> String {
    let mut text = String::new();
    for at in 0..references {
        let number = (seed * 7 + at) % map_count;
        if at % 4 == 3 {
            let offset = number * 4;
            writeln!(text, "r1 = map[.rodata][0]+{offset} ll\nr3 = *(u32 *)(r1 +0)\nr0 += r3")
        } else {
            writeln!(text, "r1 = map[table_{number}] ll\nr2 = {at}\nr0 += r2")
        }
        .unwrap();
    }
    text
}

/// 300 programs in three sections, 600 functions, 60 maps and 18,000 relocations, with line information: 1.2 MB.
pub(crate) fn big(order: ByteOrder) -> Vec<u8> {
    objects(order, 300, 600, 20)
}

/// The same kind of object with other numbers; `references` of each function.
pub(crate) fn objects(
    order: ByteOrder,
    programs: usize,
    functions: usize,
    references: usize,
) -> Vec<u8> {
    const MAPS: usize = 60;
    let mut spec = CollectionSpec::new(order);
    "GPL".clone_into(&mut spec.license);
    maps(&mut spec, MAPS);
    let mut types = Types::new();
    for number in 0..functions {
        let text = format!("<part_{number}>:\nr0 = 0\n{}exit", body(references, number, MAPS));
        spec.add_functions(&Code::assemble(&text).unwrap()).unwrap();
        let function = spec.functions.get_mut(&format!("part_{number}")).unwrap();
        ".text".clone_into(&mut function.section);
        function.linkage = Linkage::Global;
        types.describe(function, FuncLinkage::Global, 4);
    }
    for number in 0..programs {
        // Two calls are references too.
        let callees = [number * 2, number * 2 + 1].map(|callee| callee % functions.max(1));
        let calls: String = callees.map(|callee| format!("call part_{callee}\n")).concat();
        let calls = if functions == 0 { "" } else { &calls };
        let text = format!("r0 = 0\n{calls}{}exit", body(references - 2, number, MAPS));
        let (section, kind) = [
            ("xdp", ProgramType::XDP),
            ("tc", ProgramType::SCHED_CLS),
            ("socket", ProgramType::SOCKET_FILTER),
        ][number % 3];
        let code = Code::assemble(&text).unwrap();
        let program = spec.add_program(&format!("entry_{number}"), kind, &code).unwrap();
        section.clone_into(&mut program.section);
        section.clone_into(&mut program.function.section);
        program.function.linkage = Linkage::Global;
        if kind == ProgramType::XDP {
            program.attach_type = Some(bpf_sys::abi::AttachType::XDP);
            program.attach_type_optional = true;
        }
        types.describe(&mut program.function, FuncLinkage::Global, 4);
    }
    types.finish(spec, &[("numbers".to_owned(), u32::try_from(MAPS * 4).unwrap())])
}

/// One program of 100,000 slots with 600 references and line information, as loops that a compiler unrolls make it: 1.5 MB.
pub(crate) fn unrolled(order: ByteOrder) -> Vec<u8> {
    let mut spec = CollectionSpec::new(order);
    "GPL".clone_into(&mut spec.license);
    maps(&mut spec, 3);
    let mut text = "r0 = 0\n".to_owned();
    for at in 0..600 {
        writeln!(text, "r1 = map[table_{}] ll", at % 3).unwrap();
        text.push_str(&"r0 += 1\n".repeat(164));
    }
    text.push_str("exit");
    let mut types = Types::new();
    let code = Code::assemble(&text).unwrap();
    let program = spec.add_program("on_event", ProgramType::RAW_TRACEPOINT, &code).unwrap();
    "raw_tp/kfree_skb".clone_into(&mut program.section);
    "raw_tp/kfree_skb".clone_into(&mut program.function.section);
    program.attach_to = Some("kfree_skb".to_owned());
    program.function.linkage = Linkage::Global;
    types.describe(&mut program.function, FuncLinkage::Global, 2);
    types.finish(spec, &[("limit".to_owned(), 4)])
}

/// A socket filter of an ordinary size, as a source gives it that takes the kernel's types from a header: 5 maps, two sections of
/// variables, 24 CO-RE relocations and line information; most of the 50 kB are the types of which it uses a few members.
pub(crate) fn filter(order: ByteOrder) -> Vec<u8> {
    const TYPES: u32 = 24;
    const MEMBERS: u32 = 56;
    let mut spec = CollectionSpec::new(order);
    "GPL".clone_into(&mut spec.license);
    maps(&mut spec, 5);
    let mut types = Types::new();
    let mut used = Vec::new();
    for number in 0..TYPES {
        let names = (0..MEMBERS).map(|at| format!("member_{at}_of_{number}")).collect::<Vec<_>>();
        let member = |(name, at): (_, u32)| NewMember::new(name, types.int, at * 32);
        let members = names.iter().map(String::as_str).zip(0..).map(member).collect::<Vec<_>>();
        let name = format!("kernel_type_{number}");
        let size = MEMBERS * 4;
        let structure = Definition::Struct { name: &name, size, members: &members };
        let type_id = types.builder.add(&structure).unwrap().get();
        let access = types.builder.add_string(&format!("0:{}", number + 1)).unwrap();
        used.push((type_id, access));
    }
    let mut text = "r6 = r1\n".to_owned();
    for at in 0..TYPES {
        // Adds an offset that depends on the kernel, and looks something up from time to time.
        writeln!(text, "r3 = r6\nr1 = {}\nr3 += r1\nr1 = r10\nr1 += -8\nr2 = 8\ncall 113", at * 4)
            .unwrap();
        match at % 4 {
            0 => writeln!(text, "r1 = map[table_{}] ll\nr2 = r10\nr2 += -8\ncall 1", at % 5),
            1 => writeln!(text, "r1 = map[.rodata][0]+0 ll\nr2 = *(u32 *)(r1 +0)\nr0 += r2"),
            2 => writeln!(text, "r1 = map[.bss][0]+4 ll\n*(u32 *)(r1 +0) = 7\nr0 = 0"),
            _ => writeln!(text, "r7 = r0\nr7 <<= 32\nr7 >>= 32\nr0 = 0"),
        }
        .unwrap();
    }
    text.push_str("r0 = 0\nexit");
    let code = Code::assemble(&text).unwrap();
    let program = spec.add_program("count_by_task", ProgramType::SOCKET_FILTER, &code).unwrap();
    "socket".clone_into(&mut program.section);
    "socket".clone_into(&mut program.function.section);
    program.function.linkage = Linkage::Global;
    let offsets = program.function.slots.iter().enumerate();
    let offsets =
        offsets.filter(|(_, slot)| slot.opcode.byte() == 0xb7 && slot.dst() == bpf_asm::R1);
    let relocations = offsets.zip(&used).map(|((slot, _), (type_id, access))| CoreRelocation {
        slot,
        kind: CoreKind(0),
        type_id: *type_id,
        access: *access,
    });
    program.function.core_relocations = relocations.collect();
    assert_eq!(program.function.core_relocations.len(), used.len());
    types.describe(&mut program.function, FuncLinkage::Global, 2);
    let mut bss = MapSpec::new(".bss", MapType::ARRAY, 4, 16, 1);
    ".bss".clone_into(&mut bss.section);
    bss.contents = MapContents::Zeroed;
    spec.maps.insert(".bss", bss);
    types.finish(spec, &[("only_tgid".to_owned(), 4), ("only_uid".to_owned(), 4)])
}

/// Many functions of a few slots each, without BTF: an object with the least bytes for what it describes. Put together by hand, because the
/// writer gives nothing out that the reader does not take.
pub(crate) fn dense(order: ByteOrder, functions: usize, slots: usize) -> Vec<u8> {
    let exit = Code::assemble("exit").unwrap().slots;
    let code = bpf_asm::encode_slots(&exit.repeat(functions * slots), order);
    let mut strings = b"\0.text\0.symtab\0.strtab\0".to_vec();
    let mut symbols = Numbers { bytes: vec![0; 24], order };
    for number in 0..functions {
        let name = strings.len();
        strings.extend(format!("f{number}\0").bytes());
        // A global function of the first section.
        symbols.put(name, 4).put(0x12, 1).put(0, 1).put(1, 2);
        symbols.put(number * slots * 8, 8).put(slots * 8, 8);
    }
    let parts = [(1, 1, 6, 0, code), (7, 2, 0, 24, symbols.bytes), (15, 3, 0, 0, strings)];
    let mut sections = Numbers { bytes: vec![0; 64], order };
    let mut data = Vec::new();
    for (name, kind, flags, entry, bytes) in parts {
        sections.put(name, 4).put(kind, 4).put(flags, 8).put(0, 8);
        // The symbols' strings are in section 3, and the first global symbol is the second.
        sections.put(64 + data.len(), 8).put(bytes.len(), 8).put(3, 4).put(1, 4);
        sections.put(8, 8).put(entry, 8);
        data.extend(bytes);
        data.resize(data.len().next_multiple_of(8), 0);
    }
    let class = if order == ByteOrder::Little { 1 } else { 2 };
    let mut file = Numbers { bytes: b"\x7fELF\x02".to_vec(), order };
    file.put(class, 1).put(1, 1).put(0, 1).put(0, 8);
    file.put(1, 2).put(247, 2).put(1, 4).put(0, 8).put(0, 8).put(64 + data.len(), 8);
    file.put(0, 4).put(64, 2).put(0, 4).put(64, 2).put(4, 2).put(3, 2);
    file.bytes.extend(data);
    file.bytes.extend(sections.bytes);
    file.bytes
}

/// Numbers one after the other.
struct Numbers {
    bytes: Vec<u8>,
    order: ByteOrder,
}

impl Numbers {
    fn put(&mut self, number: usize, size: usize) -> &mut Self {
        match self.order {
            ByteOrder::Little => self.bytes.extend(&number.to_le_bytes()[..size]),
            ByteOrder::Big => self.bytes.extend(&number.to_be_bytes()[8 - size..]),
        }
        self
    }
}
