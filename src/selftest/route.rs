//! Whether any router could route a request to the creation or update of a user.

use super::arrival::Arrival;

/// Header fields by which frameworks let a client override the method.
const OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];
/// Header fields by which frameworks let a client override the target.
const REWRITES: [&str; 2] = ["x-original-url", "x-rewrite-url"];

/// Whether some router could route the request to the creation or update of a user.
pub(super) fn is_guarded(arrival: &Arrival) -> bool {
    let overridden = OVERRIDES.iter().flat_map(|name| arrival.all(name));
    let mut methods = overridden.chain([arrival.method.as_str()]).map(|method| method.trim().to_ascii_uppercase());
    let rewritten = REWRITES.iter().flat_map(|name| arrival.all(name));
    let mut targets = rewritten.chain([arrival.target.as_str()]);
    // some proxies decode once and the server behind them again
    let routed = targets.find_map(|target| [0, 1, 2].into_iter().find_map(|times| operation(target, times)));
    routed.is_some_and(|expected| methods.any(|method| method.starts_with(expected)))
}

/// Whether every router reads the target in the same way.
pub(super) fn is_canonical(target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    let is_id =
        |id: &str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    path == "/v1/users" || path.strip_prefix("/v1/users/").is_some_and(is_id)
}

/// The method of the guarded operation at the target, percent-decoded `times` times; `None` if there is none.
fn operation(target: &str, times: usize) -> Option<&'static str> {
    let path = target.split_once("://").map_or(target, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let path = (0..times).fold(path.as_bytes().to_vec(), |path, _| decode(&path));
    // some routers ignore case
    let path = String::from_utf8_lossy(&path).to_lowercase();
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut segments: Vec<&str> = Vec::new();
    // a backslash is a slash to some servers (the WHATWG URL Standard), and `;` begins parameters to others
    for segment in path.split(['/', '\\']) {
        let name = segment.split(';').next().unwrap_or_default();
        match name.trim_matches(|letter: char| letter.is_whitespace() || letter.is_control()) {
            "" | "." => {}
            ".." => drop(segments.pop()),
            name => segments.push(name),
        }
    }
    match segments.as_slice() {
        ["v1", "users"] => Some("POST"),
        ["v1", "users", _] => Some("PATCH"),
        _ => None,
    }
}

/// Decodes each `%xx` once; invalid ones are kept.
pub(super) fn decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, tail)) = rest.split_first() {
        let escaped = (*byte == b'%').then(|| tail.split_at_checked(2)).flatten();
        let value = escaped
            .and_then(|(digits, after)| Some((u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?, after)));
        let (byte, after) = value.unwrap_or((*byte, tail));
        decoded.push(byte);
        rest = after;
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::{is_canonical, is_guarded};
    use crate::selftest::arrival::parse_request;

    fn guarded(line: &str) -> bool {
        is_guarded(&parse_request(format!("{line} HTTP/1.1\r\n\r\n").as_bytes()).unwrap().arrival)
    }

    #[test]
    fn every_spelling_is_guarded_and_one_is_canonical() {
        for target in [
            "/v1/users/u",
            "/V1/%75sers/u",
            "//v1/users/u/",
            "/v1/users/u%2500",
            "http://a/v1/users/u",
            "/v1/x/../users/u;a",
        ] {
            assert!(guarded(&format!("PATCH {target}")) && guarded(&format!("patch {target}")), "{target}");
            assert_eq!(is_canonical(target), target == "/v1/users/u", "{target}");
        }
        assert!(guarded("POST /v1/users"));
        for line in ["GET /v1/users/u", "PATCH /v1/users/u/metadata", "PATCH /v1/organizations/o"] {
            assert!(!guarded(line), "{line}");
        }
    }
}
