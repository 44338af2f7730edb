//! pahole: size, members, offsets, bitfields and holes of every structure and union that has a name.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use bpf_btf::{Btf, Composite};
use testdata::output;

use crate::kernels::each;

/// One structure or union; its size in bytes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Layout {
    size: u64,
    members: Vec<Member>,
    /// Bits that belong to no member, before the member with this number, or behind the last.
    holes: Vec<(usize, u64)>,
}

/// One member: offset in bits, size in bytes of its type, width of a bitfield.
#[derive(Debug, PartialEq, Eq)]
struct Member {
    name: String,
    offset: u64,
    size: u64,
    width: Option<u64>,
}

/// The number after a word.
fn number_after(text: &str, key: &str) -> Option<u64> {
    let (_, rest) = text.split_once(key)?;
    rest.trim_start().split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

/// The layouts in pahole's text, with keyword and name.
fn parse(text: &str) -> Vec<(String, Layout)> {
    let mut found = Vec::new();
    let mut layout = Layout::default();
    let mut name = String::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if !line.starts_with(['\t', '}']) {
            line.trim_end_matches('{').trim().clone_into(&mut name);
            layout = Layout::default();
        } else if line.starts_with('}') {
            found.push((std::mem::take(&mut name), std::mem::take(&mut layout)));
        } else if let Some(line) = line.strip_prefix('\t').filter(|line| !line.starts_with('\t')) {
            read_line(line, &mut layout);
        }
    }
    found
}

/// One line of a definition, of the outermost level.
fn read_line(line: &str, layout: &mut Layout) {
    let Some((code, comment)) = line.rsplit_once("/*") else { return };
    let (code, comment) = (code.trim(), comment.trim_end_matches("*/").trim());
    let place = layout.members.len();
    let mut hole = |bits| match layout.holes.last_mut() {
        Some((before, already)) if *before == place => *already += bits,
        _ if bits > 0 => layout.holes.push((place, bits)),
        _ => {}
    };
    if !code.is_empty() {
        let mut numbers = comment.split([' ', ':']).filter_map(|word| word.parse::<u64>().ok());
        let (Some(offset), Some(last)) = (numbers.next(), numbers.next_back()) else { return };
        let bit = numbers.next();
        let declaration = code.trim_end_matches(';');
        // Behind it may stand what pahole makes of a hole before it: `floppy:1 __attribute__((__aligned__(2)))`.
        let width = bit
            .and_then(|_| declaration.rsplit_once(':')?.1.split_whitespace().next()?.parse().ok());
        let name = declaration.to_owned();
        let offset = offset * 8 + bit.unwrap_or_default();
        layout.members.push(Member { name, offset, size: last, width });
    } else if comment.ends_with(" hole, try to pack") {
        // Three marks, the number, and its unit.
        let mut words = comment.split(' ').skip(1);
        let number: u64 = words.next().and_then(|word| word.parse().ok()).unwrap_or_default();
        let unit = if words.next().is_some_and(|word| word.starts_with("bit")) { 1 } else { 8 };
        hole(number * unit);
    } else if let Some(size) =
        number_after(comment, "size:").filter(|_| comment.starts_with("size:"))
    {
        layout.size = size;
    } else if comment.starts_with("padding:") {
        hole(number_after(comment, "padding:").unwrap_or_default() * 8);
    } else if comment.starts_with("bit_padding:") {
        hole(number_after(comment, "bit_padding:").unwrap_or_default());
    }
}

/// The same of ours.
fn layout(btf: &Btf, composite: Composite<'_>) -> Layout {
    let mut layout = Layout { size: composite.size().into(), ..Layout::default() };
    let mut end = 0;
    for member in composite.members() {
        let size = btf.size_of(member.type_id()).unwrap();
        let width = member.bitfield_size().map(u64::from);
        let offset = u64::from(member.bit_offset());
        if !composite.is_union() {
            if offset > end {
                layout.holes.push((layout.members.len(), offset - end));
            }
            end = end.max(offset + width.unwrap_or(size * 8));
        }
        layout.members.push(Member { name: member.name().to_owned(), offset, size, width });
    }
    if !composite.is_union() && u64::from(composite.size()) * 8 > end {
        layout.holes.push((layout.members.len(), u64::from(composite.size()) * 8 - end));
    }
    layout
}

/// Whether the two are the same; names of members are words of what pahole writes. It writes no size of unions.
fn same(ours: &Layout, theirs: &Layout, is_union: bool) -> bool {
    let letter = |letter: char| letter.is_alphanumeric() || letter == '_';
    let named = |code: &str, name: &str| {
        name.is_empty() || code.split(|other| !letter(other)).any(|word| word == name)
    };
    (is_union || ours.size == theirs.size)
        && ours.holes == theirs.holes
        && ours.members.len() == theirs.members.len()
        && ours.members.iter().zip(&theirs.members).all(|(ours, theirs)| {
            (ours.offset, ours.size, ours.width) == (theirs.offset, theirs.size, theirs.width)
                && named(&theirs.name, &ours.name)
        })
}

/// Compares all structures and unions of the blob itself. Of those with one name pahole shows one.
fn compare(name: &str, btf: &Btf, text: &str, total: &mut [usize; 3]) {
    let mut wanted = BTreeSet::new();
    for (_, found) in btf.types() {
        if let Some(found) = found.composite().filter(|found| !found.name().is_empty()) {
            let keyword = if found.is_union() { "union" } else { "struct" };
            wanted.insert(format!("{keyword} {}", found.name()));
        }
    }
    for (title, theirs) in parse(text) {
        // With a module come the kernel's own.
        if !wanted.remove(&title) {
            continue;
        }
        let is_union = title.starts_with("union ");
        let plain = title.split_once(' ').unwrap().1;
        let ours = btf
            .find_all(plain)
            .filter_map(|id| btf.get(id)?.composite())
            .filter(|found| found.is_union() == is_union)
            .map(|found| layout(btf, found))
            .collect::<Vec<_>>();
        let found = ours.iter().any(|ours| same(ours, &theirs, is_union));
        assert!(found, "{name}: {title}\npahole {theirs:?}\nours   {ours:?}");
        for (sum, more) in total.iter_mut().zip([1, theirs.members.len(), theirs.holes.len()]) {
            *sum += more;
        }
    }
    assert!(wanted.is_empty(), "{name}: pahole does not show {wanted:?}");
}

#[test]
fn structures_are_laid_out_as_pahole_says() {
    each(|kernel| {
        let (release, path) = (&kernel.release, kernel.path());
        let [flag, format, base] = ["-F", "btf", "--btf_base"].map(Path::new);
        let mut total = [0; 3];
        let text = output(Command::new("pahole").args([flag, format, &path]));
        compare(release, &kernel.vmlinux, &text, &mut total);
        assert!(total.iter().all(|count| *count > 1000), "{release}: {total:?}");
        let mut modules = 0;
        for module in kernel.modules() {
            let text =
                output(Command::new("pahole").args([flag, format, base, &path, &module.path]));
            compare(&format!("{release} {}", module.name), &module.btf, &text, &mut total);
            modules += 1;
        }
        let [structures, members, holes] = total;
        println!(
            "{release}: pahole: {structures} structures, {members} members, {holes} holes, with {modules} modules"
        );
    });
}
