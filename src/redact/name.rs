//! A property name that only the request knows, escaped for the response to its caller.

use std::fmt::Write as _;

/// Maximum length of a shown name in characters.
const MAX_SHOWN: usize = 64;

/// The name as the caller may see it: unchanged if it is `[A-Za-z_][A-Za-z0-9_-]{0,63}`, else every other character is
/// written as `\u{..}` (so that no terminal, log or header is steered by it) and the whole is cut at 64 characters,
/// never within an escape. An empty name stays empty.
///
/// ```
/// use portcullis::redact::escaped_name;
///
/// assert_eq!(escaped_name("skip_password_checks"), "skip_password_checks");
/// assert_eq!(escaped_name("a\nb"), r"a\u{a}b");
/// ```
pub fn escaped_name(name: &str) -> String {
    let mut shown = String::with_capacity(name.len().min(MAX_SHOWN));
    for character in name.chars() {
        let length = shown.len();
        let plain = character.is_ascii_alphabetic() || character == '_';
        // a digit or hyphen at the start is escaped, so that every unescaped name is an identifier
        if plain || length > 0 && (character.is_ascii_digit() || character == '-') {
            shown.push(character);
        } else {
            // writing to a `String` cannot fail
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(character));
        }
        // the whole escape is dropped, since half of one would be ambiguous
        if shown.len() > MAX_SHOWN {
            shown.truncate(length);
            break;
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::escaped_name;
    use proptest::prelude::{any, proptest};

    #[test]
    fn a_plain_name_is_unchanged_up_to_64_characters() {
        let longest = format!("_{}", "a-0".repeat(21));
        assert_eq!(longest.len(), 64);
        assert_eq!(escaped_name(&longest), longest);
        assert_eq!(escaped_name(&format!("{longest}b")), longest);
    }

    #[test]
    fn everything_else_is_escaped() {
        assert_eq!(escaped_name("1a"), r"\u{31}a");
        assert_eq!(escaped_name("-a"), r"\u{2d}a");
        assert_eq!(escaped_name("a\u{1b}[31m\"\\ \u{17f}"), r"a\u{1b}\u{5b}31m\u{22}\u{5c}\u{20}\u{17f}");
        assert_eq!(escaped_name(""), "");
    }

    #[test]
    fn an_escape_is_never_cut() {
        let name = format!("{}\u{10ffff}", "a".repeat(60));
        assert_eq!(escaped_name(&name), "a".repeat(60));
    }

    proptest! {
        #[test]
        fn nothing_but_harmless_ascii_comes_out(name in any::<String>()) {
            let shown = escaped_name(&name);
            assert!(shown.len() <= 64);
            assert!(shown.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-\\{}".contains(&byte)));
        }
    }
}
