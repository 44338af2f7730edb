//! What is relocated against what.
use std::path::{Path, PathBuf};
use std::{env, fs};

use bpf_asm::ByteOrder;
use bpf_btf::{Btf, BtfBuilder};

use crate::{Error, mutate, ours};

/// Where the running kernel shows its types and those of its modules.
const RUNNING: &str = "/sys/kernel/btf";

/// The fixture that asks for types of modules. libbpf reads all modules for each program that misses a type, more than a thousand, so
/// the others are compared without.
const MODULAR: &str = "core_module";

/// Something in a file or folder.
#[derive(Clone)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) path: String,
}

/// What is relocated against what.
pub(crate) struct Pair {
    pub(crate) object: Named,
    pub(crate) target: Named,
}

/// How much is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// In this machine's byte order, and all.
    Native,
    /// Big-endian objects. libbpf runs in an emulator: objects meet the targets that were made for them, fixtures the newest kernel, and
    /// all of them the same without modules.
    BigEndian,
    /// Of the same a part.
    BigEndianSample,
}

impl Plan {
    pub(crate) fn of_environment() -> Self {
        match (env::var_os("BPF_BIG_ENDIAN"), env::var_os("BPF_SELFTESTS_SAMPLE")) {
            (None, _) => Self::Native,
            (Some(_), None) => Self::BigEndian,
            (Some(_), Some(_)) => Self::BigEndianSample,
        }
    }

    /// The byte order of libbpf's machine: it relocates no other objects.
    pub(crate) fn order(self) -> ByteOrder {
        if self == Self::Native { ByteOrder::NATIVE } else { ByteOrder::Big }
    }

    /// Random variants of each target.
    fn variants(self) -> usize {
        match self {
            Self::Native => 24,
            Self::BigEndian => 8,
            Self::BigEndianSample => 2,
        }
    }

    /// Whether so few targets are changed at random that a difference which is listed for them may not show.
    pub(crate) fn changes_are_few(self) -> bool {
        self != Self::Native
    }

    pub(crate) fn pairs(self, folder: &Path) -> Result<Vec<Pair>, Error> {
        let objects = files(&folder.join("objects"), "o")?;
        let targets = files(&folder.join("targets"), "btf")?;
        if objects.is_empty() || targets.is_empty() {
            return Err(format!("no objects or no targets in {}", folder.display()).into());
        }
        let mut pairs = Vec::new();
        let mut add = |object: &Named, target: &Named| {
            pairs.push(Pair { object: object.clone(), target: target.clone() });
        };
        for object in &objects {
            let all = self == Self::Native;
            let wanted = |target: &&Named| all || is_meant_for(&object.name, &target.name);
            targets.iter().filter(wanted).for_each(|target| add(object, target));
        }

        let place = empty(folder, "mutated")?;
        for target in &targets {
            mutate::write(&target.path, &target.name, self.variants(), &place)?;
        }
        for target in &files(&place, "btf")? {
            for object in objects.iter().filter(|object| is_meant_for(&object.name, &target.name)) {
                add(object, target);
            }
        }

        let fixtures = self.fixtures(&empty(folder, "fixtures")?)?;
        let relocated = fixtures.iter().filter(|object| ours::has_relocations(&object.path));
        let relocated: Vec<_> = match self {
            Self::BigEndianSample => relocated.collect(),
            _ => objects.iter().chain(relocated).collect(),
        };
        let mut kernels = kernels()?;
        if self != Self::Native {
            kernels.drain(..kernels.len().saturating_sub(1));
        }
        for folder in &kernels {
            let path = format!("{}/vmlinux", folder.path);
            let kernel = Named { name: folder.name.clone(), path };
            for object in &relocated {
                add(object, &kernel);
            }
        }
        let newest = kernels.last().ok_or("no kernel in BPF_KERNELS")?;
        let swapped = swapped(newest, &empty(folder, "swapped")?)?;
        for object in &relocated {
            add(object, &swapped);
        }
        if self == Self::Native {
            for object in fixtures.iter().filter(|object| object.name == MODULAR) {
                for folder in &kernels {
                    add(object, folder);
                }
            }
        }

        let running = if self == Self::Native {
            Named { name: "running".into(), path: RUNNING.into() }
        } else {
            without_modules(&swapped, &empty(folder, "bare")?)?
        };
        let objects = objects.iter().filter(|_| self != Self::BigEndianSample);
        objects.chain(&fixtures).for_each(|object| add(object, &running));
        Ok(pairs)
    }

    /// Writes the fixtures to files.
    fn fixtures(self, folder: &Path) -> Result<Vec<Named>, Error> {
        let order = match self.order() {
            ByteOrder::Little => testdata::Order::Little,
            ByteOrder::Big => testdata::Order::Big,
        };
        for name in testdata::OBJECTS {
            fs::write(folder.join(format!("{name}.o")), testdata::object(name, order))?;
        }
        files(folder, "o")
    }
}

/// Whether a target was made for an object: `test_core_reloc_bitfields_direct` has `btf__core_reloc_bitfields` and
/// `btf__core_reloc_bitfields___bit_sz_change`.
fn is_meant_for(object: &str, target: &str) -> bool {
    let subject = object.strip_prefix("test_core_reloc_");
    let own = target.strip_prefix("btf__core_reloc_");
    match (subject, own.and_then(|own| own.split('~').next())) {
        (Some(subject), Some(own)) => {
            let own = own.split("___").next().unwrap_or_default();
            subject.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        }
        _ => false,
    }
}

/// The kernels whose BTF is at hand; their folders are in one of the release's name.
fn kernels() -> Result<Vec<Named>, Error> {
    let folders = env::var_os("BPF_KERNELS").unwrap_or_default();
    let mut kernels = Vec::new();
    for folder in env::split_paths(&folders).filter(|folder| !folder.as_os_str().is_empty()) {
        let release =
            folder.parent().and_then(Path::file_name).ok_or("a kernel without release")?;
        let path = folder.to_str().ok_or("a folder name that is not UTF-8")?.to_owned();
        kernels.push(Named { name: release.to_string_lossy().into_owned(), path });
    }
    Ok(kernels)
}

/// A kernel's types in the byte order that they do not have.
fn swapped(kernel: &Named, folder: &Path) -> Result<Named, Error> {
    let btf = Btf::parse(fs::read(Path::new(&kernel.path).join("vmlinux"))?)?;
    let order = match btf.byte_order() {
        bpf_btf::ByteOrder::Little => bpf_btf::ByteOrder::Big,
        bpf_btf::ByteOrder::Big => bpf_btf::ByteOrder::Little,
    };
    let mut builder = BtfBuilder::new();
    builder.add_btf(&btf)?;
    let name = format!("{}-swapped", kernel.name);
    let path = folder.join(&name);
    fs::write(&path, builder.write(order)?)?;
    Ok(Named { name, path: path.to_str().ok_or("a folder name that is not UTF-8")?.to_owned() })
}

/// A folder like a kernel's, in which no module has types: an emulated libbpf would read a thousand of them for minutes.
fn without_modules(kernel: &Named, folder: &Path) -> Result<Named, Error> {
    fs::copy(&kernel.path, folder.join("vmlinux"))?;
    let path = folder.to_str().ok_or("a folder name that is not UTF-8")?.to_owned();
    Ok(Named { name: format!("{}-bare", kernel.name), path })
}

/// A folder in which nothing is left of an earlier run.
fn empty(folder: &Path, name: &str) -> Result<PathBuf, Error> {
    let place = folder.join(name);
    if place.is_dir() {
        fs::remove_dir_all(&place)?;
    }
    fs::create_dir_all(&place)?;
    Ok(place)
}

/// The files with an ending, sorted.
fn files(folder: &Path, ending: &str) -> Result<Vec<Named>, Error> {
    let entries = fs::read_dir(folder)
        .map_err(|error| format!("cannot list {}: {error}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == ending) {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let path = path.to_str().ok_or("a file name that is not UTF-8")?.to_owned();
            files.push(Named { name, path });
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}
