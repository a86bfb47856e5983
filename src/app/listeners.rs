//! The configured listeners, opened.

use super::Error;
use crate::config::gateway::{ListenAddress, ListenerConfig as Settings};
use crate::server::{BoundListener, ListenerAddress, ReloadableTls, listen, listen_unix};
use std::net::SocketAddr;
use std::sync::Arc;

/// The configured listeners, opened.
pub(super) struct Listeners {
    /// In the order of the configuration.
    pub(super) open: Vec<BoundListener>,
    /// Where clients reach them, with the ports that the system assigned for port 0.
    pub(super) endpoints: Vec<ListenerAddress>,
    /// The certificates of those that use TLS, to be reloaded.
    pub(super) tls: Vec<Arc<ReloadableTls>>,
}

impl Listeners {
    /// Opens all of them; an error names the first that cannot be opened.
    pub(super) fn open(settings: &[Settings]) -> Result<Self, Error> {
        let mut all = Self { open: Vec::new(), endpoints: Vec::new(), tls: Vec::new() };
        for settings in settings {
            let listener = all.listener(settings)?;
            // the address of the socket, not of the configuration: for port 0 only the system knows it
            all.endpoints.push(listener.endpoint().map_err(Error::environment)?);
            all.open.push(listener);
        }
        Ok(all)
    }

    fn listener(&mut self, settings: &Settings) -> Result<BoundListener, Error> {
        let tls = settings.tls.as_ref().map(ReloadableTls::load).transpose().map_err(Error::environment)?.map(Arc::new);
        self.tls.extend(tls.clone());
        Ok(match (&settings.address, tls) {
            // the configuration refuses TLS on a Unix socket
            (ListenAddress::Unix { path, mode }, _) => listen_unix(path, *mode).map_err(Error::environment)?,
            (ListenAddress::Tcp(address), Some(tls)) => {
                BoundListener::tls(listen(*address).map_err(Error::environment)?, tls)
            }
            (ListenAddress::Tcp(address), None) => BoundListener::plain(listen(*address).map_err(Error::environment)?),
        })
    }
}

/// The socket addresses among `endpoints`; Unix sockets have none.
pub(super) fn addresses(endpoints: &[ListenerAddress]) -> Vec<SocketAddr> {
    endpoints.iter().filter_map(ListenerAddress::address).collect()
}
