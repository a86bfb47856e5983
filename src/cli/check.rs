//! `portcullis check`: load everything, report every error in it, and show what would be enforced.

use super::config_args::ConfigArgs;
use super::console;
use super::enforcement::Enforcement;
use super::exit::{CommandError, Exit};
use crate::app;
use crate::policy::ProvableIdentity;
use clap::Args;
use std::path::PathBuf;
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
    let configuration = config.load_as_run(&args.paths)?;
    let (bundle, texts) = app::compile_tested_policies(&configuration)?;
    // for its errors only: a fingerprint of a secret is invalid, even if nothing is logged here
    app::decision_log::retention(&configuration.gateway, &bundle.contract)?;
    app::decision_log::signer(&configuration.gateway)?;
    // policies alone are checked where no gateway runs, and its listeners are not known
    let is_of_gateway = args.paths.is_empty();
    let provable = if is_of_gateway { app::provable_identity(&configuration.gateway) } else { ProvableIdentity::ALL };
    let mut lints = app::lints(&configuration, &bundle, &texts, provable);
    if !args.no_files && is_of_gateway {
        let errors = app::start_file_errors(&configuration.gateway);
        if !errors.is_empty() {
            return Err(CommandError::Invalid(errors));
        }
        lints.extend(app::secret_file_warnings(&configuration.gateway));
    }
    if args.strict && !lints.is_empty() {
        return Err(CommandError::Invalid(lints));
    }
    console::warnings(&lints);
    let listen: Vec<_> = configuration.gateway.listen.iter().map(|listener| listener.address.to_string()).collect();
    console::print(&format!("valid: would listen on {} and enforce", listen.join(", ")))?;
    console::print(&Enforcement { bundle: &bundle, width: console::width(), now: SystemTime::now() }.to_string())?;
    Ok(Exit::Ok)
}
