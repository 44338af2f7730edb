//! A small assembler of BTF blobs. It checks nothing, so that tests can write what is wrong.

use bpf_btf::ByteOrder;

pub(crate) const ORDERS: [ByteOrder; 2] = [ByteOrder::Little, ByteOrder::Big];

pub(crate) const SIGNED: u32 = 1 << 24;
pub(crate) const CHAR: u32 = 1 << 25;
pub(crate) const BOOL: u32 = 1 << 26;

/// Kind flag in `info`.
pub(crate) const FLAG: u32 = 1 << 31;

/// A blob under construction. Types get their ids in the order of the calls, from 1.
#[derive(Clone, Default)]
pub(crate) struct Asm {
    words: Vec<u32>,
    strings: Vec<u8>,
    layout: Vec<u8>,
    /// Where the strings begin; more than 0 for split blobs.
    first_string: u32,
}

pub(crate) fn asm() -> Asm {
    Asm { strings: vec![0], ..Asm::default() }
}

/// A blob on a base whose strings have the given length.
pub(crate) fn split(first_string: u32) -> Asm {
    Asm { first_string, ..Asm::default() }
}

impl Asm {
    pub(crate) fn string(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let offset = self.first_string + u32::try_from(self.strings.len()).unwrap();
        self.strings.extend_from_slice(text.as_bytes());
        self.strings.push(0);
        offset
    }

    pub(crate) fn string_len(&self) -> u32 {
        self.first_string + u32::try_from(self.strings.len()).unwrap()
    }

    /// Words of a record as they are.
    pub(crate) fn words(mut self, words: &[u32]) -> Self {
        self.words.extend_from_slice(words);
        self
    }

    pub(crate) fn head(mut self, name: &str, kind: u32, vlen: u32, size_or_type: u32) -> Self {
        let name = self.string(name);
        self.words(&[name, kind << 24 | vlen, size_or_type])
    }

    pub(crate) fn int(self, name: &str, size: u32, encoding: u32) -> Self {
        self.head(name, 1, 0, size).words(&[encoding | (size * 8)])
    }

    pub(crate) fn ptr(self, target: u32) -> Self {
        self.head("", 2, 0, target)
    }

    pub(crate) fn array(self, element: u32, index: u32, len: u32) -> Self {
        self.head("", 3, 0, 0).words(&[element, index, len])
    }

    /// Members are name, type, bit offset.
    pub(crate) fn composite(
        mut self,
        kind: u32,
        name: &str,
        size: u32,
        members: &[(&str, u32, u32)],
    ) -> Self {
        let count = u32::try_from(members.len()).unwrap();
        self = self.head(name, kind, count, size);
        for &(name, type_id, offset) in members {
            let name = self.string(name);
            self = self.words(&[name, type_id, offset]);
        }
        self
    }

    pub(crate) fn structure(self, name: &str, size: u32, members: &[(&str, u32, u32)]) -> Self {
        self.composite(4, name, size, members)
    }

    pub(crate) fn union(self, name: &str, size: u32, members: &[(&str, u32, u32)]) -> Self {
        self.composite(5, name, size, members)
    }

    /// A structure with the kind flag: members are name, type, bit offset, bitfield width or 0.
    pub(crate) fn bitfields(
        mut self,
        name: &str,
        size: u32,
        members: &[(&str, u32, u32, u32)],
    ) -> Self {
        let count = u32::try_from(members.len()).unwrap();
        self = self.head(name, 4, count | FLAG, size);
        for &(name, type_id, offset, width) in members {
            let name = self.string(name);
            self = self.words(&[name, type_id, width << 24 | offset]);
        }
        self
    }

    pub(crate) fn enumeration(
        mut self,
        name: &str,
        size: u32,
        signed: bool,
        values: &[(&str, i32)],
    ) -> Self {
        let count = u32::try_from(values.len()).unwrap();
        self = self.head(name, 6, count | if signed { FLAG } else { 0 }, size);
        for &(name, value) in values {
            let name = self.string(name);
            self = self.words(&[name, u32::from_ne_bytes(value.to_ne_bytes())]);
        }
        self
    }

    pub(crate) fn enum64(
        mut self,
        name: &str,
        size: u32,
        signed: bool,
        values: &[(&str, u64)],
    ) -> Self {
        let count = u32::try_from(values.len()).unwrap();
        self = self.head(name, 19, count | if signed { FLAG } else { 0 }, size);
        for &(name, value) in values {
            let name = self.string(name);
            self = self.words(&[
                name,
                u32::try_from(value & 0xffff_ffff).unwrap(),
                u32::try_from(value >> 32).unwrap(),
            ]);
        }
        self
    }

    pub(crate) fn fwd(self, name: &str, union: bool) -> Self {
        self.head(name, 7, if union { FLAG } else { 0 }, 0)
    }

    pub(crate) fn typedef(self, name: &str, target: u32) -> Self {
        self.head(name, 8, 0, target)
    }

    pub(crate) fn volatile(self, target: u32) -> Self {
        self.head("", 9, 0, target)
    }

    pub(crate) fn constant(self, target: u32) -> Self {
        self.head("", 10, 0, target)
    }

    pub(crate) fn restrict(self, target: u32) -> Self {
        self.head("", 11, 0, target)
    }

    pub(crate) fn func(self, name: &str, prototype: u32, linkage: u32) -> Self {
        self.head(name, 12, linkage, prototype)
    }

    pub(crate) fn prototype(mut self, result: u32, params: &[(&str, u32)]) -> Self {
        self = self.head("", 13, u32::try_from(params.len()).unwrap(), result);
        for &(name, type_id) in params {
            let name = self.string(name);
            self = self.words(&[name, type_id]);
        }
        self
    }

    pub(crate) fn var(self, name: &str, type_id: u32, linkage: u32) -> Self {
        self.head(name, 14, 0, type_id).words(&[linkage])
    }

    /// Entries are type, offset, size.
    pub(crate) fn datasec(mut self, name: &str, size: u32, entries: &[(u32, u32, u32)]) -> Self {
        self = self.head(name, 15, u32::try_from(entries.len()).unwrap(), size);
        for &(type_id, offset, size) in entries {
            self = self.words(&[type_id, offset, size]);
        }
        self
    }

    pub(crate) fn float(self, name: &str, size: u32) -> Self {
        self.head(name, 16, 0, size)
    }

    pub(crate) fn decl_tag(self, name: &str, target: u32, component: u32) -> Self {
        self.head(name, 17, 0, target).words(&[component])
    }

    pub(crate) fn type_tag(self, name: &str, target: u32) -> Self {
        self.head(name, 18, 0, target)
    }

    /// Adds bytes to the strings as they are.
    pub(crate) fn raw_strings(mut self, bytes: &[u8]) -> Self {
        self.strings.extend_from_slice(bytes);
        self
    }

    /// Entries of the layout section: bytes after the head, bytes per element.
    pub(crate) fn layout(mut self, entries: &[(u8, u8)]) -> Self {
        for &(fixed, element) in entries {
            self.layout.extend_from_slice(&[fixed, element, 0, 0]);
        }
        self
    }

    pub(crate) fn write(&self, order: ByteOrder) -> Vec<u8> {
        let types = self.words.iter().flat_map(|word| u32_bytes(*word, order)).collect::<Vec<_>>();
        let type_len = u32::try_from(types.len()).unwrap();
        let layout_len = u32::try_from(self.layout.len()).unwrap();
        let string_len = u32::try_from(self.strings.len()).unwrap();
        let mut fields = vec![0, type_len, type_len + layout_len, string_len];
        if layout_len > 0 {
            fields.extend([type_len, layout_len]);
        }
        let header_len = u32::try_from(8 + fields.len() * 4).unwrap();
        let mut out = header(order, header_len, &fields);
        out.extend(types);
        out.extend(&self.layout);
        out.extend(&self.strings);
        out
    }
}

/// Magic, version 1, no flags, the header length, and the given fields.
pub(crate) fn header(order: ByteOrder, len: u32, fields: &[u32]) -> Vec<u8> {
    let mut out = match order {
        ByteOrder::Little => vec![0x9f, 0xeb, 1, 0],
        ByteOrder::Big => vec![0xeb, 0x9f, 1, 0],
    };
    out.extend(u32_bytes(len, order));
    out.extend(fields.iter().flat_map(|field| u32_bytes(*field, order)));
    out
}

pub(crate) fn u32_bytes(value: u32, order: ByteOrder) -> [u8; 4] {
    match order {
        ByteOrder::Little => value.to_le_bytes(),
        ByteOrder::Big => value.to_be_bytes(),
    }
}

/// A blob with every kind; the comments give the ids.
pub(crate) fn every_kind() -> Asm {
    asm()
        .int("int", 4, SIGNED) // 1
        .ptr(1) // 2
        .array(1, 1, 3) // 3
        .structure("point", 8, &[("x", 1, 0), ("y", 1, 32)]) // 4
        .union("either", 8, &[("number", 1, 0), ("pointer", 2, 0)]) // 5
        .enumeration("color", 4, true, &[("RED", -1), ("GREEN", 7)]) // 6
        .fwd("opaque", true) // 7
        .typedef("number_t", 1) // 8
        .volatile(1) // 9
        .constant(9) // 10
        .restrict(2) // 11
        .prototype(1, &[("first", 2), ("", 0)]) // 12
        .func("work", 12, 1) // 13
        .var("counter", 1, 1) // 14
        .datasec(".data", 4, &[(14, 0, 4)]) // 15
        .float("double", 8) // 16
        .decl_tag("note", 4, 1) // 17
        .type_tag("user", 1) // 18
        .enum64("wide", 8, false, &[("BIG", 0xffff_ffff_0000_0001)]) // 19
        .bitfields("flags", 4, &[("low", 1, 0, 3), ("high", 1, 3, 29)]) // 20
}
