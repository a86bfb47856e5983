//! Whether a request sets the forbidden field, read as leniently as by any known decoder.

use super::arrival::Arrival;
use super::expand::KEY;
use super::route::decode;
use std::iter::Peekable;
use std::str::Chars;

/// Why the request could set the forbidden field, whatever its route; `None` if it cannot.
pub(super) fn forbidden(arrival: &Arrival) -> Option<&'static str> {
    let text = text_of(&arrival.body);
    // every coding counts, also one that the upstream may not know
    let coded = arrival.all("content-encoding").iter().any(|coding| !coding.eq_ignore_ascii_case("identity"));
    let is_json =
        arrival.all("content-type").iter().all(|kind| kind.to_ascii_lowercase().starts_with("application/json"));
    let query = arrival.target.split_once('?').map_or("", |(_, query)| query);
    if coded && !arrival.body.is_empty() {
        Some("the upstream got a coded body, which no one can have judged")
    } else if sets(&text) {
        Some("in the upstream's reading the forbidden field is true")
    } else if !is_json && fold(&text).contains(&fold(KEY)) {
        Some("the upstream got the forbidden field in a body that is not JSON")
    } else if in_query(query) {
        Some("the upstream got the forbidden field in the query")
    } else {
        None
    }
}

/// The body as text without a byte order mark. Zero bytes are dropped, so UTF-16 and UTF-32 read as ASCII.
fn text_of(body: &[u8]) -> String {
    let bytes: Vec<u8> = body.iter().copied().filter(|byte| *byte != 0).collect();
    let bare = [&b"\xef\xbb\xbf"[..], b"\xff\xfe", b"\xfe\xff"].into_iter().find_map(|mark| bytes.strip_prefix(mark));
    String::from_utf8_lossy(bare.unwrap_or(&bytes)).into_owned()
}

/// A name as the most lenient decoders compare it: without case, `_`, `-` and white space.
fn fold(name: &str) -> String {
    let letters = name.chars().map(|letter| match letter {
        // the two letters outside ASCII whose case folding is in ASCII; Go's `encoding/json` folds them
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        letter => letter.to_ascii_lowercase(),
    });
    letters.filter(char::is_ascii_alphanumeric).collect()
}

fn in_query(query: &str) -> bool {
    query.split('&').any(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = String::from_utf8_lossy(&decode(name.as_bytes())).into_owned();
        fold(&name) == fold(KEY) && value != "false"
    })
}

/// Whether any document in `text` has the field at its top level with the value true: wherever it is, after comments, unquoted, or
/// before a syntax error.
fn sets(text: &str) -> bool {
    let mut letters = text.chars().peekable();
    let (mut depth, mut token) = (0_usize, String::new());
    while let Some(letter) = letters.next() {
        match letter {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            '"' | '\'' => token = string(&mut letters, letter),
            '/' => skip_comment(&mut letters),
            // only the top level: nested in metadata, the field has no effect
            ':' if depth == 1 && fold(&token) == fold(KEY) => {
                if is_true(&value(&mut letters)) {
                    return true;
                }
            }
            ',' | ':' => token.clear(),
            letter if letter.is_whitespace() => {}
            letter => token.push(letter),
        }
    }
    false
}

fn string(letters: &mut Peekable<Chars<'_>>, quote: char) -> String {
    let mut text = String::new();
    while let Some(letter) = letters.next().filter(|letter| *letter != quote) {
        match (letter, letters.peek()) {
            ('\\', Some('u')) => {
                letters.next();
                let digits: String = letters.by_ref().take(4).collect();
                text.extend(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32));
            }
            ('\\', Some(_)) => text.extend(letters.next()),
            _ => text.push(letter),
        }
    }
    text
}

fn skip_comment(letters: &mut Peekable<Chars<'_>>) {
    match letters.next() {
        Some('/') => while letters.next().is_some_and(|letter| letter != '\n') {},
        Some('*') => {
            while letters.next().is_some_and(|letter| letter != '*' || letters.peek() != Some(&'/')) {}
            letters.next();
        }
        _ => {}
    }
}

/// The first letters of the value, which stay in `letters`.
fn value(letters: &mut Peekable<Chars<'_>>) -> String {
    // a clone: the value can hold the start of a document of its own
    let rest = letters.clone().skip_while(|letter| letter.is_whitespace());
    rest.take(6).collect()
}

fn is_true(value: &str) -> bool {
    let value = value.trim_start_matches(['"', '\'', '[', '/', '*']);
    value.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("true")) || value.starts_with('1')
}

#[cfg(test)]
mod tests {
    use super::{forbidden, sets};
    use crate::selftest::arrival::parse_request;

    #[test]
    fn what_any_decoder_takes_for_true_is_found() {
        for body in [
            r#"{"skip_password_checks":true}"#,
            r#"{"skip_password_checks":true,"skip_password_checks":false}"#,
            r#"{"a":{"b":[1]},"Skip\u005fPassword-checks" : "true"}"#,
            "{/**/\"a\":1, skip_password_checks:1}",
            "{\"\u{17f}kip_password_chec\u{212a}s\":true",
            r#"{"first_name":"x"}{"skip_password_checks":true}"#,
        ] {
            assert!(sets(body), "{body}");
        }
        for body in [
            r#"{"skip_password_checks":false}"#,
            r#"{"public_metadata":{"skip_password_checks":true}}"#,
            r#"{"first_name":"\"skip_password_checks\":true"}"#,
        ] {
            assert!(!sets(body), "{body}");
        }
    }

    #[test]
    fn other_ways_to_carry_it_are_found() {
        let reads = |line: &str, kind: &str, body: &str| {
            let head = format!("{line} HTTP/1.1\r\n{kind}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            forbidden(&parse_request(head.as_bytes()).unwrap().arrival).is_some()
        };
        assert!(reads("PATCH /a", "content-type: application/x-www-form-urlencoded", "skip_password_checks=true"));
        assert!(reads("PATCH /a?skip%5fpassword_checks=true", "content-type: application/json", "{}"));
        assert!(reads("PATCH /a", "content-encoding: gzip", "x"));
        assert!(!reads("PATCH /a?skip_password_checks=false", "content-type: application/json", "{}"));
    }
}
