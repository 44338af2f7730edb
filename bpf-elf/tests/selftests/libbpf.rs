//! Asks libbpf, through the program in `testdata/oracle`.
use std::path::PathBuf;

use bpf_asm::{ByteOrder, Slot, decode_slots};
use testdata::{answer, built};

use crate::Error;
use crate::differences::{Version, version};
use crate::plan::Pair;

/// The program that calls libbpf.
pub(crate) struct Libbpf {
    program: PathBuf,
}

/// What libbpf says of one program of an object, or of an object that it does not open.
pub(crate) struct Answer {
    /// `-` for a whole object.
    pub(crate) program: String,
    /// The instructions as the kernel would get them, or why there are none.
    pub(crate) slots: Result<Vec<Slot>, Refusal>,
}

/// Why libbpf gives no instructions.
pub(crate) enum Refusal {
    /// Its warnings.
    Said(String),
    /// It did not come back, or divided by zero, or the like.
    Crashed,
}

impl Libbpf {
    pub(crate) fn new(program: PathBuf) -> Self {
        Self { program }
    }

    /// The version of libbpf, and the answers for each pair; libbpf's machine has this byte order.
    pub(crate) fn relocate(
        &self,
        pairs: &[Pair],
        order: ByteOrder,
    ) -> Result<(Version, Vec<Vec<Answer>>), Error> {
        let lines =
            pairs.iter().flat_map(|pair| [&pair.object.path, "\t", &pair.target.path, "\n"]);
        let text = answer(&mut built(&self.program), &lines.collect::<String>())?;
        let mut lines = text.lines().peekable();
        let first = lines.next().and_then(|line| line.strip_prefix("libbpf\t")).and_then(version);
        let first = first.ok_or("the version of libbpf is not told")?;
        let mut answers = Vec::with_capacity(pairs.len());
        for pair in pairs {
            let prefix = format!("{}\t{}\t", pair.object.path, pair.target.path);
            let mut own = Vec::new();
            while let Some(line) = lines.next_if(|line| line.starts_with(&prefix)) {
                own.push(parse(line.get(prefix.len()..).unwrap_or_default(), order)?);
            }
            answers.push(own);
        }
        match lines.next() {
            None => Ok((first, answers)),
            Some(line) => Err(format!("an answer to no question: {line}").into()),
        }
    }
}

/// The fields after object and target.
fn parse(line: &str, order: ByteOrder) -> Result<Answer, Error> {
    let mut fields = line.splitn(3, '\t');
    let mut field = || fields.next().ok_or_else(|| format!("a field is missing: {line}"));
    let program = field()?.to_owned();
    let slots = match (field()?, field()?) {
        ("relocated", text) => Ok(decode_slots(&bytes(text)?, order)?),
        ("refused", reason) => Err(Refusal::Said(reason.to_owned())),
        ("crashed", _) => Err(Refusal::Crashed),
        (other, _) => return Err(format!("neither relocated nor refused: {other}").into()),
    };
    Ok(Answer { program, slots })
}

fn bytes(text: &str) -> Result<Vec<u8>, Error> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?)).collect()
}
