//! Checks `instance` of the configuration file.

use super::checker::{Setting, SettingsChecker};
use super::file::InstanceSection;
use crate::policy::Instance;
use std::sync::Arc;

/// Most labels. Each line of the decision log has all of them.
const MOST_LABELS: usize = 32;
/// Longest name, and longest name and value of a label, in bytes.
const LONGEST: usize = 63;
/// What names, and the names and values of labels, consist of.
const LETTERS: &str = "1 to 63 letters, digits, `-`, `_`, `.` and `/`";

impl SettingsChecker<'_> {
    pub(super) fn instance(&mut self, keys: &InstanceSection) -> Instance {
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
        Instance { name: keys.name.as_deref().map(Arc::from), labels: labels.collect() }
    }
}

/// Whether `text` may be in logs, attributes of telemetry and terminals without an escape.
fn is_plain(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
    !text.is_empty() && text.len() <= LONGEST && text.bytes().all(is_letter)
}
