//! Warns of files with secrets that other users of the machine can read or change.

use super::decision_log::{KEY, SIGNING_KEY};
use crate::config::gateway::Gateway;
use crate::diagnostic::Diagnostic;
use crate::manifest::field;
use rustix::process::{geteuid, getuid};
use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The variables that name a file with a private key.
const KEY_VARIABLES: [&str; 4] = [
    "OTEL_EXPORTER_OTLP_CLIENT_KEY",
    "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY",
    "OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY",
    "OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY",
];

/// A warning for each file with a secret that a start of `gateway` opens, if others than the gateway have access to it.
// a warning and not an error: a container's only user is the gateway, and the files of its volumes often are 0644
pub fn secret_file_warnings(gateway: &Gateway) -> Vec<Diagnostic> {
    let configured = configured_files(gateway).into_iter().filter_map(|(pointer, path)| {
        let exposed = ExposedFile::find(path)?;
        Some(exposed.warning(&field(&pointer), |message| gateway.source.at(&pointer, message)))
    });
    let named = KEY_VARIABLES.into_iter().filter_map(|variable| {
        let path = std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from)?;
        let exposed = ExposedFile::find(&path)?;
        let place = Path::new(variable);
        Some(exposed.warning(&format!("`{variable}`"), |message| Diagnostic::of_file(place, message)))
    });
    configured.chain(named).collect()
}

/// The files with secrets, each with the JSON Pointer to its place in the configuration.
fn configured_files(gateway: &Gateway) -> Vec<(String, &Path)> {
    let listeners = gateway.listen.iter().enumerate().filter_map(|(at, listener)| {
        Some((format!("/listen/{at}/tls/privateKeyFile"), listener.tls.as_ref()?.private_key_file.as_path()))
    });
    let client = gateway.upstream.client.as_ref();
    let client = client.map(|files| ("/upstream/clientPrivateKeyFile".to_owned(), files.private_key_file.as_path()));
    let log = gateway.decision_log.as_ref();
    let signing = log.and_then(|log| Some((SIGNING_KEY.to_owned(), log.signing_key_file.as_deref()?)));
    let fingerprints = log.and_then(|log| Some((KEY.to_owned(), log.fingerprints.as_ref()?.key_file.as_path())));
    listeners.chain(client).chain(signing).chain(fingerprints).collect()
}

/// A file to which others than the gateway have access.
struct ExposedFile<'a> {
    path: &'a Path,
    /// Its permissions.
    mode: u32,
    access: &'static str,
    /// Whether it is in a volume of Kubernetes, whose modes `chmod` cannot change.
    is_volume: bool,
}

impl<'a> ExposedFile<'a> {
    /// `None` if the file is well protected, or cannot be read: that is an error of its own.
    fn find(path: &'a Path) -> Option<Self> {
        // of the file that links lead to: those of Kubernetes' volumes are 0777
        let file = path.metadata().ok()?;
        let own = [geteuid(), getuid()].map(rustix::process::Uid::as_raw);
        let is_own = file.uid() != 0 && own.contains(&file.uid());
        let mode = file.mode() & 0o777;
        let access = access_of_others(mode, is_own && file.gid() != file.uid())?;
        Some(Self { path, mode, access, is_volume: path.canonicalize().is_ok_and(|real| is_in_volume(&real)) })
    }

    fn warning(&self, name: &str, at: impl FnOnce(String) -> Diagnostic) -> Diagnostic {
        let (path, mode) = (self.path.display(), self.mode);
        let warning = at(format!("{name} {path} has the mode {mode:04o}: {}", self.access));
        warning.with_help(if self.is_volume {
            "set `defaultMode: 0400` for the volume; with `fsGroup` of the pod, its group can read it too".to_owned()
        } else {
            format!("`chmod 0400 {path}` as the user of the gateway, or `chmod 0440` with a group of its own")
        })
    }
}

/// What others may do with a file of this mode. `None` if nothing. `is_private` is whether the owner is the user of the gateway,
/// which then does not read it by the group.
// A group that can read is common otherwise: `fsGroup` of Kubernetes, `ssl-cert` of Debian.
const fn access_of_others(mode: u32, is_private: bool) -> Option<&'static str> {
    match mode {
        _ if mode & 0o002 != 0 => Some("every user of this machine can change it"),
        _ if mode & 0o004 != 0 => Some("every user of this machine can read it"),
        _ if mode & 0o020 != 0 => Some("every user of its group can change it"),
        _ if mode & 0o040 != 0 && is_private => Some("every user of its group can read it"),
        _ => None,
    }
}

/// Whether the kubelet has written the file: into a folder that is named by the time, such as `..2026_05_12_08_30_00.123`.
fn is_in_volume(real: &Path) -> bool {
    real.parent().and_then(Path::file_name).map(OsStr::as_encoded_bytes).is_some_and(|name| name.starts_with(b".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_must_not_read_a_secret_and_groups_may() {
        for (mode, is_private, expected) in [
            (0o400, true, None),
            (0o600, true, None),
            (0o440, false, None),
            (0o640, false, None),
            (0o711, false, None),
            (0o440, true, Some("every user of its group can read it")),
            (0o660, false, Some("every user of its group can change it")),
            (0o644, false, Some("every user of this machine can read it")),
            (0o604, false, Some("every user of this machine can read it")),
            (0o666, false, Some("every user of this machine can change it")),
        ] {
            assert_eq!(access_of_others(mode, is_private), expected, "{mode:o} {is_private}");
        }
    }

    #[test]
    fn volumes_of_kubernetes_have_another_fix() {
        assert!(is_in_volume(Path::new("/etc/tls/..2026_05_12_08_30_00.123/tls.key")));
        assert!(!is_in_volume(Path::new("/etc/tls/tls.key")) && !is_in_volume(Path::new("/tls.key")));
    }
}
