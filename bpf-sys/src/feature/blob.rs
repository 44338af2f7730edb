//! The little BTF that probes load, in the machine's byte order.

/// Bytes of the header without the layout section's fields.
const HEADER: u32 = 24;

/// One type: kind, number of elements, kind flag, name offset, size or type, and the words that follow.
pub(super) struct RawType<'a> {
    pub(super) kind: u32,
    pub(super) vlen: u32,
    pub(super) name: u32,
    pub(super) size_or_type: u32,
    pub(super) rest: &'a [u32],
}

impl RawType<'_> {
    const fn new(kind: u32, name: u32, size_or_type: u32) -> Self {
        Self { kind, vlen: 0, name, size_or_type, rest: &[] }
    }
}

/// `int` as the type 1, named by the string at offset 1.
pub(super) const INT: RawType<'static> =
    RawType { kind: 1, vlen: 0, name: 1, size_or_type: 4, rest: &[(1 << 24) | 32] };
/// Offset of a second string behind `int`.
pub(super) const SECOND_NAME: u32 = 5;

/// A whole blob.
pub(super) fn btf(types: &[RawType<'_>], second_name: &str) -> Vec<u8> {
    assemble(types, second_name, None)
}

/// A blob with a layout section: for each kind the bytes after the common part, the bytes per element, flags.
pub(super) fn btf_with_layout(types: &[RawType<'_>], second_name: &str) -> Vec<u8> {
    // Kinds 0 to 19: UNKN INT PTR ARRAY STRUCT UNION ENUM FWD TYPEDEF VOLATILE CONST RESTRICT FUNC FUNC_PROTO VAR DATASEC FLOAT DECL_TAG
    // TYPE_TAG ENUM64.
    let rest = [0, 4, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 4, 0, 0];
    let per_element = [0, 0, 0, 0, 12, 12, 8, 0, 0, 0, 0, 0, 0, 8, 0, 12, 0, 0, 0, 12];
    let layout: Vec<u8> = rest
        .into_iter()
        .zip(per_element)
        .flat_map(|(rest, element)| [rest, element, 0, 0])
        .collect();
    assemble(types, second_name, Some(&layout))
}

fn assemble(types: &[RawType<'_>], second_name: &str, layout: Option<&[u8]>) -> Vec<u8> {
    let strings = [b"\0int\0", second_name.as_bytes(), b"\0"].concat();
    let mut body = Vec::new();
    for raw in types {
        let info = (raw.kind << 24) | raw.vlen;
        for word in [raw.name, info, raw.size_or_type].iter().chain(raw.rest) {
            body.extend_from_slice(&word.to_ne_bytes());
        }
    }
    let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(0);
    let (types_len, layout_len) = (size(&body), layout.map_or(0, size));
    let mut blob = Vec::new();
    blob.extend_from_slice(&0xeb9f_u16.to_ne_bytes());
    blob.extend_from_slice(&[1, 0]);
    let strings_at = types_len.saturating_add(layout_len);
    let header = HEADER.saturating_add(if layout.is_some() { 8 } else { 0 });
    for word in [header, 0, types_len, strings_at, size(&strings)] {
        blob.extend_from_slice(&word.to_ne_bytes());
    }
    if layout.is_some() {
        for word in [types_len, layout_len] {
            blob.extend_from_slice(&word.to_ne_bytes());
        }
    }
    blob.extend_from_slice(&body);
    blob.extend_from_slice(layout.unwrap_or_default());
    blob.extend_from_slice(&strings);
    blob
}

/// `typedef ... name` and other types with nothing but a reference.
pub(super) const fn reference(kind: u32, name: u32, to: u32) -> RawType<'static> {
    RawType::new(kind, name, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_header_types_strings() {
        let blob = btf(&[INT], "x");
        assert_eq!(blob.len(), 24 + 16 + 7);
        let word = |at: usize| u32::from_ne_bytes(blob[at..at + 4].try_into().unwrap());
        assert_eq!([word(4), word(8), word(12), word(16), word(20)], [24, 0, 16, 16, 7]);
        assert_eq!(&blob[40..], b"\0int\0x\0");
    }

    #[test]
    fn a_layout_lies_between_types_and_strings() {
        let blob = btf_with_layout(&[INT], "");
        assert_eq!(blob.len(), 32 + 16 + 80 + 6);
        let word = |at: usize| u32::from_ne_bytes(blob[at..at + 4].try_into().unwrap());
        assert_eq!([word(4), word(16), word(20), word(24), word(28)], [32, 96, 6, 16, 80]);
    }
}
