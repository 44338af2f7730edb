//! Several objects linked into one, as `bpftool gen object` does.

mod debug_info;
mod definition;
mod error;
mod input;
mod jump_tables;
mod output;
mod relocations;
mod resolve;
mod sections;
mod type_match;
mod types;

pub use error::LinkError;

use input::Input;
use output::Output;

/// Links object files into one.
///
/// Rules of libbpf (`linker.c`): sections of one name are put behind each other; a strong symbol wins over weak ones, the first weak
/// one over others, any definition over a declaration; the types of all of them have to agree, and map definitions have to be the
/// same; static names stay apart; what stays undefined is for the kernel to supply, or for another run. `license` and `version`
/// have to be the same in all. The code of a function that lost stays behind as a gap, which readers pass over.
///
/// The objects come from clang, from this linker or libbpf's, or from [`CollectionSpec::write_elf`](crate::spec::CollectionSpec::write_elf).
/// Debug information of DWARF is dropped. The same objects in the same order give the same bytes.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use bpf_elf::Linker;
///
/// let linked = Linker::new()
///     .add("filter.o", std::fs::read("filter.o")?)?
///     .add("library.o", std::fs::read("library.o")?)?
///     .link()?;
/// std::fs::write("linked.o", linked)?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Linker {
    objects: Vec<(String, Vec<u8>)>,
}

impl Linker {
    /// A linker without objects.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an object; the name is for messages.
    ///
    /// # Errors
    ///
    /// The bytes are not a BPF object, or one of the other byte order.
    pub fn add(
        mut self,
        name: impl Into<String>,
        object: impl Into<Vec<u8>>,
    ) -> Result<Self, LinkError> {
        let (name, object) = (name.into(), object.into());
        let order = Input::new(&name, &object)?.object.order();
        if let Some((first_name, first)) = self.objects.first() {
            if Input::new(first_name, first)?.object.order() != order {
                return Err(LinkError::ByteOrder { first: first_name.clone(), second: name });
            }
        }
        self.objects.push((name, object));
        Ok(self)
    }

    /// The linked object, in the byte order of its parts.
    ///
    /// # Errors
    ///
    /// [`LinkError`] names the symbol or section, and the objects that do not go together. Whatever the bytes are: this does not
    /// panic, and what it allocates is bounded by the length of the objects.
    pub fn link(&self) -> Result<Vec<u8>, LinkError> {
        let mut inputs = Vec::with_capacity(self.objects.len());
        for (name, bytes) in &self.objects {
            inputs.push(Input::new(name, bytes)?);
        }
        let first = inputs.first().ok_or(LinkError::NoObjects)?;
        let size = self.objects.iter().map(|(_, bytes)| bytes.len()).sum();
        let mut output = Output::new(first.object.order(), size);
        sections::merge(&mut output, &mut inputs)?;
        resolve::symbols(&mut output, &mut inputs)?;
        relocations::append(&mut output, &inputs)?;
        jump_tables::shift(&mut output, &inputs)?;
        types::merge(&mut output, &mut inputs)?;
        output.write()
    }
}
