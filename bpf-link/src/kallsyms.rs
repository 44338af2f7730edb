//! Whether the kernel has a symbol, for the reason of a failure.

use std::fs::File;
use std::io::{self, BufRead, BufReader};

/// How many symbols of the running kernel have this name (`function` or `module:function`); `None` if the list cannot be read.
pub(crate) fn count(name: &str) -> Option<usize> {
    let file = File::open("/proc/kallsyms").ok()?;
    count_in(BufReader::with_capacity(1 << 16, file), name).ok()
}

/// Lines are `ADDRESS TYPE NAME`, in modules with a tab and `[MODULE]`. Addresses may be hidden, names are not.
fn count_in(mut lines: impl BufRead, name: &str) -> io::Result<usize> {
    let (module, name) = match name.split_once(':') {
        Some((module, name)) => (Some(module), name),
        None => (None, name),
    };
    let mut found: usize = 0;
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? != 0 {
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).skip(2);
        let same = words.next() == Some(name.as_bytes());
        let place = words.next().map(|word| word.strip_prefix(b"[").unwrap_or(word));
        let place = place.map(|word| word.strip_suffix(b"]").unwrap_or(word));
        if same && module.is_none_or(|module| place == Some(module.as_bytes())) {
            found = found.saturating_add(1);
        }
        line.clear();
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_is_found_by_name_and_module() {
        let text = "0000000000000000 T do_exit\n\
                    ffffffff81000010 t helper\n\
                    ffffffff81000020 t helper\n\
                    ffffffffc0000000 t nf_in\t[nf_conntrack]\n\
                    garbage\n\
                    0 T last";
        for (name, expected) in [
            ("do_exit", 1),
            ("do_exi", 0),
            ("helper", 2),
            ("nf_in", 1),
            ("nf_conntrack:nf_in", 1),
            ("other:nf_in", 0),
            ("nf_conntrack:do_exit", 0),
            ("last", 1),
            ("T", 0),
            ("", 0),
        ] {
            assert_eq!(count_in(text.as_bytes(), name).unwrap(), expected, "{name}");
        }
    }
}
