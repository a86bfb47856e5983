//! Addresses to listen on.

use super::gateway::ListenAddress;
use std::net::SocketAddr;
use std::path::Path;

/// What to write.
pub(super) const HELP: &str =
    "write an IP address and a port, such as `127.0.0.1:8787`, or `unix:` and an absolute path";

/// The longest path that the operating system takes for a Unix socket.
const LONGEST_PATH: usize = 107;

/// The permissions of a Unix socket: its owner and group may connect.
pub(super) const DEFAULT_MODE: u32 = 0o660;

/// Reads an address, or says what is wrong with it. Names are refused: what one resolves to is not ours to tell.
pub(super) fn parse(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "must be an IP address and a port")
}

/// Reads an address to listen on, which may be a Unix socket; its file gets the permissions `mode`.
pub(super) fn parse_listen(text: &str, mode: u32) -> Result<ListenAddress, &'static str> {
    let Some(path) = text.strip_prefix("unix:") else {
        return text.parse().map(ListenAddress::Tcp).map_err(|_| "must be an IP address and a port, or a Unix socket");
    };
    let path = Path::new(path);
    if !path.is_absolute() {
        return Err("must be `unix:` and an absolute path");
    }
    if text.len() > "unix:".len() + LONGEST_PATH {
        return Err("is a longer path than a Unix socket may have, which is 107 bytes");
    }
    Ok(ListenAddress::Unix { path: path.to_owned(), mode })
}
