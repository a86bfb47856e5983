//! The proxy through which connections leave the network: by its URL, or by the environment.

use super::this_machine::is_this_machine;
use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use http::uri::Authority;
use hyper_util::client::proxy::matcher::Matcher;
use percent_encoding::percent_decode_str;
use std::fmt;

/// The variables that name the proxy of https destinations; the first that is not empty is used.
// the order of Go and of most other runtimes. `HTTP_PROXY` is not among them: a proxy would see the credentials of a request
// without TLS
const PROXY_VARIABLES: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];

/// The variables that name the destinations to be reached without the proxy.
const DIRECT_VARIABLES: [&str; 2] = ["NO_PROXY", "no_proxy"];

const FORM: &str =
    "write `http://HOST:PORT`, or `http://USER:PASSWORD@HOST:PORT` with `%` codes for special characters";

/// The predicate of an error message, and its help. Neither holds the URL, which may hold a password.
pub type ProxyUrlError = (&'static str, &'static str);

/// An HTTP proxy that opens tunnels by CONNECT. It is shown without its credentials.
#[derive(Clone, Debug)]
pub struct EgressProxy {
    /// Host and port.
    authority: Authority,
    /// The value of `Proxy-Authorization`.
    pub(super) authorization: Option<Secret<String>>,
}

impl EgressProxy {
    /// The proxy at an `http` URL; one without a scheme is taken as such, as curl and Go do.
    ///
    /// # Errors
    ///
    /// What is wrong with the URL, without a part of it.
    pub fn parse(url: &str) -> Result<Self, ProxyUrlError> {
        let rest = match url.split_once("://") {
            None => url,
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => {
                return Err(("must be an http URL: TLS to the proxy itself is not supported", FORM));
            }
            Some(_) => return Err(("must be the URL of an http proxy", FORM)),
        };
        let invalid = || ("must be the URL of a proxy: a host and a port", FORM);
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let (credentials, address) = match authority.rsplit_once('@') {
            Some((credentials, address)) => (Some(credentials), address),
            None => (None, authority),
        };
        let address: Authority = address.parse().map_err(|_| invalid())?;
        let has_port =
            address.as_str().len() == address.host().len() || address.port_u16().is_some_and(|port| port > 0);
        if address.host().is_empty() || !has_port {
            return Err(invalid());
        }
        let authorization = credentials.map(basic_credentials).transpose()?;
        Ok(Self { authority: address, authorization })
    }

    /// The proxy that the environment names for connections with TLS to `host`, and its variable. `None` if they are to be direct.
    ///
    /// # Errors
    ///
    /// The variable, and what is wrong with its value.
    pub fn from_environment(
        variables: &dyn Fn(&str) -> Option<String>,
        host: &str,
    ) -> Result<Option<(Self, &'static str)>, (&'static str, ProxyUrlError)> {
        let first = |names: [&'static str; 2]| {
            let set = names.into_iter().map(|name| (name, variables(name).unwrap_or_default()));
            set.into_iter().find(|(_, value)| !value.trim().is_empty())
        };
        // as in Go: this machine's loopback is not the proxy's
        let Some((variable, url)) = first(PROXY_VARIABLES).filter(|_| !is_this_machine(host)) else { return Ok(None) };
        if first(DIRECT_VARIABLES).is_some_and(|(_, list)| is_direct(&list, host)) {
            return Ok(None);
        }
        let proxy = Self::parse(url.trim()).map_err(|error| (variable, error))?;
        Ok(Some((proxy, variable)))
    }

    /// Its name or address, without brackets.
    pub fn host(&self) -> &str {
        self.authority.host().trim_start_matches('[').trim_end_matches(']')
    }

    /// The port, 80 if the URL has none.
    pub fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(80)
    }

    /// Whether `other` is reached with the same user name and password.
    pub fn has_credentials_of(&self, other: &Self) -> bool {
        let [own, others] = [self, other].map(|it| it.authorization.as_ref().map(Secret::expose));
        own == others
    }
}

impl fmt::Display for EgressProxy {
    /// Its URL without credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority)
    }
}

/// Whether `list`, in the form of `NO_PROXY`, has `host`.
fn is_direct(list: &str, host: &str) -> bool {
    let host = if host.contains(':') { format!("[{host}]") } else { host.trim_end_matches('.').to_owned() };
    let destination = Uri::builder().scheme("https").authority(host).path_and_query("/").build();
    // any proxy: only its exceptions are asked for
    let matcher = Matcher::builder().all("http://proxy").no(list).build();
    destination.is_ok_and(|destination| matcher.intercept(&destination).is_none())
}

/// The value of `Proxy-Authorization` (RFC 7617) for the user name and password of a URL.
fn basic_credentials(userinfo: &str) -> Result<Secret<String>, ProxyUrlError> {
    // a letter that ends a host in a URL is likely a part of a password that is not encoded
    if userinfo.contains(['/', '?', '#', '@']) {
        return Err(("has a user name or password with a special character", FORM));
    }
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let mut plain = percent_decode_str(user).collect::<Vec<u8>>();
    plain.push(b':');
    plain.extend(percent_decode_str(password));
    let plain = Secret::new(plain);
    let encoded = Secret::new(STANDARD.encode(plain.expose()));
    Ok(Secret::new(format!("Basic {}", encoded.expose())))
}

#[cfg(test)]
mod tests {
    use super::{EgressProxy, is_direct};

    fn authorization(url: &str) -> Option<String> {
        EgressProxy::parse(url).unwrap().authorization.map(|value| value.expose().clone())
    }

    #[test]
    fn a_proxy_is_an_http_url_with_or_without_its_scheme() {
        for (url, shown, host, port) in [
            ("http://proxy:3128", "http://proxy:3128", "proxy", 3128),
            ("HTTP://proxy:3128/", "http://proxy:3128", "proxy", 3128),
            ("proxy", "http://proxy", "proxy", 80),
            ("http://a:hunter2@[::1]:8080", "http://[::1]:8080", "::1", 8080),
        ] {
            let proxy = EgressProxy::parse(url).unwrap();
            assert_eq!((proxy.to_string().as_str(), proxy.host(), proxy.port()), (shown, host, port));
            assert!(!format!("{proxy:?}").contains("hunter2"));
        }
    }

    #[test]
    fn credentials_are_decoded_and_sent_as_basic() {
        assert_eq!(authorization("http://proxy:3128"), None);
        // RFC 7617 section 2
        let aladdin = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
        assert_eq!(authorization("http://Aladdin:open%20sesame@proxy:3128").as_deref(), Some(aladdin));
        assert_eq!(authorization("http://user@proxy").as_deref(), Some("Basic dXNlcjo="));
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_its_text() {
        for url in [
            "https://hunter2@proxy",
            "socks5://hunter2",
            "http://",
            "",
            "http://a:hunter2",
            "http://proxy:0",
            "http://proxy/hunter2",
            "http://a:hunter/2@proxy",
            "http://a:hunt#er2@proxy",
            "http://a:hunter2@",
            "http://pro\r\nxy",
        ] {
            let (what, help) = EgressProxy::parse(url).expect_err(url);
            assert!(!format!("{what} {help}").contains("hunt"), "{url}");
        }
    }

    fn of_environment(variables: &[(&str, &str)], host: &str) -> Option<(String, &'static str)> {
        let lookup = |name: &str| variables.iter().find(|it| it.0 == name).map(|it| it.1.to_owned());
        let found = EgressProxy::from_environment(&lookup, host).unwrap();
        found.map(|(proxy, variable)| (proxy.to_string(), variable))
    }

    #[test]
    fn the_environment_names_the_proxy_and_its_exceptions() {
        let (upper, lower) = (("HTTPS_PROXY", "http://upper:1"), ("https_proxy", "lower:2"));
        let clerk = |variables: &[(&str, &str)]| of_environment(variables, "api.clerk.com");
        assert_eq!(clerk(&[lower, upper]), Some(("http://upper:1".to_owned(), "HTTPS_PROXY")));
        assert_eq!(clerk(&[("HTTPS_PROXY", " "), lower]), Some(("http://lower:2".to_owned(), "https_proxy")));
        assert_eq!(clerk(&[("HTTP_PROXY", "http://proxy:1"), ("ALL_PROXY", "http://proxy:1")]), None);
        assert_eq!(clerk(&[upper, ("no_proxy", "example.com, .clerk.com")]), None);
        assert!(clerk(&[upper, ("NO_PROXY", "example.com"), ("no_proxy", "*")]).is_some(), "the first counts");
        for host in ["localhost", "127.0.0.9", "::1"] {
            assert_eq!(of_environment(&[upper], host), None, "{host}");
        }
        let wrong = EgressProxy::from_environment(&|_| Some("socks5://proxy".to_owned()), "api.clerk.com");
        assert_eq!(wrong.map(drop).unwrap_err().0, "HTTPS_PROXY");
    }

    #[test]
    fn exceptions_are_names_with_what_is_below_addresses_and_networks() {
        for (list, host, expected) in [
            ("clerk.com", "api.clerk.com", true),
            ("clerk.com", "notclerk.com", false),
            ("CLERK.com", "api.clerk.com.", true),
            ("*", "api.clerk.com", true),
            ("10.0.0.0/8,fd00::/8", "10.1.2.3", true),
            ("10.0.0.0/8,fd00::/8", "fd00::5", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("", "api.clerk.com", false),
        ] {
            assert_eq!(is_direct(list, host), expected, "{list} {host}");
        }
    }
}
