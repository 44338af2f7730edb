//! What `Btf::check_kernel_rules` says against what the running kernel does with the same blob.

use bpf_btf::{Btf, ByteOrder, KernelRule};
use testdata::{kernel_release, requires};

#[expect(dead_code, reason = "the tests of bpf-btf use all of it")]
#[path = "../../../bpf-btf/tests/it/asm.rs"]
mod asm;
#[path = "../../../bpf-btf/tests/it/kernel_rows.rs"]
mod rows;

/// Loads a blob; on refusal the end of the kernel's log.
fn load(blob: &[u8]) -> Result<(), String> {
    if bpf_sys::btf::load(blob, 0, &mut [], None).is_ok() {
        return Ok(());
    }
    let mut log = vec![0; 1 << 14];
    let Err(error) = bpf_sys::btf::load(blob, 1, &mut log, None) else { return Ok(()) };
    let text = String::from_utf8_lossy(&log).into_owned();
    let last = text.trim_end_matches(['\0', '\n']).lines().next_back().unwrap_or_default();
    Err(format!("{error:?}: {last}"))
}

#[test]
fn the_kernel_agrees_with_every_row() {
    let running = kernel_release();
    let mut asked = 0;
    let mut wrong = Vec::new();
    for row in rows::rows() {
        if running < row.since || running >= row.until {
            continue;
        }
        asked += 1;
        let answer = load(&row.blob.write(ByteOrder::NATIVE));
        if answer.is_ok() != row.broken.is_none() {
            wrong.push(format!("{}: {:?}, the kernel says {answer:?}", row.what, row.broken));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(asked > 100, "{asked} rows");
}

/// Numbers without a pattern (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

#[test]
fn the_kernel_agrees_about_blobs_with_wrong_words() {
    // Before, some of the rules were others.
    if !requires("the rules of BTF that this library knows", (6, 18)) {
        return;
    }
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let blobs = rows::rows().into_iter().filter(|row| row.since <= (6, 18));
    let blobs: Vec<_> = blobs.map(|row| row.blob.write(ByteOrder::NATIVE)).collect();
    let every = asm::every_kind().write(ByteOrder::NATIVE);
    let (mut taken, mut refused) = (0, 0);
    let mut wrong = Vec::new();
    for round in 0..3_000 {
        let mut blob =
            if round % 2 == 0 { every.clone() } else { blobs[random.below(blobs.len())].clone() };
        let types = u32::from_ne_bytes(blob[12..16].try_into().unwrap());
        let words = usize::try_from(types / 4).unwrap();
        if words == 0 {
            continue;
        }
        for _ in 0..=random.below(2) {
            let at = 24 + 4 * random.below(words);
            let word = u32::from_ne_bytes(blob[at..at + 4].try_into().unwrap());
            let changed = match random.below(5) {
                0 => u32::try_from(random.below(24)).unwrap(),
                1 => word.wrapping_add(1),
                2 => word.wrapping_sub(1),
                3 => word ^ 1 << random.below(32),
                _ => u32::try_from(random.below(128)).unwrap(),
            };
            blob[at..at + 4].copy_from_slice(&changed.to_ne_bytes());
        }
        // More than 16 bits of vlen is for newer kernels.
        let Ok(btf) = Btf::parse(blob.clone()) else { continue };
        let ours = btf.check_kernel_rules();
        let answer = load(&blob);
        if answer.is_ok() {
            taken += 1;
        } else {
            refused += 1;
        }
        // Newer kernels no longer ask for the order of type tags.
        let is_order = ours.is_err_and(|broken| broken.rule == KernelRule::TagOrder);
        if is_order && kernel_release() >= (7, 0) {
            continue;
        }
        if answer.is_ok() != ours.is_ok() {
            wrong.push(format!("{round}: {ours:?}, the kernel says {answer:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        taken + refused,
        wrong[..wrong.len().min(30)].join("\n")
    );
    assert!(taken > 300 && refused > 300, "{taken} taken, {refused} refused");
}

#[test]
fn the_kernel_agrees_about_its_own_types() {
    let bytes = std::fs::read("/sys/kernel/btf/vmlinux").unwrap();
    let ours = Btf::parse(bytes.clone()).unwrap().check_kernel_rules();
    let answer = load(&bytes);
    assert_eq!(answer.is_ok(), ours.is_ok(), "{ours:?}, the kernel says {answer:?}");
}
