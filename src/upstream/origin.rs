//! The origin of the upstream: scheme, host and port, and the authority of every request.

use crate::config::gateway::UpstreamTarget;
use http::uri::{Authority, Parts, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};
use rustls::pki_types::ServerName;
use std::net::Ipv6Addr;

/// The origin of the upstream. Every request is sent with its authority, whatever the client's was.
#[derive(Clone, Debug)]
pub struct Origin {
    pub(super) server_name: Option<ServerName<'static>>,
    authority: HeaderValue,
    uri_authority: Authority,
    dialed: Authority,
}

/// The configured host is invalid.
#[derive(Debug, thiserror::Error)]
#[error("`upstream.url` names `{host}`, which is neither a host name nor an address")]
pub struct OriginError {
    host: String,
}

impl Origin {
    /// The origin of `target`. `None` for the sandbox in this process, which has no URL.
    ///
    /// # Errors
    ///
    /// [`OriginError`], if the host is neither a name nor an address.
    pub fn of(target: &UpstreamTarget) -> Result<Option<Self>, OriginError> {
        match target {
            UpstreamTarget::Embedded => Ok(None),
            UpstreamTarget::Url { tls, host, port } => Self::new(*tls, host, *port).map(Some),
            // what curl sends, too: a server at a socket is this machine
            UpstreamTarget::Unix { .. } => Self::new(false, "localhost", 80).map(Some),
        }
    }

    /// The origin `http(s)://host:port`; an IPv6 `host` has no brackets.
    ///
    /// # Errors
    ///
    /// [`OriginError`], if the host is neither a name nor an address.
    pub fn new(tls: bool, host: &str, port: u16) -> Result<Self, OriginError> {
        let wrong = || OriginError { host: host.to_owned() };
        // only the resolver knows the dot of an absolute name: servers and certificates are named without it (RFC 6066 section 3)
        let named = host.strip_suffix('.').unwrap_or(host);
        let name = ServerName::try_from(named.to_owned()).map_err(|_| wrong())?;
        let dialed = Authority::try_from(authority(tls, host, port)).map_err(|_| wrong())?;
        let written = authority(tls, named, port);
        let uri_authority = Authority::try_from(written.as_str()).map_err(|_| wrong())?;
        let authority = HeaderValue::try_from(written).map_err(|_| wrong())?;
        Ok(Self { server_name: tls.then_some(name), authority, uri_authority, dialed })
    }

    /// The value of `Host` (RFC 9112 section 3.2), without the scheme's default port.
    pub fn authority(&self) -> &HeaderValue {
        &self.authority
    }

    /// `target` in absolute form, at this origin.
    pub(super) fn absolute(&self, target: &Uri) -> Uri {
        let mut parts = Parts::default();
        parts.scheme = Some(if self.is_tls() { Scheme::HTTPS } else { Scheme::HTTP });
        parts.authority = Some(self.uri_authority.clone());
        parts.path_and_query = target.path_and_query().cloned().or(Some(PathAndQuery::from_static("/")));
        // cannot fail: an error means that a part is missing, and all three are set
        Uri::from_parts(parts).unwrap_or_default()
    }

    /// Host and port to connect to. The host is verbatim, without brackets: a resolver may read it otherwise without its dot.
    pub(super) fn host_and_port(&self) -> (&str, u16) {
        let host = self.dialed.host().trim_start_matches('[').trim_end_matches(']');
        (host, self.dialed.port_u16().unwrap_or(if self.is_tls() { 443 } else { 80 }))
    }

    /// What to connect to: the host verbatim, which a resolver may read otherwise without its dot.
    pub(super) fn dial_uri(&self) -> Uri {
        Self { uri_authority: self.dialed.clone(), ..self.clone() }.absolute(&Uri::default())
    }

    /// Whether TLS is used.
    pub fn is_tls(&self) -> bool {
        self.server_name.is_some()
    }
}

/// `target` in origin form.
pub(super) fn relative(target: &Uri) -> Uri {
    target.path_and_query().cloned().map(Uri::from).unwrap_or_default()
}

fn authority(tls: bool, host: &str, port: u16) -> String {
    let host = if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]") } else { host.to_owned() };
    match (tls, port) {
        (true, 443) | (false, 80) => host,
        _ => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_leaves_out_the_scheme_s_own_port_only() {
        assert_eq!(Origin::new(true, "api.clerk.com.", 443).unwrap().dial_uri(), "https://api.clerk.com./");
        assert_eq!(Origin::new(true, "api.clerk.com.", 443).unwrap().authority(), "api.clerk.com");
        let of = |tls, host, port| Origin::new(tls, host, port).unwrap().authority().to_str().unwrap().to_owned();
        assert_eq!(of(true, "api.clerk.com", 443), "api.clerk.com");
        assert_eq!(of(false, "api.clerk.com", 443), "api.clerk.com:443");
        assert_eq!(of(false, "127.0.0.1", 80), "127.0.0.1");
        assert_eq!(of(true, "::1", 8443), "[::1]:8443");
    }

    #[test]
    fn a_host_that_could_not_be_verified_is_refused() {
        assert!(Origin::new(true, "no spaces", 443).is_err());
        assert!(Origin::new(false, "a\r\nb", 80).is_err());
        assert!(Origin::new(false, "", 80).is_err());
    }

    #[test]
    fn the_stand_in_has_no_origin() {
        assert!(Origin::of(&UpstreamTarget::Embedded).unwrap().is_none());
    }
}
