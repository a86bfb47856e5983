//! What a reload does: it replaces policies, contract and certificates by what the files hold now.

use super::bundle::compile_tested;
use super::certificates::{Certificates, ReloadCause};
use super::sources::Sources;
use super::{Configuration, Error, service_manager};
use crate::diagnostic::Diagnostic;
use crate::gateway::WorkerContext;
use crate::judge::Bundle;
use crate::policy::LostRule;
use crate::telemetry::{LevelHandle, Telemetry};
use std::sync::{Arc, Mutex, PoisonError};

/// Reloads the files of a running gateway.
pub(super) struct Reloader {
    pub(super) configuration: Configuration,
    pub(super) shared: Arc<WorkerContext>,
    pub(super) certificates: Certificates,
    pub(super) level: LevelHandle,
    /// The digest of what the bundle in force was loaded from; empty until the first reload.
    pub(super) loaded: Mutex<Vec<u8>>,
}

/// Why the policies in force stay in force.
#[derive(Debug)]
pub enum ReloadError {
    /// The files cannot be read, or are invalid.
    Rejected(Error),
    /// The files are valid, and would remove or weaken rules that deny, which the configuration does not allow.
    Refused(Vec<LostRule>),
}

/// The bundle that replaces `before`, by what the files of `configuration` hold now.
///
/// # Errors
///
/// The files cannot be read or are invalid, or would remove rules. Then `before` is to stay in force.
pub fn load_replacement(configuration: &Configuration, before: &Bundle) -> Result<Bundle, ReloadError> {
    let sources = Sources::read_again(configuration).map_err(ReloadError::Rejected)?;
    replacement(configuration, before, &sources)
}

fn replacement(configuration: &Configuration, before: &Bundle, sources: &Sources) -> Result<Bundle, ReloadError> {
    let bundle = compile_tested(configuration, sources, Some(&before.contract)).map_err(ReloadError::Rejected)?;
    let mut removals = before.removals(&bundle);
    // A volume that is half mounted, a folder that was mistaken for another, a deleted file: the files are valid, and the gate
    // would be open.
    removals.retain(|removal| !sources.removal_rules.allow(&removal.name));
    if removals.is_empty() { Ok(bundle) } else { Err(ReloadError::Refused(removals)) }
}

impl Reloader {
    /// Reloads everything. Takes as long as compiling the policies: not for a thread that serves.
    ///
    /// # Errors
    ///
    /// The policies in force stay. The error was logged and counted.
    pub(super) fn reload(&self) -> Result<Arc<str>, ReloadError> {
        service_manager::report_reload();
        // first, so that what the reload logs is at the configured level and in the new file
        self.level.restore();
        reopen_access_log(&self.shared.telemetry);
        self.shared.telemetry.reopen_decision_log();
        let reloaded = self.reload_bundle();
        self.report(&reloaded);
        self.reload_certificates(ReloadCause::Signal);
        service_manager::report_ready(&self.shared.gate.bundle.load().revision, reloaded.is_ok());
        reloaded
    }

    /// Uses the certificates that the files hold now.
    pub(super) fn reload_certificates(&self, cause: ReloadCause) {
        self.certificates.reload(&self.configuration.gateway, cause);
        self.shared.telemetry.certificates_loaded(self.certificates.status());
    }

    fn reload_bundle(&self) -> Result<Arc<str>, ReloadError> {
        // one at a time: two would each compare their bundle with the one before both
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let sources = Sources::read_again(&self.configuration).map_err(ReloadError::Rejected)?;
        let before = self.shared.gate.bundle.load_full();
        let digest = sources.digest();
        // a storm of signals must not keep a core busy with compiling the same files
        if *loaded == digest && sources.errors.is_empty() {
            self.shared.telemetry.bundle_loaded(&before);
            return Ok(before.revision.clone());
        }
        let bundle = replacement(&self.configuration, &before, &sources)?;
        sources.texts.unread.iter().for_each(|file| log(file, false));
        let revision = bundle.revision.clone();
        self.shared.telemetry.bundle_loaded(&bundle);
        self.shared.gate.replace(Arc::new(bundle));
        *loaded = digest;
        Ok(revision)
    }

    fn report(&self, reloaded: &Result<Arc<str>, ReloadError>) {
        match reloaded {
            Ok(revision) => tracing::info!(%revision, "policies reloaded"),
            Err(ReloadError::Rejected(error)) => {
                self.shared.telemetry.bundle_rejected();
                tracing::error!("policies could not be reloaded; the previous ones stay in force");
                match error {
                    Error::Invalid(errors) => errors.iter().for_each(|error| log(error, true)),
                    Error::Environment(message) => tracing::error!("{message}"),
                }
            }
            Err(ReloadError::Refused(removals)) => {
                self.shared.telemetry.bundle_refused();
                tracing::error!(
                    "policies were not reloaded, because that would remove rules; the previous ones stay in force"
                );
                let help = "to remove it, name it in `removed` of the configuration file and reload";
                for removal in removals {
                    tracing::error!(name = %removal.name, help, "{removal}");
                }
            }
        }
    }
}

fn reopen_access_log(telemetry: &Telemetry) {
    if let Err(error) = telemetry.reopen_access_log() {
        tracing::error!(%error, "the access log could not be reopened; the previous file is still written");
    }
}

/// Logs an error or a warning of a file as one event: log collectors split a snippet of several lines into several events.
fn log(diagnostic: &Diagnostic, is_error: bool) {
    let (file, message, help) = (diagnostic.file.display(), &diagnostic.message, diagnostic.help.as_deref());
    let (line, column) = diagnostic.place().unzip();
    if is_error {
        tracing::error!(%file, line, column, help, "{message}");
    } else {
        tracing::warn!(%file, line, column, help, "{message}");
    }
}
