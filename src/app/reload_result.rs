//! How a reload ended, for the log and for the caller that asked for it.

use super::Error;
use super::reload::ReloadError;
use crate::admin::{ReloadFault, ReloadReport};
use crate::telemetry::ReloadOutcome;

/// The report of a reload that ended so. `waiting` are the keys that take a restart.
pub(super) fn report<T>(reloaded: &Result<T, ReloadError>, revision: String, waiting: &[String]) -> ReloadReport {
    let (outcome, errors) = match reloaded {
        Ok(_) => (ReloadOutcome::Loaded, Vec::new()),
        Err(ReloadError::Rejected(Error::Invalid(errors))) => {
            (ReloadOutcome::Rejected, errors.iter().map(ReloadFault::from).collect())
        }
        Err(ReloadError::Rejected(Error::Environment(message))) => {
            (ReloadOutcome::Rejected, vec![ReloadFault::new(message)])
        }
        Err(ReloadError::Refused(removals)) => {
            (ReloadOutcome::Refused, removals.iter().map(ReloadFault::from).collect())
        }
    };
    ReloadReport { outcome, revision, restart_required: waiting.to_vec(), errors }
}

/// Logs the result, and each error.
pub(super) fn log_report(report: &ReloadReport) {
    match report.outcome {
        ReloadOutcome::Loaded => {
            tracing::info!(revision = report.revision, "policies reloaded");
            if !report.restart_required.is_empty() {
                let keys = report.restart_required.join(", ");
                tracing::warn!(keys, "settings of the configuration file are not applied: they require a restart");
            }
        }
        ReloadOutcome::Rejected => {
            tracing::error!("policies could not be reloaded; the previous ones stay in force");
        }
        ReloadOutcome::Refused => {
            tracing::error!(
                "policies were not reloaded, because that would remove rules; the previous ones stay in force"
            );
        }
    }
    // each as one event: log collectors split a snippet of several lines into several events
    for ReloadFault { file, line, column, message, help } in &report.errors {
        tracing::error!(file, line, column, help, "{message}");
    }
}
