//! What makes two connections those of one client.

use std::net::IpAddr;

/// The identity by which a client has a share.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ClientKey {
    /// The user of the process that connected to a Unix socket.
    User(u32),
    /// The SPIFFE ID of a verified certificate.
    Workload(String),
    /// The address; of an IPv6 address the network, with the rest zero.
    Address(IpAddr),
    /// The one client of an embedding program, or a peer that the system does not name.
    Unnamed,
}

impl ClientKey {
    /// The client at `address`.
    // a host has 2^64 IPv6 addresses of its own, by which it would have as many shares
    pub fn of_address(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6((u128::from(address) & (u128::MAX << 64)).into()),
            version4 @ IpAddr::V4(_) => version4,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::ClientKey;

    #[test]
    fn a_network_of_ipv6_is_one_client_and_a_mapped_address_is_ipv4() {
        let key = |text: &str| ClientKey::of_address(text.parse().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
    }
}
