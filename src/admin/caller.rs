//! Keeps web pages in an operator's browser away from all paths but health and metrics.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, StatusCode};
use std::net::IpAddr;

/// Browsers send this header with every request of a page (Fetch Metadata); programs do not.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Passes on the request unless a page may have sent it, which gets a 403.
// a page of any site can send requests to a loopback listener, and by DNS rebinding even as its own site; then `Host` is a name
pub(super) async fn no_page(request: Request, next: Next) -> Response {
    let fields = request.headers();
    if fields.contains_key(ORIGIN) || fields.contains_key(SEC_FETCH_SITE) || !names_an_address(fields) {
        let help = "ask by IP address or as localhost, and not from a page\n";
        return (StatusCode::FORBIDDEN, help).into_response();
    }
    next.run(request).await
}

fn names_an_address(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    host.is_some_and(|host| {
        let name = host.host().trim_start_matches('[').trim_end_matches(']');
        // anyone can point a DNS name at 127.0.0.1, but not an address
        name.parse::<IpAddr>().is_ok() || name.eq_ignore_ascii_case("localhost")
    })
}

#[cfg(test)]
mod tests {
    use super::names_an_address;
    use http::HeaderMap;
    use http::header::HOST;

    #[test]
    fn a_name_that_anyone_can_point_here_is_no_address() {
        let is_one = |host: &str| names_an_address(&HeaderMap::from_iter([(HOST, host.parse().unwrap())]));
        for host in ["127.0.0.1:9465", "127.0.0.1", "[::1]:9465", "10.1.2.3:9465", "localhost", "LOCALHOST:1"] {
            assert!(is_one(host), "{host}");
        }
        for host in ["evil.example", "127.0.0.1.evil.example:9465", "localhost.evil.example", "", "a b"] {
            assert!(!is_one(host), "{host}");
        }
        assert!(!names_an_address(&HeaderMap::new()));
    }
}
