//! Targets with random changes: types that no compiler makes, but that a reader of files meets.
//!
//! They are valid BTF: no id or name points to nowhere. What is not, our reader refuses, where libbpf's lets some of it pass.
use std::fs;
use std::path::Path;

use bpf_btf::Btf;

use crate::Error;

/// The same changes in each run.
const SEED: u64 = 0x62_7066_636f_7265;

/// Numbers that look random (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize {
        let high = usize::try_from(self.next() >> 33).unwrap_or_default();
        high.checked_rem(end).unwrap_or_default()
    }
}

/// Writes variants of a target; the names end with `~` and a number, and `large`.
pub(crate) fn write(target: &str, name: &str, count: usize, folder: &Path) -> Result<(), Error> {
    let bytes = fs::read(target)?;
    let seed = name.bytes().fold(SEED, |seed, byte| seed.rotate_left(7) ^ u64::from(byte));
    let mut random = Random(seed);
    for number in 0..count {
        let variant = loop {
            let mut bytes = bytes.clone();
            let little = bytes.first() == Some(&0x9f);
            let words =
                type_words(&mut bytes, little).ok_or_else(|| format!("{target} is no BTF"))?;
            for _ in 0..=random.below(3) {
                change(words, little, &mut random);
            }
            if let Ok(btf) = Btf::parse(bytes.clone()) {
                break (bytes, if is_large(&btf) { "large" } else { "" });
            }
        };
        let (bytes, large) = variant;
        fs::write(folder.join(format!("{name}~{number}{large}.btf")), &bytes)?;
    }
    Ok(())
}

/// Whether a type is so large that the place of something in it may not fit 32 bits, which libbpf does not look out for.
fn is_large(btf: &Btf) -> bool {
    const LARGE: u64 = 1 << 26;
    btf.types().any(|(id, found)| {
        let far = |member: bpf_btf::Member<'_>| u64::from(member.bit_offset()) >= LARGE * 8;
        let members = found.composite().is_some_and(|composite| composite.members().any(far));
        members || btf.size_of(id).unwrap_or_default() >= LARGE
    })
}

/// The part with the types, 4 bytes at a time.
fn type_words(bytes: &mut [u8], little: bool) -> Option<&mut [[u8; 4]]> {
    let word = |at: usize| usize::try_from(number(*bytes.get(at..)?.first_chunk()?, little)).ok();
    let start = word(4)?.checked_add(word(8)?)?;
    let end = start.checked_add(word(12)?)?;
    let types = bytes.get_mut(start..end)?;
    // Array chunks of slices are newer than the oldest compiler.
    zerocopy::FromBytes::mut_from_bytes(types).ok()
}

fn number(word: [u8; 4], little: bool) -> u32 {
    if little { u32::from_le_bytes(word) } else { u32::from_be_bytes(word) }
}

fn change(words: &mut [[u8; 4]], little: bool, random: &mut Random) {
    let other = words.get(random.below(words.len())).copied().unwrap_or_default();
    let small = u32::try_from(random.below(64)).unwrap_or_default();
    let bit = 1_u32.wrapping_shl(u32::try_from(random.below(32)).unwrap_or_default());
    let at = random.below(words.len());
    let Some(word) = words.get_mut(at) else { return };
    let old = number(*word, little);
    let new = match random.below(4) {
        0 => small,
        1 => number(other, little),
        2 => old.wrapping_add(small).wrapping_sub(32),
        _ => old ^ bit,
    };
    *word = if little { new.to_le_bytes() } else { new.to_be_bytes() };
}
