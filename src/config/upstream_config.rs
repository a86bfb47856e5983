//! The upstream in the checked configuration: where it is, and how it is reached.

use crate::transport::EgressProxy;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The server to which requests are forwarded.
#[derive(Clone, Debug)]
pub struct UpstreamConfig {
    /// The BAPI, or the built-in stand-in for it.
    pub target: UpstreamTarget,
    /// PEM file with the certificate authorities to trust instead of those of the platform.
    pub ca_file: Option<PathBuf>,
    /// The gateway's certificate towards it. `None` if it presents none.
    pub client: Option<ClientCertificateFiles>,
    /// The proxy through which it is reached. `None` if it is reached directly.
    pub proxy: Option<UpstreamProxy>,
    /// Its addresses, in place of those of its name. Empty if the name is resolved.
    pub resolve: Vec<IpAddr>,
    /// Whether HTTP/2 is offered to it.
    pub http2: UpstreamHttp2,
    /// Longest time for a new connection, TLS included.
    pub connect_timeout: Duration,
    /// Longest time from the last byte of a request to the head of its response.
    pub response_timeout: Duration,
    /// Longest time for a body that is not inspected to arrive and to be forwarded.
    pub upload_timeout: Duration,
    /// Longest time for which a client may send nothing of such a body: `limits.bodyTimeout`.
    pub stall_timeout: Duration,
}

/// The files of the certificate that the gateway presents to the upstream, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificateFiles {
    /// The certificate with its intermediate certificates.
    pub certificate_file: PathBuf,
    /// The private key of the certificate.
    pub private_key_file: PathBuf,
}

/// The proxy through which the upstream is reached.
#[derive(Clone, Debug)]
pub struct UpstreamProxy {
    /// Where it is, with its credentials.
    pub proxy: EgressProxy,
    /// What names it.
    pub source: ProxySource,
}

/// What names a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxySource {
    /// `upstream.proxy`.
    Key,
    /// This environment variable.
    Variable(&'static str),
}

impl fmt::Display for UpstreamProxy {
    /// Its URL without credentials, and what names it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match self.source {
            ProxySource::Key => "upstream.proxy",
            ProxySource::Variable(name) => name,
        };
        write!(f, "{} ({source})", self.proxy)
    }
}

/// Whether HTTP/2 is offered to an upstream by ALPN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UpstreamHttp2 {
    /// It is, and HTTP/1.1 as well: the upstream selects one.
    Auto,
    /// It is not: requests are sent by HTTP/1.1.
    Never,
}

/// The BAPI, or the built-in stand-in for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamTarget {
    /// The built-in stand-in, in this process.
    Embedded,
    /// A server reached by http or https.
    Url {
        /// Whether TLS is used.
        tls: bool,
        /// Host name or address, without brackets.
        host: String,
        /// TCP port, never 0.
        port: u16,
    },
    /// A server on this machine, at a Unix domain socket, without TLS.
    Unix {
        /// The path of the socket, absolute.
        path: PathBuf,
    },
}

impl fmt::Display for UpstreamTarget {
    /// As `upstream.url` has it: `embedded`, `unix:` and a path, or scheme, host and port.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str("embedded"),
            Self::Unix { path } => write!(f, "unix:{}", path.display()),
            Self::Url { tls, host, port } => {
                let scheme = if *tls { "https" } else { "http" };
                // an IPv6 address is in brackets in a URL (RFC 3986 section 3.2.2)
                if host.contains(':') {
                    write!(f, "{scheme}://[{host}]:{port}")
                } else {
                    write!(f, "{scheme}://{host}:{port}")
                }
            }
        }
    }
}
