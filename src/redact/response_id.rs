//! The ids that an upstream gives to its responses.

use http::{HeaderMap, HeaderName, HeaderValue};
use std::fmt;

const CLERK_TRACE_ID: HeaderName = HeaderName::from_static("clerk-trace-id");
const CF_RAY: HeaderName = HeaderName::from_static("cf-ray");

/// Most letters of an id.
const LONGEST: usize = 64;

/// The ids of a response: what the support of Clerk and Cloudflare ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseIds {
    /// `Clerk-Trace-Id`.
    pub clerk_trace_id: Option<ResponseId>,
    /// `CF-Ray`.
    pub cf_ray: Option<ResponseId>,
}

/// An id of letters, digits and `-`.
// no other letters: each key and token of Clerk's has a `_` or a `.`, so that an upstream that echoes one does not have it logged
#[derive(Clone, PartialEq, Eq)]
pub struct ResponseId(HeaderValue);

impl ResponseIds {
    /// The ids in the head of a response. What has another form is left out.
    pub fn of(headers: &HeaderMap) -> Self {
        let id = |name: &HeaderName| headers.get(name).and_then(ResponseId::of);
        Self { clerk_trace_id: id(&CLERK_TRACE_ID), cf_ray: id(&CF_RAY) }
    }
}

impl ResponseId {
    fn of(value: &HeaderValue) -> Option<Self> {
        let bytes = value.as_bytes();
        let is_plain = bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
        (is_plain && (1..=LONGEST).contains(&bytes.len())).then(|| Self(value.clone()))
    }

    /// As the upstream wrote it.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// As the upstream wrote it.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

impl fmt::Debug for ResponseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::ResponseIds;
    use http::{HeaderMap, HeaderValue};

    fn clerk_trace_id(value: &[u8]) -> Option<String> {
        let headers = HeaderMap::from_iter([(super::CLERK_TRACE_ID, HeaderValue::from_bytes(value).unwrap())]);
        ResponseIds::of(&headers).clerk_trace_id.map(|id| id.as_str().to_owned())
    }

    #[test]
    fn an_id_is_shown_and_what_could_be_a_secret_is_not() {
        for id in ["4bf92f3577b34da6a3ce929d0e0e4736", "9a1b2c3d4e5f6a7b-FRA", "a"] {
            assert_eq!(clerk_trace_id(id.as_bytes()).as_deref(), Some(id));
        }
        let long = "a".repeat(65);
        for other in ["", "sk_live_a", "a.b.c", "a b", "a\tb", "a\"", "$2b$10$a", "user@example.com", &long, "\u{e9}"] {
            assert_eq!(clerk_trace_id(other.as_bytes()), None, "{other}");
        }
    }
}
