//! The takeover of a running gateway by a new process, without a refused connection: the new one receives the listening sockets over a
//! Unix socket, and the old one drains as soon as the new one is ready.
//!
//! ```text
//! successor                      predecessor
//!     connects            ->
//!                         <-     GREETING, with the sockets
//!     (starts, accepts)
//!     READY               ->     (stops accepting, finishes, ends)
//! ```

mod point;
mod predecessor;

use super::Error;
use crate::server::{InheritedSockets, SocketHandover};
use point::TakeoverPoint;
use predecessor::Predecessor;
use rustix::net::sockopt::socket_peercred;
use rustix::process::geteuid;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

/// The first bytes of the predecessor, which the sockets come with. Ends with the version of this protocol.
const GREETING: &[u8] = b"portcullis takeover 1\n";
/// What a successor sends when it accepts connections.
const READY: u8 = b'R';
/// Most sockets of one message: the kernel's `SCM_MAX_FD`.
const MOST_SOCKETS: usize = 253;
/// Longest time for a message of the other process.
const ANSWER: Duration = Duration::from_secs(5);

/// The two ends of a takeover: the process that this one replaces, and where the one that replaces it will come.
#[derive(Debug)]
pub(super) struct Takeover {
    predecessor: Option<Predecessor>,
    point: TakeoverPoint,
}

impl Takeover {
    /// Gets the listening sockets of the process that waits at `path`; none if this is the first. It accepts connections until
    /// [`Self::complete`]. Must be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// The process there cannot hand over, or this one could not wait there for the next.
    pub(super) fn begin(path: &Path) -> Result<(Self, InheritedSockets), Error> {
        let error = |error: io::Error| Error::Environment(format!("`--takeover {}`: {error}", path.display()));
        let (predecessor, sockets) = Predecessor::find(path).map_err(error)?.unzip();
        let point = TakeoverPoint::prepare(path).map_err(error)?;
        Ok((Self { predecessor, point }, sockets.unwrap_or_default()))
    }

    /// Whether there is a process that this one replaces.
    pub(super) const fn has_predecessor(&self) -> bool {
        self.predecessor.is_some()
    }

    /// Has the predecessor stop, now that this process accepts connections, and takes its place at the path.
    ///
    /// # Errors
    ///
    /// The path cannot be taken, so that there would be no next takeover.
    pub(super) fn complete(&mut self) -> io::Result<()> {
        if let Some(predecessor) = self.predecessor.take()
            && let Err(error) = predecessor.replace()
        {
            tracing::warn!(%error, "the process before this one ended before it could be asked to");
        }
        self.point.publish()
    }

    /// Waits until another process has `sockets` and accepts connections.
    pub(super) async fn wait_for_successor(&self, sockets: &[SocketHandover]) {
        self.point.wait_for_successor(sockets).await;
    }
}

/// Checks that the process at the other end of `stream` runs as this user: it would get, or replace, what accepts credentials.
fn check_peer(stream: impl AsFd) -> io::Result<()> {
    if socket_peercred(stream)?.uid == geteuid() {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, "the process there runs as another user"))
}
