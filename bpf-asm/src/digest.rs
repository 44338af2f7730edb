//! The two hashes of program tags (FIPS 180-4).

/// State before the first block of SHA-256: fractions of the square roots of the first primes.
const SHA256_INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// Round constants of SHA-256: fractions of the cube roots of the first primes.
const SHA256_ROUNDS: [u32; 64] = [
    0x428a_2f98,
    0x7137_4491,
    0xb5c0_fbcf,
    0xe9b5_dba5,
    0x3956_c25b,
    0x59f1_11f1,
    0x923f_82a4,
    0xab1c_5ed5,
    0xd807_aa98,
    0x1283_5b01,
    0x2431_85be,
    0x550c_7dc3,
    0x72be_5d74,
    0x80de_b1fe,
    0x9bdc_06a7,
    0xc19b_f174,
    0xe49b_69c1,
    0xefbe_4786,
    0x0fc1_9dc6,
    0x240c_a1cc,
    0x2de9_2c6f,
    0x4a74_84aa,
    0x5cb0_a9dc,
    0x76f9_88da,
    0x983e_5152,
    0xa831_c66d,
    0xb003_27c8,
    0xbf59_7fc7,
    0xc6e0_0bf3,
    0xd5a7_9147,
    0x06ca_6351,
    0x1429_2967,
    0x27b7_0a85,
    0x2e1b_2138,
    0x4d2c_6dfc,
    0x5338_0d13,
    0x650a_7354,
    0x766a_0abb,
    0x81c2_c92e,
    0x9272_2c85,
    0xa2bf_e8a1,
    0xa81a_664b,
    0xc24b_8b70,
    0xc76c_51a3,
    0xd192_e819,
    0xd699_0624,
    0xf40e_3585,
    0x106a_a070,
    0x19a4_c116,
    0x1e37_6c08,
    0x2748_774c,
    0x34b0_bcb5,
    0x391c_0cb3,
    0x4ed8_aa4a,
    0x5b9c_ca4f,
    0x682e_6ff3,
    0x748f_82ee,
    0x78a5_636f,
    0x84c8_7814,
    0x8cc7_0208,
    0x90be_fffa,
    0xa450_6ceb,
    0xbef9_a3f7,
    0xc671_78f2,
];

const SHA1_INITIAL: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];

/// Bytes of a block, in both.
const BLOCK: usize = 64;

/// Where the length of the message is in the last block.
const LENGTH_AT: usize = 56;

/// The words of a block.
type Words = [u32; 16];

fn words(block: &[u8]) -> Words {
    let mut words = [0; 16];
    for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
        *word = bytes.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
    }
    words
}

/// A word for each round: those of the block, then what `next` makes of the sixteen before it.
fn schedule<const ROUNDS: usize>(block: Words, next: impl Fn(&Words) -> u32) -> [u32; ROUNDS] {
    let mut schedule = [0; ROUNDS];
    for (word, from) in schedule.iter_mut().zip(block) {
        *word = from;
    }
    for round in block.len()..ROUNDS {
        let (before, rest) = schedule.split_at_mut(round);
        if let (Some(before), Some(word)) = (before.last_chunk(), rest.first_mut()) {
            *word = next(before);
        }
    }
    schedule
}

/// The end of a message of so many bytes, in one block or two: what is left of it, a one bit, zeros, and the length in bits.
fn last_blocks(rest: &[u8], bytes: u64, mut block: impl FnMut(Words)) {
    let mut padded = [0; 2 * BLOCK];
    for (byte, from) in padded.iter_mut().zip(rest.iter().chain(&[0x80])) {
        *byte = *from;
    }
    let length = bytes.wrapping_mul(8).to_be_bytes();
    let (first, second) = padded.split_at_mut(BLOCK);
    let is_one = rest.len() < LENGTH_AT;
    let last = if is_one { &mut *first } else { &mut *second };
    if let Some(end) = last.last_chunk_mut() {
        *end = length;
    }
    block(words(first));
    if !is_one {
        block(words(second));
    }
}

/// The first bytes of a state.
fn leading<const N: usize>(state: &[u32]) -> [u8; N] {
    let mut bytes = [0; N];
    for (byte, from) in bytes.iter_mut().zip(state.iter().flat_map(|word| word.to_be_bytes())) {
        *byte = from;
    }
    bytes
}

fn add<const N: usize>(state: [u32; N], other: [u32; N]) -> [u32; N] {
    let mut sum = state;
    for (sum, other) in sum.iter_mut().zip(other) {
        *sum = sum.wrapping_add(other);
    }
    sum
}

/// SHA-256 (FIPS 180-4) of a message that comes in pieces.
///
/// The kernel's hash of programs, and a digest for whoever has no other at hand. It is not fast, and makes no promise about timing.
///
/// ```
/// use bpf_asm::Sha256;
///
/// let mut digest = Sha256::new();
/// digest.update(b"a");
/// digest.update(b"bc");
/// assert_eq!(digest.finish()[..4], [0xba, 0x78, 0x16, 0xbf]);
/// ```
#[derive(Clone, Debug)]
pub struct Sha256 {
    state: [u32; 8],
    /// What does not fill a block yet, at the beginning.
    rest: [u8; BLOCK],
    bytes: u64,
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

impl Sha256 {
    /// The digest of nothing, so far.
    pub const fn new() -> Self {
        Self { state: SHA256_INITIAL, rest: [0; BLOCK], bytes: 0 }
    }

    /// What does not fill a block yet, and the place of what is missing.
    fn rest(&mut self) -> (&mut [u8], &mut [u8]) {
        let filled = usize::try_from(self.bytes % 64).unwrap_or_default();
        self.rest.split_at_mut(filled)
    }

    /// The message goes on.
    pub fn update(&mut self, message: &[u8]) {
        let (_, missing) = self.rest();
        let (head, message) = message.split_at(missing.len().min(message.len()));
        let is_whole = head.len() == missing.len();
        put(missing, head);
        let count = head.len().saturating_add(message.len());
        self.bytes = self.bytes.wrapping_add(u64::try_from(count).unwrap_or_default());
        if is_whole {
            sha256_block(&mut self.state, words(&self.rest));
            let blocks = message.chunks_exact(BLOCK);
            put(&mut self.rest, blocks.remainder());
            for block in blocks {
                sha256_block(&mut self.state, words(block));
            }
        }
    }

    /// The digest of the whole message.
    pub fn finish(mut self) -> [u8; 32] {
        let (mut state, bytes) = (self.state, self.bytes);
        let (rest, _) = self.rest();
        last_blocks(rest, bytes, |block| sha256_block(&mut state, block));
        leading(&state)
    }
}

/// Writes bytes to the beginning of a place that is large enough for them.
fn put(place: &mut [u8], bytes: &[u8]) {
    if let Some(place) = place.get_mut(..bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

/// One block more.
#[expect(clippy::many_single_char_names, reason = "the names of the standard")]
fn sha256_block(state: &mut [u32; 8], block: Words) {
    let words: [u32; 64] = schedule(block, |before| {
        let (w1, w14) = (before[1], before[14]);
        before[0]
            .wrapping_add(w1.rotate_right(7) ^ w1.rotate_right(18) ^ w1 >> 3)
            .wrapping_add(before[9])
            .wrapping_add(w14.rotate_right(17) ^ w14.rotate_right(19) ^ w14 >> 10)
    });
    let mut round_state = *state;
    for (constant, word) in SHA256_ROUNDS.into_iter().zip(words) {
        let [a, b, c, d, e, f, g, h] = round_state;
        let t1 = h
            .wrapping_add(e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25))
            .wrapping_add(e & f ^ !e & g)
            .wrapping_add(constant)
            .wrapping_add(word);
        let t2 = (a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22))
            .wrapping_add(a & b ^ a & c ^ b & c);
        round_state = [t1.wrapping_add(t2), a, b, c, d.wrapping_add(t1), e, f, g];
    }
    *state = add(*state, round_state);
}

/// First eight bytes of the SHA-256 of a message.
pub(crate) fn sha256_head(message: &[u8]) -> [u8; 8] {
    let mut digest = Sha256::new();
    digest.update(message);
    let digest = digest.finish();
    digest.first_chunk().copied().unwrap_or_default()
}

/// First eight bytes of the SHA-1 of a message.
pub(crate) fn sha1_head(message: &[u8]) -> [u8; 8] {
    let mut state = SHA1_INITIAL;
    let blocks = message.chunks_exact(BLOCK);
    let rest = blocks.remainder();
    for block in blocks {
        sha1_block(&mut state, words(block));
    }
    let bytes = u64::try_from(message.len()).unwrap_or_default();
    last_blocks(rest, bytes, |block| sha1_block(&mut state, block));
    leading(&state)
}

#[expect(clippy::many_single_char_names, reason = "the names of the standard")]
fn sha1_block(state: &mut [u32; 5], block: Words) {
    let words: [u32; 80] =
        schedule(block, |before| (before[13] ^ before[8] ^ before[2] ^ before[0]).rotate_left(1));
    let mut round_state = *state;
    for (round, word) in words.into_iter().enumerate() {
        let [a, b, c, d, e] = round_state;
        let (mixed, constant) = match round {
            0..20 => (b & c | !b & d, 0x5a82_7999),
            20..40 => (b ^ c ^ d, 0x6ed9_eba1),
            40..60 => (b & c | b & d | c & d, 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6_u32),
        };
        let t = a
            .rotate_left(5)
            .wrapping_add(mixed)
            .wrapping_add(e)
            .wrapping_add(constant)
            .wrapping_add(word);
        round_state = [t, a, b.rotate_left(30), c, d];
    }
    *state = add(*state, round_state);
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// Heads of the digests of the examples in FIPS 180-4, of nothing, and of lengths around a block.
    #[test]
    fn pieces_have_the_digest_of_the_whole() {
        let message: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for piece in [1, 3, 63, 64, 65, 127, 128, 129, 500, 999, 1000] {
            let mut digest = Sha256::new();
            message.chunks(piece).for_each(|piece| digest.update(piece));
            let mut whole = Sha256::default();
            whole.update(&message);
            whole.update(b"");
            assert_eq!(digest.finish(), whole.finish(), "{piece}");
        }
    }

    #[test]
    fn known_messages_have_known_digests() {
        let long = *b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        for (message, sha1, sha256) in [
            (b"".as_slice(), 0xda39_a3ee_5e6b_4b0d, 0xe3b0_c442_98fc_1c14),
            (b"abc".as_slice(), 0xa999_3e36_4706_816a, 0xba78_16bf_8f01_cfea),
            (&long, 0x8498_3e44_1c3b_d26e, 0x248d_6a61_d206_38b8),
            (&[b'a'; 55], 0xc1c8_bbdc_2279_6e28, 0x9f43_90f8_d30c_2dd9),
            (&[b'a'; 56], 0xc2db_330f_6083_854c, 0xb354_39a4_ac6f_0948),
            (&[b'a'; 63], 0x03f0_9f5b_158a_7a8c, 0x7d3e_74a0_5d7d_b15b),
            (&[b'a'; 64], 0x0098_ba82_4b5c_1642, 0xffe0_54fe_7ae0_cb6d),
            (&[b'a'; 119], 0xee97_1065_aaa0_17e0, 0x31eb_a51c_313a_5c08),
            (&[b'a'; 120], 0xf34c_1488_3853_46a5, 0x2f3d_3354_32c7_0b58),
            (&[b'a'; 1000], 0x291e_9a6c_6699_4949, 0x41ed_ece4_2d63_e8d9),
        ] {
            assert_eq!(sha1_head(message), u64::to_be_bytes(sha1), "{} bytes", message.len());
            assert_eq!(sha256_head(message), u64::to_be_bytes(sha256), "{} bytes", message.len());
        }
    }
}
