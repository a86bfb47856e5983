//! What a start opens besides the configuration and the policies, opened for `check`: certificates, keys, logs, exporters.

use super::run::settings_of_telemetry;
use crate::config::gateway::{AccessLogTarget, Gateway};
use crate::diagnostic::Diagnostic;
use crate::server::{ReloadableTls, TlsError};
use crate::telemetry::Telemetry;
use crate::upstream::{Origin, TrustError, UpstreamConnector};
use rustix::fs::{Access, access};
use std::error::Error as _;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;

/// The errors with which a start of `gateway` would end, in the order of the configuration. Nothing is written.
pub fn start_file_errors(gateway: &Gateway) -> Vec<Diagnostic> {
    let mut errors = tls_errors(gateway);
    errors.extend(upstream_error(gateway));
    if let AccessLogTarget::File(file) = &gateway.logs.access {
        errors.extend(unwritable(gateway, file, "/logs/access/file", "logs.access.file"));
    }
    if let Some(log) = &gateway.decision_log {
        errors.extend(unwritable(gateway, &log.file, "/decisionLog/file", "decisionLog.file"));
    }
    errors.extend(telemetry_error(gateway));
    errors
}

fn tls_errors(gateway: &Gateway) -> Vec<Diagnostic> {
    let listeners = gateway.listen.iter().enumerate();
    let faults = listeners.filter_map(|(at, listener)| Some((at, ReloadableTls::load(listener.tls.as_ref()?).err()?)));
    faults.map(|(at, error)| tls_diagnostic(gateway, at, &error)).collect()
}

/// The error of the TLS files of the listener at this position, at its place in the configuration.
pub(super) fn tls_diagnostic(gateway: &Gateway, listener: usize, error: &TlsError) -> Diagnostic {
    let key = match error {
        TlsError::Unreadable { key, .. } | TlsError::Empty { key, .. } => key.replace('.', "/"),
        TlsError::Unusable { .. } => "tls".to_owned(),
    };
    gateway.source.at(&format!("/listen/{listener}/{key}"), error.to_string())
}

fn upstream_error(gateway: &Gateway) -> Option<Diagnostic> {
    let origin = match Origin::of(&gateway.upstream.target) {
        Ok(origin) => origin?,
        Err(error) => return Some(gateway.source.at("/upstream/url", error.to_string())),
    };
    UpstreamConnector::new(origin, &gateway.upstream).err().map(|error| upstream_tls_diagnostic(gateway, &error))
}

/// The error of the upstream's TLS files, at its place in the configuration.
pub(super) fn upstream_tls_diagnostic(gateway: &Gateway, error: &TrustError) -> Diagnostic {
    gateway.source.at(&format!("/upstream/{}", error.key()), error.to_string())
}

/// Why the log at `file` cannot be written.
fn unwritable(gateway: &Gateway, file: &Path, pointer: &str, key: &str) -> Option<Diagnostic> {
    let opened = if file.exists() {
        OpenOptions::new().append(true).open(file).map(drop)
    } else {
        let folder = file.parent().unwrap_or(Path::new("."));
        access(folder, Access::WRITE_OK | Access::EXEC_OK).map_err(io::Error::from)
    };
    let error = opened.err()?;
    let diagnostic = gateway.source.at(pointer, format!("`{key}` cannot be written: {error}"));
    Some(diagnostic.with_help("give the user of the gateway write permission, or check as that user"))
}

fn telemetry_error(gateway: &Gateway) -> Option<Diagnostic> {
    // its tasks are never polled: nothing is exported
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let error = Telemetry::start(settings_of_telemetry(gateway, runtime.handle().clone())).err()?;
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    Some(Diagnostic::of_file(Path::new("environment"), format!("{error}{cause}")))
}
