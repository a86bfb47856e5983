//! The configured listeners, opened.

use super::Error;
use super::certificates::{Certificates, ListenerCertificate};
use crate::config::gateway::{ListenAddress, ListenerConfig as Settings};
use crate::server::{
    BoundListener, ListenError, ListenerAddress, ReloadableTls, listen, listen_only_ipv6, listen_unix,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;

/// The configured listeners, opened.
pub(super) struct Listeners {
    /// In the order of the configuration.
    pub(super) open: Vec<BoundListener>,
    /// Where clients reach them, with the ports that the system assigned for port 0.
    pub(super) endpoints: Vec<ListenerAddress>,
    /// The certificates of those that use TLS, to be reloaded.
    pub(super) certificates: Certificates,
    /// The admin listener. `None` if it is off.
    pub(super) admin: Option<TcpListener>,
}

impl Listeners {
    /// Opens all of them, and the admin listener at `admin`; an error names the first that cannot be opened.
    pub(super) fn open(settings: &[Settings], admin: Option<SocketAddr>) -> Result<Self, Error> {
        let tcp = settings.iter().filter_map(|settings| match settings.address {
            ListenAddress::Tcp(address) => Some(address),
            ListenAddress::Unix { .. } => None,
        });
        let addresses: Vec<SocketAddr> = tcp.chain(admin).collect();
        let mut all =
            Self { open: Vec::new(), endpoints: Vec::new(), certificates: Certificates::default(), admin: None };
        for (position, settings) in settings.iter().enumerate() {
            let listener = all.listener(position, settings, &addresses)?;
            // the address of the socket, not of the configuration: for port 0 only the system knows it
            all.endpoints.push(listener.endpoint().map_err(Error::environment)?);
            all.open.push(listener);
        }
        let admin = admin.map(|address| bind(address, &addresses)).transpose();
        all.admin = admin.map_err(|error| Error::Environment(format!("admin listener: {error}")))?;
        Ok(all)
    }

    fn listener(
        &mut self,
        position: usize,
        settings: &Settings,
        addresses: &[SocketAddr],
    ) -> Result<BoundListener, Error> {
        let tls = settings.tls.as_ref().map(ReloadableTls::load).transpose().map_err(Error::environment)?.map(Arc::new);
        if let Some(tls) = &tls {
            self.certificates.push(ListenerCertificate::new(position, Arc::clone(tls)));
        }
        let listen = |address: SocketAddr| bind(address, addresses).map_err(Error::environment);
        Ok(match (&settings.address, tls) {
            // the configuration refuses TLS on a Unix socket
            (ListenAddress::Unix { path, mode }, _) => listen_unix(path, *mode).map_err(Error::environment)?,
            (ListenAddress::Tcp(address), Some(tls)) => BoundListener::tls(listen(*address)?, tls),
            (ListenAddress::Tcp(address), None) => BoundListener::plain(listen(*address)?),
        })
    }
}

/// Listens on `address`, one of `all`.
fn bind(address: SocketAddr, all: &[SocketAddr]) -> Result<TcpListener, ListenError> {
    if is_beside_ipv4(address, all) { listen_only_ipv6(address) } else { listen(address) }
}

/// Whether `address` is `[::]:PORT` and another one is `0.0.0.0:PORT`, so that each takes the clients of its own family.
// alone, `[::]` takes both families, as everywhere on Linux
fn is_beside_ipv4(address: SocketAddr, every: &[SocketAddr]) -> bool {
    let beside = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
    address.ip() == IpAddr::from(Ipv6Addr::UNSPECIFIED) && address.port() != 0 && every.contains(&beside)
}

/// The socket addresses among `endpoints`; Unix sockets have none.
pub(super) fn addresses(endpoints: &[ListenerAddress]) -> Vec<SocketAddr> {
    endpoints.iter().filter_map(ListenerAddress::address).collect()
}
