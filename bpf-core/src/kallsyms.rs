//! Addresses of kernel symbols.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader};

/// Where the kernel lists its symbols: `ADDRESS TYPE NAME [MODULE]`.
const KALLSYMS: &str = "/proc/kallsyms";

/// The addresses of these symbols, as far as the kernel has them; 0 where it hides them.
pub(crate) fn read(wanted: &HashSet<&str>) -> io::Result<HashMap<String, u64>> {
    find(BufReader::with_capacity(1 << 16, File::open(KALLSYMS)?), wanted)
}

/// Reads line by line, and stops when all are found.
fn find(mut lines: impl BufRead, wanted: &HashSet<&str>) -> io::Result<HashMap<String, u64>> {
    let mut found = HashMap::new();
    let mut line = Vec::new();
    while found.len() < wanted.len() {
        line.clear();
        if lines.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let Some((name, address)) = parse(&line) else { continue };
        if wanted.contains(name) && !found.contains_key(name) {
            found.insert(name.to_owned(), address);
        }
    }
    Ok(found)
}

/// Name and address of a line.
fn parse(line: &[u8]) -> Option<(&str, u64)> {
    let mut words = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
    let address = u64::from_str_radix(words.next()?, 16).ok()?;
    let kind = words.next()?;
    let name = words.next()?;
    // Data symbols may have a suffix that a compiler added.
    let name =
        if matches!(kind, "d" | "D") { name.split(".llvm.").next().unwrap_or(name) } else { name };
    Some((name, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "ffffffff81000000 T _stext\nffffffff81000010 t local\nffffffff82000000 d table.llvm.123\n\
        ffffffff82000008 T many.llvm.9\nnot a line\n\nffffffffc0000000 T mod_fn\t[mod]\nffffffff81000020 t local\n";

    #[test]
    fn wanted_symbols_are_found_where_they_stand_first() {
        let wanted = HashSet::from(["_stext", "local", "table", "mod_fn", "many", "gone"]);
        let found = find(TEXT.as_bytes(), &wanted).unwrap();
        let mut found: Vec<_> = found.into_iter().collect();
        found.sort();
        let expected = [
            ("_stext", 0xffff_ffff_8100_0000_u64),
            ("local", 0xffff_ffff_8100_0010),
            ("mod_fn", 0xffff_ffff_c000_0000),
            ("table", 0xffff_ffff_8200_0000),
        ];
        assert_eq!(found, expected.map(|(name, address)| (name.to_owned(), address)));
    }

    #[test]
    fn hidden_addresses_are_zero() {
        let found = find(&b"0000000000000000 T f\n"[..], &HashSet::from(["f"])).unwrap();
        assert_eq!(found.get("f"), Some(&0));
    }
}
