//! The process that this one replaces.

use super::{ANSWER, GREETING, MOST_SOCKETS, READY, check_peer};
use crate::server::InheritedSockets;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use std::io::{self, IoSliceMut, Write as _};
use std::mem::MaybeUninit;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// The process that this one replaces. It accepts connections until [`Self::replace`].
#[derive(Debug)]
pub(super) struct Predecessor(UnixStream);

impl Predecessor {
    /// The process that waits for a successor at `path`, and its listening sockets. `None` if there is none.
    ///
    /// # Errors
    ///
    /// The process there is another program, of another user, or does not answer.
    pub(super) fn find(path: &Path) -> io::Result<Option<(Self, InheritedSockets)>> {
        let stream = match UnixStream::connect(path) {
            Ok(stream) => stream,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        check_peer(&stream)?;
        stream.set_read_timeout(Some(ANSWER))?;
        stream.set_write_timeout(Some(ANSWER))?;
        let sockets = receive(&stream)?;
        Ok(Some((Self(stream), sockets)))
    }

    /// Has it stop accepting, and finish what it has accepted.
    ///
    /// # Errors
    ///
    /// It has ended meanwhile.
    pub(super) fn replace(mut self) -> io::Result<()> {
        self.0.write_all(&[READY])
    }
}

fn receive(stream: &UnixStream) -> io::Result<InheritedSockets> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_SOCKETS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut greeting = [0; GREETING.len()];
    let received = recvmsg(
        stream,
        &mut [IoSliceMut::new(&mut greeting)],
        &mut ancillary,
        RecvFlags::WAITALL | RecvFlags::CMSG_CLOEXEC,
    );
    let received = received.map_err(|error| match io::Error::from(error) {
        error if error.kind() == io::ErrorKind::WouldBlock => {
            io::Error::new(io::ErrorKind::TimedOut, "the process there does not answer")
        }
        error => error,
    })?;
    if greeting != GREETING || received.bytes < GREETING.len() {
        let message = "the process there is no gateway, or one whose version cannot hand over to this one";
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    let mut sockets = InheritedSockets::default();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            for socket in received {
                sockets.add(socket)?;
            }
        }
    }
    Ok(sockets)
}
