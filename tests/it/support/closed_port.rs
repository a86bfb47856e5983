//! A port that refuses connections while it is held.

use std::net::{Ipv4Addr, SocketAddr};

use socket2::{Domain, Socket, Type};

/// A loopback port without a listener, which no other test is given until this is dropped.
///
/// It stays bound: the port of a listener that was dropped may be the next test's listener, which would accept.
pub(crate) struct ClosedPort {
    address: SocketAddr,
    _socket: Socket,
}

impl ClosedPort {
    /// # Panics
    ///
    /// If no port is free.
    pub(crate) fn bind() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        Self { address, _socket: socket }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// A port below those that the kernel gives to sockets without one, so that no other test takes it before the program does.
///
/// # Panics
///
/// If none of a hundred is free.
pub(crate) fn port_to_name() -> u16 {
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    (first..first + 100)
        .find(|port| std::net::TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).is_ok())
        .expect("a free port")
}
