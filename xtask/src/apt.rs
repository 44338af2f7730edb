//! Packages by name, through an apt configuration of our own: other suites than this machine's, nothing installed,
//! the system's apt state untouched, no root needed.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::cache::{self, Cache};
use crate::process;
use crate::sources::{self, Mirror};

/// An apt with its own lists and sources in the cache.
#[derive(Debug)]
pub(crate) struct Apt {
    folder: PathBuf,
    mirror: Mirror,
}

/// A package file that was fetched.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) path: PathBuf,
    /// False: the index did not list the package any more, so there was no hash to check it against.
    pub(crate) checked: bool,
}

impl Package {
    pub(crate) fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

const SUITES: [&str; 2] = ["bookworm", "trixie-backports"];
const SECURITY_SUITES: [&str; 3] = ["bullseye-security", "bookworm-security", "trixie-security"];

impl Apt {
    pub(crate) fn open(cache: &Cache) -> Result<Self> {
        Self::of(cache, "apt", "amd64", &SUITES, &SECURITY_SUITES)
    }

    /// The packages that bookworm has for another architecture, `s390x`.
    pub(crate) fn foreign(cache: &Cache, architecture: &str) -> Result<Self> {
        let folder = format!("apt-{architecture}");
        Self::of(cache, &folder, architecture, &["bookworm"], &["bookworm-security"])
    }

    /// The packages of one suite, with a compiler that another suite's libraries do not fit.
    pub(crate) fn suite(cache: &Cache, suite: &str) -> Result<Self> {
        let security = format!("{suite}-security");
        Self::of(cache, &format!("apt-{suite}"), "amd64", &[suite], &[&security])
    }

    fn of(
        cache: &Cache,
        name: &str,
        architecture: &str,
        suites: &[&str],
        security: &[&str],
    ) -> Result<Self> {
        let folder = cache.folder(name)?;
        let mirror = sources::mirror()?;
        for part in ["lists/partial", "cache/archives/partial"] {
            cache.folder(&format!("{name}/{part}"))?;
        }
        cache::write(&folder.join("status"), "")?;
        let list = source_list(&mirror, architecture, suites, security);
        cache::write(&folder.join("sources.list"), list)?;
        // How to reach the network is the machine's business: its proxy settings go along.
        let system = process::capture(Command::new("apt-config").arg("dump"))
            .context("guest kernels are fetched with apt, which this machine does not have")?;
        cache::write(&folder.join("apt.conf"), configuration(&folder, architecture, &system))?;
        Ok(Self { folder, mirror })
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("APT_CONFIG", self.folder.join("apt.conf")).env("LC_ALL", "C");
        command
    }

    /// Whether lists have been fetched before.
    pub(crate) fn has_lists(&self) -> bool {
        fs::read_dir(self.folder.join("lists")).is_ok_and(|entries| {
            entries.flatten().any(|entry| entry.file_name().to_string_lossy().contains("_dists_"))
        })
    }

    /// Fetches the lists of packages, unless that was done within the last minutes.
    /// A suite that is gone from the mirror does not spoil the others.
    pub(crate) fn update(&self) -> Result<()> {
        let stamp = self.folder.join("updated");
        let age = fs::metadata(&stamp)
            .and_then(|data| data.modified())
            .ok()
            .and_then(|time| time.elapsed().ok());
        if self.has_lists() && age.is_some_and(|age| age < Duration::from_secs(600)) {
            return Ok(());
        }
        // Without the option apt is content when nothing at all could be fetched.
        let mut update = self.command("apt-get");
        let output = process::output(update.args(["-qq", "update", "--error-on=any"]))?;
        if output.status.success() {
            return cache::write(&stamp, "");
        }
        if self.has_lists() {
            return Ok(());
        }
        let messages = String::from_utf8_lossy(&output.stderr);
        bail!(
            "cannot fetch the package lists: {}",
            messages.lines().next().unwrap_or("no reason given")
        )
    }

    /// All package names with this beginning.
    pub(crate) fn names(&self, prefix: &str) -> Result<Vec<String>> {
        let text = process::capture(self.command("apt-cache").args(["pkgnames", prefix]))?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// The newest version of a package that the lists know.
    fn version(&self, package: &str) -> Result<String> {
        let text = process::capture(self.command("apt-cache").args([
            "show",
            "--no-all-versions",
            package,
        ]))?;
        let version = text.lines().find_map(|line| line.strip_prefix("Version: "));
        Ok(version
            .with_context(|| format!("no version of {package} in the package lists"))?
            .to_owned())
    }

    /// All versions of a package that the lists know.
    pub(crate) fn versions(&self, package: &str) -> Result<Vec<String>> {
        let text = process::capture(self.command("apt-cache").args(["madison", package]))?;
        let versions = text.lines().filter_map(|line| line.split('|').nth(1));
        Ok(versions.map(|version| version.trim().to_owned()).collect())
    }

    /// Fetches a package (`NAME` or `NAME=VERSION`) into a folder; apt checks it against the signed lists.
    pub(crate) fn download(&self, package: &str, into: &Path) -> Result<Package> {
        let before = debs(into)?;
        process::capture(
            self.command("apt-get").args(["-qq", "download", package]).current_dir(into),
        )
        .with_context(|| format!("cannot fetch the package {package}"))?;
        let path = debs(into)?
            .into_iter()
            .find(|path| !before.contains(path))
            .with_context(|| format!("apt-get left no file of {package}"))?;
        Ok(Package { path, checked: true })
    }

    /// Fetches a kernel package that its index lost but the pool may still hold: newer builds push
    /// `linux-base-V` and its kind out while `linux-image-V` stays.
    pub(crate) fn download_from_pool(
        &self,
        package: &str,
        release: &str,
        into: &Path,
    ) -> Result<Package> {
        let version = self.version(&format!("linux-image-{release}"))?;
        let file = format!("{package}_{version}_amd64.deb");
        let address =
            format!("{}/pool/main/l/linux/{file}", self.mirror.main.trim_end_matches('/'));
        let path = into.join(&file);
        process::capture(
            self.command("/usr/lib/apt/apt-helper").arg("download-file").arg(&address).arg(&path),
        )
        .with_context(|| {
            format!("{package} {version} is neither in the package lists nor in the pool")
        })?;
        Ok(Package { path, checked: false })
    }
}

/// Unpacks a package file under a folder.
pub(crate) fn unpack(package: &Package, into: &Path) -> Result<()> {
    process::capture(Command::new("dpkg-deb").arg("-x").arg(&package.path).arg(into)).map(drop)
}

fn debs(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    Ok(entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "deb"))
        .collect())
}

fn source_list(mirror: &Mirror, architecture: &str, suites: &[&str], security: &[&str]) -> String {
    let line = |uri: &str, suite: &str| {
        format!("deb [arch={architecture} signed-by={}] {uri} {suite} main\n", mirror.keyring)
    };
    let main = suites.iter().map(|suite| line(&mirror.main, suite));
    main.chain(security.iter().map(|suite| line(&mirror.security, suite))).collect()
}

fn configuration(folder: &Path, architecture: &str, system: &str) -> String {
    let folder = folder.display();
    let network: String = system
        .lines()
        .filter(|line| {
            ["Acquire::http", "Acquire::https", "Acquire::Retries"]
                .iter()
                .any(|key| line.starts_with(key))
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    format!(
        r#"{network}APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
Dir::State "{folder}";
Dir::State::Lists "{folder}/lists";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Etc::SourceList "{folder}/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::Etc::Parts "/dev/null";
Dir::Etc::Main "/dev/null";
"#
    )
}

/// A package of the machine that a task needs and that is not there.
pub(crate) fn missing(what: &str, package: &str) -> anyhow::Error {
    anyhow::anyhow!("{what} is not installed: apt-get install {package}")
}

/// Installs packages of the machine's own suites; needs root.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    if !process::is_root() {
        bail!("not installed, and installing needs root: apt-get install {}", packages.join(" "));
    }
    let apt = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C");
        command
    };
    let install = || {
        process::capture(
            apt().args(["-qq", "-y", "install", "--no-install-recommends"]).args(packages),
        )
        .map(drop)
    };
    // Lists may be absent or old: refresh them only when the first try says so.
    if install().is_err() {
        process::capture(apt().args(["-qq", "update"]))
            .context("cannot refresh the package lists")?;
        install().with_context(|| format!("cannot install {}", packages.join(" ")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_settings_of_the_network_are_taken_from_the_system() {
        let system = "Acquire::http::Proxy \"http://proxy:1\";\nDir::Cache \"/elsewhere\";\nAPT::Update::Post-Invoke:: \"rm\";\n";
        let text = configuration(Path::new("/c/apt"), "amd64", system);
        assert!(text.starts_with("Acquire::http::Proxy \"http://proxy:1\";\nAPT::Architecture"));
        assert!(!text.contains("elsewhere") && !text.contains("Post-Invoke"));
        assert!(text.contains("Dir::State::Lists \"/c/apt/lists\";"));
    }

    #[test]
    fn suites_come_from_the_archive_that_has_them() {
        let mirror = Mirror {
            main: "http://m/d".into(),
            security: "http://s/d".into(),
            keyring: "/k".into(),
        };
        let text = source_list(&mirror, "amd64", &SUITES, &SECURITY_SUITES);
        assert!(text.contains("deb [arch=amd64 signed-by=/k] http://m/d trixie-backports main\n"));
        assert!(text.contains("deb [arch=amd64 signed-by=/k] http://s/d bullseye-security main\n"));
        assert_eq!(text.lines().count(), SUITES.len() + SECURITY_SUITES.len());
        let foreign = source_list(&mirror, "s390x", &["bookworm"], &[]);
        assert_eq!(foreign, "deb [arch=s390x signed-by=/k] http://m/d bookworm main\n");
    }
}
