//! A listing for people.

use std::collections::BTreeMap;
use std::io::{self, Write};

use bpf_asm::{ByteOrder, Symbol, encode_slots};

use super::Piece;
use crate::names;
use crate::paint::{Color, Paint};
use crate::table::clean;

/// What to print of each instruction.
pub(super) struct Style {
    pub(super) paint: Paint,
    pub(super) slots: bool,
    /// The bytes of the slots, in this order.
    pub(super) bytes: Option<ByteOrder>,
    pub(super) source: bool,
}

/// Writes one function, or one program with what it reaches.
pub(super) fn write(out: &mut impl Write, style: &Style, piece: &Piece<'_>) -> io::Result<()> {
    let code = &piece.listing.code;
    comment(out, style, &title(piece))?;
    let labels = by_slot(&code.labels);
    let functions = by_slot(&code.functions);
    let mut last = None;
    for line in code.lines() {
        let slot = line.slots.start;
        for name in functions.get(&slot).into_iter().flatten() {
            writeln!(out, "{}", style.paint.text(Color::Name, &format!("<{}>:", quoted(name))))?;
        }
        for name in labels.get(&slot).into_iter().flatten() {
            writeln!(out, "{}", style.paint.text(Color::Label, &format!("{}:", quoted(name))))?;
        }
        if let Some(source) = piece.listing.lines.get(&slot).filter(|_| style.source) {
            // The columns of one line follow each other.
            let place = (source.file, source.line);
            if last.replace(place) != Some(place) {
                comment(out, style, &source.to_string())?;
            }
        }
        if let Some(access) = piece.listing.accesses.get(&slot) {
            comment(out, style, &access.to_string())?;
        }
        if let Some(note) = piece.listing.notes.get(&slot) {
            comment(out, style, note)?;
        }
        if style.slots {
            write!(out, "{}", style.paint.text(Color::Slot, &format!("{slot:6}:")))?;
        }
        if let Some(order) = style.bytes {
            let bytes = encode_slots(code.slots.get(line.slots).unwrap_or_default(), order);
            let bytes: Vec<_> = bytes.chunks(1).map(names::hex).collect();
            let (first, second) = bytes.split_at(bytes.len().min(8));
            write!(out, " {}", style.paint.text(Color::Slot, &first.join(" ")))?;
            writeln!(out, "    {}", line.text)?;
            if !second.is_empty() {
                let second = style.paint.text(Color::Slot, &second.join(" ")).to_string();
                writeln!(out, "{:7} {second}", "")?;
            }
        } else {
            writeln!(out, "    {}", line.text)?;
        }
    }
    Ok(())
}

fn title(piece: &Piece<'_>) -> String {
    let what = match piece.program {
        Some(program) => format!("program of type {}", names::program_type(program.program_type)),
        None => format!("{} function", names::linkage(piece.function.linkage)),
    };
    let with = match piece.listing.code.functions.len() {
        0 | 1 => String::new(),
        functions => format!(", {functions} functions"),
    };
    let slots = piece.listing.code.slots.len();
    format!("section {:?}, {what}{with}, {slots} slots", piece.function.section)
}

fn comment(out: &mut impl Write, style: &Style, text: &str) -> io::Result<()> {
    let text = format!("; {}", clean(text));
    writeln!(out, "{}", style.paint.text(Color::Comment, &text))
}

fn by_slot(symbols: &[Symbol]) -> BTreeMap<usize, Vec<&str>> {
    let mut map = BTreeMap::<_, Vec<_>>::new();
    for symbol in symbols {
        map.entry(symbol.slot).or_default().push(symbol.name.as_str());
    }
    map
}

/// A name as the assembler reads it.
fn quoted(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '$' | '@');
    let bare = name.chars().all(is_plain) && name.starts_with(|c: char| !c.is_ascii_digit());
    if bare { name.to_owned() } else { format!("\"{}\"", name.escape_default()) }
}
