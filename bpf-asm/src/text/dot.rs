//! Control-flow graphs for Graphviz.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};

use crate::{Code, ControlFlow, EdgeKind, FlowError};

/// The control-flow graph of a program in the DOT language of Graphviz: a box per basic block with its
/// listing, a frame per function.
///
/// ```
/// use bpf_asm::{Code, Dot};
///
/// let code = Code::assemble("<main>:\n r0 = 0\n exit")?;
/// let dot = Dot::new(&code)?.to_string();
/// assert!(dot.starts_with("digraph"));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Dot<'a> {
    code: &'a Code,
    flow: ControlFlow,
}

impl<'a> Dot<'a> {
    /// Finds the blocks of a program; fails as [`ControlFlow::new`] does.
    pub fn new(code: &'a Code) -> Result<Self, FlowError> {
        ControlFlow::new(code).map(|flow| Self::with_flow(code, flow))
    }

    /// The blocks of a program that were found before, as those of [`ControlFlow::with_targets`].
    pub fn with_flow(code: &'a Code, flow: ControlFlow) -> Self {
        Self { code, flow }
    }
}

impl fmt::Display for Dot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("digraph program {\n    node [shape=box, fontname=monospace];\n")?;
        let functions: BTreeSet<usize> =
            self.flow.blocks.iter().map(|block| block.function).collect();
        for function in functions {
            let name = self.code.functions.iter().find(|symbol| symbol.slot == function);
            let name =
                name.map_or_else(|| format!("slot {function}"), |symbol| symbol.name.clone());
            writeln!(f, "    subgraph cluster_{function} {{\n        label={};", Quoted(&name))?;
            for block in self.flow.blocks.iter().filter(|block| block.function == function) {
                let start = block.slots.start;
                let lines: Vec<_> =
                    self.code.lines_of(block.slots.clone()).map(|line| line.text).collect();
                writeln!(f, "        b{start} [label={}];", Lines(&lines))?;
            }
            f.write_str("    }\n")?;
        }
        for block in &self.flow.blocks {
            for edge in &block.edges {
                let label = match edge.kind {
                    EdgeKind::Always => "",
                    EdgeKind::Taken => " [label=taken]",
                    EdgeKind::NotTaken => " [style=dashed]",
                    EdgeKind::Indirect => " [style=dotted]",
                };
                writeln!(f, "    b{} -> b{}{label};", block.slots.start, edge.target)?;
            }
        }
        f.write_str("}\n")
    }
}

/// A string of the DOT language.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        escape(f, self.0)?;
        f.write_str("\"")
    }
}

/// Lines of text, each at the left.
struct Lines<'a>(&'a [String]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for line in self.0 {
            escape(f, line)?;
            f.write_str("\\l")?;
        }
        f.write_str("\"")
    }
}

fn escape(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            '\n' => f.write_str("\\n")?,
            c => f.write_char(c)?,
        }
    }
    Ok(())
}
