//! Header fields that concern a gateway: which may stand once only, which stay on this side, which are refused.

use http::HeaderValue;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT, HOST, HeaderMap,
    HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
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

/// Fields that are for one connection only (RFC 9110 section 7.6.1), or for a proxy.
const HOP_BY_HOP: [HeaderName; 10] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("http2-settings"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Fields that are ours to handle, or that some servers follow in place of the request line.
const NOT_FORWARDED: [HeaderName; 6] = [
    EXPECT,
    HeaderName::from_static("baggage"),
    HeaderName::from_static("tracestate"),
    TRACEPARENT,
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-rewrite-url"),
];

/// The names that `Connection` nominates, in lower case.
pub(super) fn nominated(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(CONNECTION).iter();
    let names = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    names
        .map(|name| String::from_utf8_lossy(name).trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty())
        .collect()
}

/// Whether the gateway itself goes by the field, so that nominating it would have it judged and then dropped.
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
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
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
    for name in &NOT_FORWARDED {
        headers.remove(name);
    }
}
