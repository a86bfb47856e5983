//! Checks `listen` of the configuration file: addresses, TLS, and who may connect without it.

use super::address::{self, DEFAULT_MODE};
use super::checker::{Setting, SettingsChecker};
use super::file::{Listen, ListenerSection as Keys, TlsSection as TlsKeys};
use super::gateway::{ListenAddress, ListenerConfig, TlsFiles, UpstreamConfig, UpstreamTarget};
use super::overrides::Override;

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

    /// Refuses an address that another listener has.
    pub(super) fn refuse_taken(&mut self, given: &Setting<'_>, address: &ListenAddress, taken: &[ListenerConfig]) {
        // each use of port 0 takes another free port
        let is_free_port = matches!(address, ListenAddress::Tcp(address) if address.port() == 0);
        let is_taken = taken.iter().any(|other| match (&other.address, address) {
            (ListenAddress::Unix { path: other, .. }, ListenAddress::Unix { path, .. }) => other == path,
            (other, address) => other == address,
        });
        if is_taken && !is_free_port {
            self.refuse(given, "is the address of another listener already", "use another address");
        }
    }
}
