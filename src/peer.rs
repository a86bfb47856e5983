//! The two ends of a client connection: the client's identity and the local endpoint.

use std::net::SocketAddr;

/// The identity of a client by its connection, the same for all requests on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The remote address of a TCP connection; `None` for a Unix socket.
    pub address: Option<SocketAddr>,
    /// The user id of the process that connected to a Unix socket.
    pub unix_uid: Option<u32>,
    /// The verified client certificate.
    pub certificate: Option<ClientCertificate>,
}

/// The names in a verified client certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Its SPIFFE ID; `None` if it has more than one URI, since an X.509-SVID has exactly one.
    pub spiffe_id: Option<String>,
    /// The subject alternative names of type DNS, verbatim.
    pub dns_names: Vec<String>,
    /// The SHA-256 of the certificate in DER, in lower-case hexadecimal.
    // of the whole certificate, not of its key: a renewed certificate is another one
    pub sha256: String,
}

/// The local end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalEndpoint {
    /// `http` or `https`.
    pub scheme: &'static str,
    /// The local address; `None` for a Unix socket.
    pub address: Option<SocketAddr>,
}

impl Default for LocalEndpoint {
    /// `http`, without an address.
    fn default() -> Self {
        Self { scheme: "http", address: None }
    }
}
