//! Header fields that a gateway handles: those that must not repeat, those it does not forward, those it refuses.

use http::HeaderValue;
use http::header::{
    ALT_SVC, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderMap,
    HeaderName,
};

/// The API version that a request asks for.
pub(super) const API_VERSION: HeaderName = HeaderName::from_static("clerk-api-version");
/// W3C Trace Context.
pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Fields that must not repeat: of two, the upstream might follow the one that was not judged.
pub(super) const SINGULAR: [HeaderName; 6] =
    [HOST, AUTHORIZATION, CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, API_VERSION];

/// Fields by which some frameworks replace the request's method, after it was judged.
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

/// Whether the field ends at the gateway, or is one that some servers follow instead of the request line.
fn is_not_forwarded(name: &str) -> bool {
    matches!(name, "expect" | "baggage" | "tracestate" | "traceparent" | "x-original-url" | "x-rewrite-url")
}

/// Whether `Connection` has more options than a client sends: each is a name to look up, twice.
pub(super) fn has_many_options(headers: &HeaderMap) -> bool {
    const MOST: usize = 32;
    let values = headers.get_all(CONNECTION).iter();
    values.map(|value| 1 + memchr::memchr_iter(b',', value.as_bytes()).count()).sum::<usize>() > MOST
}

/// Whether `Connection` names an end-to-end field that is present and `is_relied_on`: it would be judged, then dropped.
pub(super) fn nominates(headers: &HeaderMap, is_relied_on: impl Fn(&str) -> bool) -> bool {
    headers.contains_key(CONNECTION)
        && connection_options(headers)
            .iter()
            .any(|name| headers.contains_key(name) && !is_hop_by_hop(name) && is_relied_on(name))
}

/// The field names in `Connection`, in lower case.
fn connection_options(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(CONNECTION).iter();
    let names = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    // options that name no field, which is what nearly every `Connection` holds
    let is_option = |name: &[u8]| [&b""[..], b"close", b"keep-alive"].iter().any(|it| it.eq_ignore_ascii_case(name));
    let names = names.map(<[u8]>::trim_ascii).filter(|name| !is_option(name));
    names.map(|name| String::from_utf8_lossy(name).to_ascii_lowercase()).collect()
}

/// Whether a server that follows CGI (RFC 3875 section 4.1.18) reads the name as one with `-` in place of `_`: a second of
/// a field that must not repeat, or one that no rule has seen.
pub(super) fn is_twin(name: &HeaderName, is_relied_on: impl Fn(&str) -> bool) -> bool {
    // not `contains`, whose searcher costs more than most names are long
    name.as_str().bytes().any(|byte| byte == b'_') && {
        let dashed = name.as_str().replace('_', "-");
        let overrides_method = METHOD_OVERRIDES.iter().any(|known| known.as_str() == dashed);
        is_relied_on(&dashed) || is_hop_by_hop(&dashed) || is_not_forwarded(&dashed) || overrides_method
    }
}

/// Whether the gateway itself reads the field.
pub(super) fn is_relied_on(name: &str) -> bool {
    SINGULAR.iter().chain([&TRACEPARENT]).any(|relied| relied.as_str() == name)
}

/// Removes the fields that `Connection` names, and those whose name matches.
fn strip(headers: &mut HeaderMap, is_one: fn(&str) -> bool) {
    if headers.contains_key(CONNECTION) {
        for name in connection_options(headers) {
            headers.remove(name.as_str());
        }
    }
    remove(headers, is_one);
}

/// Removes the fields of a response that are for the gateway's connection to the upstream.
// `Alt-Svc` names another server of the same origin (RFC 7838): clients would go round the gateway
pub(super) fn strip_response(headers: &mut HeaderMap) {
    strip(headers, |name| is_hop_by_hop(name) || name == ALT_SVC);
}

/// Joins the cookies that HTTP/2 may split over several fields into the one of HTTP/1.1 (RFC 9113 section 8.2.3).
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

/// Removes the fields of a request that are not forwarded.
pub(super) fn strip_request(headers: &mut HeaderMap) {
    strip(headers, |name| is_hop_by_hop(name) || is_not_forwarded(name));
}

/// Removes the fields whose name matches.
// scans the few fields that are present: looking each name up would hash twenty names a request
fn remove(headers: &mut HeaderMap, is_one: fn(&str) -> bool) {
    let present: Vec<HeaderName> = headers.keys().filter(|name| is_one(name.as_str())).cloned().collect();
    for name in present {
        headers.remove(name);
    }
}
