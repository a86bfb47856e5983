//! The ways a lenient server could read a path, so that none of them is an inspected operation unseen.
//!
//! Servers differ in when they decode, whether they drop `;parameters`, resolve dots, merge slashes, take a backslash for a
//! slash, ignore case or a trailing slash. A path is read in every such way; if one reading leads to an inspected operation
//! and the bytes are not its canonical spelling, the request is refused (see [`super::Contract::route`]).

/// Most times that a path is decoded: once by a server and once by what stands behind it.
const DECODINGS: usize = 2;

/// What some servers do to a path before they look it up, and others do not. None of them includes the others: with its dots
/// resolved a path may lead away from where it leads without.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Habit {
    /// Decodes first, and takes a question mark or number sign that comes out for the end of the path.
    EndsAtQuery,
    TakesBackslashes,
    DropsParameters,
    ResolvesDots,
    Trims,
    FitsLetters,
}

/// Whether there are more readings of `path` than anyone should wait for: a long one that is odd, too. No id or token of
/// Clerk's makes a path so long, and none has letters that servers read in different ways.
pub(super) fn is_too_much(path: &str) -> bool {
    const LONGEST: usize = 2048;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-.~".contains(&byte);
    path.len() > LONGEST && !path.bytes().all(is_plain)
}

/// Every reading of `path` as segments. A segment of a reading may hold anything, `/` included.
pub(super) fn readings(path: &str) -> Vec<Vec<String>> {
    let mut readings = Vec::new();
    let sets = habits(&(0..DECODINGS).fold(path.as_bytes().to_vec(), |text, _| decode(&text)));
    for path in ends(path) {
        let mut text = path.as_bytes().to_vec();
        for before in 0..=DECODINGS {
            // what is not decoded any more is read by who does not, too
            let most = if text.contains(&b'%') { DECODINGS - before } else { 0 };
            for (after, habits) in (0..=most).flat_map(|after| sets.iter().map(move |habits| (after, habits))) {
                add(split(&text, after, habits), &mut readings);
            }
            text = decode(&text);
        }
    }
    readings
}

/// The path to its end, and to where some servers see a query or fragment begin.
fn ends(path: &str) -> impl Iterator<Item = &str> {
    let cut = path.find(['?', '#']).and_then(|end| path.get(..end));
    [Some(path), cut].into_iter().flatten()
}

/// Adds a reading, and the same behind the version that it leaves out.
fn add(segments: Vec<String>, readings: &mut Vec<Vec<String>>) {
    let without_version = match segments.split_first() {
        Some((first, _)) if first == "v1" => None,
        _ => Some([String::from("v1")].into_iter().chain(segments.iter().cloned()).collect()),
    };
    for reading in [Some(segments), without_version].into_iter().flatten() {
        if !readings.contains(&reading) {
            readings.push(reading);
        }
    }
}

/// Every set of the habits that make a difference to `text`, which is decoded as often as anyone would.
fn habits(text: &[u8]) -> Vec<Vec<Habit>> {
    let mut sets = vec![Vec::new()];
    let fitted = best_fit(text);
    let has = |byte| text.contains(&byte) || fitted.contains(&byte);
    for (habit, matters) in [
        (Habit::EndsAtQuery, has(b'?') || has(b'#')),
        (Habit::TakesBackslashes, has(b'\\')),
        (Habit::DropsParameters, has(b';')),
        (Habit::ResolvesDots, has(b'.')),
        (Habit::Trims, text.iter().any(|byte| *byte <= b' ' || *byte >= 0x7f)),
        (Habit::FitsLetters, !text.is_ascii()),
    ] {
        if matters {
            let with: Vec<Vec<Habit>> = sets.iter().map(|set| [set.as_slice(), &[habit]].concat()).collect();
            sets.extend(with);
        }
    }
    sets
}

/// Splits `text` at its slashes, and decodes each segment `decodings` times.
fn split(text: &[u8], decodings: usize, habits: &[Habit]) -> Vec<String> {
    let fit = |text: &[u8]| if habits.contains(&Habit::FitsLetters) { best_fit(text) } else { text.to_vec() };
    let text = fit(text);
    let ends = habits.contains(&Habit::EndsAtQuery);
    let path = text.split(|byte| ends && matches!(byte, b'?' | b'#')).next().unwrap_or_default();
    let resolves_dots = habits.contains(&Habit::ResolvesDots);
    let mut segments: Vec<String> = Vec::new();
    for raw in path.split(|byte| *byte == b'/' || habits.contains(&Habit::TakesBackslashes) && *byte == b'\\') {
        let decoded = (0..decodings).fold(raw.to_vec(), |segment, _| fit(&decode(&segment)));
        let end = decoded.iter().position(|byte| habits.contains(&Habit::DropsParameters) && *byte == b';');
        let name = decoded.get(..end.unwrap_or(decoded.len())).unwrap_or_default();
        let folded = String::from_utf8_lossy(name).to_lowercase();
        let is_blank = |letter: char| habits.contains(&Habit::Trims) && (letter.is_whitespace() || letter.is_control());
        match folded.trim_matches(is_blank) {
            "" => {}
            "." if resolves_dots => {}
            ".." if resolves_dots => {
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
            "/v1/users/x/%ef%bc%8e%ef%bc%8e/u",
        ] {
            assert!(reads_as(path, &["v1", "users", "u"]), "{path}");
        }
    }

    #[test]
    fn what_one_server_resolves_and_another_keeps_is_read_both_ways() {
        for path in [
            "/v1/%75sers/..\\u",
            "/v1/%75sers/.%2e",
            "/v1/%75sers/;u",
            "/v1/%75sers/%20",
            "/v1/users/u/metadata.%3f%5c..",
            "/v1/users/u/x%23/..",
            "/v1/%75sers/%252e%2f../u",
            "/v1/users/u/metadata%2e%3f%2f..#",
        ] {
            let is_user =
                |reading: &Vec<String>| matches!(reading.as_slice(), [v1, users, _] if v1 == "v1" && users == "users");
            assert!(readings(path).iter().any(is_user), "{path}");
        }
    }

    #[test]
    fn an_encoded_slash_is_read_both_ways() {
        assert!(reads_as("/v1/users/u%2fmetadata", &["v1", "users", "u", "metadata"]));
        assert!(reads_as("/v1/users/u%2fmetadata", &["v1", "users", "u/metadata"]));
    }

    #[test]
    fn a_long_path_is_read_only_if_it_is_plain() {
        let long = |segment: &str| super::is_too_much(&format!("/v1/{}", segment.repeat(600)));
        assert!(!long("abc/") && long(";.\\\u{2215}") && long("%2e/"));
        assert!(!super::is_too_much("/v1/users/;.\\\u{2215}"));
    }

    #[test]
    fn broken_escapes_stay_as_they_are() {
        assert!(reads_as("/v1/users/%zz%", &["v1", "users", "%zz%"]));
    }
}
