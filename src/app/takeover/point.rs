//! Where this process waits for its successor.

use super::{ANSWER, GREETING, MOST_SOCKETS, READY, check_peer};
use crate::server::SocketHandover;
use pingora_timeout::timeout;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use std::fs;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, Interest};
use tokio::net::{UnixListener, UnixStream};

/// Longest start of a successor: it compiles its policies and runs their tests.
const START: Duration = Duration::from_secs(120);
/// Pause after an error that would recur at once, such as no free file descriptor.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Where this process waits for its successor: a Unix socket of its own user.
#[derive(Debug)]
pub(super) struct TakeoverPoint {
    path: PathBuf,
    /// Where the socket is until it is published.
    hidden: PathBuf,
    inode: u64,
    listener: UnixListener,
}

impl TakeoverPoint {
    /// Listens, under another name: at `path` there may be the process that this one replaces. Must be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// There is something else at `path`, or its folder cannot be written.
    pub(super) fn prepare(path: &Path) -> io::Result<Self> {
        if fs::symlink_metadata(path).is_ok_and(|there| !there.file_type().is_socket()) {
            let message = "there is a file that is no socket; remove it, or choose another path";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let hidden = path.with_file_name(format!(".{name}.{}", std::process::id()));
        // of a process with the same number that was killed here
        let _ = fs::remove_file(&hidden);
        let listener = UnixListener::bind(&hidden)?;
        fs::set_permissions(&hidden, fs::Permissions::from_mode(0o600))?;
        let inode = fs::symlink_metadata(&hidden)?.ino();
        Ok(Self { path: path.to_owned(), hidden, inode, listener })
    }

    /// Takes the place at the path, from a predecessor too.
    ///
    /// # Errors
    ///
    /// The file cannot be renamed.
    pub(super) fn publish(&self) -> io::Result<()> {
        fs::rename(&self.hidden, &self.path)
    }

    /// Waits until a successor has the listening sockets and accepts connections.
    ///
    /// A process that asks and does not start changes nothing: this one goes on.
    pub(super) async fn wait_for_successor(&self, sockets: &[SocketHandover]) {
        loop {
            let asked = match self.listener.accept().await {
                Ok((stream, _)) => hand_over(stream, sockets).await,
                Err(error) => Err(error),
            };
            match asked {
                Ok(()) => return,
                Err(error) => tracing::warn!(%error, "a takeover failed; this process goes on"),
            }
            pingora_timeout::sleep(BACK_OFF).await;
        }
    }
}

impl Drop for TakeoverPoint {
    fn drop(&mut self) {
        // errors are ignored: a destructor cannot return them, and a socket without a process is replaced by the next one
        let _ = fs::remove_file(&self.hidden);
        if fs::symlink_metadata(&self.path).is_ok_and(|there| there.ino() == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

async fn hand_over(mut stream: UnixStream, sockets: &[SocketHandover]) -> io::Result<()> {
    check_peer(&stream)?;
    let late = || io::Error::from(io::ErrorKind::TimedOut);
    timeout(ANSWER, stream.async_io(Interest::WRITABLE, || send(&stream, sockets))).await.map_err(|_| late())??;
    let mut answer = [0];
    timeout(START, stream.read_exact(&mut answer)).await.map_err(|_| late())??;
    if answer == [READY] { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

fn send(stream: &UnixStream, sockets: &[SocketHandover]) -> io::Result<()> {
    let sockets: Vec<_> = sockets.iter().take(MOST_SOCKETS).map(|handover| handover.socket.as_fd()).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_SOCKETS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !sockets.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(&sockets));
    }
    // a few bytes into an empty buffer: they are sent as a whole, or not at all
    sendmsg(stream, &[IoSlice::new(GREETING)], &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(())
}
