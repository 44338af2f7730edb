//! Aligned columns of plain text.

use std::io::{self, Write};

/// Rows under headings; a row may have notes below it.
#[derive(Debug)]
pub(crate) struct Table {
    headings: Vec<Heading>,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Heading {
    text: String,
    right: bool,
}

#[derive(Debug)]
struct Row {
    cells: Vec<String>,
    notes: Vec<String>,
}

impl Table {
    /// A table with these columns; a heading that begins with `>` asks for alignment at the right.
    pub(crate) fn new(headings: &[&'static str]) -> Self {
        let heading = |text: &&'static str| match text.strip_prefix('>') {
            Some(text) => Heading { text: text.to_owned(), right: true },
            None => Heading { text: (*text).to_owned(), right: false },
        };
        Self { headings: headings.iter().map(heading).collect(), rows: Vec::new() }
    }

    /// A table whose columns are named by what is shown, whatever that begins with.
    pub(crate) fn with_headings(headings: impl Iterator<Item = String>) -> Self {
        let heading = |text: String| Heading { text: clean(&text), right: false };
        Self { headings: headings.map(heading).collect(), rows: Vec::new() }
    }

    /// Adds a row. Control characters, which a hostile name could send to a terminal, are shown as escapes.
    pub(crate) fn row(&mut self, cells: Vec<String>, notes: Vec<String>) {
        let clean = |texts: Vec<String>| texts.iter().map(|text| clean(text)).collect();
        self.rows.push(Row { cells: clean(cells), notes: clean(notes) });
    }

    /// Writes the table below a title, or nothing when it has no rows.
    pub(crate) fn write(&self, out: &mut impl Write, title: &str) -> io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut widths: Vec<usize> =
            self.headings.iter().map(|heading| heading.text.chars().count()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(&row.cells) {
                *width = (*width).max(cell.chars().count());
            }
        }
        writeln!(out, "\n{title}")?;
        if self.headings.iter().any(|heading| !heading.text.is_empty()) {
            self.line(out, &widths, self.headings.iter().map(|heading| heading.text.as_str()))?;
        }
        for row in &self.rows {
            self.line(out, &widths, row.cells.iter().map(String::as_str))?;
            for note in &row.notes {
                writeln!(out, "      {note}")?;
            }
        }
        Ok(())
    }

    fn line<'cell>(
        &self,
        out: &mut impl Write,
        widths: &[usize],
        cells: impl Iterator<Item = &'cell str>,
    ) -> io::Result<()> {
        let mut line = String::new();
        for ((cell, width), heading) in cells.zip(widths).zip(&self.headings) {
            let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
            let (before, after) =
                if heading.right { (padding.as_str(), "") } else { ("", padding.as_str()) };
            line.extend(["  ", before, cell, after]);
        }
        writeln!(out, "{}", line.trim_end())
    }
}

/// The text with control characters as escapes.
pub(crate) fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            clean.extend(c.escape_default());
        } else {
            clean.push(c);
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(table: &Table) -> String {
        let mut out = Vec::new();
        table.write(&mut out, "things").unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["name", ">size", "type"]);
        table.row(vec!["a".into(), "1".into(), "int".into()], vec!["a note".into()]);
        table.row(vec!["längere".into(), "12345".into(), String::new()], vec![]);
        let expected = "\nthings\n  \
             name      size  type\n  \
             a            1  int\n      \
             a note\n  \
             längere  12345\n";
        assert_eq!(written(&table), expected);
    }

    #[test]
    fn a_table_without_rows_is_not_there() {
        assert_eq!(written(&Table::new(&["name"])), "");
    }

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        assert_eq!(clean("a\x1b[2Jb\nc\u{9b}"), "a\\u{1b}[2Jb\\nc\\u{9b}");
    }
}
