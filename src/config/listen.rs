//! Checks `listen` of the configuration file: addresses, TLS, and who may connect without it.

use super::address::{self, DEFAULT_MODE};
use super::checker::{Setting, SettingsChecker};
use super::file::{Listen, ListenerSection as Keys, TlsSection as TlsKeys};
use super::gateway::{ListenAddress, ListenerConfig, TlsFiles, UpstreamConfig, UpstreamTarget};
use super::overrides::Override;
use std::net::SocketAddr;

impl SettingsChecker<'_> {
    /// The listeners. A flag or variable replaces all of them by one without TLS.
    pub(super) fn listen(
        &mut self,
        keys: &Listen,
        over: Option<&Override>,
        upstream: &UpstreamConfig,
    ) -> Vec<ListenerConfig> {
        let mut listeners = Vec::new();
        match (over, keys) {
            // one plain listener in place of all: a flag has no room for the files of TLS
            (Some(_), _) => self.listener(&Setting::new("", "/listen", over), None, upstream, &mut listeners),
            (None, Listen::One(address)) => {
                self.listener(&Setting::in_file(address, "/listen"), None, upstream, &mut listeners);
            }
            (None, Listen::Many(many)) => {
                for (position, keys) in many.iter().enumerate() {
                    let given = Setting::in_file(&keys.address, format!("/listen/{position}/address"));
                    let keys = Some((format!("/listen/{position}"), keys));
                    self.listener(&given, keys, upstream, &mut listeners);
                }
            }
        }
        listeners
    }

    fn listener(
        &mut self,
        given: &Setting<'_>,
        keys: Option<(String, &Keys)>,
        upstream: &UpstreamConfig,
        listeners: &mut Vec<ListenerConfig>,
    ) {
        let mode = keys.as_ref().and_then(|(_, keys)| keys.mode.as_deref());
        // cannot fail: the schema allows octal digits only
        let mode = mode.and_then(|mode| u32::from_str_radix(mode, 8).ok()).unwrap_or(DEFAULT_MODE);
        let address = match address::parse_listen(given.value, mode) {
            Ok(address) => address,
            Err(what) => return self.refuse(given, what, address::HELP),
        };
        if let Some((pointer, keys)) = &keys {
            self.refuse_useless(pointer, keys, &address);
        }
        let keys = keys.map(|(_, keys)| keys);
        let tls = keys.and_then(|keys| keys.tls.as_ref()).map(|tls| self.tls(tls));
        let may_be_plain = tls.is_some() || keys.is_some_and(|keys| keys.plaintext.is_some());
        // after the keys: whether a plain listener is allowed depends on them
        self.refuse_exposed(given, &address, may_be_plain, upstream);
        self.refuse_taken(given, &address, listeners);
        listeners.push(ListenerConfig { address, tls });
    }

    fn tls(&self, keys: &TlsKeys) -> TlsFiles {
        TlsFiles {
            certificate_file: self.path(&keys.certificate_file),
            private_key_file: self.path(&keys.private_key_file),
            client_ca_file: keys.client_ca_file.as_deref().map(|file| self.path(file)),
            client_crl_file: keys.client_crl_file.as_deref().map(|file| self.path(file)),
        }
    }

    /// Refuses keys that contradict each other or have no effect.
    fn refuse_useless(&mut self, pointer: &str, keys: &Keys, address: &ListenAddress) {
        // an ignored key would let the operator believe in a protection that is not there
        let is_unix = matches!(address, ListenAddress::Unix { .. });
        let mut refuse = |key: &str, what: &str, help: &str| {
            self.refuse(&Setting::in_file("", format!("{pointer}/{key}")), what, help);
        };
        if is_unix && keys.tls.is_some() {
            refuse("tls", "has no effect on a Unix socket", "its data never leaves this machine; remove the key");
        }
        if keys.tls.as_ref().is_some_and(|tls| tls.client_crl_file.is_some() && tls.client_ca_file.is_none()) {
            refuse(
                "tls/clientCrlFile",
                "has no effect without `clientCaFile`",
                "name the authorities of client certificates",
            );
        }
        if keys.plaintext.is_some() && keys.tls.is_some() {
            refuse("plaintext", "contradicts `tls`", "remove one of them");
        }
        if !is_unix && keys.mode.is_some() {
            refuse("mode", "has no effect without a Unix socket", "remove the key");
        }
    }

    /// Refuses an address that other machines can reach, if the upstream is the stand-in or the listener has no TLS.
    fn refuse_exposed(
        &mut self,
        given: &Setting<'_>,
        address: &ListenAddress,
        may_be_plain: bool,
        upstream: &UpstreamConfig,
    ) {
        // requests carry secret keys, which must not cross a network in plain text
        let ListenAddress::Tcp(address) = address else { return };
        if address.ip().is_loopback() {
            return;
        }
        if upstream.target == UpstreamTarget::Embedded {
            self.refuse(
                given,
                "must be a loopback address if the upstream is `embedded`",
                "the built-in stand-in is for this machine only; use for example `127.0.0.1:8787`",
            );
        } else if !may_be_plain {
            self.refuse(
                given,
                "would let other machines send credentials in plain text",
                "give the listener `tls`; or `plaintext: allowed` if the network is trusted; or use a loopback address",
            );
        }
    }

    /// Refuses an address that another listener has, or has a part of.
    pub(super) fn refuse_taken(&mut self, given: &Setting<'_>, address: &ListenAddress, taken: &[ListenerConfig]) {
        let overlaps = taken.iter().filter_map(|other| overlap(&other.address, address)).max();
        match overlaps {
            Some(Overlap::Equal) => {
                self.refuse(given, "is the address of another listener already", "use another address");
            }
            Some(Overlap::Part) => {
                let what = "is a part of the address of another listener, or the other way round";
                self.refuse(
                    given,
                    what,
                    "use another port; `0.0.0.0` has all IPv4 addresses, and `[::]` all of both families",
                );
            }
            None => {}
        }
    }
}

/// How much of an address two listeners share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Overlap {
    Part,
    Equal,
}

/// What two addresses have in common. `None` if both can be listened on.
fn overlap(one: &ListenAddress, other: &ListenAddress) -> Option<Overlap> {
    let (one, other) = match (one, other) {
        (ListenAddress::Tcp(one), ListenAddress::Tcp(other)) => (one, other),
        (ListenAddress::Unix { path: one, .. }, ListenAddress::Unix { path: other, .. }) => {
            return (one == other).then_some(Overlap::Equal);
        }
        _ => return None,
    };
    // each use of port 0 takes another free port
    if one.port() == 0 || one.port() != other.port() {
        return None;
    }
    let takes = |all: &SocketAddr, one: &SocketAddr| all.ip().is_unspecified() && (all.is_ipv6() || one.is_ipv4());
    match (one.ip().is_unspecified(), other.ip().is_unspecified()) {
        _ if one == other => Some(Overlap::Equal),
        // `0.0.0.0` and `[::]`: then `[::]` is opened for IPv6 alone
        (true, true) => None,
        _ => (takes(one, other) || takes(other, one)).then_some(Overlap::Part),
    }
}

#[cfg(test)]
mod tests {
    use super::{ListenAddress, Overlap, overlap};

    #[test]
    fn addresses_of_one_port_overlap_as_sockets_do() {
        let of = |one: &str, other: &str| {
            let address = |text: &str| ListenAddress::Tcp(text.parse().unwrap());
            (overlap(&address(one), &address(other)), overlap(&address(other), &address(one)))
        };
        let table = [
            ("127.0.0.1:1", "127.0.0.1:1", Some(Overlap::Equal)),
            ("[::]:1", "[::]:1", Some(Overlap::Equal)),
            ("0.0.0.0:1", "127.0.0.1:1", Some(Overlap::Part)),
            ("[::]:1", "[::1]:1", Some(Overlap::Part)),
            ("[::]:1", "127.0.0.1:1", Some(Overlap::Part)),
            ("[::]:1", "0.0.0.0:1", None),
            ("0.0.0.0:1", "[::1]:1", None),
            ("127.0.0.1:1", "127.0.0.2:1", None),
            ("127.0.0.1:1", "127.0.0.1:2", None),
            ("[::]:0", "[::]:0", None),
        ];
        for (one, other, expected) in table {
            assert_eq!(of(one, other), (expected, expected), "{one} and {other}");
        }
    }
}
