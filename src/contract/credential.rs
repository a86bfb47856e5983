//! What the `Authorization` header reveals about a request. The credential itself is never stored.

use aho_corasick::{AhoCorasick, Match, PatternID};
use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

/// Which of the organisation's Clerk instances a request is for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Deserialize, serde::Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// A development instance: its secret keys start with `sk_test_`.
    Development,
    /// Any other credential: an unusual spelling must not switch off the policies for production.
    Production,
}

impl Environment {
    /// The value in policies, logs and spans.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Production => "production",
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The kind of credential in a request. Apart from a keyed fingerprint, only this appears in logs, spans and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyClass {
    /// `sk_test_...`, the secret key of a development instance.
    Test,
    /// `sk_live_...`, the secret key of a production instance.
    Live,
    /// A credential of another shape, such as a machine or API key.
    Other,
    /// No credential.
    None,
}

impl KeyClass {
    /// Every kind, for metrics that exist from the start.
    pub const ALL: [Self; 4] = [Self::Test, Self::Live, Self::Other, Self::None];

    /// The value in logs, spans and metrics: the prefix of the key, or `other` or `none`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Test => "sk_test",
            Self::Live => "sk_live",
            Self::Other => "other",
            Self::None => "none",
        }
    }

    fn of_token(token: &[u8]) -> Self {
        let is_key = |rest: &[u8]| rest.iter().all(|byte| is_of_key(*byte));
        match (token.strip_prefix(TEST_PREFIX.as_bytes()), token.strip_prefix(LIVE_PREFIX.as_bytes())) {
            (Some(rest), _) if is_key(rest) => Self::Test,
            (_, Some(rest)) if is_key(rest) => Self::Live,
            _ => Self::Other,
        }
    }
}

/// What the secret key of a production instance begins with, and that of a development instance.
const LIVE_PREFIX: &str = "sk_live_";
const TEST_PREFIX: &str = "sk_test_";
/// The position of [`LIVE_PREFIX`] in [`SECRET_KEYS`].
const LIVE_PATTERN: PatternID = PatternID::ZERO;

// searched in linear time: a value may be as long as a head
static SECRET_KEYS: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::builder().ascii_case_insensitive(true).build([LIVE_PREFIX, TEST_PREFIX]).ok());

/// The credential in the value of an `Authorization` header.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential<'v> {
    /// The credential without its scheme: the same for each spelling of the header.
    pub token: Cow<'v, [u8]>,
    /// Its kind.
    pub class: KeyClass,
    /// Whether the value is exactly `Bearer`, one space and a token, which every server reads alike.
    pub is_plain: bool,
}

impl<'v> Credential<'v> {
    /// Reads `value`.
    pub fn of(value: &'v [u8]) -> Self {
        match value.strip_prefix(b"Bearer ").filter(|token| is_plain_token(token)) {
            Some(token) => Self { token: token.into(), class: KeyClass::of_token(token), is_plain: true },
            None => Self::in_odd_value(value),
        }
    }

    /// The credential in a value of another form: the first key of Clerk's wherever it is, else what is behind the scheme.
    // RFC 9110 section 11.1 allows other spellings of the scheme, and servers allow more. What Clerk makes of them is not known,
    // but a caller that respells its header must not become another one
    fn in_odd_value(value: &'v [u8]) -> Self {
        // of several the live one: which of them a server uses is not known
        let is_live = |key: &Match| key.pattern() == LIVE_PATTERN;
        let mut keys = SECRET_KEYS.iter().flat_map(|keys| keys.find_iter(value));
        let first = keys.next();
        let live = if first.as_ref().is_some_and(is_live) { None } else { keys.find(is_live) };
        let (token, class) = match live.or(first) {
            Some(found) => {
                let rest = value.get(found.end()..).unwrap_or_default();
                let key = rest.split(|byte| !is_of_key(*byte)).next().unwrap_or_default();
                let is_live = is_live(&found);
                let class = if is_live { KeyClass::Live } else { KeyClass::Test };
                (Cow::Owned([if is_live { LIVE_PREFIX } else { TEST_PREFIX }.as_bytes(), key].concat()), class)
            }
            None => (Cow::Borrowed(without_scheme(value)), KeyClass::Other),
        };
        Self { token, class, is_plain: false }
    }

    /// The environment of the credential: production unless it is exactly a test key.
    pub fn environment(&self) -> Environment {
        match self.class {
            KeyClass::Test if self.is_plain => Environment::Development,
            _ => Environment::Production,
        }
    }
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // without the token
        f.debug_struct("Credential")
            .field("class", &self.class)
            .field("is_plain", &self.is_plain)
            .finish_non_exhaustive()
    }
}

const fn is_of_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// Whether it is a `token68` (RFC 9110 section 11.2), and no key of Clerk's with a prefix in other case.
fn is_plain_token(token: &[u8]) -> bool {
    let end = token.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    let letters = token.get(..end).unwrap_or_default();
    let is_letter = |byte: &u8| is_of_key(*byte) || matches!(byte, b'~' | b'+' | b'/');
    let prefix = token.get(..8).unwrap_or_default();
    let is_respelled = |known: &str| prefix.eq_ignore_ascii_case(known.as_bytes()) && prefix != known.as_bytes();
    let is_respelled = [TEST_PREFIX, LIVE_PREFIX].into_iter().any(is_respelled);
    end > 0 && letters.iter().all(is_letter) && !is_respelled
}

/// `value` without its first word, if there are others, and without the blanks and quotes around the rest.
fn without_scheme(value: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b',' | b';');
    let trim = |value: &[u8]| -> (usize, usize) {
        let start = value.iter().position(|byte| !is_blank(byte)).unwrap_or(value.len());
        (start, value.iter().rposition(|byte| !is_blank(byte)).map_or(start, |last| last + 1))
    };
    let (start, end) = trim(value);
    let value = value.get(start..end).unwrap_or_default();
    let Some(scheme) = value.iter().position(is_blank) else { return value };
    let rest = value.get(scheme..).unwrap_or_default();
    let (start, end) = trim(rest);
    rest.get(start..end).unwrap_or_default()
}

/// What a secret key of a production instance begins with: verbatim, percent-encoded, and inside of base64 at each of the three
/// offsets, as in `Basic` credentials. All without regard to case.
const LIVE: [&str; 7] =
    ["sk_live_", "sk%5flive_", "sk_live%5f", "sk%5flive%5f", "c2tfbGl2ZV", "NrX2xpdmVf", "za19saXZlX"];

static LIVE_KEYS: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::builder().ascii_case_insensitive(true).build(LIVE).ok());

/// Length of the shortest of [`LIVE`], in bytes.
const SHORTEST_LIVE: usize = 8;

/// Whether `text` holds the secret key of a production instance, in any spelling that a server could read it in.
pub fn holds_live_key(text: &[u8]) -> bool {
    may_hold_live_key(text) && LIVE_KEYS.as_ref().is_none_or(|keys| keys.is_match(text))
}

/// Whether `text` holds a secret key of any instance.
pub fn holds_key(text: &[u8]) -> bool {
    SECRET_KEYS.as_ref().is_none_or(|keys| keys.is_match(text)) || holds_live_key(text)
}

/// Whether `text` is long enough, and has one of two letters: each of [`LIVE`] has one of them, and few other texts have.
// every value of a head is searched, most of them short. Without an early exit, the compiler compares sixteen bytes at once
fn may_hold_live_key(text: &[u8]) -> bool {
    let is_letter = |byte: &u8| matches!(byte | 0x20, b'v' | b'z');
    text.len() >= SHORTEST_LIVE && text.iter().fold(false, |found, byte| found | is_letter(byte))
}

#[cfg(test)]
mod tests {
    use super::{Credential, Environment, KeyClass, LIVE, SHORTEST_LIVE, holds_key, holds_live_key, may_hold_live_key};

    #[test]
    fn anything_but_an_exact_test_key_is_production() {
        let test = Credential::of(b"Bearer sk_test_a");
        assert_eq!((test.environment(), test.is_plain), (Environment::Development, true));
        for other in [
            &b"bearer sk_test_a"[..],
            b"Bearer  sk_test_a",
            b"Bearer sk_test_a ",
            b"Bearer SK_test_a",
            b"Basic sk_test_a",
            b"sk_test_a",
            b"Bearer sk_live_a",
            b"Bearer sk_test_a, Bearer sk_live_b",
            b"Bearer sk_test_a sk_live_b",
            b"Bearer sk_test_a=",
            b"",
        ] {
            assert_eq!(Credential::of(other).environment(), Environment::Production);
        }
    }

    #[test]
    fn every_spelling_of_a_header_has_one_credential() {
        let plain = Credential::of(b"Bearer sk_live_aB-1.2");
        assert_eq!((plain.token.as_ref(), plain.class, plain.is_plain), (&b"sk_live_aB-1.2"[..], KeyClass::Live, true));
        for value in [
            &b"bearer sk_live_aB-1.2"[..],
            b"BEARER\tsk_live_aB-1.2",
            b"Bearer   sk_live_aB-1.2",
            b" Bearer sk_live_aB-1.2 \t",
            b"Bearer sk_live_aB-1.2,",
            b"Bearer \"sk_live_aB-1.2\"",
            b"Bearer Bearer sk_live_aB-1.2",
            b"Token token=sk_live_aB-1.2",
            b"Bearer sk_live_aB-1.2, Bearer sk_live_other",
            b"Bearer sk_test_x, sk_live_aB-1.2",
            b"Bearer SK_LIVE_aB-1.2",
            b"sk_live_aB-1.2",
            b"Bearer:sk_live_aB-1.2",
            b"Bearer\xc2\xa0sk_live_aB-1.2",
        ] {
            let odd = Credential::of(value);
            assert_eq!((&odd.token, odd.class, odd.is_plain), (&plain.token, KeyClass::Live, false), "{value:?}");
        }
        for value in
            [&b"bearer ak_1"[..], b"Bearer  ak_1", b"BEARER\tak_1\t", b"ak_1", b"Bearer \"ak_1\"", b"Bearer ak_1,"]
        {
            assert_eq!(Credential::of(value).token, Credential::of(b"Bearer ak_1").token, "{value:?}");
        }
    }

    #[test]
    fn a_bearer_token_of_any_kind_is_plain() {
        for value in [&b"Bearer ak_1"[..], b"Bearer eyJh.eyJz.c2ln-_", b"Bearer YWJj+/~==", b"Bearer mt_a"] {
            assert!(Credential::of(value).is_plain, "{value:?}");
        }
        for value in
            [&b""[..], b"Bearer", b"Bearer ", b"Bearer ==", b"Basic YTpi", b"Bearer a b", b"Bearer a=b", b"Bearer \xff"]
        {
            assert!(!Credential::of(value).is_plain, "{value:?}");
        }
    }

    #[test]
    fn what_is_searched_has_what_each_spelling_has() {
        assert_eq!(LIVE.iter().map(|spelling| spelling.len()).min(), Some(SHORTEST_LIVE));
        assert!(LIVE.iter().all(|spelling| may_hold_live_key(spelling.to_ascii_uppercase().as_bytes())));
        assert!(!may_hold_live_key(b"application/json; charset=utf-8"));
    }

    #[test]
    fn a_key_of_any_instance_is_found() {
        for (text, expected) in
            [("a=SK_TEST_b", true), ("sk_live_a", true), ("c2tfbGl2ZV9hOg", true), ("sk_tes", false)]
        {
            assert_eq!(holds_key(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn a_live_key_is_found_in_any_text() {
        for text in [
            &b"sk_live_a"[..],
            b"a=b; key=SK_LIVE_a",
            b"k=sk%5Flive%5Fa",
            b"k=sk%5flive_a",
            b"Basic c2tfbGl2ZV9hOg==",
            b"Basic OnNrX2xpdmVfYQ==",
            b"Basic dTpza19saXZlX2E=",
        ] {
            assert!(holds_live_key(text), "{text:?}");
        }
        for text in [&b""[..], b"sk_test_a", b"live_", b"sk_liv"] {
            assert!(!holds_live_key(text), "{text:?}");
        }
    }

    #[test]
    fn no_key_is_shown() {
        assert!(!format!("{:?}", Credential::of(b"Bearer sk_live_hunter2")).contains("hunter2"));
    }
}
