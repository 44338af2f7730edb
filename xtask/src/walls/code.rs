//! Rust source without its comments and literals, so that a word in it is a word of the code.

/// The source with the text of comments, strings and characters replaced by blanks; lines stay where they are.
pub(super) fn only(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = literal(rest, code.chars().next_back());
        let taken = if length == 0 { first.len_utf8() } else { length };
        let (text, after) = rest.split_at_checked(taken).unwrap_or((rest, ""));
        if length == 0 {
            code.push(first);
        } else {
            code.extend(text.chars().map(|letter| if letter == '\n' { '\n' } else { ' ' }));
        }
        rest = after;
    }
    code
}

/// The length in bytes of the comment or literal at the beginning; 0 when there is none.
fn literal(text: &str, before: Option<char>) -> usize {
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return block_comment(text);
    }
    let in_word = before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    let prefix = if in_word {
        0
    } else {
        ["br", "cr", "r", "b", "c"].iter().find(|p| opens(text, p)).map_or(0, |p| p.len())
    };
    let Some(body) = text.get(prefix..) else { return 0 };
    let raw = text.get(..prefix).is_some_and(|prefix| prefix.ends_with('r'));
    let length = if raw {
        raw_string(body)
    } else if body.starts_with('"') {
        quoted(body, '"')
    } else if body.starts_with('\'') {
        character(body)
    } else {
        0
    };
    if length == 0 { 0 } else { prefix.saturating_add(length) }
}

/// Whether a prefix of a literal is followed by its quote.
fn opens(text: &str, prefix: &str) -> bool {
    let Some(rest) = text.strip_prefix(prefix) else { return false };
    if prefix.ends_with('r') {
        return rest.trim_start_matches('#').starts_with('"');
    }
    rest.starts_with('"') || (prefix == "b" && rest.starts_with('\''))
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut position) = (0_usize, 0_usize);
    while let Some(rest) = text.get(position..).filter(|rest| !rest.is_empty()) {
        let step = if rest.starts_with("/*") {
            depth = depth.saturating_add(1);
            2
        } else if rest.starts_with("*/") {
            depth = depth.saturating_sub(1);
            2
        } else {
            rest.chars().next().map_or(1, char::len_utf8)
        };
        position = position.saturating_add(step);
        if depth == 0 {
            return position;
        }
    }
    text.len()
}

/// From a quote to the next one that no backslash protects.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (index, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if letter == quote => return index.saturating_add(1),
            _ => {}
        }
    }
    text.len()
}

fn raw_string(text: &str) -> usize {
    let hashes = text.chars().take_while(|&letter| letter == '#').count();
    let end = format!("\"{}", "#".repeat(hashes));
    let start = hashes.saturating_add(1);
    let found = text.get(start..).and_then(|body| body.find(&end));
    found.map_or(text.len(), |index| start.saturating_add(index).saturating_add(end.len()))
}

/// A character literal; a lifetime is none.
fn character(text: &str) -> usize {
    let mut letters = text.chars().skip(1);
    match (letters.next(), letters.next()) {
        (Some('\\'), _) | (Some(_), Some('\'')) => quoted(text, '\''),
        _ => 0,
    }
}

/// Whether the code has this word, not as a part of a longer one.
pub(super) fn has_word(code: &str, word: &str) -> bool {
    let part = |letter: char| letter.is_alphanumeric() || letter == '_';
    code.match_indices(word).any(|(index, _)| {
        let before = code.get(..index).and_then(|text| text.chars().next_back());
        let after = code
            .get(index..)
            .and_then(|text| text.strip_prefix(word))
            .and_then(|text| text.chars().next());
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blank() {
        let rows = [
            ("a // bad\nb", "a\nb"),
            ("/// bad\nb", "\nb"),
            ("a /* bad /* bad */ bad */ b", "a b"),
            ("a \"bad \\\" bad\" b", "a b"),
            ("a r#\"bad \" bad\"# b", "a b"),
            ("a b\"bad\" c\"bad\" br\"bad\" b", "a b"),
            ("a 'x' '\\'' b'x' '\"' b", "a b"),
            ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
            ("for r in b {}", "for r in b {}"),
            ("\"unclosed bad", ""),
            ("/* unclosed bad", ""),
            ("'é' é", "é"),
        ];
        let squeeze = |text: &str| {
            let lines =
                text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
            lines.collect::<Vec<_>>().join("\n")
        };
        for (source, expected) in rows {
            assert_eq!(squeeze(&only(source)), expected, "{source}");
            assert_eq!(only(source).lines().count(), source.lines().count());
        }
    }

    #[test]
    fn words_are_whole() {
        for (code, expected) in [
            ("unsafe { x }", true),
            ("forbid(unsafe_code)", false),
            ("an_unsafe", false),
            ("x unsafe", true),
            ("", false),
        ] {
            assert_eq!(has_word(code, "unsafe"), expected, "{code}");
        }
    }
}
