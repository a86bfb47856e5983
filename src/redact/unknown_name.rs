//! A property name that only the request knows, for metrics and logs.

/// What stands for a name that is not shown.
pub const MASKED_NAME: &str = "_masked";

/// Longest name that is shown, and longest word in it, in characters.
const LONGEST_NAME: usize = 40;
const LONGEST_WORD: usize = 20;

/// The name if it looks like the name of a field, such as `sync_user_attributes` or `firstName`; else [`MASKED_NAME`].
///
/// A body can have a secret where a name belongs. So nothing is shown that could be one: no other characters than letters, digits
/// and `_`, no long word, no prefix of a key, and no digits but at the end of a word.
pub fn field_like_name(name: &str) -> &str {
    let is_plain = name.len() <= LONGEST_NAME
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let is_key = ["sk_", "pk_", "ak_", "mt_", "whsec_"].iter().any(|prefix| name.starts_with(prefix));
    if is_plain && !is_key && name.split('_').all(is_word) { name } else { MASKED_NAME }
}

/// Whether the word has at most two digits, at its end.
fn is_word(word: &str) -> bool {
    let letters = word.trim_end_matches(|last: char| last.is_ascii_digit());
    word.len() <= LONGEST_WORD && word.len() - letters.len() <= 2 && !letters.bytes().any(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::{MASKED_NAME, field_like_name};

    #[test]
    fn names_of_fields_are_shown() {
        for name in [
            "nickname",
            "sync_user_attributes",
            "firstName",
            "web3_wallets",
            "line_2",
            "oauth2",
            "_x".trim_start_matches('_'),
        ] {
            assert_eq!(field_like_name(name), name);
        }
    }

    #[test]
    fn what_could_be_a_secret_is_not_shown() {
        let long = "a".repeat(21);
        for name in [
            "",
            "sk_live_abc",
            "canary7f3a",
            "hunter2hunter2",
            "correct horse",
            "ada@example.org",
            "a\u{1b}[31m",
            "12345678",
            "eyJhbGciOiJIUzI1NiJ9",
            "password123456",
            "gr\u{fc}n",
            "_private",
            &long,
            &"abc_".repeat(11),
        ] {
            assert_eq!(field_like_name(name), MASKED_NAME, "{name:?}");
        }
    }
}
