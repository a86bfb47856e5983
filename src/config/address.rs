//! Addresses to listen on.

use std::net::SocketAddr;

/// What to write.
pub(super) const HELP: &str = "write an IP address and a port, such as `127.0.0.1:8787` or `[::1]:8787`";

/// Reads an address, or says what is wrong with it. Names are refused: what one resolves to is not ours to tell.
pub(super) fn parse(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "must be an IP address and a port")
}
