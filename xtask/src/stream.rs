//! The data line of a guest: the command's output and status among whatever else comes.

/// Finds the command's output and status between the marks, however the bytes are cut into pieces.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) begin: String,
    end: String,
    pending: Vec<u8>,
    pub(crate) begun: bool,
    pub(crate) status: Option<u8>,
}

impl Stream {
    pub(crate) fn new(mark: &str) -> Self {
        Self {
            begin: format!("{mark} begin\n"),
            end: format!("\n{mark} end "),
            pending: Vec::new(),
            begun: false,
            status: None,
        }
    }

    pub(crate) fn feed(&mut self, bytes: &[u8], output: &mut dyn FnMut(&[u8])) {
        self.pending.extend_from_slice(bytes);
        if !self.begun {
            let Some(start) = find(&self.pending, self.begin.as_bytes()) else { return };
            self.pending.drain(..start.saturating_add(self.begin.len()));
            self.begun = true;
        }
        if self.status.is_some() {
            return;
        }
        let (body, rest) = match find(&self.pending, self.end.as_bytes()) {
            Some(end) => self.pending.split_at(end),
            None => self.pending.split_at(
                self.pending.len().saturating_sub(overlap(&self.pending, self.end.as_bytes())),
            ),
        };
        output(body);
        let word = rest.get(self.end.len()..).unwrap_or_default();
        if let Some(line) = word.iter().position(|&byte| byte == b'\n') {
            let text = String::from_utf8_lossy(word.get(..line).unwrap_or_default()).into_owned();
            self.status = Some(text.trim().parse().unwrap_or(u8::MAX));
        }
        let taken = body.len();
        self.pending.drain(..taken);
    }

    /// Hands on what was held back in case the mark would follow.
    pub(crate) fn flush(&mut self, output: &mut dyn FnMut(&[u8])) {
        if self.begun && self.status.is_none() {
            output(&std::mem::take(&mut self.pending));
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// How many of the last bytes may be the beginning of the mark.
fn overlap(bytes: &[u8], mark: &[u8]) -> usize {
    (1..mark.len())
        .rev()
        .find(|&length| mark.get(..length).is_some_and(|start| bytes.ends_with(start)))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streamed(text: &str, piece: usize) -> (String, bool, Option<u8>) {
        let mut stream = Stream::new("@m");
        let mut seen = Vec::new();
        for bytes in text.as_bytes().chunks(piece) {
            stream.feed(bytes, &mut |output| seen.extend_from_slice(output));
        }
        (String::from_utf8(seen).unwrap(), stream.begun, stream.status)
    }

    #[test]
    fn output_and_status_stand_between_the_marks() {
        let rows = [
            ("noise\n@m begin\nout\nput\n\n@m end 3\n", "out\nput\n", true, Some(3)),
            ("@m begin\n\n@m end 0\nmore\n@m end 7\n", "", true, Some(0)),
            (
                "@m begin\n@m end 1 is no mark without its line\n@m e",
                "@m end 1 is no mark without its line",
                true,
                None,
            ),
            ("@m begin\nno newline\n@m end 255\n", "no newline", true, Some(255)),
            ("@m begin\n\n@m end 1", "", true, None),
            ("@m begi", "", false, None),
            ("", "", false, None),
        ];
        for (text, output, begun, status) in rows {
            for piece in [1, 2, 3, 7, 1000] {
                assert_eq!(
                    streamed(text, piece),
                    (output.to_owned(), begun, status),
                    "{text:?} by {piece}"
                );
            }
        }
    }
}
