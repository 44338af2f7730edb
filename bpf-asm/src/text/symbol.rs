//! Names in text: bare if they look like one, quoted otherwise.

use alloc::string::String;
use core::fmt;

/// A name as the assembler reads it back.
pub(super) struct Name<'a>(pub(super) &'a str);

/// True for the characters of a name that needs no quotes; digits may not come first.
pub(super) const fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '$' | '@')
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = self.0.chars().all(is_name_char)
            && self.0.chars().next().is_some_and(|c| !c.is_ascii_digit());
        if bare { f.write_str(self.0) } else { Quoted(self.0).fmt(f) }
    }
}

/// A name in quotes, whatever it looks like.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_default())
    }
}

/// Undoes the escapes of a quoted name. `quoted` starts behind the opening quote; gives the name and what
/// follows the closing one.
pub(super) fn unquote(quoted: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => return Some((name, chars.as_str())),
            '\\' => name.push(match chars.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => {
                    let (digits, rest) = chars.as_str().strip_prefix('{')?.split_once('}')?;
                    chars = rest.chars();
                    char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
                }
                c @ ('"' | '\\' | '\'') => c,
                _ => return None,
            }),
            c => name.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn a_name_that_is_quoted_is_read_back() {
        for (name, text) in [
            ("main", "main"),
            (".L1", ".L1"),
            ("a$b@c", "a$b@c"),
            ("", "\"\""),
            ("1st", "\"1st\""),
            ("a b", "\"a b\""),
            ("x@y+0x40", "\"x@y+0x40\""),
            ("quote\" back\\slash\n", "\"quote\\\" back\\\\slash\\n\""),
            ("é\u{1}", "\"\\u{e9}\\u{1}\""),
        ] {
            assert_eq!(format!("{}", Name(name)), text);
            if let Some(quoted) = text.strip_prefix('"') {
                assert_eq!(unquote(&format!("{quoted} rest")), Some((name.into(), " rest")));
            }
        }
    }

    #[test]
    fn a_broken_quotation_is_no_name() {
        for text in ["", "open", "\\", "\\x\"", "\\u{110000}\"", "\\u{zz}\"", "\\u12\""] {
            assert_eq!(unquote(text), None, "{text}");
        }
    }
}
