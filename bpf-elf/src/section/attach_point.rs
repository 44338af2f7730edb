//! What follows the slash of a section name.
use thiserror::Error;

use super::SectionMatch;

/// Why what follows the slash of a section name is no target.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum GrammarError {
    /// A part is missing.
    #[error("section {section:?} should end in {form}")]
    Form {
        /// The section.
        section: String,
        /// What it should end in.
        form: &'static str,
    },
    /// A name or pattern has a character that it cannot have.
    #[error("section {section:?}: {name:?} has a character other than {allowed}")]
    Character {
        /// The section.
        section: String,
        /// The name or pattern.
        name: String,
        /// The characters that it may have.
        allowed: &'static str,
    },
    /// An offset is no number.
    #[error("section {section:?}: offset {offset:?} is not a number")]
    Offset {
        /// The section.
        section: String,
        /// The text after the plus sign.
        offset: String,
    },
    /// The return of a function is at no offset of it.
    #[error("section {section:?}: a return probe has no offset")]
    ReturnOffset {
        /// The section.
        section: String,
    },
}

/// What a section name asks to be attached to, for the program types where it can.
///
/// Patterns know `*` (any text) and `?` (any character) and stand for whole names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttachPoint<'name> {
    /// An instruction of a kernel function, or its return.
    Kprobe {
        /// The function.
        function: &'name str,
        /// Bytes from its start.
        offset: u64,
        /// At its return.
        return_probe: bool,
    },
    /// All kernel functions that fit a pattern.
    KprobeMulti {
        /// The pattern.
        pattern: &'name str,
        /// At their return.
        return_probe: bool,
        /// At both, as one session.
        session: bool,
    },
    /// An instruction of a user-space function, or its return.
    Uprobe {
        /// The executable or library. Without a slash it has to be searched.
        path: &'name str,
        /// The function; or nothing but an offset of the file, as in `0x1234`.
        function: &'name str,
        /// Bytes from its start.
        offset: u64,
        /// At its return.
        return_probe: bool,
    },
    /// All user-space functions of a file that fit a pattern.
    UprobeMulti {
        /// The executable or library.
        path: &'name str,
        /// The pattern.
        pattern: &'name str,
        /// At their return.
        return_probe: bool,
        /// At both, as one session.
        session: bool,
    },
    /// A system call, by its name without the prefix of the architecture.
    Syscall {
        /// The name, as in `openat`.
        name: &'name str,
        /// At its return.
        return_probe: bool,
    },
    /// A statically defined probe of a user-space file.
    Usdt {
        /// The executable or library.
        path: &'name str,
        /// The provider.
        provider: &'name str,
        /// The probe.
        name: &'name str,
    },
    /// A tracepoint, as tracefs lists it.
    Tracepoint {
        /// The category, as in `sched`.
        category: &'name str,
        /// The name, as in `sched_switch`.
        name: &'name str,
    },
    /// A raw tracepoint.
    RawTracepoint {
        /// The name.
        name: &'name str,
    },
    /// A function or hook that BTF describes: see [`BtfTarget`](super::BtfTarget).
    Trace {
        /// `NAME` or `MODULE:NAME`.
        target: &'name str,
    },
    /// All functions that BTF describes and that fit a pattern.
    TraceMulti {
        /// `PATTERN` or `MODULE:PATTERN`.
        pattern: &'name str,
    },
    /// A hook of the Linux security modules.
    Lsm {
        /// The hook.
        hook: &'name str,
    },
    /// An iterator of the kernel.
    Iterator {
        /// What it goes through, as in `task`.
        target: &'name str,
    },
}

impl<'name> AttachPoint<'name> {
    /// What a section name asks for: `None` if it asks for nothing, by a bare name or by one whose target cannot be named.
    ///
    /// libbpf: `attach_kprobe`, `attach_uprobe` and their relatives. Unlike there, `usdt.s/...` is read as well.
    ///
    /// ```
    /// use bpf_elf::section::AttachPoint;
    ///
    /// let point = AttachPoint::of("kprobe/do_exit+0x10")?;
    /// assert_eq!(point, Some(AttachPoint::Kprobe { function: "do_exit", offset: 16, return_probe: false }));
    /// # Ok::<(), bpf_elf::section::GrammarError>(())
    /// ```
    pub fn of(section: &'name str) -> Result<Option<Self>, GrammarError> {
        let Some(found) = SectionMatch::of(section) else { return Ok(None) };
        let Some(target) = found.attach_to else { return Ok(None) };
        let grammar = Grammar { section };
        // Whether a program may sleep changes nothing about its target.
        let kind = found.pattern.strip_suffix(".s").unwrap_or(found.pattern);
        let return_probe = kind.starts_with("kret") || kind.starts_with("uret");
        let session = kind.ends_with(".session");
        let point = match kind {
            "kprobe" | "kretprobe" => {
                let (function, offset) = grammar.function(target, return_probe)?;
                grammar.characters(function, "letters, digits, '_' and '.'", "_.")?;
                Self::Kprobe { function, offset, return_probe }
            }
            "kprobe.multi" | "kretprobe.multi" | "kprobe.session" => {
                grammar.characters(target, "letters, digits, '_', '.', '*' and '?'", "_.*?")?;
                Self::KprobeMulti { pattern: target, return_probe, session }
            }
            "uprobe" | "uretprobe" => {
                let (path, function) = grammar.pair(target, ':', "PATH:FUNCTION")?;
                let (function, offset) = grammar.function(function, return_probe)?;
                Self::Uprobe { path, function, offset, return_probe }
            }
            "uprobe.multi" | "uretprobe.multi" | "uprobe.session" => {
                let (path, pattern) = grammar.pair(target, ':', "PATH:PATTERN")?;
                Self::UprobeMulti { path, pattern, return_probe, session }
            }
            "ksyscall" | "kretsyscall" => Self::Syscall { name: target, return_probe },
            "usdt" => {
                let form = "PATH:PROVIDER:NAME";
                let (path, rest) = grammar.pair(target, ':', form)?;
                let (provider, name) = grammar.pair(rest, ':', form)?;
                Self::Usdt { path, provider, name }
            }
            "tp" | "tracepoint" => {
                let (category, name) = grammar.pair(target, '/', "CATEGORY/NAME")?;
                Self::Tracepoint { category, name }
            }
            "raw_tp" | "raw_tracepoint" | "raw_tp.w" | "raw_tracepoint.w" => {
                Self::RawTracepoint { name: target }
            }
            "fentry.multi" | "fexit.multi" | "fsession.multi" => {
                let allowed = "letters, digits, '_', '.', '*', '?' and ':'";
                grammar.characters(target, allowed, "_.*?:")?;
                Self::TraceMulti { pattern: target }
            }
            "lsm" | "lsm_cgroup" => Self::Lsm { hook: target },
            "iter" => Self::Iterator { target },
            "fentry" | "fexit" | "fmod_ret" | "fsession" | "tp_btf" | "freplace" => {
                Self::Trace { target }
            }
            _ => return Ok(None),
        };
        Ok(Some(point))
    }
}

struct Grammar<'name> {
    section: &'name str,
}

impl<'name> Grammar<'name> {
    /// `LEFT separator RIGHT`, neither of them empty.
    fn pair(
        &self,
        text: &'name str,
        separator: char,
        form: &'static str,
    ) -> Result<(&'name str, &'name str), GrammarError> {
        match text.split_once(separator) {
            Some((left, right)) if !left.is_empty() && !right.is_empty() => Ok((left, right)),
            _ => Err(GrammarError::Form { section: self.section.to_owned(), form }),
        }
    }

    /// `FUNCTION` or `FUNCTION+OFFSET`.
    fn function(
        &self,
        text: &'name str,
        return_probe: bool,
    ) -> Result<(&'name str, u64), GrammarError> {
        let section = || self.section.to_owned();
        let Some((function, digits)) = text.rsplit_once('+') else { return Ok((text, 0)) };
        if function.is_empty() {
            return Err(GrammarError::Form {
                section: section(),
                form: "FUNCTION or FUNCTION+OFFSET",
            });
        }
        let bad = || GrammarError::Offset { section: section(), offset: digits.to_owned() };
        let offset = c_number(digits).ok_or_else(bad)?;
        if return_probe && offset != 0 {
            return Err(GrammarError::ReturnOffset { section: section() });
        }
        Ok((function, offset))
    }

    fn characters(
        &self,
        name: &str,
        allowed: &'static str,
        besides: &str,
    ) -> Result<(), GrammarError> {
        if name.chars().all(|c| c.is_ascii_alphanumeric() || besides.contains(c)) {
            return Ok(());
        }
        let section = self.section.to_owned();
        Err(GrammarError::Character { section, name: name.to_owned(), allowed })
    }
}

/// A number as C writes it: hexadecimal after `0x`, octal after `0`, otherwise decimal.
fn c_number(text: &str) -> Option<u64> {
    let digits = |text: &str, radix| {
        // `from_str_radix` would take a sign.
        let plain = text.chars().all(|c| c.is_ascii_alphanumeric());
        plain.then(|| u64::from_str_radix(text, radix).ok()).flatten()
    };
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => digits(hex, 16),
        None if text.len() > 1 && text.starts_with('0') => digits(text, 8),
        None => digits(text, 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(section: &str, expected: Option<AttachPoint<'_>>) {
        assert_eq!(AttachPoint::of(section), Ok(expected), "{section}");
    }

    #[test]
    fn what_follows_the_slash_is_read_by_kind() {
        use AttachPoint as At;
        let (return_probe, session) = (false, false);
        let rows = [
            ("kprobe/f", At::Kprobe { function: "f", offset: 0, return_probe }),
            ("?kprobe/f+0x1f", At::Kprobe { function: "f", offset: 31, return_probe }),
            ("kprobe/f+010", At::Kprobe { function: "f", offset: 8, return_probe }),
            ("kretprobe/f.cold", At::Kprobe { function: "f.cold", offset: 0, return_probe: true }),
            ("kprobe.multi/a?b*", At::KprobeMulti { pattern: "a?b*", return_probe, session }),
            ("kretprobe.multi/a", At::KprobeMulti { pattern: "a", return_probe: true, session }),
            ("kprobe.session/a", At::KprobeMulti { pattern: "a", return_probe, session: true }),
            ("uprobe/libc:f", At::Uprobe { path: "libc", function: "f", offset: 0, return_probe }),
            (
                "uprobe.s//b/x:f+8",
                At::Uprobe { path: "/b/x", function: "f", offset: 8, return_probe },
            ),
            (
                "uretprobe.multi.s/a:b*",
                At::UprobeMulti { path: "a", pattern: "b*", return_probe: true, session },
            ),
            (
                "uprobe.session/a:b",
                At::UprobeMulti { path: "a", pattern: "b", return_probe, session: true },
            ),
            ("ksyscall/openat", At::Syscall { name: "openat", return_probe }),
            ("kretsyscall/openat", At::Syscall { name: "openat", return_probe: true }),
            ("usdt/a:b:c", At::Usdt { path: "a", provider: "b", name: "c" }),
            ("usdt.s/a:b:c", At::Usdt { path: "a", provider: "b", name: "c" }),
            ("tp/sched/exec", At::Tracepoint { category: "sched", name: "exec" }),
            ("raw_tp.w/x", At::RawTracepoint { name: "x" }),
            ("tp_btf/x", At::Trace { target: "x" }),
            ("fentry/mod:f", At::Trace { target: "mod:f" }),
            ("fexit.multi.s/mod:f*", At::TraceMulti { pattern: "mod:f*" }),
            ("lsm_cgroup/x", At::Lsm { hook: "x" }),
            ("iter.s/task", At::Iterator { target: "task" }),
        ];
        for (section, expected) in rows {
            check(section, Some(expected));
        }
    }

    #[test]
    fn bare_names_and_names_without_target_ask_for_nothing() {
        for section in ["kprobe", "fentry", "xdp", "tc/ingress", "struct_ops/x", "xdp/x", "nobody"]
        {
            check(section, None);
        }
    }

    #[test]
    fn what_is_no_target_is_an_error_that_names_the_section() {
        let rows = [
            (
                "kprobe/f-1",
                "section \"kprobe/f-1\": \"f-1\" has a character other than letters, digits, '_' and '.'",
            ),
            ("kprobe/f+x", "section \"kprobe/f+x\": offset \"x\" is not a number"),
            ("kprobe/f+-1", "section \"kprobe/f+-1\": offset \"-1\" is not a number"),
            ("kprobe/+1", "section \"kprobe/+1\" should end in FUNCTION or FUNCTION+OFFSET"),
            ("kretprobe/f+1", "section \"kretprobe/f+1\": a return probe has no offset"),
            ("uretprobe/a:f+1", "section \"uretprobe/a:f+1\": a return probe has no offset"),
            (
                "kprobe.multi/a[b]",
                "section \"kprobe.multi/a[b]\": \"a[b]\" has a character other than letters, digits, '_', '.', '*' and '?'",
            ),
            (
                "kprobe.session/m:f",
                "section \"kprobe.session/m:f\": \"m:f\" has a character other than letters, digits, '_', '.', '*' and '?'",
            ),
            (
                "fsession.multi.s/m:f-",
                "section \"fsession.multi.s/m:f-\": \"m:f-\" has a character other than letters, digits, '_', '.', '*', '?' and ':'",
            ),
            ("uprobe.multi/a", "section \"uprobe.multi/a\" should end in PATH:PATTERN"),
            ("uprobe/f", "section \"uprobe/f\" should end in PATH:FUNCTION"),
            ("usdt/a:b", "section \"usdt/a:b\" should end in PATH:PROVIDER:NAME"),
            ("tp/sched", "section \"tp/sched\" should end in CATEGORY/NAME"),
        ];
        for (section, message) in rows {
            let error = AttachPoint::of(section).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }
}
