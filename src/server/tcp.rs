//! Listening TCP sockets.

use socket2::{SockRef, Socket, TcpKeepalive};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};

/// Connections that wait in the kernel while the gateway is at its limit. The kernel may lower it (`somaxconn`).
const BACKLOG: u32 = 4096;
/// Bytes of a response that wait in the kernel for a client to read.
///
/// Without a limit the kernel takes up to 4 MiB (`tcp_wmem`) for a client that reads nothing. That memory counts against a container,
/// and filling it delays the other requests of the worker. What is sent and not yet acknowledged is not limited, so that the distance
/// of a client does not limit its speed.
#[cfg(target_os = "linux")]
const MAX_UNSENT: u32 = 256 * 1024;

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
    let options = SockRef::from(&socket);
    if is_only_ipv6 {
        options.set_only_v6(true)?;
    }
    prepare(&options)?;
    // a restart must not wait until the connections of the last run leave TIME_WAIT
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Sets the options that the accepted sockets inherit from the listening one (tcp(7)).
pub(super) fn prepare(socket: &Socket) -> io::Result<()> {
    find_vanished_clients(socket)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_notsent_lowat(MAX_UNSENT)?;
    Ok(())
}

/// Probes idle clients, so that one which vanished without closing does not keep its connection for the idle timeout.
fn find_vanished_clients(options: &Socket) -> io::Result<()> {
    let probes = TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15));
    options.set_tcp_keepalive(&probes.with_retries(4))
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

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_client_that_reads_nothing_takes_little_of_the_kernel_s_memory() {
        let listener = listen(([127, 0, 0, 1], 0).into()).unwrap();
        let client = TcpSocket::new_v4().unwrap();
        client.set_recv_buffer_size(4096).unwrap();
        let (_client, accepted) = tokio::join!(client.connect(listener.local_addr().unwrap()), listener.accept());
        let (stream, _) = accepted.unwrap();
        let (part, mut written) = (vec![0; 64 * 1024], 0);
        while let Ok(Ok(())) = pingora_timeout::timeout(Duration::from_millis(200), stream.writable()).await {
            written += stream.try_write(&part).unwrap_or_default();
            assert!(written < 2 * MAX_UNSENT as usize, "{written} bytes wait");
        }
    }

    #[tokio::test]
    async fn an_address_of_another_machine_says_so() {
        // TEST-NET-1 (RFC 5737), which no machine has
        let error = listen(([192, 0, 2, 1], 8787).into()).unwrap_err();
        assert!(error.to_string().starts_with("cannot listen on 192.0.2.1:8787: address not available"), "{error}");
    }
}
