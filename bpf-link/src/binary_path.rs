//! Where the executable or library of a uprobe is: the search rules of libbpf.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Where multi-arch systems keep the libraries of the machine's own architecture.
const TRIPLET: &str = if cfg!(target_arch = "x86_64") {
    "x86_64-linux-gnu"
} else if cfg!(target_arch = "aarch64") {
    "aarch64-linux-gnu"
} else if cfg!(target_arch = "s390x") {
    "s390x-linux-gnu"
} else if cfg!(target_arch = "riscv64") {
    "riscv64-linux-gnu"
} else if cfg!(all(target_arch = "powerpc64", target_endian = "little")) {
    "powerpc64le-linux-gnu"
} else if cfg!(target_arch = "loongarch64") {
    "loongarch64-linux-gnu"
} else {
    ""
};

/// The path of a binary, or `None` if no folder holds one of that name.
///
/// A name with a `/` is a path already. A name with `.so` in it is a library: `LD_LIBRARY_PATH`, `/usr/lib64`,
/// `/usr/lib` and the folder of the architecture. Any other is a program: `PATH`, `/usr/bin` and `/usr/sbin`.
pub(crate) fn resolve(name: &Path) -> Option<PathBuf> {
    let environment = |variable| env::var_os(variable).unwrap_or_default();
    if is_library(name) {
        let fixed = ["/usr/lib64", "/usr/lib"].map(PathBuf::from);
        let of_arch = ["/lib", "/usr/lib"].map(|folder| Path::new(folder).join(TRIPLET));
        search(name, &environment("LD_LIBRARY_PATH"), fixed.into_iter().chain(of_arch))
    } else {
        let fixed = ["/usr/bin", "/usr/sbin"].map(PathBuf::from);
        search(name, &environment("PATH"), fixed.into_iter())
    }
}

/// Where [`resolve`] looked, for the message.
pub(crate) fn searched(name: &Path) -> String {
    if is_library(name) {
        format!(
            "not in LD_LIBRARY_PATH, /usr/lib64, /usr/lib, /lib/{TRIPLET} and /usr/lib/{TRIPLET}"
        )
    } else {
        "no executable of that name in PATH, /usr/bin and /usr/sbin".to_owned()
    }
}

fn is_library(name: &Path) -> bool {
    name.as_os_str().as_bytes().windows(3).any(|part| part == b".so")
}

fn search(name: &Path, list: &OsStr, fixed: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    if name.as_os_str().as_bytes().contains(&b'/') {
        return Some(name.to_owned());
    }
    let executable = !is_library(name);
    env::split_paths(list)
        // An empty entry would mean the current folder, a surprise when a tool runs as root.
        .filter(|folder| !folder.as_os_str().is_empty())
        .chain(fixed)
        .map(|folder| folder.join(name))
        .find(|path| {
            fs::metadata(path).is_ok_and(|found| {
                found.is_file() && (!executable || found.permissions().mode() & 0o111 != 0)
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_searched_and_paths_are_taken() {
        let root = tempfile::tempdir().unwrap();
        let folder = |name: &str| {
            let folder = root.path().join(name);
            fs::create_dir(&folder).unwrap();
            folder
        };
        let (first, second, fixed) = (folder("first"), folder("second"), folder("fixed"));
        let put = |folder: &Path, name: &str, mode: u32| {
            fs::write(folder.join(name), b"").unwrap();
            fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).unwrap();
        };
        put(&first, "data", 0o644);
        put(&second, "data", 0o755);
        put(&second, "tool", 0o755);
        put(&fixed, "tool", 0o755);
        put(&fixed, "last", 0o755);
        put(&first, "libx.so.1", 0o644);
        fs::create_dir(first.join("last")).unwrap();
        let list = env::join_paths([Path::new(""), &first, &second]).unwrap();
        let check = |rule: &str, name: &str, expected: Option<PathBuf>| {
            let found = search(Path::new(name), &list, [fixed.clone()].into_iter());
            assert_eq!(found, expected, "{rule}");
        };
        check("a path stays", "./tool", Some("./tool".into()));
        check("a path need not exist", "/no/such/libx.so", Some("/no/such/libx.so".into()));
        check("first folder that has it", "tool", Some(second.join("tool")));
        check("a program must be executable", "data", Some(second.join("data")));
        check("a folder is no program", "last", Some(fixed.join("last")));
        check("a library need not be executable", "libx.so.1", Some(first.join("libx.so.1")));
        check("nowhere", "none", None);
    }

    #[test]
    fn a_name_with_so_in_it_is_a_library() {
        for (name, library) in [
            ("libc.so.6", true),
            ("libc.so", true),
            ("x.sorted", true),
            ("so", false),
            ("bash", false),
        ] {
            assert_eq!(is_library(Path::new(name)), library, "{name}");
        }
    }
}
