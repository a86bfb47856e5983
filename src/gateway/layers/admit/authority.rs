//! The server that a request names: in one way, and this one.

use crate::gateway::gate::Gate;
use crate::gateway::refusal::Refusal;
use http::header::HOST;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, Version};
use std::str::FromStr;

/// Checks that the request names its server unambiguously, as its version of HTTP prescribes.
pub(in crate::gateway) fn check<B>(gate: &Gate, request: &Request<B>) -> Result<(), Refusal> {
    if request.version() == Version::HTTP_2 { check_http2(request) } else { check_http1(gate, request) }
}

/// RFC 9112 section 3.2: the target is a path, or an absolute URI that names this gateway; HTTP/1.1 has a `Host`.
fn check_http1<B>(gate: &Gate, request: &Request<B>) -> Result<(), Refusal> {
    let uri = request.uri();
    // an absolute target overrides `Host` for some servers and not for others
    let is_own = |authority: &Authority| gate.authorities.iter().any(|own| own == authority.as_str());
    let absolute_elsewhere = uri.authority().is_some_and(|authority| !is_own(authority))
        || uri.scheme().is_some_and(|scheme| *scheme != Scheme::HTTP);
    if absolute_elsewhere {
        let fix = "send only the path as the request target, as to any server that is no forward proxy";
        return Err(Refusal::ambiguous("the request target names another server", fix));
    }
    match request.headers().get(HOST) {
        None if request.version() == Version::HTTP_10 => Ok(()),
        Some(host) if host_of(host).is_some() => Ok(()),
        _ => {
            Err(Refusal::ambiguous("the `Host` header is missing or not a host", "send `Host` with a name and a port"))
        }
    }
}

/// RFC 9113 section 8.3.1: `:authority` replaces `Host`; if there are both, they agree.
fn check_http2<B>(request: &Request<B>) -> Result<(), Refusal> {
    let uri = request.uri();
    if !uri.scheme().is_none_or(|scheme| *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS) {
        return Err(Refusal::ambiguous("`:scheme` is neither http nor https", "send `:scheme` as http or https"));
    }
    let host = request.headers().get(HOST);
    let names_one = match (uri.authority(), host) {
        (Some(authority), None) => is_plain(authority.as_str()),
        (None, Some(host)) => host_of(host).is_some(),
        (Some(authority), Some(host)) => {
            is_plain(authority.as_str())
                && host_of(host).is_some_and(|host| host.eq_ignore_ascii_case(authority.as_str()))
        }
        (None, None) => false,
    };
    if names_one {
        Ok(())
    } else {
        let message = "`:authority` is missing, not a host, or another than `Host`";
        Err(Refusal::ambiguous(message, "send `:authority` with a name and a port, and no other `Host`"))
    }
}

fn host_of(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok().filter(|host| is_plain(host))
}

/// A host with or without a port. `Authority` alone would accept a user and a port that is no number.
fn is_plain(text: &str) -> bool {
    // a name of the DNS has at most 253 letters (RFC 1035 section 2.3.4)
    const LONGEST: usize = 253 + ":65535".len();
    if text.len() > LONGEST {
        return false;
    }
    is_name_and_port(text.as_bytes()) || is_parsed(text)
}

/// Whether it is a host with or without a port, as the `http` crate parses it.
fn is_parsed(text: &str) -> bool {
    let authority = Authority::from_str(text).ok().filter(|_| !text.contains('@'));
    authority.is_some_and(|authority| authority.as_str().len() == authority.host().len() || authority.port().is_some())
}

/// Whether it is a name or an IPv4 address, alone or with a port: nearly every host, without a parser.
fn is_name_and_port(text: &[u8]) -> bool {
    let (host, port) = match text.iter().rposition(|byte| *byte == b':') {
        Some(colon) => (text.get(..colon).unwrap_or_default(), text.get(colon + 1..).unwrap_or_default()),
        None => (text, &b"80"[..]),
    };
    let add = |number: u32, digit: &u8| digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0'));
    let number = || port.iter().try_fold(0, add);
    let is_port = (1..=5).contains(&port.len()) && number().is_some_and(|number| number <= u16::MAX.into());
    let is_host = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    is_port && !host.is_empty() && host.iter().all(is_host)
}

#[cfg(test)]
mod tests {
    use super::{is_name_and_port, is_parsed, is_plain};

    #[test]
    fn a_host_without_a_parser_is_one_with_it() {
        for host in ["a", "api.example.com", "127.0.0.1:8080", "a-b.c:1", "A.B:9999", "a:18080", "a:65535", "a:00080"] {
            assert!(is_name_and_port(host.as_bytes()), "{host}");
            assert!(is_parsed(host), "{host}");
        }
        for other in [
            "", ":80", "a:", "a:b", "a:80:80", "u@a", "a b", "a/b", "[::1]", "[::1]:80", "a:65536", "a:99999",
            "a:100000", "a%41", "a_b",
        ] {
            assert!(!is_name_and_port(other.as_bytes()), "{other}");
        }
        // every text of up to six letters of which hosts are made, and of some that end one
        let letters = b"a-.:0@[% ";
        for number in 0..letters.len().pow(6) {
            let digits = (0..6).map(|place| letters[number / letters.len().pow(place) % letters.len()]);
            let text: String = digits.map(char::from).collect();
            let host = text.trim_start();
            assert!(!is_name_and_port(host.as_bytes()) || is_parsed(host), "{host:?}");
        }
        assert!(is_plain("[::1]:80") && is_plain("a:12345") && is_plain("a_b"));
        assert!(!is_plain("") && !is_plain("u@a") && !is_plain("a:b") && !is_plain("a/b"));
    }
}
