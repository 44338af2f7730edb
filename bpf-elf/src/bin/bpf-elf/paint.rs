//! Colours, where the reader is a terminal.

use std::fmt;
use std::io::{self, IsTerminal as _};

use clap::{Args, ValueEnum};

/// The option of commands that can colour their text.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ColorOption {
    /// Whether to colour the text; `auto` does on a terminal unless `NO_COLOR` is set
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    color: When,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum When {
    #[default]
    Auto,
    Always,
    Never,
}

impl ColorOption {
    /// The colours for standard output.
    pub(crate) fn paint(self) -> Paint {
        let on = match self.color {
            When::Always => true,
            When::Never => false,
            When::Auto => {
                let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                !refused && io::stdout().is_terminal()
            }
        };
        Paint { on }
    }
}

/// What a colour stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Color {
    Name,
    Label,
    Comment,
    Slot,
    Added,
    Removed,
    Changed,
}

impl Color {
    /// The number of the terminal's escape sequence (ECMA-48).
    fn code(self) -> &'static str {
        match self {
            Self::Name => "1",
            Self::Label | Self::Changed => "33",
            Self::Comment => "36",
            Self::Slot => "2",
            Self::Added => "32",
            Self::Removed => "31",
        }
    }
}

/// Colours texts, or leaves them as they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    on: bool,
}

impl Paint {
    pub(crate) fn text(self, color: Color, text: &str) -> impl fmt::Display {
        Painted { color: self.on.then_some(color), text }
    }
}

struct Painted<'text> {
    color: Option<Color>,
    text: &'text str,
}

impl fmt::Display for Painted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.color {
            Some(color) => write!(f, "\x1b[{}m{}\x1b[0m", color.code(), self.text),
            None => f.write_str(self.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_coloured_only_where_asked() {
        let painted = |on| Paint { on }.text(Color::Name, "x").to_string();
        assert_eq!(painted(false), "x");
        assert_eq!(painted(true), "\x1b[1mx\x1b[0m");
    }
}
