//! The same work without a library: the tables of an object in native order walked once, what has to outlive the file copied, and
//! nothing checked but the bounds that safe Rust checks. What these cost hardly anybody can save.

/// What an object holds, by numbers that both sides find.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) functions: u64,
    pub(crate) slots: u64,
    pub(crate) references: u64,
    pub(crate) lines: u64,
    pub(crate) core: u64,
}

impl Facts {
    pub(crate) fn sum(self) -> u64 {
        self.functions + self.slots * 3 + self.references * 5 + self.lines * 7 + self.core * 11
    }
}

fn u16_at(data: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes(data[at..at + 2].try_into().unwrap())
}

fn u32_at(data: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(data[at..at + 4].try_into().unwrap())
}

fn u64_at(data: &[u8], at: usize) -> usize {
    usize::try_from(u64::from_ne_bytes(data[at..at + 8].try_into().unwrap())).unwrap()
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap()
}

struct Section<'a> {
    kind: u32,
    code: bool,
    name: &'a [u8],
    info: usize,
    data: &'a [u8],
}

fn name_at(strings: &[u8], at: usize) -> &[u8] {
    let tail = &strings[at..];
    &tail[..tail.iter().position(|byte| *byte == 0).unwrap()]
}

fn sections(data: &[u8]) -> Vec<Section<'_>> {
    let (table, count) = (u64_at(data, 40), usize::from(u16_at(data, 60)));
    let names = table + usize::from(u16_at(data, 62)) * 64;
    let names = &data[u64_at(data, names + 24)..][..u64_at(data, names + 32)];
    let section = |index: usize| {
        let header = &data[table + index * 64..][..64];
        let kind = u32_at(header, 4);
        let len = if kind == 8 || kind == 0 { 0 } else { u64_at(header, 32) };
        Section {
            kind,
            code: u64_at(header, 8) & 4 != 0,
            name: name_at(names, size(u32_at(header, 0))),
            info: size(u32_at(header, 44)),
            data: &data[u64_at(header, 24)..][..len],
        }
    };
    (0..count).map(section).collect()
}

/// A function with its code and the symbols that its instructions name.
struct Function {
    slots: Vec<u8>,
    references: Vec<(u32, u32)>,
    lines: Vec<[u8; 16]>,
    core: Vec<[u8; 16]>,
}

/// Reads an object in native byte order.
pub(crate) fn read(data: &[u8]) -> Facts {
    let sections = sections(data);
    let symbols = sections.iter().find(|section| section.kind == 2).unwrap().data;
    // Functions, by section and offset.
    let mut places: Vec<(usize, usize, usize)> = Vec::with_capacity(symbols.len() / 24);
    for symbol in symbols.chunks_exact(24) {
        if symbol[4] & 0xf == 2 {
            let section = usize::from(u16_at(symbol, 6));
            places.push((section, u64_at(symbol, 8), u64_at(symbol, 16)));
        }
    }
    places.sort_unstable();
    let mut functions: Vec<Function> = places
        .iter()
        .map(|&(section, offset, len)| Function {
            slots: sections[section].data[offset..offset + len].to_vec(),
            references: Vec::new(),
            lines: Vec::new(),
            core: Vec::new(),
        })
        .collect();
    let first = |section: usize| places.partition_point(|place| place.0 < section);
    for table in sections.iter().filter(|table| table.kind == 9 && sections[table.info].code) {
        let mut at = first(table.info);
        for relocation in table.data.chunks_exact(16) {
            let offset = u64_at(relocation, 0);
            while places[at].1 + places[at].2 <= offset {
                at += 1;
            }
            let symbol = u32_at(relocation, if cfg!(target_endian = "big") { 8 } else { 12 });
            let slot = u32::try_from((offset - places[at].1) / 8).unwrap();
            functions[at].references.push((slot, symbol));
        }
    }
    let find = |name: &[u8]| sections.iter().find(|section| section.name == name);
    if let Some(btf) = find(b".BTF") {
        let owned = btf.data.to_vec();
        let strings = &owned[size(u32_at(&owned, 4) + u32_at(&owned, 16))..];
        std::hint::black_box(types(&owned));
        if let Some(ext) = find(b".BTF.ext") {
            let section_of = |name: u32| {
                let name = name_at(strings, size(name));
                sections.iter().position(|section| section.name == name).unwrap()
            };
            // Lines, then CO-RE.
            for table in [16, 24] {
                let start = size(u32_at(ext.data, 4) + u32_at(ext.data, table));
                let mut rest = &ext.data[start..][..size(u32_at(ext.data, table + 4))];
                rest = rest.get(4..).unwrap_or_default();
                while !rest.is_empty() {
                    let mut at = first(section_of(u32_at(rest, 0)));
                    let len = size(u32_at(rest, 4)) * 16;
                    for record in rest[8..8 + len].chunks_exact(16) {
                        let offset = size(u32_at(record, 0));
                        while places[at].1 + places[at].2 <= offset {
                            at += 1;
                        }
                        let record = record.try_into().unwrap();
                        let function = &mut functions[at];
                        if table == 16 {
                            function.lines.push(record);
                        } else {
                            function.core.push(record);
                        }
                    }
                    rest = &rest[8 + len..];
                }
            }
        }
    }
    let mut facts = Facts::default();
    for function in &functions {
        facts.functions += 1;
        facts.slots += function.slots.len() as u64 / 8;
        facts.references += function.references.len() as u64;
        facts.lines += function.lines.len() as u64;
        facts.core += function.core.len() as u64;
    }
    facts
}

/// Where the types are.
fn types(btf: &[u8]) -> Vec<u32> {
    let types = &btf[size(u32_at(btf, 4) + u32_at(btf, 8))..][..size(u32_at(btf, 12))];
    let mut offsets = Vec::new();
    let mut at = 0;
    while at < types.len() {
        offsets.push(u32::try_from(at).unwrap());
        let info = u32_at(types, at + 4);
        let len = size(info & 0xffff);
        at += 12
            + match info >> 24 & 0x1f {
                1 | 14 | 17 => 4,
                3 => 12,
                4 | 5 | 15 | 19 => 12 * len,
                6 | 13 => 8 * len,
                _ => 0,
            };
    }
    offsets
}
