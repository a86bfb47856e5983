//! Checks `upstream` of the configuration file: where requests go, and how they get there.

use super::checker::{Setting, SettingsChecker};
use super::file::UpstreamSection as UpstreamKeys;
use super::gateway::{ClientCertificateFiles, ProxySource, UpstreamConfig, UpstreamProxy, UpstreamTarget};
use super::overrides::Override;
use super::upstream_url;
use crate::manifest::Lookup;
use crate::transport::{EgressProxy, is_this_machine};
use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

/// The value of `upstream.proxy` for no proxy, whatever the environment names.
const DIRECT: &str = "none";

impl SettingsChecker<'_> {
    /// The upstream. `variables` looks up the proxy of the environment.
    pub(super) fn upstream(
        &mut self,
        keys: &UpstreamKeys,
        over: Option<&Override>,
        variables: Lookup<'_>,
    ) -> UpstreamConfig {
        let given = Setting::new(&keys.url, "/upstream/url", over);
        let parsed = upstream_url::parse(given.value);
        let target = parsed.map_err(|(what, help)| self.refuse(&given, what, help)).ok();
        let tls = matches!(target, Some(UpstreamTarget::Url { tls: true, .. }) | None);
        // an upstream given by a flag, to try something, must not turn a correct file into an error
        if !tls && over.is_none() {
            self.refuse_tls_keys(keys);
        }
        let is_overridden = over.is_some();
        let proxy = target.as_ref().and_then(|target| self.proxy(keys, target, is_overridden, variables));
        // of the host in the file
        let resolve = if is_overridden { Vec::new() } else { self.resolve(keys, target.as_ref(), proxy.as_ref()) };
        if keys.plaintext.is_none() {
            self.refuse_plaintext(&given, target.as_ref(), proxy.is_some(), &resolve);
        }
        UpstreamConfig {
            client: self.client_certificate(keys),
            proxy,
            resolve,
            // on an error: a target that causes no further errors
            target: target.unwrap_or(UpstreamTarget::Url { tls: true, host: String::new(), port: 443 }),
            ca_file: keys.ca_file.as_deref().map(|file| self.path(file)),
            http2: keys.http2,
            connect_timeout: self.duration("/upstream/connectTimeout", &keys.connect_timeout),
            response_timeout: self.duration("/upstream/responseTimeout", &keys.response_timeout),
            upload_timeout: self.duration("/upstream/uploadTimeout", &keys.upload_timeout),
            // set below, from the limits
            stall_timeout: Duration::ZERO,
        }
    }

    /// Refuses keys that have no effect without TLS.
    fn refuse_tls_keys(&mut self, keys: &UpstreamKeys) {
        let (ca, certificate) = (&keys.ca_file, &keys.client_certificate_file);
        for (key, written) in [("caFile", ca), ("clientCertificateFile", certificate)] {
            if let Some(file) = written {
                let given = Setting::in_file(file, format!("/upstream/{key}"));
                self.refuse(&given, "has no effect if the upstream is reached without TLS", "use an https URL");
            }
        }
    }

    /// The certificate that the gateway presents, which needs its key.
    fn client_certificate(&mut self, keys: &UpstreamKeys) -> Option<ClientCertificateFiles> {
        let (key, other) = match (&keys.client_certificate_file, &keys.client_private_key_file) {
            (Some(certificate), Some(key)) => {
                let [certificate_file, private_key_file] = [certificate, key].map(|file| self.path(file));
                return Some(ClientCertificateFiles { certificate_file, private_key_file });
            }
            (None, None) => return None,
            (Some(_), None) => ("clientCertificateFile", "clientPrivateKeyFile"),
            (None, Some(_)) => ("clientPrivateKeyFile", "clientCertificateFile"),
        };
        let given = Setting::in_file("", format!("/upstream/{key}"));
        self.refuse(&given, &format!("has no effect without `{other}`"), "name both files, or none");
        None
    }

    /// The proxy to `target`: that of the configuration, or else of the environment.
    fn proxy(
        &mut self,
        keys: &UpstreamKeys,
        target: &UpstreamTarget,
        is_overridden: bool,
        variables: Lookup<'_>,
    ) -> Option<UpstreamProxy> {
        let key = keys.proxy.as_ref().map(|proxy| proxy.expose().as_str());
        let UpstreamTarget::Url { tls, host, .. } = target else {
            if !is_overridden && key.is_some_and(|key| key != DIRECT) {
                let given = Setting::in_file("", "/upstream/proxy");
                self.refuse(&given, "has no effect for an upstream that has no host", "remove the key");
            }
            return None;
        };
        match key {
            Some(DIRECT) => None,
            // a server that is tried instead, which the proxy could not reach
            Some(_) if is_overridden && is_this_machine(host) => None,
            Some(url) => {
                let given = Setting::in_file(url, "/upstream/proxy");
                let parsed = EgressProxy::parse(url).map_err(|(what, help)| self.refuse(&given, what, help));
                parsed.ok().map(|proxy| UpstreamProxy { proxy, source: ProxySource::Key })
            }
            None if !tls => None,
            None => match EgressProxy::from_environment(variables, host) {
                Ok(found) => found.map(|(proxy, name)| UpstreamProxy { proxy, source: ProxySource::Variable(name) }),
                Err((name, (what, help))) => {
                    let named = Override { origin: Cow::Borrowed(name), value: String::new() };
                    let help = format!("{help}; or `upstream.proxy: {DIRECT}` to use no proxy");
                    self.refuse(&Setting::new("", "/upstream/proxy", Some(&named)), what, &help);
                    None
                }
            },
        }
    }

    /// The addresses to connect to. Empty if they are those of the name.
    fn resolve(
        &mut self,
        keys: &UpstreamKeys,
        target: Option<&UpstreamTarget>,
        proxy: Option<&UpstreamProxy>,
    ) -> Vec<IpAddr> {
        if keys.resolve.is_empty() {
            return Vec::new();
        }
        let given = Setting::in_file("", "/upstream/resolve");
        if let Some(proxy) = proxy {
            let what = format!("has no effect, because the proxy resolves the name: {proxy}");
            self.refuse(&given, &what, &format!("remove it, or use no proxy by `upstream.proxy: {DIRECT}`"));
        } else if !matches!(target, None | Some(UpstreamTarget::Url { .. })) {
            self.refuse(&given, "has no effect for an upstream that has no host", "remove the key");
        }
        let mut addresses = Vec::with_capacity(keys.resolve.len());
        for (position, written) in keys.resolve.iter().enumerate() {
            if let Ok(address) = written.parse() {
                addresses.push(address);
            } else {
                let given = Setting::in_file(written, format!("/upstream/resolve/{position}"));
                self.refuse(&given, "must be an IP address", "write it without a port: that of `upstream.url` is used");
            }
        }
        addresses
    }

    /// Refuses an upstream without TLS that is on another machine, or that is reached through one.
    fn refuse_plaintext(
        &mut self,
        given: &Setting<'_>,
        target: Option<&UpstreamTarget>,
        has_proxy: bool,
        resolve: &[IpAddr],
    ) {
        let Some(UpstreamTarget::Url { tls: false, host, .. }) = target else { return };
        let what = if has_proxy {
            "would send credentials in plain text through the proxy of `upstream.proxy`"
        } else if resolve.is_empty() && is_this_machine(host) || is_all_loopback(resolve) {
            return;
        } else {
            "would send credentials in plain text to a host that is not this machine"
        };
        self.refuse(given, what, "use an https URL; or `upstream.plaintext: allowed` if the network is trusted");
    }
}

/// Whether there are addresses, and all of them are this machine.
fn is_all_loopback(addresses: &[IpAddr]) -> bool {
    !addresses.is_empty() && addresses.iter().all(|address| address.to_canonical().is_loopback())
}
