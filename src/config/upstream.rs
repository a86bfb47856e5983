//! Checks `upstream` of the configuration file: where requests go, and how they get there.

use super::checker::{Setting, SettingsChecker};
use super::file::UpstreamSection as UpstreamKeys;
use super::gateway::{ProxySource, UpstreamConfig, UpstreamProxy, UpstreamTarget};
use super::overrides::Override;
use super::upstream_url;
use crate::manifest::Lookup;
use crate::transport::{EgressProxy, is_this_machine};
use std::borrow::Cow;
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
        if let (Some(file), false, None) = (&keys.ca_file, tls, over) {
            let given = Setting::in_file(file, "/upstream/caFile");
            self.refuse(&given, "has no effect if the upstream is reached without TLS", "use an https URL");
        }
        let proxy = target.as_ref().and_then(|target| self.proxy(keys, target, variables));
        if keys.plaintext.is_none() {
            self.refuse_plaintext(&given, target.as_ref(), proxy.is_some());
        }
        UpstreamConfig {
            proxy,
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

    /// The proxy to `target`: that of the configuration, or else of the environment.
    fn proxy(&mut self, keys: &UpstreamKeys, target: &UpstreamTarget, variables: Lookup<'_>) -> Option<UpstreamProxy> {
        let UpstreamTarget::Url { tls, host, .. } = target else { return None };
        match keys.proxy.as_ref().map(|proxy| proxy.expose().as_str()) {
            Some(DIRECT) => None,
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

    /// Refuses an upstream without TLS that is on another machine, or that is reached through one.
    fn refuse_plaintext(&mut self, given: &Setting<'_>, target: Option<&UpstreamTarget>, has_proxy: bool) {
        let Some(UpstreamTarget::Url { tls: false, host, .. }) = target else { return };
        let what = if has_proxy {
            "would send credentials in plain text through the proxy of `upstream.proxy`"
        } else if is_this_machine(host) {
            return;
        } else {
            "would send credentials in plain text to a host that is not this machine"
        };
        self.refuse(given, what, "use an https URL; or `upstream.plaintext: allowed` if the network is trusted");
    }
}
