//! The units of `config/systemd`.

use super::image::{instruction, words};
use super::{document, text};
use crate::support::source::around;

const UNIT: &str = "config/systemd/portcullis.service";

/// The values that a unit sets for a key, in their order.
fn values(key: &str) -> Vec<String> {
    let unit = text(UNIT);
    unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).map(str::to_owned).collect()
}

#[test]
fn a_host_has_the_layout_of_the_image() {
    assert_eq!(values("Environment"), [instruction("ENV")]);
    let program = format!("{} {}", words(&instruction("ENTRYPOINT"))[0], words(&instruction("CMD"))[0]);
    assert_eq!(values("ExecStart"), [program]);
}

/// The root file system is read-only to the service but for these.
#[test]
fn the_service_may_write_what_the_documentation_has_it_write() {
    let folders = [("/var/log/", "LogsDirectory"), ("/var/lib/", "StateDirectory"), ("/run/", "RuntimeDirectory")];
    assert_eq!(values("ProtectSystem"), ["strict"]);
    let mut found = 0;
    let pages = ["docs/deploying.md", "docs/observability.md", "docs/decision-log.md", "docs/configuration.md"];
    for file in pages.into_iter().chain(["config/gateway.yaml"]) {
        let text = text(file);
        for (root, key) in folders {
            let folder = values(key).pop().expect("a folder");
            for (before, after) in around(&text, root) {
                // `${dir}/run/` is no such path
                if before.ends_with(|letter: char| letter.is_alphanumeric() || letter == '}') {
                    continue;
                }
                found += 1;
                let rest = after.strip_prefix(&folder).unwrap_or("");
                assert!(
                    !rest.starts_with(char::is_alphanumeric) && after.starts_with(&folder),
                    "{file}: {root}{after:.30}"
                );
            }
        }
    }
    assert!(found > 2, "{found} paths only");
}

/// The last type that systemd knows is in force: `notify-reload`, which sends SIGHUP itself, is known since 253.
#[test]
fn the_service_reports_when_it_is_ready() {
    assert_eq!(values("Type"), ["notify", "notify-reload"]);
    assert!(values("ExecReload").is_empty(), "each reload would be two");
    assert_eq!(values("WatchdogSec").len(), 1);
}

/// A socket for an address that the gateway does not listen on stops its start.
#[test]
fn the_socket_has_the_addresses_of_the_defaults() {
    let gateway = document("config/gateway.yaml");
    let addresses: Vec<_> = [&gateway["listen"], &gateway["admin"]["listen"]].map(|it| it.as_str().unwrap()).into();
    let unit = text("config/systemd/portcullis.socket");
    let listens: Vec<_> = unit.lines().filter_map(|line| line.strip_prefix("ListenStream=")).collect();
    assert_eq!(listens, addresses);
}
