//! `portcullis check`: load everything, report every error in it, and show what would be enforced.

use super::config_args::ConfigArgs;
use super::console;
use super::enforcement::Enforcement;
use super::exit::{CommandError, Exit};
use super::run;
use super::sarif::{FindingRule, SarifLog};
use crate::app::{CheckScope, CheckedConfiguration, Error};
use crate::diagnostic::Diagnostic;
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Policy files or folders, in place of the configured ones
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Treat warnings as errors
    #[arg(long)]
    strict: bool,
    /// Do not open what only a start needs: certificates, keys and log files of the machine that it runs on
    #[arg(long)]
    no_files: bool,
    /// Write errors and warnings to this file as SARIF, for code review
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
}

pub(super) fn check(args: &CheckArgs, config: &ConfigArgs) -> Result<Exit, CommandError> {
    let checked = findings(args, config);
    if let Some(file) = &args.sarif {
        let mut log = SarifLog::new()?;
        match &checked {
            Ok(checked) => log.add_all(FindingRule::Doubtful, &checked.lints),
            Err(CommandError::Invalid(errors)) => log.add_all(FindingRule::Invalid, errors),
            // no finding in a file
            Err(CommandError::Failed(_) | CommandError::Usage(_)) => {}
        }
        log.write(file)?;
    }
    let CheckedConfiguration { configuration, bundle, lints, .. } = checked?;
    console::warnings(&lints);
    let gateway = &configuration.gateway;
    let listen: Vec<_> = gateway.listen.iter().map(|listener| listener.address.to_string()).collect();
    let proxy = gateway.upstream.proxy.as_ref().map(|proxy| format!(", reach the upstream through {proxy}"));
    console::print(&format!("valid: would listen on {}{} and enforce", listen.join(", "), proxy.unwrap_or_default()))?;
    console::print(&Enforcement { bundle: &bundle, width: console::width(), now: SystemTime::now() }.to_string())?;
    Ok(Exit::Ok)
}

/// What is configured, with its warnings.
///
/// # Errors
///
/// Every error, and with `--strict` every warning.
fn findings(args: &CheckArgs, config: &ConfigArgs) -> Result<CheckedConfiguration, CommandError> {
    let scope = CheckScope {
        config: config.file().map(ToOwned::to_owned),
        overrides: run::environment_overrides(),
        policies: args.paths.clone(),
        opens_files: !args.no_files,
    };
    let unsaved = Arc::default();
    let loaded = scope.load(&unsaved)?;
    let checked = scope.check(loaded.clone(), &unsaved, None);
    let mut checked =
        checked.map_err(|error| with_lints(error, scope.lints_of_valid(&loaded, &unsaved), args.strict))?;
    if args.strict && !checked.lints.is_empty() {
        return Err(CommandError::Invalid(std::mem::take(&mut checked.lints)));
    }
    Ok(checked)
}

/// `error` and `lints` in one report, so that the author sees all in one round: as warnings, or as errors if `is_strict`.
fn with_lints(error: Error, lints: Vec<Diagnostic>, is_strict: bool) -> CommandError {
    match error {
        Error::Invalid(errors) if is_strict => CommandError::Invalid(errors.into_iter().chain(lints).collect()),
        error => {
            console::warnings(&lints);
            error.into()
        }
    }
}
