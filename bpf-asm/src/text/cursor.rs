//! A line of text, read from left to right.

use alloc::borrow::ToOwned as _;
use alloc::string::String;

use super::symbol::{is_name_char, unquote};
use crate::{Register, SyntaxError, Width};

pub(super) type Result<T> = core::result::Result<T, SyntaxError>;

/// What is left of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a str,
    /// The opcode that the kernel puts in front of an instruction: `(b7)`.
    opcode: Option<u8>,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(line: &'a str) -> Self {
        Self { rest: line, opcode: None }
    }

    /// Takes the `(b7)` that the kernel's log and bpftool put between index and instruction.
    pub(super) fn eat_opcode(&mut self) {
        let byte = self.rest().strip_prefix('(').and_then(|rest| rest.split_once(')'));
        let Some((digits, rest)) = byte.filter(|(digits, _)| digits.len() == 2) else { return };
        if let Ok(opcode) = u8::from_str_radix(digits, 16) {
            self.rest = rest;
            self.opcode = Some(opcode);
        }
    }

    /// The opcode in front of the instruction, if the kernel wrote it.
    pub(super) const fn opcode(&self) -> Option<u8> {
        self.opcode
    }

    /// What is left, without leading space.
    pub(super) fn rest(&self) -> &'a str {
        self.rest.trim_start()
    }

    /// True if only a comment is left: `; text`, `// text`, or the `<name>` that objdump puts behind jumps.
    pub(super) fn at_end(&self) -> bool {
        let rest = self.rest();
        rest.is_empty() || rest.starts_with([';', '<']) || rest.starts_with("//")
    }

    /// Takes this text if it comes next.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        match self.rest().strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes this text, which must come next.
    pub(super) fn expect(&mut self, text: &'static str) -> Result<()> {
        if self.eat(text) { Ok(()) } else { Err(SyntaxError::Expected { expected: text }) }
    }

    /// Takes the symbol of one of the candidates: the longest, since `s>=` starts with `s>`.
    pub(super) fn longest<T: Copy, const N: usize>(
        &mut self,
        candidates: [T; N],
        symbol: impl Fn(T) -> &'static str,
    ) -> Option<T> {
        let found = candidates
            .into_iter()
            .filter(|candidate| self.rest().starts_with(symbol(*candidate)))
            .max_by_key(|candidate| symbol(*candidate).len())?;
        self.eat(symbol(found));
        Some(found)
    }

    /// The word that comes next, not taken.
    pub(super) fn peek_word(&self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !is_name_char(c)).unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    }

    /// Takes the word that comes next; empty if none does.
    pub(super) fn word(&mut self) -> &'a str {
        let word = self.peek_word();
        self.eat(word);
        word
    }

    /// Takes this word if it comes next and no other starts with it.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        self.peek_word() == word && self.eat(word)
    }

    /// Takes a name, bare or quoted.
    pub(super) fn name(&mut self) -> Result<String> {
        const EXPECTED: SyntaxError = SyntaxError::Expected { expected: "a name" };
        if let Some(quoted) = self.rest().strip_prefix('"') {
            let (name, rest) = unquote(quoted).ok_or(EXPECTED)?;
            self.rest = rest;
            return Ok(name);
        }
        let word = self.peek_word();
        if word.is_empty() || word.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(EXPECTED);
        }
        Ok(self.word().to_owned())
    }

    /// Takes `+` or `-`; gives true for minus.
    pub(super) fn sign(&mut self) -> Option<bool> {
        if self.eat("+") {
            Some(false)
        } else if self.eat("-") {
            Some(true)
        } else {
            None
        }
    }

    /// Takes a number, decimal or hexadecimal, with or without sign, of at most 64 bits.
    pub(super) fn number(&mut self) -> Result<i128> {
        let mut ahead = *self;
        let negative = ahead.sign().unwrap_or(false);
        let word = ahead.peek_word();
        let magnitude = match word.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => word.parse::<u64>(),
        };
        // from_str_radix takes a sign of its own; a word has none.
        let magnitude =
            magnitude.map_err(|_| SyntaxError::Expected { expected: "a number of 64 bits" })?;
        ahead.word();
        *self = ahead;
        let magnitude = i128::from(magnitude);
        Ok(if negative { magnitude.saturating_neg() } else { magnitude })
    }

    /// Takes a number that a field can hold.
    pub(super) fn number_in<T: TryFrom<i128>>(&mut self, field: &'static str) -> Result<T> {
        let mut ahead = *self;
        let value = ahead.number()?;
        let value = T::try_from(value).map_err(|_| SyntaxError::Range { value, field })?;
        *self = ahead;
        Ok(value)
    }

    /// True if a register comes next.
    pub(super) fn is_register(&self) -> bool {
        let word = self.peek_word();
        word.strip_prefix(['r', 'w'])
            .is_some_and(|digits| !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()))
    }

    /// Takes a register of either width.
    pub(super) fn any_register(&mut self) -> Result<(Width, Register)> {
        if !self.is_register() {
            return Err(SyntaxError::Expected { expected: "a register" });
        }
        let word = self.peek_word();
        let (letter, digits) = word.split_at_checked(1).unwrap_or_default();
        let number = digits
            .parse::<u8>()
            .map_err(|_| SyntaxError::Expected { expected: "a register, r0 to r10" })?;
        let register = Register::new(number)?;
        self.word();
        Ok((if letter == "w" { Width::W32 } else { Width::W64 }, register))
    }

    /// Takes a register of this width.
    pub(super) fn register(&mut self, width: Width) -> Result<Register> {
        let mut ahead = *self;
        let (found, register) = ahead.any_register()?;
        if found != width {
            return Err(SyntaxError::Width);
        }
        *self = ahead;
        Ok(register)
    }

    /// Takes this register.
    pub(super) fn same_register(&mut self, width: Width, register: Register) -> Result<()> {
        let mut ahead = *self;
        if ahead.register(width)? != register {
            return Err(SyntaxError::OtherRegister { register });
        }
        *self = ahead;
        Ok(())
    }
}
