//! Which names are valid.

/// Most bytes of a name (kernel: `KSYM_NAME_LEN`).
const MAX_NAME: usize = 512;

/// The kernel's table of characters is that of Latin-1, and looks at the bytes of UTF-8 one by one.
const fn is_printable(byte: u8) -> bool {
    byte == b' ' || byte.is_ascii_graphic() || byte >= 0xa0
}

/// Names of everything but sections (kernel: `btf_name_valid_identifier`).
pub(super) fn is_identifier(name: &[u8]) -> bool {
    // Letters of Latin-1 are accepted too, but no UTF-8 consists of them.
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
    match name.first() {
        None => false,
        Some(first) => !first.is_ascii_digit() && name.len() <= MAX_NAME && name.iter().all(inner),
    }
}

/// Names of sections (kernel: `btf_name_valid_section`).
pub(super) fn is_section(name: &[u8]) -> bool {
    !name.is_empty() && name.len() <= MAX_NAME && name.iter().all(|byte| is_printable(*byte))
}
