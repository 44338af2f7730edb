//! The BTF of the running kernel: `cargo test -p bpf-btf --test kernel_btf`. Needs `/sys/kernel/btf/vmlinux`.
#![expect(clippy::unwrap_used, reason = "a test that panics fails")]

use bpf_btf::{Btf, Kind, Type};

const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

fn kernel() -> Btf {
    Btf::parse(std::fs::read(VMLINUX).unwrap()).unwrap()
}

#[test]
fn every_type_of_the_kernel_can_be_looked_at() {
    let btf = kernel();
    assert!(btf.len() > 10_000, "{btf:?}");
    let mut kinds = std::collections::BTreeMap::<Kind, u32>::new();
    for (id, found) in btf.types() {
        *kinds.entry(found.kind()).or_default() += 1;
        assert_eq!(found.id(), id);
        if !matches!(
            found,
            Type::Void | Type::Fwd(_) | Type::Func(_) | Type::FuncProto(_) | Type::DeclTag(_)
        ) {
            let size = btf.size_of(id);
            let of_void =
                matches!(btf.resolve(id), Some(Type::Void | Type::Fwd(_) | Type::FuncProto(_)));
            assert!(size.is_ok() || of_void, "{found:?}: {size:?}");
        }
        assert!(!btf.display_name(id).to_string().contains('?'), "{found:?}");
    }
    for kind in [Kind::Int, Kind::Struct, Kind::Func, Kind::FuncProto, Kind::Enum, Kind::Datasec] {
        assert!(kinds.get(&kind).is_some_and(|count| *count > 0), "no {kind}: {kinds:?}");
    }
}

#[test]
fn what_the_kernel_vouches_for_is_valid() {
    let checked = kernel();
    let trusted = Btf::parse_trusted(std::fs::read(VMLINUX).unwrap()).unwrap();
    assert_eq!(trusted.len(), checked.len());
    assert_eq!(
        trusted.find("task_struct", Kind::Struct),
        checked.find("task_struct", Kind::Struct)
    );
    for entry in std::fs::read_dir("/sys/kernel/btf").unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().is_some_and(|name| name != "vmlinux") {
            let module = std::fs::read(&path).unwrap();
            let module = Btf::parse_split_trusted(module, &trusted).unwrap();
            assert_eq!(module.validate(), Ok(()), "{}", path.display());
        }
    }
    assert_eq!(trusted.validate(), Ok(()));
    assert!(trusted.types().zip(checked.types()).all(|((_, one), (_, other))| {
        (one.id(), one.kind(), one.name()) == (other.id(), other.kind(), other.name())
    }));
}

#[test]
fn every_name_leads_back_to_its_type() {
    let btf = kernel();
    for (id, found) in btf.types().filter(|(_, found)| !found.name().is_empty()) {
        assert!(btf.find_all(found.name()).any(|other| other == id), "{found:?}");
        assert!(btf.find(found.name(), found.kind()).is_some_and(|first| first <= id), "{found:?}");
    }
}

#[test]
fn well_known_types_are_what_they_are() {
    let btf = kernel();
    let task = btf
        .find("task_struct", Kind::Struct)
        .and_then(|id| btf.get(id))
        .and_then(|found| found.composite());
    let task = task.unwrap();
    let comm = task.member_named("comm").unwrap();
    assert_eq!(btf.display_declaration(comm.type_id(), "comm").to_string(), "char comm[16]");
    let pid = task.member_named("pid").unwrap();
    assert_eq!(
        (btf.display_name(pid.type_id()).to_string().as_str(), btf.size_of(pid.type_id())),
        ("pid_t", Ok(4))
    );
    assert_eq!(btf.align_of(task.id()).map(|align| align >= 8), Ok(true));
    assert_eq!(btf.pointer_size(), u8::try_from(size_of::<usize>()).unwrap());
}

#[test]
fn a_swapped_kernel_reads_equal() {
    let bytes = std::fs::read(VMLINUX).unwrap();
    let native = Btf::parse(bytes.clone()).unwrap();
    let mut swapped = bytes;
    let word = |bytes: &[u8], at: usize| {
        usize::try_from(u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap())).unwrap()
    };
    let (header, types) = (word(&swapped, 4), word(&swapped, 12));
    swapped[..2].reverse();
    swapped[4..header + types].chunks_exact_mut(4).for_each(<[u8]>::reverse);
    let swapped = Btf::parse(swapped).unwrap();
    assert_ne!(swapped.byte_order(), native.byte_order());
    assert_eq!(swapped, native);
}

/// How many types of each kind there are.
fn kinds(btf: &Btf) -> std::collections::BTreeMap<Kind, usize> {
    let mut kinds = std::collections::BTreeMap::new();
    for (_, found) in btf.types() {
        let count: &mut usize = kinds.entry(found.kind()).or_default();
        *count = count.saturating_add(1);
    }
    kinds
}

#[test]
fn the_kernels_types_twice_are_merged_into_one() {
    let btf = kernel();
    let once = bpf_btf::dedup(&btf).unwrap();
    let once = Btf::parse(once.builder.write(btf.byte_order()).unwrap()).unwrap();
    // The kernel's build has merged already what libbpf merges.
    assert_eq!(kinds(&once), kinds(&btf));
    let mut builder = bpf_btf::BtfBuilder::from_btf(&btf);
    builder.add_btf(&btf).unwrap();
    let twice = Btf::parse(builder.write(btf.byte_order()).unwrap()).unwrap();
    let merged = bpf_btf::dedup(&twice).unwrap();
    let merged = Btf::parse(merged.builder.write(btf.byte_order()).unwrap()).unwrap();
    let mut expected = kinds(&btf);
    for kind in [Kind::Var, Kind::Datasec] {
        expected.entry(kind).and_modify(|count| *count *= 2);
    }
    // Tags of variables stay with each of them.
    expected.remove(&Kind::DeclTag);
    let mut merged = kinds(&merged);
    merged.remove(&Kind::DeclTag);
    assert_eq!(merged, expected);
}

#[test]
fn what_is_kept_of_the_kernel_is_equal_to_what_it_was() {
    let btf = kernel();
    let task = btf.find("task_struct", Kind::Struct).unwrap();
    let mut minimizer = bpf_btf::Minimizer::new(&btf);
    minimizer.keep(task);
    let small = minimizer.finish().unwrap();
    let id = small.ids.get(task).unwrap();
    let small = Btf::parse(small.builder.write(btf.byte_order()).unwrap()).unwrap();
    assert!(small.len() < btf.len() / 2, "{small:?}");
    assert!(btf.types_equal(task, &small, id));
    let sorted = bpf_btf::sort_by_name(&btf).unwrap();
    let id = sorted.ids.get(task).unwrap();
    let sorted = Btf::parse(sorted.builder.write(btf.byte_order()).unwrap()).unwrap();
    assert!(btf.types_equal(task, &sorted, id));
    assert_eq!(sorted.find("task_struct", Kind::Struct), Some(id));
    assert_eq!(sorted.type_hash(id), btf.type_hash(task));
}

#[test]
fn a_module_that_took_its_base_along_finds_the_kernel_again() {
    use bpf_btf::{BtfBuilder, Definition, NewMember};

    let btf = kernel();
    let mut module = BtfBuilder::split(&btf);
    let mut members = Vec::new();
    for (kind, names) in [
        (Kind::Struct, ["task_struct", "sk_buff", "list_head"].as_slice()),
        (Kind::Typedef, &["u32", "atomic_t", "gfp_t"]),
        (Kind::Enum, &["pid_type"]),
    ] {
        for name in names {
            let id = btf.find(name, kind).unwrap();
            let pointer = module.add(&Definition::Ptr { target: id }).unwrap();
            members.push(NewMember::new(name, pointer, 64 * u32::try_from(members.len()).unwrap()));
        }
    }
    let size = 8 * u32::try_from(members.len()).unwrap();
    let own = module.add(&Definition::Struct { name: "own", size, members: &members }).unwrap();
    let module = Btf::parse_split(module.write(btf.byte_order()).unwrap(), &btf).unwrap();

    let distilled = bpf_btf::distill(&module).unwrap();
    assert!(distilled.base.len() < 20, "{:?}", distilled.base);
    let split = distilled.split.write(btf.byte_order()).unwrap();
    let split = Btf::parse_split(split, &distilled.base).unwrap();
    let moved = bpf_btf::relocate_base(&split, &btf).unwrap();
    let moved = Btf::parse_split(moved.write(btf.byte_order()).unwrap(), &btf).unwrap();
    let found = moved.find("own", Kind::Struct).unwrap();
    assert!(module.types_equal(own, &moved, found));
}
