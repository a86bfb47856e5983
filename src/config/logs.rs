//! Checks `logs` of the configuration file.

use super::checker::{Setting, SettingsChecker};
use super::file::{AccessLogSection as AccessKeys, LogsSection as LogKeys};
use super::gateway::{AccessLogTarget, Logs};
use std::path::PathBuf;

impl SettingsChecker<'_> {
    pub(super) fn logs(&mut self, keys: &LogKeys) -> Logs {
        if !(0.0..=1.0).contains(&keys.sample_allowed) {
            let given = Setting::in_file("", "/logs/sampleAllowed");
            self.refuse(&given, "must be from 0 to 1", "`0.1` logs one request in ten");
        }
        let access = match &keys.access {
            AccessKeys::Stdout => AccessLogTarget::Stdout,
            AccessKeys::Off => AccessLogTarget::Off,
            AccessKeys::File(written) => AccessLogTarget::File(self.access_file(written)),
        };
        Logs { access, sample_allowed: keys.sample_allowed, format: keys.format, level: keys.level }
    }

    /// The path of the access log. The file need not exist, but its folder must.
    fn access_file(&mut self, written: &str) -> PathBuf {
        // creating the folder would hide that a volume is not mounted
        let (path, given) = (self.path(written), Setting::in_file(written, "/logs/access/file"));
        if path.metadata().is_ok_and(|there| !there.is_file()) {
            self.refuse(&given, "is not a file", "write `access: stdout` for standard output");
        } else if !path.parent().is_some_and(std::path::Path::is_dir) {
            self.refuse(
                &given,
                "is in a folder that does not exist",
                "create the folder; paths are relative to this file",
            );
        }
        path
    }
}
