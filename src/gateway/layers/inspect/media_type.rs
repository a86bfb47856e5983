//! Checks that a body is declared as JSON in UTF-8 without content coding.

use crate::reason::Reason;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

/// Checks that the body is `application/json` (RFC 8259 section 11), in UTF-8 if a charset is given, without content coding.
///
/// # Errors
///
/// The reason to refuse it.
// an upstream that decodes by another charset or coding would read another document than the one judged
pub(in crate::gateway) fn check(headers: &HeaderMap) -> Result<(), Reason> {
    let coded =
        headers.get(CONTENT_ENCODING).is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if coded {
        return Err(Reason::UnsupportedEncoding);
    }
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if media_type.is_some_and(is_json) { Ok(()) } else { Err(Reason::UnsupportedMediaType) }
}

fn is_json(media_type: &str) -> bool {
    let mut parts = media_type.split(';').map(|part| part.trim_matches([' ', '\t']));
    let essence = parts.next().unwrap_or_default();
    // a parameter may be empty (RFC 9110 section 5.6.6)
    let mut parameters = parts.filter(|parameter| !parameter.is_empty());
    essence.eq_ignore_ascii_case("application/json")
        && parameters.next().is_none_or(|parameter| charset(parameter).is_some_and(is_utf8))
        && parameters.next().is_none()
}

fn charset(parameter: &str) -> Option<&str> {
    let (name, value) = parameter.split_once('=')?;
    let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    name.eq_ignore_ascii_case("charset").then(|| unquoted.unwrap_or(value))
}

fn is_utf8(charset: &str) -> bool {
    charset.eq_ignore_ascii_case("utf-8")
}

#[cfg(test)]
mod tests {
    use super::is_json;

    #[test]
    fn only_json_in_utf8_is_json() {
        for json in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/json;",
            "application/json; ;\tcharset=utf-8 ;",
        ] {
            assert!(is_json(json), "{json}");
        }
        for other in [
            "",
            "text/json",
            "application/json, text/plain",
            "application/json; charset=utf-16",
            "application/jsonp",
            "application/merge-patch+json",
            "application/json; charset=utf-8; charset=utf-16",
            "application/json; a=b",
            "application/json; charset=\"\"utf-8\"\"",
            "application/json; charset=\"utf-8",
            "application/json; charset=utf8",
            "application/json; charset",
            "application/json; =",
            ";",
        ] {
            assert!(!is_json(other), "{other}");
        }
    }
}
