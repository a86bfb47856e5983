//! Addresses to listen on.

use super::gateway::ListenAddress;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The help of an error about an address.
pub(super) const HELP: &str =
    "write an IP address and a port, such as `127.0.0.1:8787`, or `unix:` and an absolute path";

// `sun_path` has 108 bytes on Linux (unix(7)), one of them for the terminating zero
const LONGEST_PATH: usize = 107;

/// The default permissions of a Unix socket: its owner and group may connect.
pub(super) const DEFAULT_MODE: u32 = 0o660;

/// Parses an address. The error is the predicate of a message.
pub(super) fn parse(text: &str) -> Result<SocketAddr, &'static str> {
    // no host names: what one resolves to can change, and whether it is a loopback address is checked once
    text.parse().map(canonical).map_err(|_| "must be an IP address and a port")
}

/// `address` with an IPv4 address that is written as an IPv6 one (`::ffff:a.b.c.d`) as IPv4: they are the same socket.
fn canonical(address: SocketAddr) -> SocketAddr {
    if address.ip().to_canonical().is_ipv4() {
        return SocketAddr::new(address.ip().to_canonical(), address.port());
    }
    // verbatim: an address of a link needs its scope
    address
}

/// Parses an address to listen on. It may be a Unix socket, whose file then gets the permissions `mode`.
pub(super) fn parse_listen(text: &str, mode: u32) -> Result<ListenAddress, &'static str> {
    let Some(path) = text.strip_prefix("unix:") else {
        let address = text.parse().map(canonical);
        return address.map(ListenAddress::Tcp).map_err(|_| "must be an IP address and a port, or a Unix socket");
    };
    Ok(ListenAddress::Unix { path: socket_path(path)?, mode })
}

/// The path of a Unix socket.
pub(super) fn socket_path(text: &str) -> Result<PathBuf, &'static str> {
    let path = Path::new(text);
    if !path.is_absolute() {
        return Err("must be `unix:` and an absolute path");
    }
    if text.len() > LONGEST_PATH {
        return Err("is longer than the 107 bytes that a Unix socket may have");
    }
    Ok(path.to_owned())
}
