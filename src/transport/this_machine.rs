//! Names and addresses of this machine.

use std::net::IpAddr;

/// Whether `host` can be no other machine than this one.
pub fn is_this_machine(host: &str) -> bool {
    is_localhost(host) || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Whether `host` is a name of this machine.
pub fn is_localhost(host: &str) -> bool {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    // RFC 6761 section 6.3: names below `localhost` resolve to loopback, too
    name == "localhost" || name.ends_with(".localhost")
}
