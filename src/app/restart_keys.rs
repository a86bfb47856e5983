//! Which settings apply while the gateway runs, and which of those that changed wait for a restart.

use crate::admin::config_to_json;
use crate::config::gateway::{Gateway, Logs};
use serde_json::{Map, Value};

/// `running` with those settings of `now` that apply while it runs.
pub(super) fn with_reloadable(running: &Gateway, now: &Gateway) -> Gateway {
    Gateway {
        source: now.source.clone(),
        policies: now.policies.clone(),
        shadow_policies: now.shadow_policies.clone(),
        removal_rules: now.removal_rules.clone(),
        reload: now.reload,
        contract: now.contract.clone(),
        environment_names: now.environment_names.clone(),
        logs: Logs { level: now.logs.level, ..running.logs.clone() },
        warnings: now.warnings.clone(),
        ..running.clone()
    }
}

/// The keys by which `running` differs from `now`, such as `limits.inFlight`.
//
// By what `/config` shows, which has each key with overrides and defaults: a flag that is in force is no difference, and a key that
// is new needs no entry here.
pub(super) fn restart_keys(running: &Gateway, now: &Gateway) -> Vec<String> {
    let mut keys = Vec::new();
    add_differences(&config_to_json(running), &config_to_json(now), "", &mut keys);
    // shown without its password, which may be all that changed
    let proxies = running.upstream.proxy.as_ref().zip(now.upstream.proxy.as_ref());
    let key = "upstream.proxy";
    if proxies.is_some_and(|(running, now)| !running.proxy.has_credentials_of(&now.proxy))
        && !keys.iter().any(|it| it == key)
    {
        keys.push(key.to_owned());
    }
    keys
}

fn add_differences(running: &Value, now: &Value, path: &str, keys: &mut Vec<String>) {
    let (Some(running), Some(now)) = (running.as_object(), now.as_object()) else {
        keys.extend((running != now).then(|| path.to_owned()));
        return;
    };
    let at = |map: &Map<String, Value>, key: &str| map.get(key).cloned().unwrap_or_default();
    let added = now.keys().filter(|key| !running.contains_key(*key));
    for key in running.keys().chain(added) {
        let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        add_differences(&at(running, key), &at(now, key), &inner, keys);
    }
}

#[cfg(test)]
mod tests {
    use super::{restart_keys, with_reloadable};
    use crate::config::gateway::Gateway;
    use crate::config::load::of_text;
    use crate::config::overrides::{Override, Overrides};
    use std::path::Path;

    fn gateway(more: &str, listen: Option<&str>) -> Gateway {
        let text = format!("apiVersion: portcullis/v1\nkind: Gateway\npolicies: []\n{more}");
        let listen = listen.map(|value| Override { origin: "--listen".into(), value: value.to_owned() });
        let overrides = Overrides { listen, ..Overrides::default() };
        of_text(Path::new("gateway.yaml"), &text, &overrides, &|_| None).expect("a valid configuration")
    }

    fn keys(before: &str, after: &str) -> Vec<String> {
        let (running, now) = (gateway(before, None), gateway(after, None));
        restart_keys(&with_reloadable(&running, &now), &now)
    }

    #[test]
    fn a_setting_that_waits_for_a_restart_is_named() {
        for (before, after, expected) in [
            ("", "limits: { inFlight: 9 }\n", "limits.inFlight"),
            ("", "upstream: { url: \"https://a.example\" }\n", "upstream.url"),
            ("", "listen: 127.0.0.1:9999\n", "listen"),
            ("", "instance: { labels: { team: a } }\n", "instance.labels.team"),
            ("instance: { labels: { team: a } }\n", "", "instance.labels.team"),
            ("", "masks: { names: [x] }\n", "masks.names"),
            (
                "upstream: { url: \"https://a.example\", proxy: \"http://u:one@p:1\" }\n",
                "upstream: { url: \"https://a.example\", proxy: \"http://u:two@p:1\" }\n",
                "upstream.proxy",
            ),
            (
                "upstream: { url: \"https://a.example\", proxy: \"http://u:one@p:1\" }\n",
                "upstream: { url: \"https://a.example\", proxy: \"http://u:two@q:1\" }\n",
                "upstream.proxy",
            ),
            (
                "listen: \"unix:/run/p.sock\"\n",
                "listen: [{ address: \"unix:/run/p.sock\", mode: \"0600\" }]\n",
                "listen",
            ),
        ] {
            assert_eq!(keys(before, after), [expected], "{after}");
        }
    }

    #[test]
    fn what_applies_at_once_waits_for_nothing() {
        for after in [
            "contract: { unknownFields: warn, fallthrough: deny, defaultApiVersion: \"2026-05-12\" }\n",
            "removed: [x]\nreload: { watch: false, interval: 5s, removals: allow }\n",
            "logs: { level: debug }\nenvironment: { names: [staging] }\n",
            "limits: { inFlight: 4096 }\n",
        ] {
            assert_eq!(keys("", after), [""; 0], "{after}");
        }
    }

    #[test]
    fn a_key_that_a_flag_overrides_waits_for_nothing() {
        let (running, now) = (gateway("", Some("[::1]:1")), gateway("listen: 127.0.0.1:9999\n", Some("[::1]:1")));
        assert_eq!(restart_keys(&running, &now), [""; 0]);
    }
}
