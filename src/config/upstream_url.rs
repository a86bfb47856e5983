//! The URL of the upstream.

use super::address;
use super::gateway::UpstreamTarget;
use http::Uri;
use http::uri::{Authority, PathAndQuery};

/// The predicate of an error message, and its help. Neither holds the URL, which may hold a password.
pub(super) type UrlError = (&'static str, &'static str);

/// Whether the build has the built-in stand-in that `embedded` names.
const HAS_STAND_IN: bool = cfg!(feature = "sandbox");

const FORM: &str = if HAS_STAND_IN {
    "write `https://` and a host, such as `https://api.clerk.com`, or `embedded`"
} else {
    "write `https://` and a host, such as `https://api.clerk.com`"
};

const NO_STAND_IN: UrlError = (
    "is `embedded`, and this build has no stand-in: it was built without the cargo feature `sandbox`",
    "name the upstream, such as `https://api.clerk.com`, or use a build with the default features",
);

/// Parses `embedded`, `unix:` and a path, or an http(s) URL of scheme, host and port only. An error never holds the URL, which may hold a password.
pub(super) fn parse(text: &str) -> Result<UpstreamTarget, UrlError> {
    if text == "embedded" {
        return require_stand_in(HAS_STAND_IN);
    }
    if let Some(path) = text.strip_prefix("unix:") {
        let help = "write `unix:` and the absolute path of a socket, such as `unix:/run/egress.sock`";
        return address::socket_path(path).map(|path| UpstreamTarget::Unix { path }).map_err(|what| (what, help));
    }
    let uri: Uri = text.parse().map_err(|_| ("must be a URL or `embedded`", FORM))?;
    let tls = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        Some(_) => return Err(("must be an http or https URL", FORM)),
        None => return Err(("must be a URL with a scheme, or `embedded`", FORM)),
    };
    refuse_path(&uri, text)?;
    let authority = uri.authority().ok_or(("must name a host", FORM))?;
    if authority.as_str().contains('@') {
        return Err(("must not hold a user name or password", "the callers send their own credentials"));
    }
    // `http` keeps the brackets of an IPv6 address, and a resolver wants none
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    Ok(UpstreamTarget::Url { tls, host, port: port_of(authority, tls)? })
}

fn require_stand_in(has_stand_in: bool) -> Result<UpstreamTarget, UrlError> {
    if has_stand_in { Ok(UpstreamTarget::Embedded) } else { Err(NO_STAND_IN) }
}

fn refuse_path(uri: &Uri, text: &str) -> Result<(), UrlError> {
    let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    // `http::Uri` drops the fragment, so the text is searched for it
    if path == "/" && !text.contains('#') {
        return Ok(());
    }
    Err((
        "must have no path, query or fragment",
        "requests keep their own path, so remove what follows the host, such as `/v1`",
    ))
}

fn port_of(authority: &Authority, tls: bool) -> Result<u16, UrlError> {
    let error = ("must have a port from 1 to 65535", "omit the port for 443 with https, or 80 with http");
    let written = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
    match (written, authority.port_u16()) {
        // by the text: `port_u16` is `None`, too, for a port that does not fit
        ("", _) => Ok(if tls { 443 } else { 80 }),
        (_, Some(port)) if port > 0 => Ok(port),
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::{HAS_STAND_IN, NO_STAND_IN, parse, require_stand_in};
    use crate::config::gateway::UpstreamTarget;

    fn url(tls: bool, host: &str, port: u16) -> UpstreamTarget {
        UpstreamTarget::Url { tls, host: host.to_owned(), port }
    }

    #[test]
    fn scheme_host_and_port_are_read() {
        assert_eq!(parse("https://api.clerk.com"), Ok(url(true, "api.clerk.com", 443)));
        assert_eq!(parse("https://api.clerk.com/"), Ok(url(true, "api.clerk.com", 443)));
        assert_eq!(parse("http://127.0.0.1:8080"), Ok(url(false, "127.0.0.1", 8080)));
        assert_eq!(parse("http://[::1]:8080"), Ok(url(false, "::1", 8080)));
        assert_eq!(parse("http://[::1]"), Ok(url(false, "::1", 80)));
    }

    #[test]
    fn a_shown_url_is_read_as_the_same() {
        for target in [url(true, "api.clerk.com", 443), url(false, "127.0.0.1", 80), url(false, "::1", 8080)] {
            assert_eq!(parse(&target.to_string()).as_ref(), Ok(&target), "{target}");
        }
        assert_eq!(UpstreamTarget::Embedded.to_string(), "embedded");
        let unix = UpstreamTarget::Unix { path: "/run/egress.sock".into() };
        assert_eq!(
            (unix.to_string().as_str(), parse("unix:/run/egress.sock")),
            ("unix:/run/egress.sock", Ok(unix.clone()))
        );
    }

    #[test]
    fn embedded_needs_a_build_with_the_stand_in() {
        assert_eq!(require_stand_in(true), Ok(UpstreamTarget::Embedded));
        assert_eq!(require_stand_in(false), Err(NO_STAND_IN));
        assert_eq!(parse("embedded").is_ok(), HAS_STAND_IN);
    }

    #[test]
    fn anything_else_in_it_is_refused() {
        let reason = |text: &str| parse(text).expect_err(text).0;
        for text in ["https://a/v1", "https://a?x=1", "https://a/#x", "https://a#x", "https://a//"] {
            assert_eq!(reason(text), "must have no path, query or fragment", "{text}");
        }
        assert_eq!(reason("https://user:word@a"), "must not hold a user name or password");
        for text in ["https://a:0", "https://a:65536", "https://a:", "https://a:x"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(reason("ftp://a"), "must be an http or https URL");
        for text in ["unix:egress.sock", "unix:"] {
            assert_eq!(reason(text), "must be `unix:` and an absolute path");
        }
        for text in ["api.clerk.com", "", "https://", "Embedded", "https:/a", "/v1"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
