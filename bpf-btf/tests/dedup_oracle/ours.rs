//! What this library makes of the same objects.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use bpf_btf::{Btf, BtfBuilder, ByteOrder, dedup};

use crate::cases::Case;
use crate::elf;

/// What libbpf says of pointers that lead in a ring.
const ELOOP: &str = "-40";

/// Reads each file once.
#[derive(Default)]
pub(crate) struct Ours {
    files: HashMap<PathBuf, Btf>,
}

impl Ours {
    fn read(&mut self, path: &Path) -> Btf {
        let entry = self.files.entry(path.to_owned());
        entry.or_insert_with(|| read(path).unwrap()).clone()
    }

    /// The number of types before and after merging, or the first difference.
    pub(crate) fn compare(
        &mut self,
        case: &Case,
        theirs: Result<Vec<u8>, String>,
    ) -> Result<(u32, u32), String> {
        let base = case.base.as_deref().map(|path| self.read(path));
        let parse = |bytes: Vec<u8>| match &base {
            Some(base) => Btf::parse_split(bytes, base),
            None => Btf::parse(bytes),
        };
        let mut builder = base.as_ref().map_or_else(BtfBuilder::new, BtfBuilder::split);
        for path in &case.inputs {
            builder.add_btf(&self.read(path)).map_err(|error| error.to_string())?;
        }
        let both = parse(builder.write(ByteOrder::NATIVE).unwrap()).unwrap();
        let ours = dedup(&both).map(|merged| merged.builder.write(ByteOrder::NATIVE).unwrap());
        let (ours, theirs) = match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => (parse(ours).unwrap(), parse(theirs).unwrap()),
            (Err(_), Err(_)) => return Ok((0, 0)),
            // Types that are made of nothing but each other stay as they are here.
            (Ok(_), Err(error)) if case.is_changed() && error == ELOOP => return Ok((0, 0)),
            (Ok(_), Err(error)) => return Err(format!("merged, libbpf refuses it: {error}")),
            (Err(error), Ok(_)) => return Err(format!("refused, libbpf merges it: {error}")),
        };
        let own = |btf: &Btf| u32::try_from(btf.types().count()).unwrap();
        match difference(&ours, &theirs, !case.is_changed()) {
            None => Ok((own(&both), own(&ours))),
            Some(what) => Err(format!("{} types, libbpf has {}: {what}", own(&ours), own(&theirs))),
        }
    }
}

/// The types of an object, or of a file of BTF; `None` for an object that has none.
pub(crate) fn read(path: &Path) -> Option<Btf> {
    let bytes = std::fs::read(path).unwrap();
    let types =
        if bytes.starts_with(b"\x7fELF") { elf::section(&bytes, ".BTF")?.to_vec() } else { bytes };
    Some(Btf::parse(types).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// The first type that is not the same, with the types that it refers to by their numbers.
fn difference(ours: &Btf, theirs: &Btf, exact: bool) -> Option<String> {
    let (first, second) = (ours.types(), theirs.types());
    let mut pairs = first.map(|(id, _)| id).zip(second.map(|(id, _)| id));
    let text = |btf: &Btf, id| {
        let found = btf.get(id).map(|found| format!("{found:#?}"));
        format!("{} -> {:?}", found.unwrap_or_default(), btf.targets(id))
    };
    let other = pairs.find(|(a, b)| text(ours, *a) != text(theirs, *b));
    if let Some((id, _)) = other {
        return Some(format!("{id} is {}, libbpf has {}", text(ours, id), text(theirs, id)));
    }
    // The bytes with names in the same places: all that the text does not tell. Words without meaning stay what they were here, where
    // libbpf takes that of a forward declaration for a type.
    let whole = |btf: &Btf| {
        let mut builder = btf.base().map_or_else(BtfBuilder::new, BtfBuilder::split);
        builder.add_btf(btf).unwrap();
        builder.write(ByteOrder::NATIVE).unwrap()
    };
    (exact && whole(ours) != whole(theirs)).then(|| "something in the words".to_owned())
}
