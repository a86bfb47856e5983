//! `portcullis check`: load everything, report every error in it, and show what would be enforced.

use super::config_args::ConfigArgs;
use super::console;
use super::enforcement::Enforcement;
use super::exit::{CommandError, Exit};
use super::run;
use crate::app::{CheckScope, CheckedConfiguration};
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
}

pub(super) fn check(args: &CheckArgs, config: &ConfigArgs) -> Result<Exit, CommandError> {
    let scope = CheckScope {
        config: config.file().map(ToOwned::to_owned),
        overrides: run::environment_overrides(),
        policies: args.paths.clone(),
        opens_files: !args.no_files,
    };
    let unsaved = Arc::default();
    let CheckedConfiguration { configuration, bundle, lints } = scope.check(scope.load(&unsaved)?, &unsaved, None)?;
    if args.strict && !lints.is_empty() {
        return Err(CommandError::Invalid(lints));
    }
    console::warnings(&lints);
    let listen: Vec<_> = configuration.gateway.listen.iter().map(|listener| listener.address.to_string()).collect();
    console::print(&format!("valid: would listen on {} and enforce", listen.join(", ")))?;
    console::print(&Enforcement { bundle: &bundle, width: console::width(), now: SystemTime::now() }.to_string())?;
    Ok(Exit::Ok)
}
