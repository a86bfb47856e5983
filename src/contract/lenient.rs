//! Which routes a lenient server could read a path as.
//!
//! Servers differ in how often and when they decode, whether they drop `;parameters`, suffixes and authorities, resolve dots,
//! merge slashes, end a path early, or ignore case. A list of such differences is never complete, so none is emulated. Whatever
//! a server does, the literal segments of the route that it finds are letters of the path, decoded some number of times, in
//! order. So a path that is not plain could be any route whose literal segments it contains in their order.

// the search takes time for each letter; no id or token of Clerk's makes a path so long, and none has letters that servers read
// in different ways
const LONGEST: usize = 2048;
// each decoding is searched, too; no client encodes a path as often
const DECODINGS: usize = 8;
/// A wildcard for a letter outside ASCII, which some server may replace by any other.
const ANY: char = '\u{fffd}';

/// Whether every server reads `path` as the same segments, apart from the case of letters.
pub(super) fn is_plain(path: &str) -> bool {
    let is_plain = |segment: &str| {
        !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-~".contains(&byte))
    };
    path.strip_prefix('/').is_some_and(|segments| segments.split('/').all(is_plain))
}

/// Every text that some server could read a path as.
pub(super) struct Readings(Vec<Vec<char>>);

impl Readings {
    /// The readings of `path`; `None` if it is too long or encoded too often to search.
    pub(super) fn of(path: &str) -> Option<Self> {
        if path.len() > LONGEST {
            return None;
        }
        let mut texts = Vec::new();
        let mut bytes = path.as_bytes().to_vec();
        for _ in 0..=DECODINGS {
            let fitted = best_fit(&bytes);
            // servers replace or drop letters outside ASCII: both are read
            texts.extend([text(&fitted, |letter| Some(if letter.is_ascii() { letter } else { ANY }))]);
            texts.extend([text(&fitted, |letter| letter.is_ascii().then_some(letter))]);
            let decoded = decode(&fitted);
            if decoded == fitted {
                return Some(Self(texts));
            }
            bytes = decoded;
        }
        None
    }

    /// The readings, in lower case.
    pub(super) fn texts(&self) -> impl Iterator<Item = &[char]> {
        self.0.iter().map(Vec::as_slice)
    }
}

/// The text after the first occurrence of `word` in `text`; `None` if it does not occur.
pub(super) fn text_after<'t>(text: &'t [char], word: &str) -> Option<&'t [char]> {
    let is_word = |text: &[char]| word.chars().zip(text).all(|(letter, found)| *found == letter || *found == ANY);
    // the first occurrence suffices: the remaining text of any later one is a suffix of this
    let length = word.chars().count();
    let at = text.windows(length.max(1)).position(is_word)?;
    text.get(at + length..)
}

/// The plain path that the caller probably meant. For messages only: a server may read another one.
pub(super) fn probable_path(path: &str) -> String {
    let decoded = best_fit(&(0..2).fold(path.as_bytes().to_vec(), |text, _| decode(&text)));
    let decoded = String::from_utf8_lossy(&decoded).replace('\\', "/");
    let path = decoded.split(['?', '#', '\0']).next().unwrap_or_default();
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        let name = segment.split(';').next().unwrap_or_default();
        match name.trim_matches(|letter: char| letter.is_whitespace() || letter.is_control()) {
            "" | "." => {}
            ".." => drop(segments.pop()),
            name => segments.push(name),
        }
    }
    let version = if segments.first().is_some_and(|first| first.eq_ignore_ascii_case("v1")) { "" } else { "/v1" };
    format!("{version}/{}", segments.join("/"))
}

/// The letters of `bytes` that `keep` keeps, in lower case, without invisible ones.
fn text(bytes: &[u8], keep: impl Fn(char) -> Option<char>) -> Vec<char> {
    let letters = String::from_utf8_lossy(bytes);
    // some servers drop control characters, white space and other invisible letters
    let seen = letters.chars().filter(|letter| !letter.is_control() && !letter.is_whitespace() && !is_unseen(*letter));
    seen.filter_map(keep).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// Soft hyphens, joiners, marks of direction and of byte order.
const fn is_unseen(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

/// `text` with the substitutions of servers that use the best fit for a letter (as Windows code pages do): overlong UTF-8
/// (RFC 3629 section 10), full-width forms, other slashes, and the two letters that fold into ASCII.
fn best_fit(text: &[u8]) -> Vec<u8> {
    if text.is_ascii() {
        return text.to_vec();
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        let (byte, tail) = match rest {
            [first @ (0xc0 | 0xc1), second, tail @ ..] => ((first & 1) << 6 | second & 0x3f, tail),
            [0xe0, second @ (0x80 | 0x81), third, tail @ ..]
            | [0xf0, 0x80, second @ (0x80 | 0x81), third, tail @ ..] => ((second & 1) << 6 | third & 0x3f, tail),
            _ => (byte, tail),
        };
        plain.push(byte);
        rest = tail;
    }
    let letters = String::from_utf8_lossy(&plain).chars().map(best_fit_letter).collect::<String>();
    letters.into_bytes()
}

fn best_fit_letter(letter: char) -> char {
    match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        '\u{2044}' | '\u{2215}' => '/',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
        letter => letter,
    }
}

/// Decodes each `%xx` (RFC 3986 section 2.1) and IIS's `%uxxxx` once. Anything else is unchanged.
pub(super) fn decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        let (bytes, next) = match byte {
            b'%' => escape(tail).unwrap_or((vec![byte], tail)),
            _ => (vec![byte], tail),
        };
        decoded.extend(bytes);
        rest = next;
    }
    decoded
}

/// The bytes of the escape whose `%` precedes `tail`, and the rest of the text.
fn escape(tail: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let hex = |digits: &[u8]| u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
    if let Some((digits, rest)) = tail.strip_prefix(b"u").and_then(|tail| tail.split_at_checked(4)) {
        let letter = char::from_u32(hex(digits)?)?;
        return Some((letter.to_string().into_bytes(), rest));
    }
    let (digits, rest) = tail.split_at_checked(2)?;
    Some((vec![u8::try_from(hex(digits)?).ok()?], rest))
}

#[cfg(test)]
mod tests {
    use super::{DECODINGS, LONGEST, Readings, is_plain, probable_path, text_after};

    /// Whether the path could be one with these literal segments.
    fn could_be(path: &str, words: &[&str]) -> bool {
        let readings = Readings::of(path).expect("short");
        readings.texts().any(|text| words.iter().try_fold(text, |text, word| text_after(text, word)).is_some())
    }

    #[test]
    fn every_spelling_of_a_users_path_could_be_it_and_is_not_plain() {
        for path in [
            "/V1/Users/u/",
            "/v1//users/u",
            "/v1/./users/u",
            "/v1/x/../users/u",
            "/v1/users//../u",
            "//authority/v1/users/u",
            "/\\a/v1/users/u",
            "/v1/users.json",
            "/v1/users/u%00/x",
            "/v1/%75sers/u",
            "/v1/%25252575sers/u",
            "/v1%2fusers/u",
            "/v1/users;v=1/u;a=b",
            "\\v1\\users\\u",
            "/v1/users/u#/metadata",
            "/v1/%u0075sers/u",
            "/v1/us%00ers/u",
            "/v1/us%e2%80%8bers/u",
            "/users%20/u",
            "/v1/users%c0%afu",
            "/v1/%f0%80%81%b5sers/u",
            "/v1/u%c5%bfers/u",
            "/v1/%f0%9d%96%9asers/u",
            "/v1/us%ffers/u",
            "/v1/\u{ff55}sers/u",
        ] {
            assert!(could_be(path, &["users"]), "{path}");
            assert!(!is_plain(path), "{path}");
        }
        assert!(!could_be("/v1/organizations/%20", &["users"]));
    }

    #[test]
    fn literal_segments_stand_in_their_order() {
        assert!(could_be("/v1/users;x/u/..;/metadata%2ejson", &["users", "metadata"]));
        assert!(!could_be("/v1/metadata;/users", &["users", "metadata"]));
        assert!(!could_be("/v1/organizations;/metadata", &["users", "metadata"]));
    }

    #[test]
    fn a_plain_path_is_what_it_says() {
        for path in ["/v1/users/user_1", "/V1/users", "/v1/a-b~c"] {
            assert!(is_plain(path), "{path}");
        }
        for path in ["", "v1", "/", "/v1/", "/v1//a", "/v1/a.b", "/v1/..", "/v1/a%20", "/v1/é", "*"] {
            assert!(!is_plain(path), "{path}");
        }
    }

    #[test]
    fn what_nobody_should_wait_for_is_not_read() {
        assert!(Readings::of(&"/%2e".repeat(LONGEST)).is_none());
        let encoded = |times: usize| format!("/%{}75", "25".repeat(times));
        assert!(Readings::of(&encoded(DECODINGS - 2)).is_some() && Readings::of(&encoded(DECODINGS)).is_none());
    }

    #[test]
    fn broken_escapes_stay_as_they_are() {
        assert!(could_be("/v1/users/%zz%", &["%zz%"]));
    }

    #[test]
    fn what_was_probably_meant_is_plain() {
        for path in ["/v1/x/../users;a/u?b", "/v1//users/u/", "\\v1\\users\\u", "/v1/%2575sers/u%20", "/users/u"] {
            assert_eq!(probable_path(path), "/v1/users/u", "{path}");
        }
    }
}
