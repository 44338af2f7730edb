//! Values of `.kconfig` externs: options of a kernel's configuration, and a few facts about it (libbpf: E40 to E44).

use bpf_asm::ByteOrder;
use bpf_sys::abi::KernelVersion;

use crate::spec::{CollectionSpec, ExternKind, ExternSpec, MapSpec};

const SECTION: &str = ".kconfig";

/// What is known about the configuration of a kernel.
///
/// ```
/// use bpf_elf::prepare::KernelConfig;
/// use bpf_elf::spec::{ExternKind, ExternSpec};
/// use bpf_asm::ByteOrder;
///
/// let config = KernelConfig::new().with_text("CONFIG_HZ=250\n");
/// let mut hz = ExternSpec::new("CONFIG_HZ", ExternKind::Kconfig);
/// hz.size = 4;
/// assert_eq!(config.value(&hz, ByteOrder::Big)?, [0, 0, 0, 250]);
/// # Ok::<(), bpf_elf::prepare::KconfigError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KernelConfig {
    /// Texts in the format of `.config`. Where several have an option, the first counts.
    pub texts: Vec<String>,
    /// Names and values that are no options (libbpf: `LINUX_KERNEL_VERSION`, `LINUX_HAS_BPF_COOKIE`, `LINUX_HAS_SYSCALL_WRAPPER`). They go before
    /// the texts.
    pub facts: Vec<(String, u64)>,
}

impl KernelConfig {
    /// Nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a text in the format of `.config`, behind those that are there.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.texts.push(text.into());
        self
    }

    /// With a value that is no option.
    #[must_use]
    pub fn with_fact(mut self, name: impl Into<String>, value: u64) -> Self {
        self.facts.push((name.into(), value));
        self
    }

    /// With the number of the version: `LINUX_KERNEL_VERSION`.
    #[must_use]
    pub fn with_version(self, version: KernelVersion) -> Self {
        self.with_fact("LINUX_KERNEL_VERSION", u64::from(version.code()))
    }

    /// The bytes of one extern, as many as its type has. A weak extern without a value is zero.
    ///
    /// # Errors
    ///
    /// It has no value, or one that its type cannot hold.
    pub fn value(&self, spec: &ExternSpec, order: ByteOrder) -> Result<Vec<u8>, KconfigError> {
        if let Some((_, fact)) = self.facts.iter().find(|(name, _)| *name == spec.name) {
            let fits = shape(spec) != Shape::Bool || *fact <= 1;
            return number(*fact, false, spec.size, order)
                .filter(|_| fits)
                .ok_or_else(|| mismatch(spec, &fact.to_string()));
        }
        let option = spec.name.starts_with("CONFIG_");
        let mut texts = self.texts.iter().filter(|_| option);
        match texts.find_map(|text| find(text, &spec.name)) {
            Some(text) => encode(spec, text, order).ok_or_else(|| mismatch(spec, text)),
            None if spec.weak => Ok(zeros(spec.size)),
            None if option => Err(KconfigError::Missing { name: spec.name.clone() }),
            None => Err(KconfigError::Unknown { name: spec.name.clone() }),
        }
    }

    /// The bits of an extern that is a number, if it has a value.
    pub(crate) fn number(&self, spec: &ExternSpec) -> Option<u64> {
        if shape(spec) == Shape::Text || spec.size > 8 {
            return None;
        }
        let bytes = self.value(spec, ByteOrder::Little).ok()?;
        Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }
}

/// The value of the map `.kconfig` for a kernel, in the byte order of the spec; `None` if the collection has none.
///
/// # Errors
///
/// [`KconfigError`]: an extern has no value, or one that its type cannot hold.
pub fn prepare_kconfig(
    spec: &CollectionSpec,
    config: &KernelConfig,
) -> Result<Option<Vec<u8>>, KconfigError> {
    let Some((_, map)) = kconfig_map(spec) else { return Ok(None) };
    let mut value = zeros(map.value_size);
    for found in spec.externs.values().filter(|found| found.kind == ExternKind::Kconfig) {
        let bytes = config.value(found, spec.byte_order)?;
        let start = usize::try_from(found.offset).unwrap_or(usize::MAX);
        let place = value.get_mut(start..).and_then(|rest| rest.get_mut(..bytes.len()));
        let place = place.ok_or_else(|| KconfigError::Outside { name: found.name.clone() })?;
        place.copy_from_slice(&bytes);
    }
    Ok(Some(value))
}

/// Why an extern has no value of the kernel configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KconfigError {
    /// No text has the option, and the extern is not weak.
    #[error(
        "`{name}` is not in the kernel's configuration (give its text with `LoadOptions::with_kconfig`)"
    )]
    Missing {
        /// The extern.
        name: String,
    },
    /// It is no option, and nobody said what it is.
    #[error("`{name}` is neither an option (CONFIG_...) nor a fact that a loader knows")]
    Unknown {
        /// The extern.
        name: String,
    },
    /// Its type has no such value.
    #[error(
        "`{name}` is `{value}` in the kernel's configuration, which is no value of a {size}-byte {type_name}"
    )]
    Mismatch {
        /// The extern.
        name: String,
        /// The text of the value.
        value: String,
        /// Bytes of the extern.
        size: u32,
        /// Its type, as C would write it.
        type_name: String,
    },
    /// Its place is not within the value of the map.
    #[error("`{name}` lies beyond the end of the map .kconfig")]
    Outside {
        /// The extern.
        name: String,
    },
}

impl KconfigError {
    /// The extern.
    pub fn name(&self) -> &str {
        match self {
            Self::Missing { name }
            | Self::Unknown { name }
            | Self::Mismatch { name, .. }
            | Self::Outside { name } => name,
        }
    }
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

fn encode(spec: &ExternSpec, text: &str, order: ByteOrder) -> Option<Vec<u8>> {
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
        return number(u64::from(value), false, spec.size, order);
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
    number(magnitude, negative, spec.size, order)
}

/// An integer in `size` bytes, as long as it fits as a signed or an unsigned one.
fn number(magnitude: u64, negative: bool, size: u32, order: ByteOrder) -> Option<Vec<u8>> {
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
    if order == ByteOrder::Big {
        bytes.reverse();
    }
    Some(bytes)
}

fn zeros(size: u32) -> Vec<u8> {
    vec![0; usize::try_from(size).unwrap_or_default()]
}

/// The map of the configuration, which may have been renamed.
pub(super) fn kconfig_map(spec: &CollectionSpec) -> Option<(&str, &MapSpec)> {
    let mut maps = spec.maps.iter();
    maps.find(|(name, map)| *name == SECTION || map.section == SECTION)
}

#[cfg(test)]
mod tests {
    use bpf_sys::abi::MapType;

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
        let config = KernelConfig::new().with_text(CONFIG);
        for order in [ByteOrder::Little, ByteOrder::Big] {
            match (config.value(&spec, order), expected) {
                (Ok(bytes), Ok(expected)) => {
                    let mut wide = expected.to_le_bytes()[..size as usize].to_vec();
                    if order == ByteOrder::Big {
                        wide.reverse();
                    }
                    assert_eq!(bytes, wide, "{type_name} {name}");
                }
                (Err(error), Err(expected)) => {
                    assert!(error.to_string().contains(expected), "{error}");
                    assert_eq!(error.name(), name);
                }
                (got, expected) => panic!("{type_name} {name}: {got:?}, expected {expected:?}"),
            }
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
            let config = KernelConfig::new().with_fact("LINUX_SOMETHING", fact);
            let value = config.value(&spec, ByteOrder::Little);
            assert_eq!(value.is_ok(), good, "{type_name} {fact}");
            if let Ok(value) = value {
                assert_eq!(value, fact.to_le_bytes()[..size as usize]);
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
            let config = KernelConfig::new().with_text(CONFIG);
            assert_eq!(config.value(&spec, ByteOrder::NATIVE).unwrap(), expected);
        }
        check("int", 4, "CONFIG_NAME", false, Err("no value"));
    }

    #[test]
    fn the_first_text_wins() {
        let mut spec = ExternSpec::new("CONFIG_HZ", ExternKind::Kconfig);
        spec.size = 4;
        let config = KernelConfig::new().with_text("CONFIG_HZ=77").with_text(CONFIG);
        assert_eq!(config.value(&spec, ByteOrder::NATIVE).unwrap(), 77_u32.to_ne_bytes());
    }

    #[test]
    fn values_stand_at_their_places_in_the_order_of_the_spec() {
        for (order, expected) in [
            (ByteOrder::Little, [250, 0, 0, 0, 3, 12, 6, 0, 1, 0]),
            (ByteOrder::Big, [0, 0, 0, 250, 0, 6, 12, 3, 1, 0]),
        ] {
            let mut spec = CollectionSpec::new(order);
            let config = KernelConfig::new().with_text(CONFIG).with_version(KernelVersion {
                major: 6,
                minor: 12,
                patch: 3,
            });
            assert_eq!(prepare_kconfig(&spec, &config), Ok(None));
            let rows = [
                ("CONFIG_HZ", "int", 4, 0),
                ("LINUX_KERNEL_VERSION", "int", 4, 4),
                ("CONFIG_YES", "_Bool", 1, 8),
                ("CONFIG_OFF", "_Bool", 1, 9),
            ];
            for (name, type_name, size, offset) in rows {
                let mut found = ExternSpec::new(name, ExternKind::Kconfig);
                (found.size, found.offset, found.weak) = (size, offset, name == "CONFIG_OFF");
                found.type_name = Some(type_name.to_owned());
                spec.externs.insert(name, found);
            }
            let map = crate::spec::MapSpec::new(".kconfig", MapType::ARRAY, 4, 10, 1);
            spec.maps.insert(".kconfig", map);
            assert_eq!(prepare_kconfig(&spec, &config), Ok(Some(expected.to_vec())));
            spec.maps.get_mut(".kconfig").unwrap().value_size = 9;
            let outside = KconfigError::Outside { name: "CONFIG_OFF".to_owned() };
            assert_eq!(prepare_kconfig(&spec, &config), Err(outside));
        }
    }
}
