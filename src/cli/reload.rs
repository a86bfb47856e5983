//! `portcullis reload`: have a running gateway load its files at once, and report the result.

use super::admin_address::AdminArgs;
use super::admin_client::AdminListener;
use super::config_args::ConfigArgs;
use super::console;
use super::exit::{CommandError, Exit};
use crate::admin::{ReloadFault, ReloadReport};
use crate::telemetry::ReloadOutcome;
use clap::Args;
use std::time::Duration;

/// Longest time for a reload: far more than compiling many policies and running their tests takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest report that is read, in bytes.
const LONGEST_REPORT: usize = 4 << 20;

#[derive(Debug, Args)]
pub(super) struct ReloadArgs {
    #[command(flatten)]
    admin: AdminArgs,
    /// Print the result as the gateway sends it, as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn reload(args: &ReloadArgs, config: &ConfigArgs) -> Result<Exit, CommandError> {
    let listener = AdminListener::at(args.admin.address(config)?).map_err(CommandError::failure)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CommandError::failure)?;
    let (status, text) =
        runtime.block_on(listener.post("/reload", PATIENCE, LONGEST_REPORT)).map_err(CommandError::failure)?;
    let report: ReloadReport = serde_json::from_str(&text).map_err(|_| {
        let why = text.lines().next().unwrap_or_default();
        CommandError::Failed(format!("{listener} did not reload: {status} {why}"))
    })?;
    if args.json {
        console::print(text.trim_end())?;
    }
    let is_in_force = report.outcome == ReloadOutcome::Loaded;
    match (args.json, is_in_force) {
        (true, true) => Ok(Exit::Ok),
        (true, false) => Ok(Exit::Invalid),
        (false, true) => {
            console::print(&summary(&report))?;
            Ok(Exit::Ok)
        }
        (false, false) => {
            console::note(&format!("revision {} stays in force\n", report.revision));
            Err(CommandError::Invalid(report.errors.iter().map(ReloadFault::to_diagnostic).collect()))
        }
    }
}

fn summary(report: &ReloadReport) -> String {
    let mut text = format!("revision {} is in force", report.revision);
    if !report.restart_required.is_empty() {
        text.push_str("\nnot applied until the gateway restarts: ");
        text.push_str(&report.restart_required.join(", "));
    }
    text
}
