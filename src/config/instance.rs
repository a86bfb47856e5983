//! Checks `instance` of the configuration file.

use super::checker::{Setting, SettingsChecker};
use super::file::{EnvironmentSection, InstanceSection};
use crate::policy::{Instance, MatchedEnvironment};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Most labels. Each line of the decision log has all of them.
const MOST_LABELS: usize = 32;
/// Longest name, and longest name and value of a label, in bytes.
const LONGEST: usize = 63;
/// What names, and the names and values of labels, consist of.
const LETTERS: &str = "1 to 63 letters, digits, `-`, `_`, `.` and `/`";

impl SettingsChecker<'_> {
    pub(super) fn instance(&mut self, keys: &InstanceSection, environment: &EnvironmentSection) -> Instance {
        if let Some(name) = keys.name.as_ref().filter(|name| !is_plain(name)) {
            self.refuse(
                &Setting::in_file(name, "/instance/name"),
                &format!("must be {LETTERS}"),
                "such as `billing-eu-1`",
            );
        }
        if keys.labels.len() > MOST_LABELS {
            let what = format!("has more than {MOST_LABELS} labels");
            self.refuse(&Setting::in_file("", "/instance/labels"), &what, "keep those that policies read");
        }
        for (name, value) in keys.labels.iter().filter(|(name, value)| !is_plain(name) || !is_plain(value)) {
            let pointer = format!("/instance/labels/{}", name.replace('~', "~0").replace('/', "~1"));
            let what = format!("is a label whose name and value must be {LETTERS}");
            self.refuse(&Setting::in_file(value, pointer), &what, "such as `team: billing`");
        }
        let labels = keys.labels.iter().map(|(name, value)| (Arc::from(name.as_str()), Arc::from(value.as_str())));
        Instance {
            name: keys.name.as_deref().map(Arc::from),
            labels: labels.collect(),
            environment: environment.name.as_deref().map(Arc::from),
        }
    }

    /// The names of environments that policies may match, besides those of credentials.
    pub(super) fn environment_names(&mut self, keys: &EnvironmentSection) -> BTreeSet<String> {
        let own = keys.name.iter().map(|name| ("/environment/name".to_owned(), name));
        let others =
            keys.names.iter().enumerate().map(|(position, name)| (format!("/environment/names/{position}"), name));
        let mut names = BTreeSet::new();
        for (pointer, name) in own.chain(others) {
            let given = Setting::in_file(name, pointer);
            if matches!(MatchedEnvironment::from(name.clone()), MatchedEnvironment::OfCredential(_)) {
                let help = "`environment.override` sets the environment by which every request is judged";
                self.refuse(&given, "is an environment that the credential of a request decides", help);
            } else if !is_environment_name(name) {
                self.refuse(&given, "must be 1 to 63 lower-case letters, digits and `-`", "such as `staging`");
            }
            names.insert(name.clone());
        }
        names
    }
}

fn is_environment_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.len() <= LONGEST && name.bytes().all(is_letter)
}

/// Whether `text` may be in logs, attributes of telemetry and terminals without an escape.
fn is_plain(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
    !text.is_empty() && text.len() <= LONGEST && text.bytes().all(is_letter)
}
