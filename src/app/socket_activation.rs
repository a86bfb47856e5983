//! The listening sockets that systemd opened for this process (`LISTEN_FDS`): it accepts connections for the gateway while that is
//! restarted.

use super::Error;
use crate::server::InheritedSockets;
use listenfd::ListenFd;
use std::os::fd::OwnedFd;

/// The sockets that systemd passed; none without socket activation.
///
/// # Errors
///
/// One of them is no stream socket that listens.
pub(super) fn passed_sockets() -> Result<InheritedSockets, Error> {
    let mut passed = ListenFd::from_env();
    let mut sockets = InheritedSockets::default();
    for position in 0..passed.len() {
        let tcp = passed.take_tcp_listener(position).map(|socket| socket.map(OwnedFd::from));
        let socket = match tcp {
            Ok(socket) => socket,
            Err(_) => passed.take_unix_listener(position).map_err(|_| unusable(position))?.map(OwnedFd::from),
        };
        if let Some(socket) = socket {
            sockets.add(socket).map_err(|_| unusable(position))?;
        }
    }
    Ok(sockets)
}

/// The error for sockets that no listener has: clients would wait there for ever.
///
/// # Errors
///
/// There are such sockets.
pub(super) fn check_all_taken(sockets: &InheritedSockets) -> Result<(), Error> {
    let addresses: Vec<String> = sockets.addresses().map(|address| format!("`{address}`")).collect();
    if addresses.is_empty() {
        return Ok(());
    }
    Err(Error::Environment(format!(
        "systemd passed a socket for {}, which is no address of `listen` or `admin.listen`; change them or `ListenStream` of the \
         socket unit",
        addresses.join(" and ")
    )))
}

fn unusable(position: usize) -> Error {
    Error::Environment(format!(
        "socket {} that systemd passed is no listening TCP or Unix stream socket; the socket unit needs `ListenStream`",
        position + 1
    ))
}
