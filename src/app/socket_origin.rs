//! Where the listening sockets come from: opened anew, passed by systemd, or handed over by the process before this one.

use super::Error;
use super::listeners::Listeners;
use super::socket_activation::{check_all_taken, passed_sockets};
use super::takeover::Takeover;
use crate::config::gateway::Gateway;
use crate::server::{InheritedSockets, SocketHandover};
use std::path::Path;

/// Where the listening sockets come from.
#[derive(Debug)]
pub(super) struct SocketOrigin {
    inherited: InheritedSockets,
    takeover: Option<Takeover>,
}

impl SocketOrigin {
    /// The sockets of systemd, or of the process that waits at `takeover`. Must be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// There are sockets that cannot be used, or both.
    pub(super) fn find(takeover: Option<&Path>) -> Result<Self, Error> {
        let passed = passed_sockets()?;
        let Some(path) = takeover else { return Ok(Self { inherited: passed, takeover: None }) };
        if passed.addresses().next().is_some() {
            let message =
                "`--takeover` has no use where systemd passes the sockets: they stay open while the gateway restarts";
            return Err(Error::Environment(message.to_owned()));
        }
        let (takeover, inherited) = Takeover::begin(path)?;
        Ok(Self { inherited, takeover: Some(takeover) })
    }

    /// Whether another process still serves clients by these sockets.
    pub(super) fn has_predecessor(&self) -> bool {
        self.takeover.as_ref().is_some_and(Takeover::has_predecessor)
    }

    /// Opens the listeners of `gateway`, with what a successor will get of them.
    ///
    /// # Errors
    ///
    /// A listener cannot be opened, or systemd passed a socket that none has.
    pub(super) fn open(&mut self, gateway: &Gateway) -> Result<(Listeners, Vec<SocketHandover>), Error> {
        let listeners = Listeners::open(&gateway.listen, gateway.admin, &mut self.inherited)?;
        // dropped, which closes those that no listener has
        let left = std::mem::take(&mut self.inherited);
        if self.takeover.is_none() {
            check_all_taken(&left)?;
            return Ok((listeners, Vec::new()));
        }
        for address in left.addresses() {
            tracing::info!(%address, "a listener of the process before this one is closed: `listen` has it no longer");
        }
        let handovers = listeners.handovers()?;
        Ok((listeners, handovers))
    }

    /// Has the predecessor stop, now that this process accepts connections by `sockets`.
    ///
    /// # Errors
    ///
    /// There could be no successor.
    pub(super) fn claim(&mut self, sockets: &[SocketHandover]) -> Result<(), Error> {
        if let Some(takeover) = &mut self.takeover {
            takeover.complete().map_err(|error| Error::Environment(format!("`--takeover`: {error}")))?;
            sockets.iter().for_each(SocketHandover::claim);
        }
        Ok(())
    }

    /// Waits until another process accepts connections by `sockets`: for ever without `--takeover`.
    pub(super) async fn wait_for_successor(&self, sockets: &[SocketHandover]) {
        match &self.takeover {
            Some(takeover) => takeover.wait_for_successor(sockets).await,
            None => std::future::pending().await,
        }
    }
}
