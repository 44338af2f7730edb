//! Patterns of function names, as section names of libbpf have them.

/// Whether a whole name matches a pattern, in which `*` stands for any characters and `?` for one.
///
/// Takes time in proportion to the product of the lengths at worst, and no memory.
pub(crate) fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut pattern, mut name) = (pattern, name);
    // Where to go on when what follows the last `*` did not match: the `*` takes one character more.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern.split_first(), name.split_first()) {
            (Some((b'*', rest)), _) => {
                retry = Some((rest, name));
                pattern = rest;
                continue;
            }
            (Some((&wanted, rest)), Some((&found, others)))
                if wanted == b'?' || wanted == found =>
            {
                (pattern, name) = (rest, others);
                continue;
            }
            (None, None) => return true,
            _ => {}
        }
        let Some((after, [_, others @ ..])) = retry else { return false };
        retry = Some((after, others));
        (pattern, name) = (after, others);
    }
}

/// Whether the text is more than a plain name.
pub(crate) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_characters_and_a_question_mark_one() {
        for (pattern, name, expected) in [
            ("", "", true),
            ("", "a", false),
            ("a", "a", true),
            ("a", "ab", false),
            ("ab", "a", false),
            ("*", "", true),
            ("*", "anything", true),
            ("?", "", false),
            ("?", "a", true),
            ("a*", "a", true),
            ("a*", "ba", false),
            ("*a", "ba", true),
            ("*a", "ab", false),
            ("a*c", "abbbc", true),
            ("a*c", "abbbd", false),
            ("tcp_*_sk?", "tcp_v4_init_skb", true),
            ("tcp_*_sk?", "tcp_v4_init_sk", false),
            ("*ab*ab*", "xabyab", true),
            ("*ab*ab*", "xaby", false),
            ("**", "a", true),
            ("*?", "", false),
            ("*?", "ab", true),
            ("a.b", "axb", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_do_not_take_exponential_time() {
        let pattern = "*a".repeat(50) + "b";
        assert!(!matches(pattern.as_bytes(), "a".repeat(2000).as_bytes()));
    }
}
