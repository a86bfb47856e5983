//! Header fields that concern a gateway: which may stand once only, which stay on this side, which are refused.

use http::HeaderValue;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderName,
};

/// The API version that a request asks for.
pub(super) const API_VERSION: HeaderName = HeaderName::from_static("clerk-api-version");
/// W3C Trace Context.
pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Fields of which two would let the upstream follow another than was judged.
pub(super) const SINGULAR: [HeaderName; 6] =
    [HOST, AUTHORIZATION, CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, API_VERSION];

/// Fields by which frameworks let a client replace the method that was judged.
pub(super) const METHOD_OVERRIDES: [HeaderName; 3] = [
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-http-method"),
    HeaderName::from_static("x-method-override"),
];

/// Whether the field is for one connection only (RFC 9110 section 7.6.1), or for a proxy.
fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "http2-settings"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Whether the field is ours to handle, or one that some servers follow in place of the request line.
fn is_not_forwarded(name: &str) -> bool {
    matches!(name, "expect" | "baggage" | "tracestate" | "traceparent" | "x-original-url" | "x-rewrite-url")
}

/// Whether `Connection` nominates an end-to-end field that is there and `is_relied_on`: it would be judged, then dropped.
pub(super) fn nominates(headers: &HeaderMap, is_relied_on: impl Fn(&str) -> bool) -> bool {
    headers.contains_key(CONNECTION)
        && nominated(headers)
            .iter()
            .any(|name| headers.contains_key(name) && !is_hop_by_hop(name) && is_relied_on(name))
}

/// The names that `Connection` nominates, in lower case.
fn nominated(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(CONNECTION).iter();
    let names = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    // options of the connection that are no field's name; nearly all there are
    let is_option = |name: &[u8]| [&b""[..], b"close", b"keep-alive"].iter().any(|it| it.eq_ignore_ascii_case(name));
    let names = names.map(<[u8]>::trim_ascii).filter(|name| !is_option(name));
    names.map(|name| String::from_utf8_lossy(name).to_ascii_lowercase()).collect()
}

/// Whether the name stands for another in which `_` is `-`, as servers that follow CGI (RFC 3875 section 4.1.18) read it:
/// then there are two of a field that must be one, or one that was never looked at.
pub(super) fn is_twin(name: &HeaderName, is_relied_on: impl Fn(&str) -> bool) -> bool {
    name.as_str().contains('_') && {
        let dashed = name.as_str().replace('_', "-");
        let overrides_method = METHOD_OVERRIDES.iter().any(|known| known.as_str() == dashed);
        is_relied_on(&dashed) || is_hop_by_hop(&dashed) || is_not_forwarded(&dashed) || overrides_method
    }
}

/// Whether the gateway itself goes by the field.
pub(super) fn is_relied_on(name: &str) -> bool {
    SINGULAR.iter().chain([&TRACEPARENT]).any(|relied| relied.as_str() == name)
}

/// Removes what is for this connection only.
pub(super) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        for name in nominated(headers) {
            headers.remove(name.as_str());
        }
    }
    remove(headers, is_hop_by_hop);
}

/// Makes one field of the cookies that HTTP/2 may split over several: HTTP/1.1 has one (RFC 9113 section 8.2.3).
pub(super) fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(COOKIE).iter().nth(1).is_none() {
        return;
    }
    let cookies: Vec<_> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    // parts of valid values, joined by what is valid in one
    if let Ok(cookies) = HeaderValue::from_bytes(&cookies.join(b"; ".as_slice())) {
        headers.insert(COOKIE, cookies);
    }
}

/// Removes from a request what is for this connection, for us, or for no one.
pub(super) fn strip_request(headers: &mut HeaderMap) {
    strip_hop_by_hop(headers);
    remove(headers, is_not_forwarded);
}

/// Removes the fields whose name is one of those. To look at the few that are there costs less than to look for all the names.
fn remove(headers: &mut HeaderMap, is_one: fn(&str) -> bool) {
    let present: Vec<HeaderName> = headers.keys().filter(|name| is_one(name.as_str())).cloned().collect();
    for name in present {
        headers.remove(name);
    }
}
