//! Listening TCP sockets.

use rustix::net::sockopt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};

/// Connections that wait in the kernel while the gateway is at its limit. The kernel may lower it (`somaxconn`).
const BACKLOG: u32 = 4096;

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {}", explain(error))]
pub struct ListenError {
    /// The address, as configured.
    pub address: SocketAddr,
    /// The error of the operating system.
    #[source]
    pub error: io::Error,
}

/// Listens on `address`; port 0 takes a free port. Must be called inside a tokio runtime.
///
/// # Errors
///
/// [`ListenError`], whose message has the fix.
pub fn listen(address: SocketAddr) -> Result<TcpListener, ListenError> {
    bind(address, false).map_err(|error| ListenError { address, error })
}

/// As [`listen`], without the IPv4 clients that an IPv6 wildcard would take as well: another socket has their port.
///
/// # Errors
///
/// As [`listen`].
pub fn listen_only_ipv6(address: SocketAddr) -> Result<TcpListener, ListenError> {
    bind(address, true).map_err(|error| ListenError { address, error })
}

fn bind(address: SocketAddr, is_only_ipv6: bool) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if is_only_ipv6 {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    // a restart must not wait until the connections of the last run leave TIME_WAIT
    socket.set_reuseaddr(true)?;
    find_vanished_clients(&socket)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Probes idle clients, so that one which vanished without closing does not keep its connection for the idle timeout.
// set once on the listening socket, from which accepted ones inherit it (tcp(7))
fn find_vanished_clients(socket: &TcpSocket) -> io::Result<()> {
    sockopt::set_tcp_keepidle(socket, Duration::from_secs(60))?;
    sockopt::set_tcp_keepintvl(socket, Duration::from_secs(15))?;
    sockopt::set_tcp_keepcnt(socket, 4)?;
    Ok(sockopt::set_socket_keepalive(socket, true)?)
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "address in use; stop the process that has it, or choose another with `listen`".to_owned()
        }
        io::ErrorKind::AddrNotAvailable => {
            "address not available; it is none of this machine's, choose another with `listen`".to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            "permission denied; ports below 1024 need a privilege, choose another with `listen`".to_owned()
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_says_so_and_what_to_do() {
        let first = listen(([127, 0, 0, 1], 0).into()).unwrap();
        let address = first.local_addr().unwrap();
        let error = listen(address).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "cannot listen on {address}: address in use; stop the process that has it, or choose another with `listen`"
            )
        );
    }

    #[tokio::test]
    async fn an_address_of_another_machine_says_so() {
        // TEST-NET-1 (RFC 5737), which no machine has
        let error = listen(([192, 0, 2, 1], 8787).into()).unwrap_err();
        assert!(error.to_string().starts_with("cannot listen on 192.0.2.1:8787: address not available"), "{error}");
    }
}
