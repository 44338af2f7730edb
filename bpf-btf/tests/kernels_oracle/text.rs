//! `bpftool btf dump format c`: the same definitions, word by word. What may differ:
//!
//! - the order, forward declarations, and the numbers that tell types of one name apart;
//! - members without a name that pad (compilers judge them: see `layouts`), `[0]` for `[]`, blanks in `* (` and `* const`;
//! - `bool`, which ours has only for C before 2023;
//! - members without a name whose type has one: see `expanded`;
//! - the size of an enumeration that is not an `int`'s, and `packed` of unions, which libbpf does not write.

use std::collections::BTreeMap;

use bpf_btf::{Btf, CHeaderOptions, c_header};

use crate::kernels::{bpftool, each};

/// How often each definition is there.
type Definitions = BTreeMap<String, u32>;

/// Definitions stand between empty lines.
fn definitions(text: &str) -> Definitions {
    let mut found = Definitions::new();
    for block in text.split("\n\n").map(normal) {
        let forward = block.split(' ').count() == 2 && block.ends_with(';');
        if !block.is_empty() && !forward {
            *found.entry(block).or_default() += 1;
        }
    }
    found
}

/// The words of a definition, without the numbers that tell types of one name apart.
fn normal(block: &str) -> String {
    let lines = block.lines().filter(|line| !line.starts_with('#'));
    let mut rest = lines.flat_map(str::split_whitespace);
    let mut words = Vec::new();
    while let Some(word) = rest.next() {
        if ["char:", "short:", "int:", "long:"].contains(&word) {
            // The width of what has no name.
            rest.next();
            continue;
        }
        let Some((before, after)) = word.split_once("___") else {
            words.push(word.to_owned());
            continue;
        };
        let after = after.trim_start_matches(|letter: char| letter.is_ascii_digit());
        words.push(format!("{before}{after}"));
    }
    let mut text = words.join(" ");
    for (theirs, ours) in [("* (", "*("), ("* const", "*const"), ("[0];", "[];")] {
        text = text.replace(theirs, ours);
    }
    for mode in ["QI", "HI", "DI"] {
        text = text.replace(&format!(" __attribute__((mode({mode})))"), "");
    }
    // Nor that a union is packed.
    let packed = " __attribute__((packed));";
    match text.strip_suffix(packed).filter(|text| text.starts_with("union ")) {
        Some(text) => format!("{text};"),
        None => text,
    }
}

fn header(btf: &Btf) -> Definitions {
    let options = CHeaderOptions::default()
        .with_guard(None)
        .without_kfuncs()
        .without_preserve_access_index()
        .in_order_of_ids();
    definitions(&c_header(btf, &options).unwrap())
}

/// What bpftool writes, with members that have no name as what they are made of: `struct inner;` is how it writes
/// those whose type has a name, which only compilers with Microsoft's extensions understand.
fn expanded(found: Definitions) -> Definitions {
    let mut bodies = BTreeMap::new();
    for text in found.keys() {
        if let Some((head, body)) = text.split_once(" {") {
            bodies.insert(head.to_owned(), body.to_owned());
        }
    }
    let expand = |text: String| {
        let mut text = text;
        for _ in 0..8 {
            let Some((at, head)) = nameless(&text) else { break };
            let (keyword, _) = head.split_once(' ').unwrap();
            let body = bodies.get(&head).unwrap_or_else(|| panic!("no {head}"));
            text.replace_range(at..=at + head.len(), &format!("{keyword} {{{body}"));
        }
        text
    };
    let mut all = Definitions::new();
    for (text, count) in found {
        *all.entry(expand(text)).or_default() += count;
    }
    all
}

/// The first member that is only keyword and name: its place, and the two words.
fn nameless(text: &str) -> Option<(usize, String)> {
    let starts = text.match_indices("{ ").chain(text.match_indices("; ")).map(|(at, _)| at + 2);
    let mut starts: Vec<_> = starts.collect();
    starts.sort_unstable();
    starts.into_iter().find_map(|at| {
        let (member, _) = text.get(at..)?.split_once(';')?;
        let (keyword, name) = member.split_once(' ')?;
        let plain = ["struct", "union"].contains(&keyword) && !name.contains([' ', '{']);
        plain.then(|| (at, member.to_owned()))
    })
}

/// What is oftener in the first than in the others together.
fn more(first: &Definitions, others: &[&Definitions]) -> Vec<String> {
    let count = |text: &str| others.iter().filter_map(|other| other.get(text)).sum::<u32>();
    let more = |(text, times): &(&String, &u32)| count(text) < **times;
    first.iter().filter(more).map(|(text, times)| format!("{times} {text}")).collect()
}

#[track_caller]
fn check(name: &str, whose: &str, differences: &[String]) {
    let text = differences.join("\n");
    assert!(differences.is_empty(), "{name}: only {whose}: {}\n{text}", differences.len());
}

#[test]
fn definitions_are_those_of_bpftool() {
    each(|kernel| {
        let release = &kernel.release;
        let (path, vmlinux) = (kernel.path(), header(&kernel.vmlinux));
        let theirs = expanded(definitions(&bpftool(&path, None, "c")));
        check(release, "ours", &more(&vmlinux, &[&theirs]));
        check(release, "theirs", &more(&theirs, &[&vmlinux]));
        let (mut modules, mut of_modules) = (0, 0);
        for module in kernel.modules() {
            let name = format!("{release} {}", module.name);
            // We write what the module needs of the kernel, bpftool the whole kernel.
            let ours = header(&module.btf);
            let theirs = expanded(definitions(&bpftool(&module.path, Some(&path), "c")));
            check(&name, "ours", &more(&ours, &[&theirs]));
            check(&name, "theirs", &more(&theirs, &[&vmlinux, &ours]));
            modules += 1;
            of_modules += ours.len();
        }
        let count = vmlinux.len();
        println!("{release}: C: {count} definitions, and {of_modules} of {modules} modules");
    });
}
