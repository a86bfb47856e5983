//! Refuses an upstream that is the gateway itself: each request would go round until the limits are reached.

use super::checker::{Setting, SettingsChecker};
use super::gateway::{ListenAddress, ListenerConfig, UpstreamTarget};
use crate::transport::is_localhost;
use std::net::{IpAddr, SocketAddr};

const LOOP: &str = "is a listener of this gateway: requests would go round in a loop";

impl SettingsChecker<'_> {
    /// Refuses `target` if it is one of the listeners, as far as that can be known without resolving names. Connections to the
    /// upstream find the others.
    pub(super) fn refuse_own_listener(
        &mut self,
        given: &Setting<'_>,
        target: &UpstreamTarget,
        listeners: &[ListenerConfig],
        admin: Option<SocketAddr>,
    ) {
        if let UpstreamTarget::Unix { path: target } = target {
            let is_own =
                |address: &ListenAddress| matches!(address, ListenAddress::Unix { path, .. } if path == target);
            if listeners.iter().any(|listener| is_own(&listener.address)) {
                self.refuse(given, LOOP, "name the socket of another program");
            }
            return;
        }
        let UpstreamTarget::Url { host, port, .. } = target else { return };
        let takes = |address: &SocketAddr| address.port() == *port && accepts(address.ip(), host);
        let is_own = listeners.iter().any(|listener| match &listener.address {
            ListenAddress::Tcp(address) => takes(address),
            ListenAddress::Unix { .. } => false,
        });
        let help = "name the server to which requests are to go, such as `https://api.clerk.com`, or use another port";
        if is_own {
            self.refuse(given, LOOP, help);
        } else if admin.as_ref().is_some_and(takes) {
            self.refuse(given, "is the admin listener of this gateway", help);
        }
    }
}

/// Whether a socket on `listener` accepts connections from this machine to `host`.
fn accepts(listener: IpAddr, host: &str) -> bool {
    let listener = listener.to_canonical();
    let Ok(host) = host.parse::<IpAddr>().map(|host| host.to_canonical()) else {
        return is_localhost(host) && (listener.is_unspecified() || is_address_of_localhost(listener));
    };
    // on Linux a connection to `0.0.0.0` or `[::]` goes to this machine
    let host = match host {
        IpAddr::V4(host) if host.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(host) if host.is_unspecified() => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        host => host,
    };
    // `[::]` takes IPv4, too
    let takes_family = listener.is_ipv6() || host.is_ipv4();
    host == listener || (listener.is_unspecified() && host.is_loopback() && takes_family)
}

/// Whether names of this machine have this address.
fn is_address_of_localhost(address: IpAddr) -> bool {
    address == IpAddr::from([127, 0, 0, 1]) || address == IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])
}

#[cfg(test)]
mod tests {
    use super::accepts;

    #[test]
    fn a_host_is_compared_with_a_listener_as_sockets_do() {
        for (listener, host, expected) in [
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "localhost", true),
            ("::1", "LOCALHOST.", true),
            ("0.0.0.0", "api.localhost", true),
            ("127.0.0.1", "::ffff:127.0.0.1", true),
            ("127.0.0.1", "0.0.0.0", true),
            ("0.0.0.0", "0.0.0.0", true),
            ("::", "::", true),
            ("::1", "::", true),
            ("0.0.0.0", "127.9.9.9", true),
            ("::", "127.0.0.1", true),
            ("10.0.0.5", "10.0.0.5", true),
            ("fd00::5", "fd00:0::5", true),
            ("0.0.0.0", "::1", false),
            ("127.0.0.2", "localhost", false),
            ("127.0.0.1", "127.0.0.2", false),
            ("10.0.0.5", "10.0.0.6", false),
            ("10.0.0.5", "localhost", false),
            ("0.0.0.0", "10.0.0.6", false),
            ("0.0.0.0", "api.clerk.com", false),
            ("127.0.0.1", "notlocalhost", false),
        ] {
            assert_eq!(accepts(listener.parse().unwrap(), host), expected, "{listener} {host}");
        }
    }
}
