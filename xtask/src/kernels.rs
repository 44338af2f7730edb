//! Guest kernels: Debian's packages, unpacked into the cache and checked before each use.
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::apt::{self, Apt};
use crate::cache::{self, Cache};
use crate::{kernel_btf, version};

/// The series that the tests run on: old, two long-lived ones, and the newest at hand.
pub(crate) const DEFAULT: &str = "5.10,6.1,6.12,7.x";
/// Small, and with everything that BPF needs built in.
const FLAVOUR: &str = "-cloud-amd64";
const SUMS: &str = "SHA256SUMS";

/// Fetch guest kernels, or show those at hand.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Series (6.12), newest of a major version (7.x), or whole releases
    #[arg(value_delimiter = ',', default_value = DEFAULT)]
    kernels: Vec<String>,
    /// Look for newer releases than those in the cache
    #[arg(long)]
    refresh: bool,
    /// Print where the kernel's BTF is: `vmlinux`, and a file for each module that has some; made when it is not there
    #[arg(long)]
    btf: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let cache = Cache::open()?;
    for name in &args.kernels {
        let kernel = if args.refresh { newest(&cache, name)? } else { resolve(&cache, name)? };
        println!("{name}: {} in {}", kernel.release, kernel.folder().display());
        if args.btf {
            print_btf(&kernel_btf::folder(&cache, &kernel)?)?;
        }
    }
    Ok(())
}

fn print_btf(folder: &Path) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let modules = entries.flatten().filter(|entry| entry.file_name() != "vmlinux").count();
    println!("  {}", folder.join("vmlinux").display());
    println!("  {}/MODULE: {modules} modules", folder.display());
    Ok(())
}

/// One kernel that a guest can boot.
#[derive(Debug, Clone)]
pub(crate) struct Kernel {
    /// As it was asked for: `6.12`, or a path.
    pub(crate) name: String,
    /// What `uname -r` says in it: `6.12.117+deb13-cloud-amd64`.
    pub(crate) release: String,
    vmlinuz: PathBuf,
    /// `lib/modules/RELEASE` of this kernel.
    pub(crate) modules: Option<PathBuf>,
    pub(crate) config: Option<PathBuf>,
    /// SHA-256 by path below the folder, for a kernel of the cache.
    sums: Option<BTreeMap<PathBuf, String>>,
}

impl Kernel {
    pub(crate) fn folder(&self) -> &Path {
        self.vmlinuz.parent().unwrap_or(&self.vmlinuz)
    }

    /// The boot image, after its digest was checked.
    pub(crate) fn image(&self) -> Result<&Path> {
        self.read(&self.vmlinuz)?;
        Ok(&self.vmlinuz)
    }

    /// Reads a file of the kernel. For one from the cache the digest must be the one recorded when it was unpacked.
    pub(crate) fn read(&self, path: &Path) -> Result<Vec<u8>> {
        let bytes = cache::read(path)?;
        let Some(sums) = &self.sums else { return Ok(bytes) };
        let relative = path.strip_prefix(self.folder()).unwrap_or(path);
        let recorded = sums
            .get(relative)
            .with_context(|| format!("no digest of {} was recorded", path.display()))?;
        ensure!(
            *recorded == cache::sha256(&bytes),
            "{} changed since it was fetched: remove {} to fetch it again",
            path.display(),
            self.folder().display()
        );
        Ok(bytes)
    }

    /// A kernel from anywhere: its modules and config are looked for where they usually are.
    fn at(path: &Path) -> Result<Self> {
        let bytes = cache::read(path)?;
        let release = release_of(&bytes)
            .with_context(|| format!("{} is no x86 kernel image (bzImage)", path.display()))?;
        let vmlinuz =
            path.canonicalize().with_context(|| format!("cannot resolve {}", path.display()))?;
        let folder = vmlinuz.parent().unwrap_or(Path::new("/")).to_path_buf();
        let tree = format!("lib/modules/{release}");
        let places = [
            folder.join("modules"),
            folder.join(&tree),
            folder.join("..").join(&tree),
            Path::new("/").join(&tree),
        ];
        let configs = [
            folder.join(format!("config-{release}")),
            folder.join("config"),
            folder.join(".config"),
        ];
        Ok(Self {
            name: path.display().to_string(),
            release,
            vmlinuz,
            modules: places.into_iter().find(|place| place.join("kernel").is_dir()),
            config: configs.into_iter().find(|config| config.is_file()),
            sums: None,
        })
    }

    fn cached(cache: &Cache, name: &str, release: &str) -> Result<Self> {
        let folder = cache.folder("kernels")?.join(release);
        Ok(Self {
            name: name.to_owned(),
            release: release.to_owned(),
            vmlinuz: folder.join("vmlinuz"),
            modules: Some(folder.join("modules")),
            config: Some(folder.join("config")),
            sums: Some(parse_sums(&cache::read_text(&folder.join(SUMS))?)),
        })
    }
}

/// The kernel with this name: a path, or the newest release of a series in the cache; fetched when there is none.
pub(crate) fn resolve(cache: &Cache, name: &str) -> Result<Kernel> {
    if name.contains('/') || Path::new(name).is_file() {
        return Kernel::at(Path::new(name));
    }
    check_name(name)?;
    match pick(at_hand(cache)?, name) {
        Some(release) => Kernel::cached(cache, name, &release),
        None => newest(cache, name),
    }
}

/// The newest kernel with this name that the mirror has.
fn newest(cache: &Cache, name: &str) -> Result<Kernel> {
    check_name(name)?;
    let fetch = || {
        let apt = Apt::open(cache)?;
        apt.update()?;
        let names = apt.names("linux-image-")?;
        let releases = names
            .iter()
            .filter_map(|package| package.strip_prefix("linux-image-"))
            .map(str::to_owned);
        let release = pick(releases.collect(), name).with_context(|| {
            format!("the mirror has no kernel {name} of the flavour {}", FLAVOUR.trim_matches('-'))
        })?;
        if !at_hand(cache)?.contains(&release) {
            unpack(cache, &apt, &release)?;
        }
        Kernel::cached(cache, name, &release)
    };
    fetch().with_context(|| format!("cannot fetch the kernel {name}"))
}

fn check_name(name: &str) -> Result<()> {
    ensure!(
        name.starts_with(|first: char| first.is_ascii_digit()) && name.contains('.'),
        "{name} is neither a file nor a kernel series such as 6.12 or 7.x"
    );
    Ok(())
}

fn at_hand(cache: &Cache) -> Result<Vec<String>> {
    let folder = cache.folder("kernels")?;
    let entries =
        fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let complete = entries.flatten().filter(|entry| entry.path().join(SUMS).is_file());
    Ok(complete.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
}

/// The newest of the releases that belong to the name.
fn pick(mut releases: Vec<String>, name: &str) -> Option<String> {
    releases.retain(|release| belongs(release, name));
    releases.into_iter().max_by(|left, right| version::compare(left, right))
}

fn belongs(release: &str, name: &str) -> bool {
    let series = name.strip_suffix('x').unwrap_or(name);
    let rest = match release.strip_prefix(series) {
        Some("") => return true,
        Some(rest) if series.ends_with('.') => rest,
        Some(rest) => match rest.strip_prefix('.') {
            Some(rest) => rest,
            None => return false,
        },
        None => return false,
    };
    // Not the meta packages (6.1-cloud-amd64) nor another flavour (rt-cloud).
    rest.starts_with(|first: char| first.is_ascii_digit())
        && rest.ends_with(FLAVOUR)
        && !rest.contains("-rt")
}

/// Up to 6.18 a kernel is one package, since 6.19 it is three.
fn packages(release: &str) -> Vec<String> {
    let mut numbers = release.split(['.', '-', '+']).map_while(|word| word.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    let parts: &[&str] =
        if version >= (6, 19) { &["base", "binary", "modules"] } else { &["image"] };
    parts.iter().map(|part| format!("linux-{part}-{release}")).collect()
}

fn unpack(cache: &Cache, apt: &Apt, release: &str) -> Result<()> {
    let scratch = cache.scratch()?;
    let (tree, made) = (scratch.path().join("tree"), scratch.path().join("made"));
    for folder in [&tree, &made] {
        fs::create_dir(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let mut origin = String::new();
    for package in packages(release) {
        let file = match apt.download(&package, scratch.path()) {
            Err(error) if package.starts_with("linux-image-") => return Err(error),
            Err(_) => apt.download_from_pool(&package, release, scratch.path())?,
            Ok(file) => file,
        };
        if !file.checked {
            eprintln!(
                "{}: fetched from the pool, with no hash in the lists to check it against",
                file.name()
            );
        }
        let how = if file.checked { "checked by apt" } else { "from the pool, unchecked" };
        // Writing to a string does not fail.
        let _ = writeln!(
            origin,
            "{}  {} ({how})",
            cache::sha256(&cache::read(&file.path)?),
            file.name()
        );
        apt::unpack(&file, &tree)?;
    }
    let take = |places: &[String], name: &str| -> Result<()> {
        let place = places.iter().map(|place| tree.join(place)).find(|place| place.exists());
        let place = place.with_context(|| format!("the packages of {release} hold no {name}"))?;
        fs::rename(&place, made.join(name))
            .with_context(|| format!("cannot move {}", place.display()))
    };
    let module_trees = [format!("usr/lib/modules/{release}"), format!("lib/modules/{release}")];
    for (name, beside) in [("vmlinuz", "boot/vmlinuz-"), ("config", "boot/config-")] {
        let in_tree = module_trees.iter().map(|folder| format!("{folder}/{name}"));
        let places: Vec<_> = [format!("{beside}{release}")].into_iter().chain(in_tree).collect();
        take(&places, name)?;
    }
    take(&module_trees, "modules")?;
    let mut sums = String::new();
    record(&made, &made, &mut sums)?;
    cache::write(&made.join("PACKAGES"), origin)?;
    cache::write(&made.join(SUMS), sums)?;
    cache::publish(&made, &cache.folder("kernels")?.join(release))
}

/// Appends the digest of each file below a folder, in sha256sum's format.
fn record(top: &Path, folder: &Path, sums: &mut String) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            record(top, &path, sums)?;
        } else {
            let relative = path.strip_prefix(top).unwrap_or(&path).display();
            let _ = writeln!(sums, "{}  {relative}", cache::sha256(&cache::read(&path)?));
        }
    }
    Ok(())
}

fn parse_sums(text: &str) -> BTreeMap<PathBuf, String> {
    let lines = text.lines().filter_map(|line| line.split_once("  "));
    lines.map(|(sum, path)| (PathBuf::from(path), sum.to_owned())).collect()
}

/// The release that the header of a bzImage names.
fn release_of(image: &[u8]) -> Result<String> {
    if image.get(0x202..0x206) != Some(b"HdrS") {
        bail!("no boot header");
    }
    let offset = image
        .get(0x20e..0x210)
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u16::from_le_bytes);
    let text = image.get(usize::from(offset).saturating_add(0x200)..).unwrap_or_default();
    let end = text.iter().position(|&byte| byte == 0 || byte == b' ').unwrap_or(0);
    let release = String::from_utf8_lossy(text.get(..end).unwrap_or_default()).into_owned();
    ensure!(!release.is_empty(), "the boot header names no release");
    Ok(release)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_picks_the_newest_release_of_its_series() {
        let releases = [
            "5.10.0-46-cloud-amd64",
            "5.10.0-9-cloud-amd64",
            "6.1-cloud-amd64",
            "6.1.0-0.deb11.52-cloud-amd64",
            "6.1.0-56-cloud-amd64",
            "6.1.0-60-amd64",
            "6.1.0-60-rt-cloud-amd64",
            "6.12.117+deb12-cloud-amd64",
            "6.12.117+deb13-cloud-amd64",
            "6.12.96+deb13-cloud-amd64",
            "7.2.12+deb13-cloud-amd64",
            "7.10.1+deb13-cloud-amd64",
            "cloud-amd64",
        ];
        let rows = [
            ("5.10", Some("5.10.0-46-cloud-amd64")),
            ("6.1", Some("6.1.0-56-cloud-amd64")),
            ("6.12", Some("6.12.117+deb13-cloud-amd64")),
            ("7.x", Some("7.10.1+deb13-cloud-amd64")),
            ("7.2", Some("7.2.12+deb13-cloud-amd64")),
            ("6.x", Some("6.12.117+deb13-cloud-amd64")),
            ("6.12.96+deb13-cloud-amd64", Some("6.12.96+deb13-cloud-amd64")),
            ("6.11", None),
            ("4.19", None),
        ];
        for (name, expected) in rows {
            let releases = releases.iter().map(|&release| release.to_owned()).collect();
            assert_eq!(pick(releases, name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn kernels_since_6_19_are_three_packages() {
        let rows = [
            ("5.10.0-46-cloud-amd64", 1),
            ("6.18.15+deb13", 1),
            ("6.19.6+deb13", 3),
            ("7.0.4+deb13", 3),
        ];
        for (release, count) in rows {
            assert_eq!(packages(release).len(), count, "{release}");
        }
        assert_eq!(
            packages("7.3.4"),
            ["linux-base-7.3.4", "linux-binary-7.3.4", "linux-modules-7.3.4"]
        );
    }

    #[test]
    fn a_boot_header_names_the_release() {
        let mut image = vec![0; 0x400];
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x20e..0x210].copy_from_slice(&0x80_u16.to_le_bytes());
        image[0x280..0x28b].copy_from_slice(b"6.1.2-x (me");
        assert_eq!(release_of(&image).unwrap(), "6.1.2-x");
        for broken in [&image[..0x100], &image[..0x280], &[0; 0x400][..]] {
            assert!(release_of(broken).is_err());
        }
    }

    #[test]
    fn a_changed_file_of_the_cache_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path()).unwrap();
        let place = cache.folder("kernels/6.12.1-cloud-amd64").unwrap();
        fs::write(place.join("vmlinuz"), "kernel").unwrap();
        let mut sums = String::new();
        record(&place, &place, &mut sums).unwrap();
        fs::write(place.join(SUMS), sums).unwrap();
        let kernel = resolve(&cache, "6.12").unwrap();
        assert_eq!(kernel.release, "6.12.1-cloud-amd64");
        kernel.image().unwrap();
        fs::write(place.join("vmlinuz"), "other").unwrap();
        assert!(kernel.image().unwrap_err().to_string().contains("changed since it was fetched"));
        fs::write(place.join("extra"), "").unwrap();
        assert!(kernel.read(&place.join("extra")).unwrap_err().to_string().contains("no digest"));
    }

    #[test]
    fn a_name_that_is_no_kernel_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path()).unwrap();
        for name in ["", "bookworm", "612"] {
            assert!(
                resolve(&cache, name)
                    .unwrap_err()
                    .to_string()
                    .contains("neither a file nor a kernel series")
            );
        }
    }
}
