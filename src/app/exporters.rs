//! The thread of the exporters, so that a collector delays neither probes nor the acceptance of connections.

use super::Error;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// A runtime on a thread of its own. Dropping it ends the thread.
pub(super) struct ExporterThread {
    handle: Handle,
    _running: oneshot::Sender<()>,
}

impl ExporterThread {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// If the operating system has no thread or event queue.
    pub(super) fn start() -> Result<Self, Error> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::environment)?;
        let handle = runtime.handle().clone();
        let (running, ended) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("exporters".to_owned());
        let spawned = thread.spawn(move || {
            // an error is the end of the sender, which is the signal
            let _ = runtime.block_on(ended);
            // a collector that does not answer must not delay the end of the process
            runtime.shutdown_background();
        });
        spawned.map_err(Error::environment)?;
        Ok(Self { handle, _running: running })
    }

    /// The runtime on which exporters run.
    pub(super) fn handle(&self) -> Handle {
        self.handle.clone()
    }
}
