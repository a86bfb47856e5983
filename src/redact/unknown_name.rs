//! A property name that only the request knows, for metrics and logs.

/// What stands for a name that is not shown.
pub const MASKED_NAME: &str = "_masked";

/// Longest name that is shown, and longest word in it, in characters.
const LONGEST_NAME: usize = 40;
const LONGEST_WORD: usize = 20;

/// Words of field names that have digits.
const WORDS_WITH_DIGITS: [&str; 6] = ["web3", "oauth2", "saml2", "base64", "e164", "sha256"];

/// The name if it looks like the name of a field, such as `sync_user_attributes` or `firstName`; else [`MASKED_NAME`].
///
/// A body can have a secret where a name belongs. So nothing is shown that could be one: no other characters than letters, digits
/// and `_`, no long word, no prefix of a key, and no digits but in the [`WORDS_WITH_DIGITS`]: a password such as `hunter2` has them.
pub fn field_like_name(name: &str) -> &str {
    let is_plain = name.len() <= LONGEST_NAME
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let is_key = ["sk_", "pk_", "ak_", "mt_", "whsec_"].iter().any(|prefix| name.starts_with(prefix));
    if is_plain && !is_key && name.split('_').all(is_word) { name } else { MASKED_NAME }
}

fn is_word(word: &str) -> bool {
    let has_digits = word.bytes().any(|byte| byte.is_ascii_digit());
    word.len() <= LONGEST_WORD && (!has_digits || WORDS_WITH_DIGITS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::{MASKED_NAME, field_like_name};

    #[test]
    fn names_of_fields_are_shown() {
        for name in
            ["nickname", "sync_user_attributes", "firstName", "web3_wallets", "oauth2", "_x".trim_start_matches('_')]
        {
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
            "hunter2",
            "line_2",
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
