//! The verifier's log: the whole text, and the few lines of it that say what was wrong.

use std::fmt;
use std::fmt::Write as _;

/// What the kernel wrote while it verified a program (or checked BTF).
///
/// `Display` prints a summary of a few lines: the complaint, the instruction, the source line. The whole log is
/// [`text`](Self::text). The log of a refused program reaches a caller through
/// [`Error::verifier_log`](crate::Error::verifier_log).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifierLog {
    text: String,
    truncated: bool,
}

impl VerifierLog {
    /// A log from the bytes that the kernel left in a log buffer: what follows a NUL byte is unused space.
    ///
    /// Bytes that are not UTF-8 (a type name in a broken object, say) appear as `\xNN`, so none is lost.
    /// `truncated` says that the kernel had more to say than the buffer could hold.
    pub fn from_bytes(buffer: &[u8], truncated: bool) -> Self {
        let used = buffer.split(|&byte| byte == 0).next().unwrap_or_default();
        let mut text = String::with_capacity(used.len());
        for chunk in used.utf8_chunks() {
            text.push_str(chunk.valid());
            for byte in chunk.invalid() {
                // Writing to a `String` cannot fail.
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
        Self { text, truncated }
    }

    /// The whole log, as the kernel wrote it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// True when the kernel had more to say than the largest buffer that was tried could hold.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// True when the kernel wrote nothing: the call failed before verification began.
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// The complaint: the last line that is not statistics. Of the longer reports of newer kernels (7.2 or so), the line that says what is wrong.
    pub fn complaint(&self) -> Option<&str> {
        let (_, line) = self.complaint_at()?;
        let line = line.split_once(ERROR_MARK).map_or(line, |(_, error)| error);
        Some(line.strip_prefix(REPORT).unwrap_or(line).trim())
    }

    /// The instruction that the verifier stopped at: its slot index in the loaded program, and its text.
    pub fn instruction(&self) -> Option<(usize, &str)> {
        self.instruction_at().map(|(_, slot, text)| (slot, text))
    }

    /// The source line that belongs to [`instruction`](Self::instruction), where the program was loaded with line information.
    /// Newer kernels (6.9) end it with ` @ FILE:LINE`.
    pub fn source_line(&self) -> Option<&str> {
        let (end, _, _) = self.instruction_at()?;
        let before = self.text.get(..end)?;
        let line = before.lines().rev().find_map(|line| line.strip_prefix("; "))?.trim();
        (!line.is_empty()).then_some(line)
    }

    /// The last line that says something, with its byte offset.
    fn complaint_at(&self) -> Option<(usize, &str)> {
        let headline = lines_backwards(&self.text).find(|(_, line)| line.starts_with(REPORT));
        if let Some((report, _)) = headline {
            let marked = lines_backwards(&self.text)
                .take_while(|(at, _)| *at > report)
                .find(|(_, line)| line.contains(ERROR_MARK));
            return marked.or(headline);
        }
        lines_backwards(&self.text)
            .find(|(_, line)| !line.trim().is_empty() && !is_statistics(line))
    }

    /// The last instruction line up to the complaint: byte offset of the line, slot index, text.
    fn instruction_at(&self) -> Option<(usize, usize, &str)> {
        let (complaint, line) = self.complaint_at()?;
        let end = complaint.checked_add(line.len())?;
        let text = self.text.get(..end)?;
        lines_backwards(text).find_map(|(at, line)| {
            let (slot, text) = parse_instruction(line)?;
            Some((at, slot, text))
        })
    }
}

/// A summary: complaint, instruction, source line.
impl fmt::Display for VerifierLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(complaint) = self.complaint() else {
            return f.write_str("the kernel wrote no log");
        };
        f.write_str(complaint)?;
        if let Some((slot, text)) = self.instruction() {
            // A log may end with the instruction itself.
            if parse_instruction(complaint).is_none() {
                write!(f, ", at instruction {slot}: {text}")?;
            }
            if let Some(line) = self.source_line() {
                write!(f, ", source: {line}")?;
            }
        }
        if self.truncated {
            f.write_str(" (log cut short)")?;
        }
        Ok(())
    }
}

/// The first line of a report in several paragraphs.
const REPORT: &str = "Verification failed: ";
/// Stands in a report before the error at the source line.
const ERROR_MARK: &str = "^-- error: ";

/// Lines from the last to the first, each with the byte offset of its start.
fn lines_backwards(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut end = Some(text.len());
    std::iter::from_fn(move || {
        let stop = end?;
        let head = text.get(..stop)?;
        let start = head.rfind('\n').map_or(0, |newline| newline.saturating_add(1));
        end = start.checked_sub(1);
        Some((start, head.get(start..)?))
    })
}

/// The lines that the verifier prints after its verdict (`kernel/bpf/verifier.c`, `print_verification_stats`).
fn is_statistics(line: &str) -> bool {
    ["processed ", "verification time ", "stack depth ", "max_states_per_insn "]
        .iter()
        .any(|prefix| line.starts_with(prefix))
}

/// `12: (61) r0 = *(u32 *)(r1 +0)   ; R0_w=...` gives 12 and the instruction text.
fn parse_instruction(line: &str) -> Option<(usize, &str)> {
    let (slot, rest) = line.split_once(": (")?;
    let slot = slot.parse().ok()?;
    let (opcode, text) = rest.split_once(") ")?;
    if opcode.len() != 2 || !opcode.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    // Since 5.18 the state of the registers follows on the same line.
    let text = text.split_once(" ; ").map_or(text, |(text, _)| text);
    Some((slot, text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: &str = "func#0 @0\n0: R1=ctx() R10=fp0\n; return *value; @ count.c:12\n0: (b7) r1 = 0                        ; R1_w=0\n\
        1: (61) r0 = *(u32 *)(r1 +0)\nR1 invalid mem access 'scalar'\n\
        processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n";

    /// One row: a log, and what is found in it.
    #[track_caller]
    fn check(
        log: &[u8],
        complaint: Option<&str>,
        instruction: Option<(usize, &str)>,
        source: Option<&str>,
        summary: &str,
    ) {
        let log = VerifierLog::from_bytes(log, false);
        assert_eq!(log.complaint(), complaint);
        assert_eq!(log.instruction(), instruction);
        assert_eq!(log.source_line(), source);
        assert_eq!(log.to_string(), summary);
    }

    #[test]
    fn complaint_instruction_and_source_line_are_found() {
        check(
            READ.as_bytes(),
            Some("R1 invalid mem access 'scalar'"),
            Some((1, "r0 = *(u32 *)(r1 +0)")),
            Some("return *value; @ count.c:12"),
            "R1 invalid mem access 'scalar', at instruction 1: r0 = *(u32 *)(r1 +0), source: return *value; @ count.c:12",
        );
    }

    #[test]
    fn reports_in_paragraphs_are_summed_up() {
        let report = "; @ data.c:13\n10: (79) r0 = *(u64 *)(r9 +0)\n\nVerification failed: Register Type Safety: Unreadable register\n\n\
            Reason:\n  R9 has never been initialized on this path, so the verifier cannot use it as an input.\n\n\
            At:\n  increment @ data.c:13:2\nMARK  Instruction context:\n  >>> 10 | (79) r0 = *(u64 *)(r9 +0)\n\n\
            Suggestion:\n  Initialize R9 on every path before this instruction.\n\nprocessed 10 insns (limit 1000000)\n";
        for (mark, complaint) in [
            ("       | ^-- error: R9 is not readable\n", "R9 is not readable"),
            ("", "Register Type Safety: Unreadable register"),
        ] {
            check(
                report.replace("MARK", mark).as_bytes(),
                Some(complaint),
                Some((10, "r0 = *(u64 *)(r9 +0)")),
                Some("@ data.c:13"),
                &format!(
                    "{complaint}, at instruction 10: r0 = *(u64 *)(r9 +0), source: @ data.c:13"
                ),
            );
        }
    }

    #[test]
    fn space_after_nul_is_not_part_of_the_log() {
        let mut bytes = b"back-edge from insn 1 to 0\n".to_vec();
        bytes.extend([0, b'j', b'u', b'n', b'k']);
        check(&bytes, Some("back-edge from insn 1 to 0"), None, None, "back-edge from insn 1 to 0");
    }

    #[test]
    fn state_after_the_instruction_is_cut_off() {
        check(
            b"7: (85) call unknown#195896080        ; R0=1\ninvalid func unknown#195896080\n",
            Some("invalid func unknown#195896080"),
            Some((7, "call unknown#195896080")),
            None,
            "invalid func unknown#195896080, at instruction 7: call unknown#195896080",
        );
    }

    #[test]
    fn log_that_ends_with_an_instruction_is_not_repeated() {
        check(b"3: (95) exit\n", Some("3: (95) exit"), Some((3, "exit")), None, "3: (95) exit");
    }

    #[test]
    fn empty_logs_say_so() {
        for log in [&b""[..], b"\0\0\0", b"\n\n"] {
            check(log, None, None, None, "the kernel wrote no log");
            assert!(VerifierLog::from_bytes(log, false).is_empty());
        }
        check(b"processed 0 insns (limit 1)\n", None, None, None, "the kernel wrote no log");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_kept_as_escapes() {
        let log = VerifierLog::from_bytes(b"name \xff\xfe bad\xc3\xa9\n", true);
        assert_eq!(log.text(), "name \\xff\\xfe bad\u{e9}\n");
        assert_eq!(log.to_string(), "name \\xff\\xfe bad\u{e9} (log cut short)");
        assert!(log.is_truncated());
    }

    #[test]
    fn lines_that_only_look_like_instructions_are_not() {
        for line in [
            "x: (61) r0 = 0",
            "1: (6z) r0",
            "1: (611) r0",
            "regs=1 stack=0 before 5: (b7) r0 = 1",
            "1: R1=ctx()",
        ] {
            assert_eq!(parse_instruction(line), None, "{line}");
        }
    }
}
