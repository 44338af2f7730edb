//! The order of Debian's package versions (deb-version(7)).
use std::cmp::Ordering;

/// Debian's order of versions: runs of digits compare as numbers, `~` before the end, letters before the rest.
pub(crate) fn compare(left: &str, right: &str) -> std::cmp::Ordering {
    fn rank(byte: Option<u8>) -> (u8, u8) {
        match byte {
            Some(b'~') => (0, 0),
            None | Some(b'0'..=b'9') => (1, 0),
            Some(byte) if byte.is_ascii_alphabetic() => (2, byte),
            Some(byte) => (3, byte),
        }
    }
    fn split(text: &[u8], digits: bool) -> (&[u8], &[u8]) {
        let end =
            text.iter().position(|byte| byte.is_ascii_digit() != digits).unwrap_or(text.len());
        text.split_at(end)
    }
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    while !left.is_empty() || !right.is_empty() {
        let (left_word, left_rest) = split(left, false);
        let (right_word, right_rest) = split(right, false);
        for index in 0..left_word.len().max(right_word.len()) {
            match rank(left_word.get(index).copied()).cmp(&rank(right_word.get(index).copied())) {
                Ordering::Equal => {}
                unequal => return unequal,
            }
        }
        let (left_number, left_rest) = split(left_rest, true);
        let (right_number, right_rest) = split(right_rest, true);
        let significant = |number: &[u8]| {
            let zeros = number.iter().take_while(|&&byte| byte == b'0').count();
            number.get(zeros..).unwrap_or_default().to_vec()
        };
        let (left_number, right_number) = (significant(left_number), significant(right_number));
        match left_number
            .len()
            .cmp(&right_number.len())
            .then_with(|| left_number.cmp(&right_number))
        {
            Ordering::Equal => (left, right) = (left_rest, right_rest),
            unequal => return unequal,
        }
    }
    Ordering::Equal
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cmp::Ordering::{Equal, Greater, Less};

    #[test]
    fn versions_are_ordered_as_dpkg_orders_them() {
        let rows = [
            ("6.12.9+deb13", "6.12.117+deb13", Less),
            ("6.12.117+deb13", "6.12.117+deb12", Greater),
            ("6.1.0-0.deb11.52-cloud-amd64", "6.1.0-9-cloud-amd64", Less),
            ("5.10.0-46", "5.10.0-46", Equal),
            ("1.0~rc1", "1.0", Less),
            ("1.0", "1.0a", Less),
            ("1.0a", "1.0+", Less),
            ("1.01", "1.1", Equal),
            ("7.3.4+deb13", "7.2.12+deb13", Greater),
            ("6.12.115+deb13.1", "6.12.115+deb13", Greater),
            ("", "0", Equal),
        ];
        for (left, right, expected) in rows {
            assert_eq!(compare(left, right), expected, "{left} {right}");
            assert_eq!(compare(right, left), expected.reverse(), "{right} {left}");
        }
    }
}
