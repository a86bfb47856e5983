//! The grammar of SPIFFE IDs.

/// Most bytes of an ID, and of its trust domain (SPIFFE-ID, section 2.3).
const LONGEST: (usize, usize) = (2048, 255);

/// Whether `uri` is a SPIFFE ID (SPIFFE-ID, section 2): `spiffe://`, a trust domain, and a path of plain segments.
// policies compare the text, and logs show it: an ID of any other form could look like another one
pub(super) fn is_spiffe_id(uri: &str) -> bool {
    let Some(rest) = uri.strip_prefix("spiffe://").filter(|_| uri.len() <= LONGEST.0) else { return false };
    let (trust_domain, path) = rest.find('/').map_or((rest, ""), |start| rest.split_at(start));
    is_trust_domain(trust_domain) && (path.is_empty() || path.split('/').skip(1).all(is_segment))
}

fn is_trust_domain(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_');
    (1..=LONGEST.1).contains(&name.len()) && name.bytes().all(is_letter)
}

fn is_segment(segment: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !matches!(segment, "" | "." | "..") && segment.bytes().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::is_spiffe_id;

    #[test]
    fn ids_are_those_of_the_grammar() {
        for id in ["spiffe://example.org/ns/prod/sa/Billing_1.x", "spiffe://example.org", "spiffe://a-b_c.1/x"] {
            assert!(is_spiffe_id(id), "{id}");
        }
        let long = format!("spiffe://a/{}", "x".repeat(2048));
        for text in [
            "spiffe://",
            "spiffe:///x",
            "SPIFFE://example.org/x",
            "spiffe://Example.org/x",
            "spiffe://example.org/",
            "spiffe://example.org/a//b",
            "spiffe://example.org/a/../b",
            "spiffe://example.org/./b",
            "spiffe://example.org/a%2fb",
            "spiffe://example.org/a?b",
            "spiffe://example.org/a#b",
            "spiffe://user@example.org/a",
            "spiffe://example.org:443/a",
            "spiffe://example.org/a\u{1b}[31m",
            "spiffe://example.org/\u{202e}a",
            "https://example.org/a",
            &long,
        ] {
            assert!(!is_spiffe_id(text), "{text:?}");
        }
    }
}
