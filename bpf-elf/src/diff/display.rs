//! Differences as text for people.

use std::collections::BTreeSet;
use std::fmt;

use super::{
    CodeChange, Difference, FieldChange, FieldValue, FunctionChange, MapChange, Named,
    ProgramChange, Reuse, SpecDiff,
};

/// One line for each program, function, map, variable and extern that differs, with its changes below it.
impl fmt::Display for SpecDiff<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.fields {
            writeln!(f, "~ {change}")?;
        }
        list(f, "program", &self.programs)?;
        list(f, "function", &self.functions)?;
        list(f, "map", &self.maps)?;
        list(f, "variable", &self.variables)?;
        list(f, "extern", &self.externs)
    }
}

/// Changes, one in a line.
trait Lines {
    fn lines(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

fn list<C: Lines>(
    f: &mut fmt::Formatter<'_>,
    kind: &str,
    differences: &[Named<'_, C>],
) -> fmt::Result {
    for Named { name, difference } in differences {
        let name = Clean(name);
        match difference {
            Difference::Added => writeln!(f, "+ {kind} {name}")?,
            Difference::Removed => writeln!(f, "- {kind} {name}")?,
            Difference::Changed(change) => {
                writeln!(f, "~ {kind} {name}")?;
                change.lines(f)?;
            }
        }
    }
    Ok(())
}

impl<F: fmt::Display> Lines for Vec<FieldChange<'_, F>> {
    fn lines(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|change| writeln!(f, "    {change}"))
    }
}

impl Lines for ProgramChange<'_> {
    fn lines(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fields.lines(f)?;
        self.code.iter().try_for_each(|code| code.lines(f))
    }
}

impl Lines for FunctionChange<'_> {
    fn lines(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "    code: {self}")
    }
}

impl Lines for CodeChange<'_> {
    fn lines(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.own {
            Some(own) => writeln!(f, "    code: {own}")?,
            None => writeln!(f, "    code: its own does not change")?,
        }
        for (what, names) in [
            ("calls changed functions", &self.functions),
            ("reaches", &self.reached),
            ("no longer reaches", &self.left),
        ] {
            if !names.is_empty() {
                writeln!(f, "    {what}: {}", Clean(&names.join(", ")))?;
            }
        }
        if self.old_slots != self.new_slots {
            writeln!(f, "    in all: {} -> {} slots", self.old_slots, self.new_slots)?;
        }
        Ok(())
    }
}

impl Lines for MapChange<'_> {
    fn lines(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fields.lines(f)?;
        self.inner.iter().try_for_each(|change| writeln!(f, "    each map in it: {change}"))?;
        self.reuse.iter().try_for_each(|reuse| writeln!(f, "    pinned: {reuse}"))
    }
}

impl fmt::Display for FunctionChange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first_slot {
            Some(_) if self.old_slots != self.new_slots => {
                write!(f, "{} -> {} slots", self.old_slots, self.new_slots)?;
            }
            Some(_) => write!(f, "{} slots", self.new_slots)?,
            None => return f.write_str("the same instructions, which mean something else"),
        }
        self.first_slot.map_or(Ok(()), |slot| write!(f, ", different from slot {slot} on"))
    }
}

impl fmt::Display for Reuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Works => f.write_str("a map that the old object pinned is taken over"),
            Self::Refused { fields } => {
                let fields: Vec<_> = fields.iter().map(|field| field.name()).collect();
                let fields = fields.join(", ");
                write!(f, "a map that the old object pinned cannot be used ({fields})")
            }
            Self::DependsOnMachine => f.write_str(
                "whether a map that the old object pinned can be used depends on the machine",
            ),
        }
    }
}

impl<F: fmt::Display> fmt::Display for FieldChange<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, old, new } = self;
        match (old, new) {
            (FieldValue::Layout(name), FieldValue::Layout(_)) if name.is_empty() => {
                write!(f, "{field}: another one")
            }
            (FieldValue::Layout(name), FieldValue::Layout(_)) => {
                write!(f, "{field}: {} is made up in another way", Clean(name))
            }
            (FieldValue::Bytes(old), FieldValue::Bytes(new))
                if old.len() == new.len() && new.len() > SHOWN =>
            {
                let differ = old.iter().zip(*new).filter(|(old, new)| old != new).count();
                write!(f, "{field}: {differ} of {} bytes differ", new.len())
            }
            (FieldValue::Pairs(old), FieldValue::Pairs(new))
                if old.len().max(new.len()) > SHOWN =>
            {
                let [before, after] = [old, new].map(|pairs| pairs.iter().collect::<BTreeSet<_>>());
                let keys: BTreeSet<_> = (&before ^ &after).iter().map(|(key, _)| *key).collect();
                let (differ, old, new) = (keys.len(), old.len(), new.len());
                write!(f, "{field}: {old} -> {new} pairs, of which {differ} keys differ")
            }
            _ => write!(f, "{field}: {old} -> {new}"),
        }
    }
}

/// How many bytes, or pairs, a line shows.
const SHOWN: usize = 16;

impl fmt::Display for FieldValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("none"),
            Self::Flag(true) => f.write_str("yes"),
            Self::Flag(false) => f.write_str("no"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Bits(bits) => write!(f, "{bits:#x}"),
            Self::Text(text) | Self::Layout(text) => fmt::Debug::fmt(&Clean(text), f),
            Self::Bytes(bytes) => digits(f, bytes),
            Self::Pairs(pairs) if pairs.is_empty() => f.write_str("no pairs"),
            Self::Pairs(pairs) if pairs.len() > SHOWN => write!(f, "{} pairs", pairs.len()),
            Self::Pairs(pairs) => pairs.iter().enumerate().try_for_each(|(at, (key, value))| {
                f.write_str(if at == 0 { "[" } else { ", [" })?;
                digits(f, key)?;
                f.write_str("] ")?;
                digits(f, value)
            }),
            Self::Zeros(bytes) => write!(f, "zeros ({bytes} bytes)"),
            Self::List(names) if names.is_empty() => f.write_str("none"),
            Self::List(names) => fmt::Display::fmt(&Clean(&names.join(", ")), f),
        }
    }
}

/// The first bytes as hexadecimal digits.
fn digits(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    if bytes.is_empty() {
        return f.write_str("no bytes");
    }
    bytes.iter().take(SHOWN).try_for_each(|byte| write!(f, "{byte:02x}"))?;
    if bytes.len() > SHOWN { write!(f, "... ({} bytes)", bytes.len()) } else { Ok(()) }
}

/// A name without control characters, which a terminal could act on. In quotes (`{:?}`) where it is no word.
struct Clean<'text>(&'text str);

impl fmt::Display for Clean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if c.is_control() { write!(f, "{}", c.escape_default())? } else { write!(f, "{c}")? }
        }
        Ok(())
    }
}

impl fmt::Debug for Clean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_word = !self.0.is_empty() && !self.0.chars().any(|c| c.is_whitespace() || c == '"');
        if is_word { fmt::Display::fmt(self, f) } else { write!(f, "{:?}", self.0) }
    }
}
