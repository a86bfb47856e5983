//! The ways a lenient server could read a path, so that none of them is an inspected operation unseen.
//!
//! Servers differ in when they decode, whether they drop `;parameters`, resolve dots, merge slashes, take a backslash for a
//! slash, ignore case or a trailing slash. A path is read in every such way; if one reading leads to an inspected operation
//! and the bytes are not its canonical spelling, the request is refused (see [`super::Contract::route`]).

/// Most times that a path is decoded: once by a server and once by what stands behind it.
const DECODINGS: usize = 2;

/// Every reading of `path` as segments. A segment of a reading may hold anything, `/` included.
pub(super) fn readings(path: &str) -> Vec<Vec<String>> {
    let mut readings = Vec::new();
    let mut text = best_fit(path.as_bytes());
    for decodings in 0..=DECODINGS {
        let segments = split(&text, DECODINGS - decodings);
        let without_version = match segments.split_first() {
            Some((first, _)) if first == "v1" => None,
            _ => Some([String::from("v1")].into_iter().chain(segments.iter().cloned()).collect()),
        };
        for reading in [Some(segments), without_version].into_iter().flatten() {
            if !readings.contains(&reading) {
                readings.push(reading);
            }
        }
        text = best_fit(&decode(&text));
    }
    readings
}

/// Splits `text` at slashes of either kind, decodes each segment and resolves dots.
fn split(text: &[u8], decodings: usize) -> Vec<String> {
    let path = text.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default();
    let mut segments: Vec<String> = Vec::new();
    for raw in path.split(|byte| matches!(byte, b'/' | b'\\')) {
        let decoded = (0..decodings).fold(raw.to_vec(), |segment, _| decode(&segment));
        let name = decoded.split(|byte| *byte == b';').next().unwrap_or_default();
        let folded = String::from_utf8_lossy(name).to_lowercase();
        match folded.trim_matches(|letter: char| letter.is_whitespace() || letter.is_control()) {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment.to_owned()),
        }
    }
    segments
}

/// Letters as servers read them that take the next best: overlong UTF-8 (RFC 3629 section 10), full-width forms, other
/// slashes, and the two letters that fold into ASCII.
fn best_fit(text: &[u8]) -> Vec<u8> {
    if text.is_ascii() {
        return text.to_vec();
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        let (byte, tail) = match rest {
            [first @ (0xc0 | 0xc1), second, tail @ ..] => ((first & 1) << 6 | second & 0x3f, tail),
            [0xe0, second @ (0x80 | 0x81), third, tail @ ..] => ((second & 1) << 6 | third & 0x3f, tail),
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

/// Decodes each `%xx` (RFC 3986 section 2.1) and IIS's `%uxxxx` once; what is not one stays as it is.
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

/// The bytes that the escape at the begin of `tail` (behind its `%`) stands for, and what follows it.
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
    use super::readings;

    fn reads_as(path: &str, segments: &[&str]) -> bool {
        readings(path).iter().any(|reading| reading == segments)
    }

    #[test]
    fn every_spelling_of_a_users_path_has_a_reading_that_is_it() {
        for path in [
            "/v1/users/u",
            "/V1/Users/u",
            "/v1/users/u/",
            "/v1//users/u",
            "/v1/./users/u",
            "/v1/x/../users/u",
            "/v1/%75sers/u",
            "/v1/%2575sers/u",
            "/v1%2fusers/u",
            "/v1%252fusers/u",
            "/v1/users;v=1/u;a=b",
            "\\v1\\users\\u",
            "/v1/users/u#/metadata",
            "/v1/users/u%3fa",
            "/v1/%u0075sers/u",
            "/v1/users/x/%2e%2e/u",
            "/v1/users/u%00",
            "/v1/users/u%20",
            "/users/u",
            "/v1/users%c0%afu",
            "/v1/users%e0%80%afu",
            "/v1/u%c5%bfers/u",
            "/v1/users%ef%bc%8fu",
            "/v1/users\u{2215}u",
        ] {
            assert!(reads_as(path, &["v1", "users", "u"]), "{path}");
        }
    }

    #[test]
    fn an_encoded_slash_is_read_both_ways() {
        assert!(reads_as("/v1/users/u%2fmetadata", &["v1", "users", "u", "metadata"]));
        assert!(reads_as("/v1/users/u%2fmetadata", &["v1", "users", "u/metadata"]));
    }

    #[test]
    fn broken_escapes_stay_as_they_are() {
        assert!(reads_as("/v1/users/%zz%", &["v1", "users", "%zz%"]));
    }
}
