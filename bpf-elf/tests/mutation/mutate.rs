//! Mutations of an object: which one follows from the object, its byte order and a number, on every machine.

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;
use std::{env, fmt, fs};

use testdata::{OBJECTS, Order, object};

/// An object in one byte order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) object: Source,
    pub(crate) order: Order,
}

/// Where an object comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A fixture.
    Fixture(&'static str),
    /// A program of the kernel's selftests, in the folder that `BPF_CORPUS` names.
    Corpus(String),
}

/// The folder with the corpus.
pub(crate) const CORPUS: &str = "BPF_CORPUS";

/// What the names of the objects of the corpus begin with here.
const PREFIX: &str = "corpus:";

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = match self.order {
            Order::Little => "little",
            Order::Big => "big",
        };
        match &self.object {
            Source::Fixture(name) => write!(f, "{name}/{order}"),
            Source::Corpus(name) => write!(f, "{PREFIX}{name}/{order}"),
        }
    }
}

impl FromStr for Case {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, order) = text.split_once('/').ok_or("no byte order")?;
        let object = if let Some(name) = name.strip_prefix(PREFIX) {
            Source::Corpus(name.to_owned())
        } else {
            let known = OBJECTS.iter().find(|known| **known == name);
            Source::Fixture(known.ok_or("no such object")?)
        };
        let order = match order {
            "little" => Order::Little,
            "big" => Order::Big,
            _ => return Err("no such byte order".to_owned()),
        };
        Ok(Self { object, order })
    }
}

impl Case {
    /// The object as it is.
    pub(crate) fn bytes(&self) -> Cow<'static, [u8]> {
        match &self.object {
            Source::Fixture(name) => object(name, self.order).into(),
            Source::Corpus(name) => {
                let folder = env::var_os(CORPUS).expect("the folder of the corpus");
                let order = match self.order {
                    Order::Little => "el",
                    Order::Big => "eb",
                };
                let path = Path::new(&folder).join(order).join(name).with_extension("o");
                fs::read(&path).expect("read an object of the corpus").into()
            }
        }
    }

    /// The mutation with this number of the object with these bytes.
    pub(crate) fn mutation(&self, bytes: &[u8], seed: u64) -> Vec<u8> {
        let name = self.to_string();
        let start = name
            .bytes()
            .fold(0, |hash: u64, byte| hash.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte));
        let mut random = Random(start ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut elf = Elf::new(bytes, self.order);
        if random.below(100) == 0 {
            elf.add_symbols(&mut random);
            return elf.bytes;
        }
        match random.below(10) {
            0 | 1 => elf.change_bytes(&mut random, 0..elf.bytes.len()),
            2..=4 => {
                let section = elf.any_section(&mut random);
                elf.change_bytes(&mut random, section);
            }
            5 => elf.change_headers(&mut random),
            6 => elf.truncate(&mut random),
            7 => elf.splice(&mut random, self.order),
            8 => elf.shift(&mut random),
            _ => elf.exchange(&mut random),
        }
        elf.bytes
    }
}

/// `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, or 0 when nothing is below it.
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % (bound.max(1) as u64)).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

/// An object with the places of its sections as they were before the mutation.
struct Elf {
    bytes: Vec<u8>,
    order: Order,
    headers: usize,
    sections: Vec<Range<usize>>,
}

const HEADER: usize = 64;

impl Elf {
    fn new(bytes: &[u8], order: Order) -> Self {
        let mut elf = Self { bytes: bytes.to_vec(), order, headers: 0, sections: Vec::new() };
        elf.headers = elf.number(0x28, 8);
        for section in 0..elf.number(0x3c, 2) {
            let header = elf.headers + section * HEADER;
            let kind = elf.number(header + 4, 4);
            let (start, size) = (elf.number(header + 24, 8), elf.number(header + 32, 8));
            // NOBITS sections have no bytes.
            elf.sections.push(if kind == 8 { start..start } else { start..start + size });
        }
        elf
    }

    /// The number of `size` bytes at an offset.
    fn number(&self, at: usize, size: usize) -> usize {
        let bytes = self.bytes[at..at + size].iter();
        let push = |number: usize, byte: &u8| number << 8 | usize::from(*byte);
        match self.order {
            Order::Big => bytes.fold(0, push),
            Order::Little => bytes.rev().fold(0, push),
        }
    }

    fn set(&mut self, at: usize, size: usize, value: u64) {
        let Some(place) = self.bytes.get_mut(at..at + size) else { return };
        match self.order {
            Order::Big => place.copy_from_slice(&value.to_be_bytes()[8 - size..]),
            Order::Little => place.copy_from_slice(&value.to_le_bytes()[..size]),
        }
    }

    /// The place of a section that has bytes.
    fn any_section(&self, random: &mut Random) -> Range<usize> {
        let filled: Vec<_> = self.sections.iter().filter(|section| !section.is_empty()).collect();
        filled[random.below(filled.len())].clone()
    }

    /// A value near a border, or any.
    fn value(random: &mut Random, old: usize) -> u64 {
        let old = old as u64;
        match random.below(12) {
            0 => 0,
            1 => 1,
            2 => u64::MAX,
            3 => u64::from(u32::MAX),
            4 => 1 << 31,
            5 => (1 << 31) - 1,
            6 => old.wrapping_add(1),
            7 => old.wrapping_sub(1),
            8 => old.wrapping_mul(2),
            9 => old ^ 1 << random.below(64),
            10 => random.next() % 64,
            _ => random.next(),
        }
    }

    /// One to eight bytes, or numbers of two to eight bytes at their natural places.
    fn change_bytes(&mut self, random: &mut Random, place: Range<usize>) {
        let whole = random.below(2) == 0;
        for _ in 0..=random.below(8) {
            let at = place.start + random.below(place.len());
            if whole {
                let size = [2, 4, 4, 8][random.below(4)];
                let at = at / size * size;
                if at + size <= self.bytes.len() {
                    let value = Self::value(random, self.number(at, size));
                    self.set(at, size, value);
                }
            } else if let Some(byte) = self.bytes.get_mut(at) {
                *byte = match random.below(4) {
                    0 => 0,
                    1 => 0xff,
                    2 => *byte ^ 1 << random.below(8),
                    _ => random.byte(),
                };
            }
        }
    }

    /// Fields of the section headers, and of the file header.
    fn change_headers(&mut self, random: &mut Random) {
        const SECTION: [(usize, usize); 10] =
            [(0, 4), (4, 4), (8, 8), (16, 8), (24, 8), (32, 8), (40, 4), (44, 4), (48, 8), (56, 8)];
        const FILE: [(usize, usize); 6] =
            [(0x10, 2), (0x12, 2), (0x28, 8), (0x3a, 2), (0x3c, 2), (0x3e, 2)];
        for _ in 0..=random.below(3) {
            let (at, size) = if random.below(8) == 0 {
                FILE[random.below(FILE.len())]
            } else {
                let (field, size) = SECTION[random.below(SECTION.len())];
                (self.headers + random.below(self.sections.len()) * HEADER + field, size)
            };
            let value = Self::value(random, self.number(at, size));
            self.set(at, size, value);
        }
    }

    fn truncate(&mut self, random: &mut Random) {
        // At the end of a part as often as anywhere.
        let length = match random.below(2) {
            0 => self.any_section(random).end.saturating_sub(random.below(3)),
            _ => random.below(self.bytes.len()),
        };
        self.bytes.truncate(length);
    }

    /// The bytes of a section of any object over those of a section here, as far as both go.
    fn splice(&mut self, random: &mut Random, order: Order) {
        let donor = Self::new(object(OBJECTS[random.below(OBJECTS.len())], order), order);
        let (from, to) = (donor.any_section(random), self.any_section(random));
        let length = from.len().min(to.len());
        self.bytes[to.start..to.start + length]
            .copy_from_slice(&donor.bytes[from.start..from.start + length]);
    }

    /// Bytes put in or taken out, with all that follows shifted.
    fn shift(&mut self, random: &mut Random) {
        let at = random.below(self.bytes.len());
        let count = 1 + random.below(16);
        if random.below(2) == 0 {
            let new: Vec<u8> = (0..count).map(|_| random.byte()).collect();
            self.bytes.splice(at..at, new);
        } else {
            self.bytes.drain(at..(at + count).min(self.bytes.len()));
        }
    }

    /// Two sections take each other's header, or each other's name only.
    fn exchange(&mut self, random: &mut Random) {
        let length = [HEADER, 4][random.below(2)];
        let one = self.headers + random.below(self.sections.len()) * HEADER;
        let other = self.headers + random.below(self.sections.len()) * HEADER;
        for at in 0..length {
            self.bytes.swap(one + at, other + at);
        }
    }

    /// Many more symbols for a thing that has one: with names of their own, or with names that share the bytes of one long string. What a
    /// reader makes of each must not cost more than the file can pay for.
    fn add_symbols(&mut self, random: &mut Random) {
        const SYMBOL: usize = 24;
        let kind = |section: &usize| self.number(self.headers + section * HEADER + 4, 4);
        let Some(table) = (0..self.sections.len()).find(|section| kind(section) == 2) else {
            return;
        };
        let names = self.number(self.headers + table * HEADER + 40, 4);
        let (mut symbols, mut strings) = (
            self.bytes[self.sections[table].clone()].to_vec(),
            self.bytes[self.sections[names].clone()].to_vec(),
        );
        let pattern = random.below(symbols.len() / SYMBOL) * SYMBOL;
        let pattern = symbols[pattern..pattern + SYMBOL].to_vec();
        let count = 16 << random.below(9);
        let shared = random.below(2) == 0;
        for number in 0..count {
            let name = u32::try_from(strings.len()).unwrap_or(0);
            let text = if shared { "x".to_owned() } else { format!("symbol_{number}\0") };
            strings.extend_from_slice(text.as_bytes());
            let name = match self.order {
                Order::Little => name.to_le_bytes(),
                Order::Big => name.to_be_bytes(),
            };
            symbols.extend_from_slice(&name);
            symbols.extend_from_slice(&pattern[4..]);
        }
        strings.push(0);
        for (section, bytes) in [(table, symbols), (names, strings)] {
            let (offset, size) = (self.bytes.len() as u64, bytes.len() as u64);
            self.bytes.extend_from_slice(&bytes);
            self.set(self.headers + section * HEADER + 24, 8, offset);
            self.set(self.headers + section * HEADER + 32, 8, size);
        }
    }
}
