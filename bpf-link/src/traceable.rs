//! The kernel functions that can be traced, by pattern.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use crate::error::{Error, ErrorKind};
use crate::glob;
use crate::tracefs::Tracefs;

/// What a pattern found, in the form that a kprobe multi link takes without doubt.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Addresses: functions of the same name are different ones (the list has them since Linux 6.5).
    Addresses(Vec<u64>),
    /// Names that the list holds once. The kernel would refuse all because of one that is not unique.
    Names(Vec<String>),
}

impl Found {
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Found::Addresses(addresses) => addresses.is_empty(),
            Found::Names(names) => names.is_empty(),
        }
    }
}

/// The traceable functions of the kernel and its modules that match.
pub(crate) fn matching(action: &str, pattern: &str) -> Result<Found, Error> {
    let tracefs = Tracefs::find().map_err(|error| error.into_error(action))?;
    let failed = |error: io::Error| {
        Error::from_io(action, error).with_advice(
            "the functions that can be traced are in `available_filter_functions` of the trace file system",
        )
    };
    // Addresses are zero for those who may not see them; then names do.
    if let Ok(file) = File::open(tracefs.path("available_filter_functions_addrs")) {
        let found = addresses(file, pattern.as_bytes()).map_err(failed)?;
        if !found.contains(&0) {
            return Ok(Found::Addresses(found));
        }
    }
    let file = File::open(tracefs.path("available_filter_functions")).map_err(failed)?;
    names(file, pattern.as_bytes()).map(Found::Names).map_err(failed)
}

/// The error of a pattern that nothing matches.
pub(crate) fn nothing(action: &str, pattern: &str) -> Error {
    Error::new(action, ErrorKind::NotFound)
        .with_advice(format!("no traceable kernel function matches `{pattern}`"))
}

/// Lines are `ADDRESS NAME`, in modules followed by `[MODULE]`.
fn addresses(file: impl Read, pattern: &[u8]) -> io::Result<Vec<u64>> {
    let mut found = Vec::new();
    each_line(file, |words| {
        let (Some(address), Some(name)) = (words.next(), words.next()) else { return };
        if glob::matches(pattern, name) {
            let text = std::str::from_utf8(address).unwrap_or_default();
            // 0 stands for an address that cannot be used.
            found.push(u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap_or(0));
        }
    })?;
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Lines are `NAME`, in modules followed by `[MODULE]`.
fn names(file: impl Read, pattern: &[u8]) -> io::Result<Vec<String>> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    each_line(file, |words| {
        let Some(name) = words.next() else { return };
        if !glob::matches(pattern, name) {
            return;
        }
        if let Ok(name) = std::str::from_utf8(name) {
            let count = counts.entry(name.to_owned()).or_default();
            *count = count.saturating_add(1);
        }
    })?;
    Ok(counts.into_iter().filter(|(_, count)| *count == 1).map(|(name, _)| name).collect())
}

fn each_line(
    file: impl Read,
    mut line: impl FnMut(&mut dyn Iterator<Item = &[u8]>),
) -> io::Result<()> {
    let mut file = BufReader::with_capacity(1 << 16, file);
    let mut text = Vec::new();
    while file.read_until(b'\n', &mut text)? != 0 {
        line(&mut text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()));
        text.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_tell_functions_of_one_name_apart() {
        let text = "ffffffff81000010 tcp_a\n\
                    ffffffff81000030 helper\n\
                    ffffffff81000020 helper\n\
                    ffffffffc0000000 tcp_b [tcp_mod]\n\
                    hidden tcp_c\n\
                    only\n";
        for (pattern, expected) in [
            ("tcp_?", vec![0, 0xffff_ffff_8100_0010, 0xffff_ffff_c000_0000]),
            ("helper", vec![0xffff_ffff_8100_0020, 0xffff_ffff_8100_0030]),
            ("none*", vec![]),
        ] {
            assert_eq!(addresses(text.as_bytes(), pattern.as_bytes()).unwrap(), expected);
        }
    }

    #[test]
    fn names_must_be_unique() {
        let text = "tcp_a\nhelper\nhelper [mod]\ntcp_b [tcp_mod]\n";
        for (pattern, expected) in
            [("tcp_*", vec!["tcp_a", "tcp_b"]), ("helper", vec![]), ("*", vec!["tcp_a", "tcp_b"])]
        {
            assert_eq!(names(text.as_bytes(), pattern.as_bytes()).unwrap(), expected, "{pattern}");
        }
    }
}
