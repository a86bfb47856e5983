//! Which routes a lenient server could read a path as.
//!
//! Servers differ in how often and when they decode, whether they drop `;parameters`, suffixes and authorities, resolve dots,
//! merge slashes, end a path early, or ignore case. A list of such differences is never complete, so none is emulated. Whatever
//! a server does, the literal segments of the route that it finds are letters of the path, decoded some number of times, in
//! order. So a path that is not plain could be any route whose literal segments it contains in their order.

// no id or token of Clerk's makes a path so long, and none has letters that servers read in different ways
pub(super) const LONGEST: usize = 1024;
// no client encodes a path more than twice: what is encoded more often is meant to be read in more than one way
const DECODINGS: usize = 3;
/// A letter outside ASCII, which some server may replace by any other. No letter of UTF-8.
pub(super) const ANY: u8 = 0xff;

/// Whether every server reads `path` as the same segments, apart from the case of letters.
pub(super) fn is_plain(path: &str) -> bool {
    let is_plain = |segment: &str| {
        !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-~".contains(&byte))
    };
    path.strip_prefix('/').is_some_and(|segments| segments.split('/').all(is_plain))
}

/// A text that some server could read a path as: its letters in lower case, without those that are not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading<'r> {
    /// All of its letters are ASCII: it had no others, or a server drops them.
    Ascii(&'r [u8]),
    /// Some letters are [`ANY`].
    Wild(&'r [u8]),
}

/// Calls `visit` with each different reading of `path`, until it returns `false`. Returns whether these are all: a path that is
/// too long, or encoded too often, has more.
pub(super) fn each_reading(path: &str, mut visit: impl FnMut(Reading<'_>) -> bool) -> bool {
    if path.len() > LONGEST {
        return false;
    }
    let mut bytes = path.as_bytes().to_vec();
    let (mut letters, mut before) = (Vec::with_capacity(bytes.len()), Vec::new());
    for _ in 0..=DECODINGS {
        let fitted = best_fit(&bytes);
        if !fitted.is_ascii() {
            // servers replace letters outside ASCII or drop them: both are read
            read(&fitted, &mut letters, |letter| Some(u8::try_from(letter).ok().filter(u8::is_ascii).unwrap_or(ANY)));
            if !visit(Reading::Wild(&letters)) {
                return true;
            }
        }
        read(&fitted, &mut letters, |letter| u8::try_from(letter).ok().filter(u8::is_ascii));
        // what differs in dropped letters only needs no second search
        if letters != before && !visit(Reading::Ascii(&letters)) {
            return true;
        }
        let decoded = decode(&fitted);
        if decoded == fitted {
            return true;
        }
        std::mem::swap(&mut letters, &mut before);
        bytes = decoded;
    }
    false
}

/// The bytes that `keep` makes of the letters of `bytes`, in lower case, without letters that are not seen.
fn read(bytes: &[u8], into: &mut Vec<u8>, keep: impl Fn(char) -> Option<u8>) {
    into.clear();
    let text = String::from_utf8_lossy(bytes);
    // some servers drop control characters, white space and other invisible letters
    let seen = text.chars().filter(|letter| !letter.is_control() && !letter.is_whitespace() && !is_unseen(*letter));
    into.extend(seen.filter_map(keep).map(|letter| letter.to_ascii_lowercase()));
}

/// Soft hyphens, joiners, marks of direction and of byte order.
pub(super) const fn is_unseen(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
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

/// `text` with the substitutions of servers that use the best fit for a letter (as Windows code pages do): overlong UTF-8
/// (RFC 3629 section 10), full-width forms, other slashes, and the two letters that fold into ASCII.
pub(super) fn best_fit(text: &[u8]) -> Vec<u8> {
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
    while let Some(escape) = rest.iter().position(|byte| *byte == b'%') {
        let (plain, from) = rest.split_at(escape);
        decoded.extend_from_slice(plain);
        // the usual escape by itself: a value of escapes only has ten thousand of them
        if let [_, high, low, tail @ ..] = from
            && let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low))
        {
            decoded.push(high << 4 | low);
            rest = tail;
            continue;
        }
        let Some((letter, tail)) = decode_first(from) else { return decoded };
        decoded.extend_from_slice(letter.as_bytes());
        rest = tail;
    }
    decoded.extend_from_slice(rest);
    decoded
}

/// The bytes that one byte or one escape stands for. On the stack: a hostile query has thousands.
#[derive(Clone, Copy)]
pub(super) struct Decoded {
    bytes: [u8; 4],
    length: usize,
}

impl Decoded {
    fn byte(byte: u8) -> Self {
        Self { bytes: [byte, 0, 0, 0], length: 1 }
    }

    fn letter(letter: char) -> Self {
        let mut bytes = [0; 4];
        let length = letter.encode_utf8(&mut bytes).len();
        Self { bytes, length }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// What the first byte or escape of `text` stands for, and the rest. `None` at the end.
pub(super) fn decode_first(text: &[u8]) -> Option<(Decoded, &[u8])> {
    let (&byte, tail) = text.split_first()?;
    let escape = if byte == b'%' { escape(tail) } else { None };
    Some(escape.unwrap_or((Decoded::byte(byte), tail)))
}

const fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// What the escape whose `%` precedes `tail` stands for, and the rest of the text.
fn escape(tail: &[u8]) -> Option<(Decoded, &[u8])> {
    let hex =
        |digits: &[u8]| digits.iter().try_fold(0, |number, byte| Some(number << 4 | u32::from(hex_digit(*byte)?)));
    if let Some((digits, rest)) = tail.strip_prefix(b"u").and_then(|tail| tail.split_at_checked(4)) {
        return Some((Decoded::letter(char::from_u32(hex(digits)?)?), rest));
    }
    let (digits, rest) = tail.split_at_checked(2)?;
    Some((Decoded::byte(u8::try_from(hex(digits)?).ok()?), rest))
}

#[cfg(test)]
mod tests {
    use super::{ANY, DECODINGS, LONGEST, Reading, each_reading, is_plain, probable_path};

    /// The readings of `path`; `None` if there are more.
    fn readings(path: &str) -> Option<Vec<String>> {
        let mut readings = Vec::new();
        let is_all = each_reading(path, |reading| {
            let (Reading::Ascii(letters) | Reading::Wild(letters)) = reading;
            readings.push(letters.iter().map(|byte| if *byte == ANY { '?' } else { char::from(*byte) }).collect());
            true
        });
        is_all.then_some(readings)
    }

    #[test]
    fn a_path_is_read_decoded_zero_to_three_times() {
        for (path, expected) in [
            ("/V1/%55sers", &["/v1/%55sers", "/v1/users"][..]),
            ("/a%2520 b", &["/a%2520b", "/a%20b", "/ab"]),
            ("/a%00", &["/a%00", "/a"]),
            ("/%u0075%zz%", &["/%u0075%zz%", "/u%zz%"]),
            ("/%c3%a9", &["/%c3%a9", "/?", "/"]),
            ("/%c5%bf%ff", &["/%c5%bf%ff", "/s?", "/s"]),
            ("/a%e2%80%8bb", &["/a%e2%80%8bb", "/ab", "/ab"]),
            ("/a\u{a0}", &["/a", "/a"]),
        ] {
            assert_eq!(readings(path).expect("few"), expected, "{path}");
        }
    }

    #[test]
    fn a_visit_may_end_the_readings() {
        let mut visits = 0;
        let is_all = each_reading("/%2575", |_| {
            visits += 1;
            false
        });
        assert!(is_all && visits == 1);
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
    fn what_is_long_or_encoded_often_has_more_readings() {
        assert!(readings(&"/".repeat(LONGEST)).is_some() && readings(&"/".repeat(LONGEST + 1)).is_none());
        let encoded = |times: usize| format!("/%{}75", "25".repeat(times));
        assert!(readings(&encoded(DECODINGS - 1)).is_some() && readings(&encoded(DECODINGS)).is_none());
    }

    #[test]
    fn what_was_probably_meant_is_plain() {
        for path in ["/v1/x/../users;a/u?b", "/v1//users/u/", "\\v1\\users\\u", "/v1/%2575sers/u%20", "/users/u"] {
            assert_eq!(probable_path(path), "/v1/users/u", "{path}");
        }
    }
}
