//! Names as the kernel takes them.
use std::path::Path;

use bpf_sys::abi::OBJECT_NAME_LEN;

use super::{MapSpec, ProgramSpec};

/// Bytes that a name has in the kernel, at most.
const MAX: usize = OBJECT_NAME_LEN - 1;

/// Bytes that the name of a data section takes of that, at least.
const SUFFIX: usize = 7;

/// The name of an object by its file: the last part of the path up to the first dot, of at most 15 bytes (libbpf).
///
/// ```
/// assert_eq!(bpf_elf::spec::object_name("/lib/my_object.bpf.o"), "my_object");
/// ```
pub fn object_name(path: impl AsRef<Path>) -> String {
    let name = path.as_ref().file_name().unwrap_or_default().to_string_lossy();
    let stem = name.split('.').next().unwrap_or_default();
    cut(stem, MAX).to_owned()
}

impl MapSpec {
    /// The name that the kernel gets: at most 15 characters of the kinds that it takes.
    ///
    /// A data section has the name of its object before it, as libbpf does it (`internal_map_name`), so that `bpftool map` tells the
    /// sections of several objects apart: `my_objec.rodata`. Give an empty name to have none.
    pub fn kernel_name(&self, object: &str) -> String {
        let custom = self.name.get(1..).is_some_and(|rest| rest.contains('.'));
        let per_cpu = self.name == ".percpu";
        if !self.name.starts_with('.') || custom || per_cpu {
            return plain(&self.name);
        }
        let reserved = self.name.len().clamp(SUFFIX, MAX);
        let prefix = cut(object, MAX.saturating_sub(reserved));
        plain(&format!("{prefix}{}", self.name))
    }
}

impl ProgramSpec {
    /// The name that the kernel gets: at most 15 characters of the kinds that it takes.
    pub fn kernel_name(&self) -> String {
        plain(&self.name)
    }
}

/// The start of a name, with `_` for what the kernel does not take (`bpf_obj_name_cpy`).
fn plain(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    name.chars().take(MAX).map(|c| if allowed(c) { c } else { '_' }).collect()
}

/// The longest start of a text that has no more bytes than this.
fn cut(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use bpf_sys::abi::{MapType, ProgramType};

    use super::*;
    use crate::spec::Function;

    #[test]
    fn data_sections_carry_the_name_of_their_object() {
        let rows = [
            (".rodata", "my_object", "my_objec.rodata"),
            (".data", "my_object", "my_objec.data"),
            (".bss", "my_object", "my_objec.bss"),
            (".kconfig", "my_object", "my_obje.kconfig"),
            (".bss", "o", "o.bss"),
            (".bss", "", ".bss"),
            (".data.custom", "my_object", ".data.custom"),
            (".rodata.a_long_name", "my_object", ".rodata.a_long_"),
            ("a_map_with_a_long_name", "my_object", "a_map_with_a_lo"),
            ("what$ever", "my_object", "what_ever"),
            (".bss", "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}", "____.bss"),
        ];
        for (name, object, expected) in rows {
            let map = MapSpec::new(name, MapType::ARRAY, 4, 4, 1);
            assert_eq!(map.kernel_name(object), expected, "{name} of {object}");
        }
        let program = ProgramSpec::new("count_all_packets", ProgramType::XDP, Function::default());
        assert_eq!(program.kernel_name(), "count_all_packe");
    }

    #[test]
    fn an_object_is_named_by_its_file() {
        let rows = [
            ("/a/b/prog.bpf.o", "prog"),
            ("prog", "prog"),
            (".o", ""),
            ("/", ""),
            ("a_very_long_file_name.o", "a_very_long_fil"),
        ];
        for (path, expected) in rows {
            assert_eq!(object_name(path), expected, "{path}");
        }
    }
}
