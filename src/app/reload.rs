//! What a reload does: it replaces policies, contract, certificates, and the settings that can change while the gateway runs, by what
//! the files hold now.

use super::bundle::{EarlierBundle, compile_tested};
use super::certificates::{Certificates, ReloadCause};
use super::check_memory::CheckMemory;
use super::file_set::FileSet;
use super::load_view::LoadView;
use super::reload_result::{log_report, report};
use super::restart_keys::{restart_keys, with_reloadable};
use super::{Configuration, Error, service_manager};
use crate::admin::ReloadReport;
use crate::diagnostic::Diagnostic;
use crate::gateway::WorkerContext;
use crate::judge::Bundle;
use crate::policy::LostRule;
use crate::telemetry::{LevelHandle, ReloadOutcome, Telemetry};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Time for which changed files have to rest before they are loaded without a request. Most tools write all of theirs in less.
const REST: Duration = Duration::from_millis(500);

/// Reloads the files of a running gateway.
pub(super) struct Reloader {
    pub(super) shared: Arc<WorkerContext>,
    pub(super) certificates: Certificates,
    pub(super) level: LevelHandle,
    pub(super) view: LoadView,
    pub(super) state: Mutex<ReloadState>,
}

/// What the gateway runs by, and what it last read.
pub(super) struct ReloadState {
    /// The configuration of the start, with what reloads applied of later ones.
    running: Configuration,
    /// What was found in the files in force.
    memory: CheckMemory,
    /// The digest of the files in force.
    in_force: Vec<u8>,
    /// The digest of the files that were last read, in force or rejected.
    // a set that was rejected is reported once, and not at each interval
    seen: Vec<u8>,
    /// The keys whose values in the file wait for a restart.
    waiting: Vec<String>,
}

impl ReloadState {
    /// `digest` is that of the files by which the gateway started, and `memory` what was found in them.
    pub(super) fn new(running: &Configuration, digest: Vec<u8>, memory: CheckMemory) -> Self {
        Self { running: running.clone(), memory, seen: digest.clone(), in_force: digest, waiting: Vec::new() }
    }
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
    let files = FileSet::read(configuration).map_err(ReloadError::Rejected)?;
    let before = EarlierBundle { gateway: &configuration.gateway, bundle: before, memory: &CheckMemory::default() };
    Ok(replacement(&files, before)?.0)
}

/// The bundle of `files`, which replaces `before`, and what was found in them.
fn replacement(files: &FileSet, before: EarlierBundle<'_>) -> Result<(Bundle, CheckMemory), ReloadError> {
    let now = &files.configuration.gateway;
    let compiled = compile_tested(&files.configuration, &files.sources, Some(before));
    let (bundle, memory) = compiled.map_err(ReloadError::Rejected)?;
    let mut removals = before.bundle.removals(&bundle);
    // A volume that is half mounted, a folder that was mistaken for another, a deleted file: the files are valid, and the gate
    // would be open.
    removals.retain(|removal| !now.removal_rules.allow(&removal.name));
    if removals.is_empty() { Ok((bundle, memory)) } else { Err(ReloadError::Refused(removals)) }
}

impl Reloader {
    /// Time between two reads of the files. `None` if they are read on request only.
    pub(super) fn interval(&self) -> Option<Duration> {
        let reload = self.state().running.gateway.reload;
        reload.watch.then_some(reload.interval)
    }

    /// Reloads everything, and reports the result, which was logged and counted. Takes as long as compiling the policies: not for a
    /// thread that serves.
    pub(super) fn reload(&self) -> ReloadReport {
        service_manager::report_reload();
        // first, so that what the reload logs is at the configured level and in the new file
        self.level.restore();
        reopen_access_log(&self.shared.telemetry);
        self.shared.telemetry.reopen_decision_log();
        let report = self.reload_files(&mut self.state());
        self.reload_certificates(ReloadCause::Signal);
        service_manager::report_ready(&report.revision, report.outcome == ReloadOutcome::Loaded);
        report
    }

    /// Reloads what changed since it was last read, if it has come to rest.
    pub(super) fn reload_changed(&self) {
        self.reload_certificates(ReloadCause::Interval);
        let mut state = self.state();
        let digest = FileSet::digest_now(&state.running);
        if digest == state.seen {
            return;
        }
        thread::sleep(REST);
        // else they are still being written, and are read again at the next interval
        if FileSet::digest_now(&state.running) == digest {
            let report = self.reload_files(&mut state);
            service_manager::report_status(&report.revision, report.outcome == ReloadOutcome::Loaded);
        }
    }

    /// Uses the certificates that the files hold now.
    pub(super) fn reload_certificates(&self, cause: ReloadCause) {
        self.certificates.reload(&self.state().running.gateway, cause);
        self.shared.telemetry.certificates_loaded(self.certificates.status());
    }

    // one at a time: two would each compare their bundle with the one before both
    fn state(&self) -> MutexGuard<'_, ReloadState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reload_files(&self, state: &mut ReloadState) -> ReloadReport {
        let reloaded = self.replace_bundle(state);
        let report = report(&reloaded, self.shared.gate.bundle.load().revision.to_string(), &state.waiting);
        if report.outcome != ReloadOutcome::Loaded {
            self.shared.telemetry.bundle_not_loaded(report.outcome);
        }
        self.shared.telemetry.restart_required(state.waiting.len());
        self.view.show_result(&report, reloaded.ok().flatten());
        // last, so that metrics and `/status` have what the log has
        log_report(&report);
        report
    }

    /// Returns the number of tests of the new bundle; `None` if the files are those in force.
    fn replace_bundle(&self, state: &mut ReloadState) -> Result<Option<usize>, ReloadError> {
        let (digest, files) = FileSet::read_with_digest(&state.running);
        state.seen.clone_from(&digest);
        let files = files.map_err(ReloadError::Rejected)?;
        files.sources.texts.unread.iter().for_each(log_warning);
        let before = self.shared.gate.bundle.load_full();
        // a storm of signals must not keep a core busy with compiling the same files
        if state.in_force == digest {
            self.shared.telemetry.bundle_loaded(&before);
            return Ok(None);
        }
        let earlier = EarlierBundle { gateway: &state.running.gateway, bundle: &before, memory: &state.memory };
        let (bundle, memory) = replacement(&files, earlier)?;
        let tests = memory.count_cases();
        self.shared.telemetry.bundle_loaded(&bundle);
        self.shared.gate.replace(Arc::new(bundle));
        self.apply(state, &files);
        (state.memory, state.in_force) = (memory, digest);
        Ok(Some(tests))
    }

    /// Applies the settings of `files` that can change at run time.
    fn apply(&self, state: &mut ReloadState, files: &FileSet) {
        let (before, now) = (&state.running.gateway, &files.configuration.gateway);
        if before.source.text() != now.source.text() {
            now.warnings.iter().for_each(log_warning);
        }
        self.level.configure(now.logs.level);
        self.view.apply(now);
        state.running.gateway = with_reloadable(before, now);
        state.waiting = restart_keys(&state.running.gateway, now);
    }
}

fn reopen_access_log(telemetry: &Telemetry) {
    if let Err(error) = telemetry.reopen_access_log() {
        tracing::error!(%error, "the access log could not be reopened; the previous file is still written");
    }
}

/// Logs a warning of a file as one event.
fn log_warning(warning: &Diagnostic) {
    let (file, message, help) = (warning.file.display(), &warning.message, warning.help.as_deref());
    let (line, column) = warning.place().unzip();
    tracing::warn!(%file, line, column, help, "{message}");
}
