//! Values of `.kconfig` externs: options of the running kernel's configuration, and a few facts about it (libbpf: E40 to E44).

use bpf_elf::spec::ExternSpec;
use bpf_sys::abi::KernelVersion;

use crate::context::Context;
use crate::error::Result;

/// The configuration of the running kernel.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    version: u32,
    has_cookie: bool,
    has_syscall_wrapper: bool,
    texts: Vec<String>,
}

impl Config {
    /// Reads what the system tells, with a text of the caller's before it.
    pub(crate) fn read(context: &Context, text: Option<&str>) -> Result<Self> {
        let version = context.kernel_version()?;
        let mut texts: Vec<String> = text.map(str::to_owned).into_iter().collect();
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        // Many systems have no such file; what is missing then is told for each option.
        texts.extend(std::fs::read_to_string(format!("/boot/config-{}", release.trim())));
        Ok(Self {
            version: version.code(),
            has_cookie: version >= KernelVersion::new(5, 15, 0),
            // x86 and s390 since 4.17 or so, arm64 since 4.19, riscv since 6.6; no other architecture.
            has_syscall_wrapper: version >= WRAPPER_SINCE,
            texts,
        })
    }

    /// The bytes of an extern.
    pub(crate) fn value(&self, spec: &ExternSpec) -> Result<Vec<u8>, KconfigError> {
        let texts: Vec<&str> = self.texts.iter().map(String::as_str).collect();
        let kernel = KernelConfig {
            version: self.version,
            has_cookie: self.has_cookie,
            has_syscall_wrapper: self.has_syscall_wrapper,
            texts: &texts,
        };
        value(spec, &kernel)
    }
}

/// The first kernel whose system call functions have a prefix, on this architecture (`CONFIG_ARCH_HAS_SYSCALL_WRAPPER`).
const WRAPPER_SINCE: KernelVersion =
    if cfg!(any(target_arch = "x86_64", target_arch = "x86", target_arch = "s390x")) {
        KernelVersion::new(4, 17, 0)
    } else if cfg!(target_arch = "aarch64") {
        KernelVersion::new(4, 19, 0)
    } else if cfg!(any(target_arch = "riscv64", target_arch = "riscv32")) {
        KernelVersion::new(6, 6, 0)
    } else {
        KernelVersion::new(u16::MAX, 0, 0)
    };

/// The kernel function of a system call (libbpf: `bpf_program__attach_ksyscall`).
#[cfg(feature = "link")]
pub(crate) fn syscall_symbol(name: &str) -> Result<String> {
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
    if Context::new().kernel_version()? < WRAPPER_SINCE {
        return Ok(format!("__se_sys_{name}"));
    }
    Ok(format!("__{arch}_sys_{name}"))
}

/// What the values are computed from.
#[derive(Clone, Copy, Debug)]
struct KernelConfig<'a> {
    /// `KERNEL_VERSION(a, b, c)` of the running kernel.
    version: u32,
    /// Programs can have a BPF cookie.
    has_cookie: bool,
    /// System call functions have an architecture's prefix.
    has_syscall_wrapper: bool,
    /// The configuration texts, the one that wins first.
    texts: &'a [&'a str],
}

/// Why an extern has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KconfigError {
    #[error(
        "`{0}` is not in the kernel's configuration (give its text with `LoadOptions::kconfig`)"
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

/// The bytes of `spec`, in native byte order, `spec.size` of them. A weak extern without a value is zero.
fn value(spec: &ExternSpec, kernel: &KernelConfig<'_>) -> Result<Vec<u8>, KconfigError> {
    let fact = match spec.name.as_str() {
        "LINUX_KERNEL_VERSION" => Some(u64::from(kernel.version)),
        "LINUX_HAS_BPF_COOKIE" => Some(u64::from(kernel.has_cookie)),
        "LINUX_HAS_SYSCALL_WRAPPER" => Some(u64::from(kernel.has_syscall_wrapper)),
        _ => None,
    };
    if let Some(fact) = fact {
        let fits = shape(spec) != Shape::Bool || fact <= 1;
        return number(fact, false, spec.size)
            .filter(|_| fits)
            .ok_or_else(|| mismatch(spec, &fact.to_string()));
    }
    let option = spec.name.starts_with("CONFIG_");
    let text =
        if option { kernel.texts.iter().find_map(|text| find(text, &spec.name)) } else { None };
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

    fn kernel(texts: &'static [&'static str]) -> KernelConfig<'static> {
        KernelConfig { version: 0x06_0c_03, has_cookie: true, has_syscall_wrapper: false, texts }
    }

    /// One row: a declaration, and its value (as a number) or what the error says.
    #[track_caller]
    fn check(type_name: &str, size: u32, name: &str, weak: bool, expected: Result<u64, &str>) {
        let mut spec = ExternSpec::new(name, ExternKind::Kconfig);
        spec.type_name = Some(type_name.to_owned());
        spec.size = size;
        spec.weak = weak;
        match (value(&spec, &kernel(&[CONFIG])), expected) {
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
        check("int", 4, "LINUX_KERNEL_VERSION", false, Ok(0x06_0c_03));
        check("_Bool", 1, "LINUX_HAS_BPF_COOKIE", false, Ok(1));
        check("_Bool", 1, "LINUX_HAS_SYSCALL_WRAPPER", true, Ok(0));
        check("_Bool", 1, "LINUX_KERNEL_VERSION", false, Err("no value"));
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
            assert_eq!(value(&spec, &kernel(&[CONFIG])).unwrap(), expected);
        }
        check("int", 4, "CONFIG_NAME", false, Err("no value"));
    }

    #[test]
    fn the_first_text_wins() {
        let mut spec = ExternSpec::new("CONFIG_HZ", ExternKind::Kconfig);
        spec.size = 4;
        assert_eq!(value(&spec, &kernel(&["CONFIG_HZ=77", CONFIG])).unwrap(), 77_u32.to_ne_bytes());
    }
}
