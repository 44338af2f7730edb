//! Where in a function a probe goes.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The place of a kprobe or uprobe: a function with an offset, or a number that stands for itself.
///
/// As text: `name`, `name+OFFSET` or `NUMBER`, numbers in C notation (`16`, `0x10`, `020`).
///
/// ```
/// use bpf_link::ProbePoint;
///
/// let point: ProbePoint = "do_unlinkat+0x10".parse()?;
/// assert_eq!(point, ProbePoint::symbol("do_unlinkat").plus(16));
/// # Ok::<(), bpf_link::ParseProbePointError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProbePoint {
    /// A function, and bytes from its start.
    #[non_exhaustive]
    Symbol {
        /// The function: a kernel symbol, or a symbol of the executable (`name`, `name@VERSION`, `name@@VERSION`).
        name: String,
        /// Bytes from the function's start to the probed instruction.
        offset: u64,
    },
    /// For a kprobe the address in the kernel, for a uprobe the offset in the file, in bytes.
    Absolute(u64),
}

impl ProbePoint {
    /// The start of a function.
    pub fn symbol(name: impl Into<String>) -> Self {
        ProbePoint::Symbol { name: name.into(), offset: 0 }
    }

    /// A kernel address, or an offset in an executable file.
    pub const fn absolute(value: u64) -> Self {
        ProbePoint::Absolute(value)
    }

    /// The place this many bytes further on. Saturates at the end of the address space.
    #[must_use]
    pub fn plus(self, bytes: u64) -> Self {
        match self {
            ProbePoint::Symbol { name, offset } => {
                ProbePoint::Symbol { name, offset: offset.saturating_add(bytes) }
            }
            ProbePoint::Absolute(value) => ProbePoint::Absolute(value.saturating_add(bytes)),
        }
    }
}

impl fmt::Display for ProbePoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProbePoint::Symbol { name, offset: 0 } => f.write_str(name),
            ProbePoint::Symbol { name, offset } => write!(f, "{name}+{offset:#x}"),
            ProbePoint::Absolute(value) => write!(f, "{value:#x}"),
        }
    }
}

/// Text that is no [`ProbePoint`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParseProbePointError {
    /// Nothing, or nothing before the `+`.
    #[error("`{0}` names no function")]
    Empty(String),
    /// The part after the last `+`, or a text that starts with a digit, is no number.
    #[error("`{0}` is not a number of 64 bits")]
    Number(String),
    /// White space or a control character: no symbol has one.
    #[error("`{0}` holds the character {1:?}")]
    Character(String, char),
}

impl FromStr for ProbePoint {
    type Err = ParseProbePointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| {
            c_number(text).ok_or_else(|| ParseProbePointError::Number(text.to_owned()))
        };
        if let Some(bad) = text.chars().find(|c| c.is_whitespace() || c.is_control()) {
            return Err(ParseProbePointError::Character(text.to_owned(), bad));
        }
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            return Ok(ProbePoint::Absolute(number(text)?));
        }
        let (name, offset) = match text.rsplit_once('+') {
            Some((name, offset)) => (name, number(offset)?),
            None => (text, 0),
        };
        if name.is_empty() {
            return Err(ParseProbePointError::Empty(text.to_owned()));
        }
        Ok(ProbePoint::Symbol { name: name.to_owned(), offset })
    }
}

/// An unsigned number in C notation: decimal, `0x` hexadecimal, or octal with a leading zero.
fn c_number(text: &str) -> Option<u64> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    // `from_str_radix` takes a sign, C's digits have none.
    if digits.starts_with(['+', '-']) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<ProbePoint, ParseProbePointError>) {
        assert_eq!(text.parse(), expected, "{text:?}");
        if let Ok(point) = expected {
            assert_eq!(point.to_string().parse(), Ok(point), "{text:?} through Display");
        }
    }

    #[test]
    fn text_is_a_function_an_offset_in_it_or_a_number() {
        let symbol = |name: &str, offset| Ok(ProbePoint::symbol(name).plus(offset));
        for (text, expected) in [
            ("do_unlinkat", symbol("do_unlinkat", 0)),
            ("f+16", symbol("f", 16)),
            ("f+0x10", symbol("f", 16)),
            ("f+0X10", symbol("f", 16)),
            ("f+020", symbol("f", 16)),
            ("f+0", symbol("f", 0)),
            ("f.isra.0+1", symbol("f.isra.0", 1)),
            ("operator+", Err(ParseProbePointError::Number(String::new()))),
            // The last `+` counts: mangled names may hold one.
            ("a+b+1", symbol("a+b", 1)),
            ("malloc@@GLIBC_2.2.5+4", symbol("malloc@@GLIBC_2.2.5", 4)),
            ("0x401000", Ok(ProbePoint::absolute(0x40_1000))),
            ("4096", Ok(ProbePoint::absolute(4096))),
            ("0", Ok(ProbePoint::absolute(0))),
            ("0xffffffffffffffff", Ok(ProbePoint::absolute(u64::MAX))),
        ] {
            check(text, expected);
        }
    }

    #[test]
    fn other_text_is_refused_with_the_part_that_is_wrong() {
        let number = |text: &str| ParseProbePointError::Number(text.to_owned());
        for (text, error) in [
            ("", ParseProbePointError::Empty(String::new())),
            ("+1", ParseProbePointError::Empty("+1".to_owned())),
            ("f+", number("")),
            ("f+x", number("x")),
            ("f+-1", number("-1")),
            ("f+0x", number("0x")),
            ("f+08", number("08")),
            ("1f", number("1f")),
            ("0x10000000000000000", number("0x10000000000000000")),
            ("a b", ParseProbePointError::Character("a b".to_owned(), ' ')),
            ("a\nb", ParseProbePointError::Character("a\nb".to_owned(), '\n')),
            ("a\0", ParseProbePointError::Character("a\0".to_owned(), '\0')),
        ] {
            check(text, Err(error));
        }
    }

    #[test]
    fn adding_stops_at_the_end_of_the_address_space() {
        assert_eq!(ProbePoint::absolute(u64::MAX).plus(1), ProbePoint::absolute(u64::MAX));
    }
}
