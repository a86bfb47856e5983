//! What SIGHUP reloads: policies, certificates, log files and the log level.

use super::signals::{Request, Signals};
use super::{Configuration, Error, certificates, compile_tested_policies};
use crate::diagnostic::Diagnostic;
use crate::gateway::WorkerContext;
use crate::server::ReloadableTls;
use crate::telemetry::{LevelHandle, Telemetry};
use std::sync::Arc;

/// Reloads on SIGHUP, and certificates also by themselves when their files change; returns on SIGTERM or SIGINT.
pub(super) async fn reload_until_stopped(
    mut signals: Signals,
    configuration: &Configuration,
    shared: &WorkerContext,
    tls: &[Arc<ReloadableTls>],
    level: &LevelHandle,
) {
    loop {
        tokio::select! {
            request = signals.next() => match request {
                Request::Stop => return,
                Request::Reload => {
                    // first, so that what the reload logs is at the configured level and in the new file
                    level.restore();
                    reopen_access_log(&shared.telemetry);
                    shared.telemetry.reopen_decision_log();
                    reload_policies(configuration, shared);
                    certificates::reload(tls).await;
                }
            },
            () = pingora_timeout::sleep(certificates::INTERVAL), if !tls.is_empty() => certificates::reload(tls).await,
        }
    }
}

fn reopen_access_log(telemetry: &Telemetry) {
    if let Err(error) = telemetry.reopen_access_log() {
        tracing::error!(%error, "the access log could not be reopened; the previous file is still written");
    }
}

/// Replaces the bundle by what the files hold now; keeps the current one if anything in them is invalid.
fn reload_policies(configuration: &Configuration, shared: &WorkerContext) {
    match compile_tested_policies(configuration) {
        Ok((bundle, texts)) => {
            texts.unread.iter().for_each(|file| log(file, false));
            let revision = bundle.revision.clone();
            shared.telemetry.bundle_loaded(&bundle);
            shared.gate.replace(Arc::new(bundle));
            tracing::info!(%revision, "policies reloaded");
        }
        Err(error) => {
            shared.telemetry.bundle_rejected();
            tracing::error!("policies could not be reloaded; the previous ones stay in force");
            match error {
                Error::Invalid(errors) => errors.iter().for_each(|error| log(error, true)),
                Error::Environment(message) => tracing::error!("{message}"),
            }
        }
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
