//! The PMUs `kprobe` and `uprobe` (since Linux 4.17): whether the running kernel has them.

use std::path::Path;

use crate::attempt::Feature;
use crate::probe_event::ProbeKind;

const DEVICES: &str = "/sys/bus/event_source/devices";

/// What is missing where there is no PMU.
pub(crate) const fn feature(kind: ProbeKind) -> Feature {
    match kind {
        ProbeKind::Kprobe => Feature::new("the kprobe PMU", 4, 17),
        ProbeKind::Uprobe => Feature::new("the uprobe PMU", 4, 17),
    }
}

/// What is missing where the uprobe PMU has no reference counter.
pub(crate) const REFERENCE_COUNTER: Feature = Feature::new("reference counters of uprobes", 4, 20);

pub(crate) fn exists(kind: ProbeKind) -> bool {
    has(Path::new(DEVICES), kind, "type")
}

/// Whether the PMU knows the reference counters of uprobes.
pub(crate) fn has_reference_counter() -> bool {
    has(Path::new(DEVICES), ProbeKind::Uprobe, "format/ref_ctr_offset")
}

fn has(devices: &Path, kind: ProbeKind, file: &str) -> bool {
    devices.join(kind.name()).join(file).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_sysfs_says_what_there_is() {
        let root = tempfile::tempdir().unwrap();
        for file in ["kprobe/type", "uprobe/type", "uprobe/format/ref_ctr_offset"] {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        for (kind, file, expected) in [
            (ProbeKind::Kprobe, "type", true),
            (ProbeKind::Kprobe, "format/ref_ctr_offset", false),
            (ProbeKind::Uprobe, "type", true),
            (ProbeKind::Uprobe, "format/ref_ctr_offset", true),
        ] {
            assert_eq!(has(root.path(), kind, file), expected, "{kind:?} {file}");
            assert!(!has(&root.path().join("none"), kind, file));
        }
    }
}
