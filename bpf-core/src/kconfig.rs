//! Values of `.kconfig` externs: options of the running kernel's configuration, and a few facts about it (libbpf: E40 to E44).

use bpf_elf::spec::ExternSpec;

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};

/// The configuration of the running kernel.
#[derive(Debug)]
pub(crate) struct Config<'a> {
    context: &'a Context,
    /// The texts, the one that wins first.
    texts: Vec<String>,
}

impl<'a> Config<'a> {
    /// Reads what the system tells, with a text of the caller's before it.
    pub(crate) fn read(context: &'a Context, text: Option<&str>) -> Self {
        let mut texts: Vec<String> = text.map(str::to_owned).into_iter().collect();
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        // Many systems have no such file; what is missing then is told for each option.
        texts.extend(std::fs::read_to_string(format!("/boot/config-{}", release.trim())));
        Self { context, texts }
    }

    /// The bytes of an extern.
    pub(crate) fn value(&self, spec: &ExternSpec) -> Result<Vec<u8>> {
        let fact = match spec.name.as_str() {
            "LINUX_KERNEL_VERSION" => Some(u64::from(self.context.kernel_version()?.code())),
            "LINUX_HAS_BPF_COOKIE" => Some(u64::from(self.context.has_cookies())),
            "LINUX_HAS_SYSCALL_WRAPPER" => Some(u64::from(self.context.has_syscall_wrappers())),
            _ => None,
        };
        let texts: Vec<&str> = self.texts.iter().map(String::as_str).collect();
        value(spec, fact, &texts).map_err(|source| {
            let action = format!("find the value of `{}`", spec.name);
            Error::new(ErrorKind::NotFound, action).with_reason(source.to_string())
        })
    }
}

/// The kernel function of a system call (libbpf: `bpf_program__attach_ksyscall`).
#[cfg(feature = "link")]
pub(crate) fn syscall_symbol(name: &str) -> String {
    let arch = if cfg!(target_arch = "x86_64") {
        "x64"
    } else if cfg!(target_arch = "x86") {
        "ia32"
    } else if cfg!(target_arch = "s390x") {
        "s390x"
    } else if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "riscv"
    };
    if Context::new().has_syscall_wrappers() {
        format!("__{arch}_sys_{name}")
    } else {
        format!("__se_sys_{name}")
    }
}

/// Why an extern has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum KconfigError {
    #[error(
        "`{0}` is not in the kernel's configuration (give its text with `LoadOptions::with_kconfig`)"
    )]
    Missing(String),
    #[error("`{0}` is neither an option (CONFIG_...) nor a fact that a loader knows")]
    Unknown(String),
    #[error(
        "`{name}` is `{value}` in the kernel's configuration, which is no value of a {size}-byte {type_name}"
    )]
    Mismatch { name: String, value: String, size: u32, type_name: String },
}

/// What kind of type an extern has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Bool,
    Char,
    Tristate,
    Text,
    Integer,
}

fn shape(spec: &ExternSpec) -> Shape {
    let mut name = spec.type_name.as_deref().unwrap_or("");
    while let Some(rest) = name.strip_prefix("const ").or_else(|| name.strip_prefix("volatile ")) {
        name = rest;
    }
    match name {
        "_Bool" | "bool" => Shape::Bool,
        "enum libbpf_tristate" => Shape::Tristate,
        _ if name.starts_with("char[") => Shape::Text,
        _ if spec.size == 1 => Shape::Char,
        _ => Shape::Integer,
    }
}

/// The bytes of `spec`, in native byte order, `spec.size` of them: a fact about the kernel, or an option. A weak extern without a value is zero.
fn value(spec: &ExternSpec, fact: Option<u64>, texts: &[&str]) -> Result<Vec<u8>, KconfigError> {
    if let Some(fact) = fact {
        let fits = shape(spec) != Shape::Bool || fact <= 1;
        return number(fact, false, spec.size)
            .filter(|_| fits)
            .ok_or_else(|| mismatch(spec, &fact.to_string()));
    }
    let option = spec.name.starts_with("CONFIG_");
    let text = if option { texts.iter().find_map(|text| find(text, &spec.name)) } else { None };
    match text {
        Some(text) => encode(spec, text).ok_or_else(|| mismatch(spec, text)),
        None if spec.weak => Ok(zeros(spec.size)),
        None if option => Err(KconfigError::Missing(spec.name.clone())),
        None => Err(KconfigError::Unknown(spec.name.clone())),
    }
}

fn mismatch(spec: &ExternSpec, value: &str) -> KconfigError {
    let type_name = spec.type_name.clone().unwrap_or_else(|| "value".to_owned());
    KconfigError::Mismatch {
        name: spec.name.clone(),
        value: value.to_owned(),
        size: spec.size,
        type_name,
    }
}

/// The text after `NAME=`, first definition.
fn find<'a>(config: &'a str, name: &str) -> Option<&'a str> {
    config.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).map(str::trim_end)
}

fn encode(spec: &ExternSpec, text: &str) -> Option<Vec<u8>> {
    let shape = shape(spec);
    if let Some(rest) = text.strip_prefix('"') {
        let content = rest.strip_suffix('"')?;
        if shape != Shape::Text {
            return None;
        }
        let mut bytes = zeros(spec.size);
        // The last byte stays NUL.
        let room = bytes.len().saturating_sub(1);
        for (to, from) in bytes.iter_mut().take(room).zip(content.bytes()) {
            *to = from;
        }
        return Some(bytes);
    }
    if let "y" | "n" | "m" = text {
        let letter = text.bytes().next()?;
        let value = match (shape, letter) {
            (Shape::Char, letter) => letter,
            (Shape::Bool | Shape::Tristate, b'n') => 0,
            (Shape::Bool | Shape::Tristate, b'y') => 1,
            (Shape::Tristate, b'm') => 2,
            _ => return None,
        };
        return number(u64::from(value), false, spec.size);
    }
    if !matches!(shape, Shape::Char | Shape::Integer) {
        return None;
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let magnitude = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16),
        None if digits.len() > 1 && digits.starts_with('0') => u64::from_str_radix(digits, 8),
        None => digits.parse(),
    }
    .ok()?;
    number(magnitude, negative, spec.size)
}

/// An integer in `size` bytes, as long as it fits as a signed or an unsigned one.
fn number(magnitude: u64, negative: bool, size: u32) -> Option<Vec<u8>> {
    let bits = size.checked_mul(8)?;
    let wide = if negative { i128::from(magnitude).checked_neg()? } else { i128::from(magnitude) };
    let limit = 1_i128.checked_shl(bits)?;
    // Half of the range below zero, all of it above.
    if !matches!(size, 1 | 2 | 4 | 8)
        || wide >= limit
        || wide < limit.checked_div(2)?.checked_neg()?
    {
        return None;
    }
    let bytes = wide.to_le_bytes();
    let mut bytes = bytes.get(..usize::try_from(size).ok()?)?.to_vec();
    if cfg!(target_endian = "big") {
        bytes.reverse();
    }
    Some(bytes)
}

fn zeros(size: u32) -> Vec<u8> {
    vec![0; usize::try_from(size).unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use bpf_elf::spec::ExternKind;

    use super::*;

    const CONFIG: &str = "# a comment\n# CONFIG_OFF is not set\nCONFIG_YES=y\nCONFIG_MOD=m\nCONFIG_NO=n\nCONFIG_HZ=250\nCONFIG_HEX=0xdead\n\
        CONFIG_NEG=-3\nCONFIG_OCT=010\nCONFIG_BIG=300\nCONFIG_NAME=\"a long name\"\nCONFIG_HZ=1000\nCONFIG_YES_NOT=n\n";

    /// One row: a declaration, and its value (as a number) or what the error says.
    #[track_caller]
    fn check(type_name: &str, size: u32, name: &str, weak: bool, expected: Result<u64, &str>) {
        let mut spec = ExternSpec::new(name, ExternKind::Kconfig);
        spec.type_name = Some(type_name.to_owned());
        spec.size = size;
        spec.weak = weak;
        match (value(&spec, None, &[CONFIG]), expected) {
            (Ok(bytes), Ok(expected)) => {
                let mut wide = expected.to_le_bytes()[..size as usize].to_vec();
                if cfg!(target_endian = "big") {
                    wide.reverse();
                }
                assert_eq!(bytes, wide, "{type_name} {name}");
            }
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
            (got, expected) => panic!("{type_name} {name}: {got:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn letters_are_values_of_bool_tristate_and_char() {
        check("_Bool", 1, "CONFIG_YES", false, Ok(1));
        check("const bool", 1, "CONFIG_NO", false, Ok(0));
        check("_Bool", 1, "CONFIG_MOD", false, Err("no value of a 1-byte _Bool"));
        check("enum libbpf_tristate", 4, "CONFIG_MOD", false, Ok(2));
        check("enum libbpf_tristate", 4, "CONFIG_YES", false, Ok(1));
        check("char", 1, "CONFIG_MOD", false, Ok(u64::from(b'm')));
        check("int", 4, "CONFIG_YES", false, Err("no value of a 4-byte int"));
    }

    #[test]
    fn numbers_have_any_base_and_must_fit() {
        check("int", 4, "CONFIG_HZ", false, Ok(250));
        check("unsigned long", 8, "CONFIG_HEX", false, Ok(0xdead));
        check("short", 2, "CONFIG_NEG", false, Ok(0xfffd));
        check("int", 4, "CONFIG_OCT", false, Ok(8));
        check("char", 1, "CONFIG_BIG", false, Err("no value of a 1-byte char"));
        check("_Bool", 1, "CONFIG_HZ", false, Err("no value"));
    }

    #[test]
    fn facts_need_no_configuration() {
        for (type_name, size, fact, good) in [
            ("int", 4, 0x06_0c_03, true),
            ("_Bool", 1, 1, true),
            ("_Bool", 1, 0, true),
            ("_Bool", 1, 0x06_0c_03, false),
            ("char", 1, 256, false),
        ] {
            let mut spec = ExternSpec::new("LINUX_SOMETHING", ExternKind::Kconfig);
            spec.type_name = Some(type_name.to_owned());
            spec.size = size;
            let expected = number(fact, false, 8).unwrap();
            let value = value(&spec, Some(fact), &[]);
            assert_eq!(value.is_ok(), good, "{type_name} {fact}");
            if let (Ok(value), false) = (value, cfg!(target_endian = "big")) {
                assert_eq!(value, expected[..size as usize]);
            }
        }
        check("int", 4, "LINUX_HAS_WINGS", false, Err("neither an option"));
        check("int", 4, "LINUX_HAS_WINGS", true, Ok(0));
    }

    #[test]
    fn missing_options_are_zero_if_weak() {
        check("_Bool", 1, "CONFIG_OFF", true, Ok(0));
        check(
            "_Bool",
            1,
            "CONFIG_OFF",
            false,
            Err("`CONFIG_OFF` is not in the kernel's configuration"),
        );
    }

    #[test]
    fn texts_are_cut_to_leave_a_nul() {
        for (size, expected) in
            [(16, &b"a long name\0\0\0\0\0"[..]), (5, b"a lo\0"), (1, b"\0"), (0, b"")]
        {
            let mut spec = ExternSpec::new("CONFIG_NAME", ExternKind::Kconfig);
            spec.type_name = Some(format!("char[{size}]"));
            spec.size = size;
            assert_eq!(value(&spec, None, &[CONFIG]).unwrap(), expected);
        }
        check("int", 4, "CONFIG_NAME", false, Err("no value"));
    }

    #[test]
    fn the_first_text_wins() {
        let mut spec = ExternSpec::new("CONFIG_HZ", ExternKind::Kconfig);
        spec.size = 4;
        assert_eq!(value(&spec, None, &["CONFIG_HZ=77", CONFIG]).unwrap(), 77_u32.to_ne_bytes());
    }
}
