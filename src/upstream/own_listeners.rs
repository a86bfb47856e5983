//! Notices connections to the gateway itself, which would send each request round in a loop.

use super::error::Unreachable;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;

/// The addresses on which this process listens.
// compared with each new connection, not with `upstream.url`: a name may lead anywhere, and may change
#[derive(Clone, Debug, Default)]
pub(super) struct OwnListeners(Arc<[SocketAddr]>);

impl OwnListeners {
    pub(super) fn new(listeners: Vec<SocketAddr>) -> Self {
        Self(listeners.into())
    }

    /// # Errors
    ///
    /// [`Unreachable::Itself`], if `stream` leads to one of them.
    pub(super) fn check(&self, stream: &TcpStream) -> Result<(), Unreachable> {
        // an end that is unknown is not compared
        let (Ok(local), Ok(peer)) = (stream.local_addr(), stream.peer_addr()) else { return Ok(()) };
        if self.0.iter().any(|listener| is_listener_of(*listener, local, peer)) {
            Err(Unreachable::Itself)
        } else {
            Ok(())
        }
    }
}

/// Whether `listener` has accepted the connection from `local` to `peer`.
fn is_listener_of(listener: SocketAddr, local: SocketAddr, peer: SocketAddr) -> bool {
    let [listens, from, to] = [listener, local, peer].map(|address| address.ip().to_canonical());
    // a connection from a machine to itself has one address at both ends, or is to a loopback address
    let is_to_itself = from == to || to.is_loopback();
    let is_wildcard = listens.is_unspecified() && (listens.is_ipv6() || to.is_ipv4());
    listener.port() == peer.port() && (listens == to || (is_wildcard && is_to_itself))
}

#[cfg(test)]
mod tests {
    use super::is_listener_of;

    #[test]
    fn a_connection_to_a_listener_of_this_machine_is_noticed() {
        for (listener, local, peer, expected) in [
            ("127.0.0.1:80", "127.0.0.1:5", "127.0.0.1:80", true),
            ("0.0.0.0:80", "127.0.0.1:5", "127.9.9.9:80", true),
            ("0.0.0.0:80", "10.0.0.5:5", "10.0.0.5:80", true),
            ("[::]:80", "10.0.0.5:5", "10.0.0.5:80", true),
            ("[::]:80", "[fd00::5]:5", "[fd00::5]:80", true),
            ("10.0.0.5:80", "10.0.0.5:5", "10.0.0.5:80", true),
            ("0.0.0.0:80", "[::1]:5", "[::1]:80", false),
            ("0.0.0.0:80", "10.0.0.5:5", "10.0.0.6:80", false),
            ("127.0.0.1:80", "127.0.0.1:5", "127.0.0.1:81", false),
            ("127.0.0.2:80", "127.0.0.1:5", "127.0.0.1:80", false),
        ] {
            let [listener, local, peer] = [listener, local, peer].map(|address| address.parse().unwrap());
            assert_eq!(is_listener_of(listener, local, peer), expected, "{listener} {local} {peer}");
        }
    }
}
