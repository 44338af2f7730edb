//! `walls`: what the architecture forbids is found here, not in review.
mod code;
mod edges;
mod text;

use anyhow::Result;

use crate::metadata;
use crate::process::{capture, cargo, root};

/// Every breach of the architecture's rules, one line each.
pub(crate) fn breaches() -> Result<Vec<String>> {
    let packages = metadata::packages()?;
    let mut breaches = edges::workspace(&packages);
    for package in metadata::libraries(&packages) {
        let tree = capture(cargo().args([
            "tree",
            "-e",
            "normal",
            "--prefix",
            "none",
            "-f",
            "{p}",
            "-p",
            &package.name,
        ]))?;
        breaches.extend(edges::tree(&package.name, &tree));
        let manifest = crate::cache::read_text(&package.manifest)?;
        breaches.extend(edges::manifest(&package.name, &manifest));
    }
    breaches.extend(text::sources(&root(), &packages)?);
    Ok(breaches)
}

/// Check what the architecture forbids: edges between crates, foreign names, unsafe code, sizes of files
pub(crate) fn run() -> Result<()> {
    let breaches = breaches()?;
    anyhow::ensure!(
        breaches.is_empty(),
        "{} breaches of the walls:\n{}",
        breaches.len(),
        breaches.join("\n")
    );
    Ok(())
}
