//! The layouts of this crate against those of the running kernel, whose BTF bpftool prints as JSON-like text.
//!
//! Needs `bpftool`. A field that the kernel does not have yet is newer than the kernel; a field of another place or size is an error.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that fails panics; functions that tests share are no tests to clippy"
)]
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::process::Command;

use bpf_sys::abi::raw::{self, Field};
use bpf_sys::abi::{
    AttachType, Command as BpfCommand, KprobeMultiFlags, LinkType, MapFlags, MapType,
    PerfEventType, ProgramType, UpdateFlags, UprobeMultiFlags,
};

/// A type as `bpftool btf dump format raw` prints it.
#[derive(Debug, Default)]
struct Type {
    kind: String,
    name: String,
    size: usize,
    /// The referenced type, and for arrays the number of elements.
    to: u32,
    elements: usize,
    /// Name, type, offset in bits.
    members: Vec<(String, u32, usize)>,
    /// Name and value.
    values: Vec<(String, u32)>,
}

struct Kernel {
    types: BTreeMap<u32, Type>,
    names: BTreeMap<(String, String), u32>,
}

/// The text after `key=`, up to a space.
fn word<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!(" {key}="))?;
    rest.split(' ').next()
}

fn number(line: &str, key: &str) -> usize {
    word(line, key).and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn quoted(line: &str) -> String {
    line.split('\'').nth(1).unwrap_or_default().to_owned()
}

impl Kernel {
    fn read() -> Self {
        let vmlinux = "/sys/kernel/btf/vmlinux";
        let text = testdata::output(
            Command::new("bpftool").args(["btf", "dump", "file", vmlinux, "format", "raw"]),
        );
        let mut types: BTreeMap<u32, Type> = BTreeMap::new();
        let mut last = 0;
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix('[') {
                let (id, rest) = rest.split_once("] ").unwrap();
                last = id.parse().unwrap();
                let kind = rest.split(' ').next().unwrap().to_owned();
                let to = u32::try_from(number(line, "type_id")).unwrap();
                let name = quoted(line);
                types.insert(
                    last,
                    Type {
                        kind,
                        name,
                        size: number(line, "size"),
                        to,
                        elements: number(line, "nr_elems"),
                        ..Type::default()
                    },
                );
            } else if let Some(current) = types.get_mut(&last) {
                if line.contains("bits_offset=") {
                    let to = u32::try_from(number(line, "type_id")).unwrap();
                    current.members.push((quoted(line), to, number(line, "bits_offset")));
                } else if let Some(value) = word(line, "val").and_then(|text| text.parse().ok()) {
                    current.values.push((quoted(line), value));
                }
            }
        }
        let mut names = BTreeMap::new();
        for (id, found) in &types {
            names.entry((found.kind.clone(), found.name.clone())).or_insert(*id);
        }
        Self { types, names }
    }

    fn find(&self, kind: &str, name: &str) -> u32 {
        *self
            .names
            .get(&(kind.to_owned(), name.to_owned()))
            .unwrap_or_else(|| panic!("{kind} {name}"))
    }

    fn size(&self, id: u32) -> usize {
        let found = &self.types[&id];
        match found.kind.as_str() {
            "ARRAY" => found.elements * self.size(found.to),
            "TYPEDEF" | "CONST" | "VOLATILE" => self.size(found.to),
            "PTR" => 8,
            _ => found.size,
        }
    }

    /// Name, offset and size of every field, those of nameless members included.
    fn fields(&self, id: u32, base: usize, out: &mut Vec<(String, usize, usize)>) {
        for (name, to, bits) in &self.types[&id].members {
            let offset = base + bits / 8;
            if name == "(anon)" || name.is_empty() {
                self.fields(*to, offset, out);
            } else {
                out.push((name.clone(), offset, self.size(*to)));
            }
        }
    }

    /// The type of a member, through nameless members.
    fn member(&self, id: u32, wanted: &str) -> Option<u32> {
        self.types[&id].members.iter().find_map(|(name, to, _)| {
            if name == wanted {
                Some(*to)
            } else if name == "(anon)" || name.is_empty() {
                self.member(*to, wanted)
            } else {
                None
            }
        })
    }

    /// The nameless structure of `union bpf_attr` that has this field.
    fn nameless(&self, attr: u32, field: &str) -> u32 {
        let holds = |id: u32| {
            let mut fields = Vec::new();
            self.fields(id, 0, &mut fields);
            fields.iter().any(|(name, ..)| name == field)
        };
        let nameless = self.types[&attr]
            .members
            .iter()
            .filter(|(name, ..)| name == "(anon)" || name.is_empty());
        nameless
            .map(|(_, to, _)| *to)
            .find(|id| holds(*id))
            .unwrap_or_else(|| panic!("{field} in bpf_attr"))
    }
}

/// How many fields of `ours` the kernel has, every one at the same place and of the same size.
fn compare(kernel: &Kernel, what: &str, id: u32, base: usize, ours: &[Field]) -> usize {
    let mut theirs = Vec::new();
    kernel.fields(id, base, &mut theirs);
    let mut same = 0;
    for field in ours {
        let Some((_, offset, size)) = theirs.iter().find(|(name, ..)| name == field.name) else {
            continue;
        };
        assert_eq!((field.offset, field.size), (*offset, *size), "{what}.{}", field.name);
        same += 1;
    }
    // And none that begins where this crate has a hole to fill. A structure of several fields may lie over several of ours.
    for (name, offset, _) in &theirs {
        let over = ours.iter().rev().find(|field| field.offset <= *offset);
        let pad =
            over.is_some_and(|field| field.name == "pad" && field.offset + field.size > *offset);
        assert!(!pad, "{what}: {name} at {offset} is padding here");
    }
    same
}

#[test]
fn every_structure_lies_as_in_the_kernel() {
    let kernel = Kernel::read();
    let attr = kernel.find("UNION", "bpf_attr");
    let by_field: &[(&str, &[Field], usize)] = &[
        ("map_type", raw::MapCreateAttr::FIELDS, 15),
        ("next_key", raw::MapElemAttr::FIELDS, 4),
        ("insns", raw::ProgLoadAttr::FIELDS, 20),
        ("pathname", raw::ObjAttr::FIELDS, 3),
        ("attach_bpf_fd", raw::ProgAttachAttr::FIELDS, 5),
        ("start_id", raw::IdAttr::FIELDS, 3),
        ("btf_log_buf", raw::BtfLoadAttr::FIELDS, 5),
    ];
    for (field, ours, least) in by_field {
        let same = compare(&kernel, field, kernel.nameless(attr, field), 0, ours);
        assert!(same >= *least, "{field}: only {same} fields are known");
    }
    let by_name: &[(&str, &[Field], usize)] = &[
        ("batch", raw::BatchAttr::FIELDS, 8),
        ("test", raw::ProgTestRunAttr::FIELDS, 12),
        ("info", raw::InfoAttr::FIELDS, 3),
        ("query", raw::ProgQueryAttr::FIELDS, 5),
        ("raw_tracepoint", raw::RawTracepointAttr::FIELDS, 2),
        ("task_fd_query", raw::TaskFdQueryAttr::FIELDS, 9),
        ("link_create", raw::LinkCreateAttr::FIELDS, 4),
        ("link_update", raw::LinkUpdateAttr::FIELDS, 4),
        ("link_detach", raw::LinkDetachAttr::FIELDS, 1),
        ("iter_create", raw::IterCreateAttr::FIELDS, 2),
        ("prog_bind_map", raw::ProgBindMapAttr::FIELDS, 3),
        ("token_create", raw::TokenCreateAttr::FIELDS, 2),
        ("prog_stream_read", raw::ProgStreamReadAttr::FIELDS, 3),
        ("prog_assoc_struct_ops", raw::ProgAssocStructOpsAttr::FIELDS, 3),
    ];
    for (member, ours, least) in by_name {
        // A command that this kernel does not have.
        let Some(id) = kernel.member(attr, member) else { continue };
        let same = compare(&kernel, member, id, 0, ours);
        assert!(same >= *least, "{member}: only {same} fields are known");
    }
    let link = kernel.member(attr, "link_create").unwrap();
    let options: &[(&str, &[Field])] = &[
        ("perf_event", raw::LinkCreatePerfEvent::FIELDS),
        ("kprobe_multi", raw::LinkCreateKprobeMulti::FIELDS),
        ("tracing", raw::LinkCreateTracing::FIELDS),
        ("netfilter", raw::LinkCreateNetfilter::FIELDS),
        ("tcx", raw::LinkCreateCgroup::FIELDS),
        ("netkit", raw::LinkCreateCgroup::FIELDS),
        ("cgroup", raw::LinkCreateCgroup::FIELDS),
        ("uprobe_multi", raw::LinkCreateUprobeMulti::FIELDS),
        ("tracing_multi", raw::LinkCreateTracingMulti::FIELDS),
    ];
    for (member, ours) in options {
        let Some(id) = kernel.member(link, member) else { continue };
        assert!(compare(&kernel, member, id, 0, ours) > 0, "{member}");
    }
}

#[test]
fn every_description_lies_as_in_the_kernel() {
    let kernel = Kernel::read();
    let whole: &[(&str, &[Field], usize)] = &[
        ("bpf_map_info", raw::MapInfo::FIELDS, 15),
        // The bit field `gpl_compatible` among them.
        ("bpf_prog_info", raw::ProgInfo::FIELDS, 34),
        ("bpf_btf_info", raw::BtfInfo::FIELDS, 3),
        ("bpf_link_info", raw::LinkInfo::FIELDS, 3),
    ];
    for (name, ours, least) in whole {
        let same = compare(&kernel, name, kernel.find("STRUCT", name), 0, ours);
        assert!(same >= *least, "{name}: only {same} fields are known");
    }
    let link = kernel.find("STRUCT", "bpf_link_info");
    let kinds: &[(&str, &[Field])] = &[
        ("raw_tracepoint", raw::LinkInfoRawTracepoint::FIELDS),
        ("tracing", raw::LinkInfoTracing::FIELDS),
        ("cgroup", raw::LinkInfoCgroup::FIELDS),
        ("iter", raw::LinkInfoIter::FIELDS),
        ("netns", raw::LinkInfoNetns::FIELDS),
        ("xdp", raw::LinkInfoDevice::FIELDS),
        ("tcx", raw::LinkInfoDevice::FIELDS),
        ("netkit", raw::LinkInfoDevice::FIELDS),
        ("struct_ops", raw::LinkInfoMap::FIELDS),
        ("sockmap", raw::LinkInfoMap::FIELDS),
        ("netfilter", raw::LinkInfoNetfilter::FIELDS),
        ("kprobe_multi", raw::LinkInfoKprobeMulti::FIELDS),
        ("uprobe_multi", raw::LinkInfoUprobeMulti::FIELDS),
        ("perf_event", raw::LinkInfoPerfEvent::FIELDS),
    ];
    for (member, ours) in kinds {
        let Some(id) = kernel.member(link, member) else { continue };
        if *member == "perf_event" {
            // Its sources lie behind the type, in a nameless union.
            let sources: &[(&str, &[Field])] = &[
                ("uprobe", raw::LinkInfoPerfUprobe::FIELDS),
                ("kprobe", raw::LinkInfoPerfKprobe::FIELDS),
                ("tracepoint", raw::LinkInfoPerfTracepoint::FIELDS),
                ("event", raw::LinkInfoPerfEventSource::FIELDS),
            ];
            for (source, ours) in sources {
                let id = kernel.member(id, source).unwrap();
                assert!(compare(&kernel, source, id, 0, ours) >= 3, "{source}");
            }
            continue;
        }
        assert!(compare(&kernel, member, id, 0, ours) > 0, "{member}");
    }
}

/// The kernel's enumerators have the names and values of this crate.
fn check_values(kernel: &Kernel, name: &str, prefix: &str, ours: impl Fn(&str) -> Option<u32>) {
    let found = &kernel.types[&kernel.find("ENUM", name)];
    assert!(!found.values.is_empty(), "{name}");
    for (enumerator, value) in &found.values {
        // The last one is a count, and some have a second name.
        let skipped = enumerator.starts_with("__MAX")
            || enumerator.ends_with("_DEPRECATED")
            || enumerator == "BPF_PROG_RUN"
            || *value >= 1 << 16;
        if skipped {
            continue;
        }
        let short = enumerator.strip_prefix(prefix).unwrap().to_ascii_lowercase();
        assert_eq!(ours(&short), Some(*value), "{enumerator}");
    }
}

#[test]
fn every_constant_is_the_kernels() {
    let kernel = Kernel::read();
    check_values(&kernel, "bpf_map_type", "BPF_MAP_TYPE_", |name| {
        MapType::from_name(name).map(|value| value.0)
    });
    check_values(&kernel, "bpf_prog_type", "BPF_PROG_TYPE_", |name| {
        ProgramType::from_name(name).map(|value| value.0)
    });
    check_values(&kernel, "bpf_attach_type", "BPF_", |name| {
        AttachType::from_name(name).map(|value| value.0)
    });
    check_values(&kernel, "bpf_link_type", "BPF_LINK_TYPE_", |name| {
        LinkType::from_name(name).map(|value| value.0)
    });
    check_values(&kernel, "bpf_cmd", "BPF_", |name| {
        BpfCommand::from_name(name).map(|value| value.0)
    });
    check_values(&kernel, "bpf_perf_event_type", "BPF_PERF_EVENT_", |name| {
        PerfEventType::from_name(name).map(|value| value.0)
    });
}

#[test]
fn every_flag_that_is_an_enumerator_is_the_kernels() {
    let kernel = Kernel::read();
    let value = |name: &str| {
        let mut enumerators = kernel
            .types
            .values()
            .filter(|found| found.kind == "ENUM")
            .flat_map(|found| &found.values);
        enumerators.find(|(enumerator, _)| enumerator == name).map(|(_, value)| u64::from(*value))
    };
    let map = |flags: MapFlags| u64::from(flags.bits());
    // Name, value, and whether every kernel with BTF has it.
    let rows = [
        ("BPF_F_NO_PREALLOC", map(MapFlags::NO_PREALLOC), true),
        ("BPF_F_NO_COMMON_LRU", map(MapFlags::NO_COMMON_LRU), true),
        ("BPF_F_NUMA_NODE", map(MapFlags::NUMA_NODE), true),
        ("BPF_F_RDONLY", map(MapFlags::RDONLY), true),
        ("BPF_F_WRONLY", map(MapFlags::WRONLY), true),
        ("BPF_F_STACK_BUILD_ID", map(MapFlags::STACK_BUILD_ID), true),
        ("BPF_F_ZERO_SEED", map(MapFlags::ZERO_SEED), true),
        ("BPF_F_RDONLY_PROG", map(MapFlags::RDONLY_PROG), true),
        ("BPF_F_WRONLY_PROG", map(MapFlags::WRONLY_PROG), true),
        ("BPF_F_CLONE", map(MapFlags::CLONE), true),
        ("BPF_F_MMAPABLE", map(MapFlags::MMAPABLE), true),
        ("BPF_F_PRESERVE_ELEMS", map(MapFlags::PRESERVE_ELEMS), false),
        ("BPF_F_INNER_MAP", map(MapFlags::INNER_MAP), false),
        ("BPF_F_LINK", map(MapFlags::LINK), false),
        ("BPF_F_PATH_FD", map(MapFlags::PATH_FD), false),
        ("BPF_F_VTYPE_BTF_OBJ_FD", map(MapFlags::VTYPE_BTF_OBJ_FD), false),
        ("BPF_F_TOKEN_FD", map(MapFlags::TOKEN_FD), false),
        ("BPF_F_SEGV_ON_FAULT", map(MapFlags::SEGV_ON_FAULT), false),
        ("BPF_F_NO_USER_CONV", map(MapFlags::NO_USER_CONV), false),
        ("BPF_F_RB_OVERWRITE", map(MapFlags::RB_OVERWRITE), false),
        ("BPF_NOEXIST", UpdateFlags::NOEXIST.bits(), true),
        ("BPF_EXIST", UpdateFlags::EXIST.bits(), true),
        ("BPF_F_LOCK", UpdateFlags::LOCK.bits(), true),
        ("BPF_F_CPU", UpdateFlags::CPU.bits(), false),
        ("BPF_F_ALL_CPUS", UpdateFlags::ALL_CPUS.bits(), false),
        ("BPF_F_KPROBE_MULTI_RETURN", KprobeMultiFlags::RETURN.bits().into(), false),
        ("BPF_F_UPROBE_MULTI_RETURN", UprobeMultiFlags::RETURN.bits().into(), false),
    ];
    for (name, ours, always) in rows {
        match value(name) {
            Some(theirs) => assert_eq!(ours, theirs, "{name}"),
            None => assert!(!always, "{name}"),
        }
    }
}
