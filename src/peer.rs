//! Who sent a request, as far as the connection tells.

use std::net::SocketAddr;

/// Who sent a request, as far as the connection tells: the same for all that it carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The other end of a TCP connection.
    pub address: Option<SocketAddr>,
    /// The user that opened a Unix socket.
    pub unix_uid: Option<u32>,
    /// The certificate it showed, verified.
    pub certificate: Option<ClientCertificate>,
}

/// What a client's verified certificate says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Its SPIFFE ID, where it is the only URI among the names: with two of them it is no SPIFFE certificate.
    pub spiffe_id: Option<String>,
    /// Its DNS names.
    pub dns_names: Vec<String>,
    /// The SHA-256 of the certificate in DER, in lower-case hexadecimal.
    pub sha256: String,
}

/// Where a client reached us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalEndpoint {
    /// `http` or `https`.
    pub scheme: &'static str,
    /// Our end of the connection; none where the transport has none.
    pub address: Option<SocketAddr>,
}

impl Default for LocalEndpoint {
    /// Without TLS, nobody knows where.
    fn default() -> Self {
        Self { scheme: "http", address: None }
    }
}
