//! The places to listen on, opened.

use super::Failure;
use super::run::trouble;
use crate::config::gateway::{ListenAddress, ListenerConfig as Settings};
use crate::server::{BoundListener, ListenerAddress, ReloadableTls, listen, listen_unix};
use std::net::SocketAddr;
use std::sync::Arc;

/// The places to listen on, opened.
pub(super) struct Listeners {
    pub(super) open: Vec<BoundListener>,
    /// Where clients reach them, with the ports that they got.
    pub(super) endpoints: Vec<ListenerAddress>,
    /// Those of them that speak TLS.
    pub(super) tls: Vec<Arc<ReloadableTls>>,
}

impl Listeners {
    /// Opens them all, or says which cannot be.
    pub(super) fn of(settings: &[Settings]) -> Result<Self, Failure> {
        let mut all = Self { open: Vec::new(), endpoints: Vec::new(), tls: Vec::new() };
        for settings in settings {
            let listener = all.listener(settings)?;
            all.endpoints.push(listener.endpoint().map_err(trouble)?);
            all.open.push(listener);
        }
        Ok(all)
    }

    fn listener(&mut self, settings: &Settings) -> Result<BoundListener, Failure> {
        let tls = settings.tls.as_ref().map(ReloadableTls::load).transpose().map_err(trouble)?.map(Arc::new);
        self.tls.extend(tls.clone());
        Ok(match (&settings.address, tls) {
            (ListenAddress::Unix { path, mode }, _) => listen_unix(path, *mode).map_err(trouble)?,
            (ListenAddress::Tcp(address), Some(tls)) => BoundListener::tls(listen(*address).map_err(trouble)?, tls),
            (ListenAddress::Tcp(address), None) => BoundListener::plain(listen(*address).map_err(trouble)?),
        })
    }
}

/// Those of `endpoints` that are addresses.
pub(super) fn addresses(endpoints: &[ListenerAddress]) -> Vec<SocketAddr> {
    endpoints.iter().filter_map(ListenerAddress::address).collect()
}
