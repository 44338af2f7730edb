//! The string table of a file.

use std::collections::HashMap;

use super::TooLarge;

/// Strings, each stored once.
#[derive(Debug)]
pub(super) struct Strings {
    bytes: Vec<u8>,
    places: HashMap<String, u32>,
}

impl Strings {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0], places: HashMap::new() }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The offset of a string. What follows a NUL is lost.
    pub(super) fn add(&mut self, text: &str) -> Result<u32, TooLarge> {
        if text.is_empty() {
            return Ok(0);
        }
        if let Some(place) = self.places.get(text) {
            return Ok(*place);
        }
        let place = u32::try_from(self.bytes.len()).map_err(|_| TooLarge)?;
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(0);
        self.places.insert(text.to_owned(), place);
        Ok(place)
    }
}
