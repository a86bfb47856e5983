//! The configured listeners, opened.

use super::Error;
use super::certificates::{Certificates, ListenerCertificate};
use crate::config::gateway::{ListenAddress, ListenerConfig as Settings};
use crate::server::{
    BoundListener, InheritedSockets, ListenError, ListenerAddress, ReloadableTls, SocketHandover, listen,
    listen_only_ipv6, listen_unix,
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
    /// Opens all of them, and the admin listener at `admin`, as far as they are not among `inherited`; an error names the first that
    /// cannot be opened.
    pub(super) fn open(
        settings: &[Settings],
        admin: Option<SocketAddr>,
        inherited: &mut InheritedSockets,
    ) -> Result<Self, Error> {
        let tcp = settings.iter().filter_map(|settings| match settings.address {
            ListenAddress::Tcp(address) => Some(address),
            ListenAddress::Unix { .. } => None,
        });
        let addresses: Vec<SocketAddr> = tcp.chain(admin).collect();
        let mut all =
            Self { open: Vec::new(), endpoints: Vec::new(), certificates: Certificates::default(), admin: None };
        for (position, settings) in settings.iter().enumerate() {
            let listener = all.listener(position, settings, &addresses, inherited)?;
            // the address of the socket, not of the configuration: for port 0 only the system knows it
            all.endpoints.push(listener.endpoint().map_err(Error::environment)?);
            all.open.push(listener);
        }
        let admin = admin.map(|address| open_tcp(address, &addresses, inherited)).transpose();
        all.admin = admin.map_err(|error| Error::Environment(format!("admin listener: {error}")))?;
        Ok(all)
    }

    /// The sockets for a process that takes over from this one.
    ///
    /// # Errors
    ///
    /// If the operating system has no file descriptor left.
    pub(super) fn handovers(&self) -> Result<Vec<SocketHandover>, Error> {
        let open = self.open.iter().map(BoundListener::handover);
        open.chain(self.admin.iter().map(SocketHandover::of_tcp)).collect::<Result<_, _>>().map_err(Error::environment)
    }

    fn listener(
        &mut self,
        position: usize,
        settings: &Settings,
        addresses: &[SocketAddr],
        inherited: &mut InheritedSockets,
    ) -> Result<BoundListener, Error> {
        let tls = settings.tls.as_ref().map(ReloadableTls::load).transpose().map_err(Error::environment)?.map(Arc::new);
        if let Some(tls) = &tls {
            self.certificates.push(ListenerCertificate::new(position, Arc::clone(tls)));
        }
        let mut listen = |address: SocketAddr| open_tcp(address, addresses, inherited).map_err(Error::environment);
        Ok(match (&settings.address, tls) {
            // the configuration refuses TLS on a Unix socket
            (ListenAddress::Unix { path, mode }, _) => match inherited.take_unix(path) {
                Some(listener) => listener.map_err(Error::environment)?,
                None => listen_unix(path, *mode).map_err(Error::environment)?,
            },
            (ListenAddress::Tcp(address), Some(tls)) => BoundListener::tls(listen(*address)?, tls),
            (ListenAddress::Tcp(address), None) => BoundListener::plain(listen(*address)?),
        })
    }
}

/// The socket that listens on `address`, one of `all`: the inherited one, or a new one.
fn open_tcp(
    address: SocketAddr,
    all: &[SocketAddr],
    inherited: &mut InheritedSockets,
) -> Result<TcpListener, ListenError> {
    match inherited.take_tcp(address) {
        Some(listener) => listener.map_err(|error| ListenError { address, error }),
        None => bind(address, all),
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
