//! The trace file system: ids of tracepoints, and the probe events of kernels without probe PMUs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind};

/// Where trace file systems are mounted. Below debugfs it was before Linux 4.1, and still is for compatibility.
const ROOTS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum TracefsError {
    #[error("no trace file system; mount it with `mount -t tracefs nodev {}`", ROOTS[0])]
    NotMounted,
    #[error("`{0}` is not a name of a trace event: letters, digits, `_`, `-` and `.` only")]
    Name(String),
    #[error("no trace event `{group}/{name}` (`{}` lists all)", .root.join("available_events").display())]
    NoEvent { root: PathBuf, group: String, name: String },
    #[error("`{}` holds `{text}` instead of an event id", .path.display())]
    Id { path: PathBuf, text: String },
    #[error("writing `{line}` to `{}`", .path.display())]
    Write { path: PathBuf, line: String, source: io::Error },
    #[error("reading `{}`", .path.display())]
    Read { path: PathBuf, source: io::Error },
}

impl TracefsError {
    /// As the error of what was being done.
    pub(crate) fn into_error(self, action: impl Into<String>) -> Error {
        let advice = self.to_string();
        match self {
            TracefsError::Write { source, .. } | TracefsError::Read { source, .. } => {
                Error::from_io(action, source).with_advice(format!("it was {advice}"))
            }
            TracefsError::NotMounted | TracefsError::NoEvent { .. } => {
                Error::new(action, ErrorKind::NotFound).with_advice(advice)
            }
            TracefsError::Name(_) => Error::new(action, ErrorKind::Invalid).with_advice(advice),
            TracefsError::Id { .. } => Error::new(action, ErrorKind::Other).with_advice(advice),
        }
    }
}

/// The root of a mounted trace file system.
#[derive(Clone, Debug)]
pub(crate) struct Tracefs {
    root: PathBuf,
}

impl Tracefs {
    /// The first place that has one.
    pub(crate) fn find() -> Result<Self, TracefsError> {
        Self::find_in(ROOTS.iter().map(Path::new))
    }

    fn find_in<'a>(roots: impl Iterator<Item = &'a Path>) -> Result<Self, TracefsError> {
        let mut denied = None;
        for root in roots {
            // The mount point exists without the mount; the folder of events does not.
            match fs::metadata(root.join("events")) {
                Ok(_) => return Ok(Tracefs { root: root.to_owned() }),
                Err(source) if source.kind() == io::ErrorKind::PermissionDenied => {
                    denied.get_or_insert(TracefsError::Read { path: root.join("events"), source });
                }
                Err(_) => {}
            }
        }
        Err(denied.unwrap_or(TracefsError::NotMounted))
    }

    #[cfg(test)]
    pub(crate) fn at(root: &Path) -> Self {
        Tracefs { root: root.to_owned() }
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.root.join(file)
    }

    /// The id of a trace event, as `perf_event_open` takes it.
    pub(crate) fn event_id(&self, group: &str, name: &str) -> Result<u64, TracefsError> {
        let path = self.event_folder(group, name)?.join("id");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(source) if source.kind() == io::ErrorKind::NotFound => {
                return Err(TracefsError::NoEvent {
                    root: self.root.clone(),
                    group: group.to_owned(),
                    name: name.to_owned(),
                });
            }
            Err(source) => return Err(TracefsError::Read { path, source }),
        };
        match text.trim_end().parse() {
            Ok(id) => Ok(id),
            Err(_) => Err(TracefsError::Id { path, text }),
        }
    }

    pub(crate) fn has_event(&self, group: &str, name: &str) -> bool {
        self.event_folder(group, name).is_ok_and(|folder| folder.exists())
    }

    fn event_folder(&self, group: &str, name: &str) -> Result<PathBuf, TracefsError> {
        // A name becomes a part of a path: it must not lead out of the folder.
        for part in [group, name] {
            let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
            if part.is_empty() || part.starts_with('.') || !part.chars().all(known) {
                return Err(TracefsError::Name(part.to_owned()));
            }
        }
        Ok(self.root.join("events").join(group).join(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (event, id) in [
            ("sched/sched_switch", "316\n"),
            ("odd/text", "many\n"),
            ("odd/long", "99999999999999999999"),
        ] {
            let folder = root.path().join("events").join(event);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("id"), id).unwrap();
        }
        root
    }

    #[test]
    fn an_event_has_the_id_of_its_file() {
        let root = tree();
        let tracefs = Tracefs::find_in([root.path()].into_iter()).unwrap();
        let check = |group: &str, name: &str, expected: Result<u64, &str>| {
            let found = tracefs.event_id(group, name).map_err(|error| error.to_string());
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{group}/{name}"),
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
                (found, _) => panic!("{group}/{name}: {found:?}"),
            }
        };
        check("sched", "sched_switch", Ok(316));
        check("sched", "sched_swap", Err("no trace event `sched/sched_swap`"));
        check("none", "sched_switch", Err("no trace event `none/sched_switch`"));
        check("odd", "text", Err("holds `many\n` instead of an event id"));
        check("odd", "long", Err("instead of an event id"));
        for bad in ["", "..", ".", "a/b", "../odd/text", "a b", "a\n", "ä"] {
            check("odd", bad, Err("is not a name of a trace event"));
            check(bad, "text", Err("is not a name of a trace event"));
        }
        assert!(tracefs.has_event("odd", "text"));
        assert!(!tracefs.has_event("odd", "none"));
    }

    #[test]
    fn the_first_mounted_root_counts() {
        let (empty, first, second) = (tempfile::tempdir().unwrap(), tree(), tree());
        let found = Tracefs::find_in([empty.path(), first.path(), second.path()].into_iter());
        assert_eq!(found.unwrap().root, first.path());
        let none = Tracefs::find_in([empty.path()].into_iter()).unwrap_err();
        assert_eq!(
            none.to_string(),
            "no trace file system; mount it with `mount -t tracefs nodev /sys/kernel/tracing`"
        );
    }
}
