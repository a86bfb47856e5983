//! The places to listen on, opened.

use super::Failure;
use super::run::trouble;
use crate::config::gateway::{ListenAddress, Listener as Settings};
use crate::server::{Endpoint, Listener, Tls, listen, listen_unix};
use std::net::SocketAddr;
use std::sync::Arc;

/// The places to listen on, opened.
pub(super) struct Listeners {
    pub(super) open: Vec<Listener>,
    /// Where clients reach them, with the ports that they got.
    pub(super) endpoints: Vec<Endpoint>,
    /// Those of them that speak TLS.
    pub(super) tls: Vec<Arc<Tls>>,
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

    fn listener(&mut self, settings: &Settings) -> Result<Listener, Failure> {
        let tls = settings.tls.as_ref().map(Tls::load).transpose().map_err(trouble)?.map(Arc::new);
        self.tls.extend(tls.clone());
        Ok(match (&settings.address, tls) {
            (ListenAddress::Unix { path, mode }, _) => listen_unix(path, *mode).map_err(trouble)?,
            (ListenAddress::Tcp(address), Some(tls)) => Listener::tls(listen(*address).map_err(trouble)?, tls),
            (ListenAddress::Tcp(address), None) => Listener::plain(listen(*address).map_err(trouble)?),
        })
    }
}

/// Those of `endpoints` that are addresses.
pub(super) fn addresses(endpoints: &[Endpoint]) -> Vec<SocketAddr> {
    endpoints.iter().filter_map(Endpoint::address).collect()
}
