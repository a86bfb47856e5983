//! `portcullis lsp`: a language server for editors.

use super::config_args::ConfigArgs;
use super::exit::{CommandError, Exit};
use super::run;
use crate::language_server::{SessionEnd, SessionSettings, serve};

pub(super) fn lsp(config: &ConfigArgs) -> Result<Exit, CommandError> {
    let settings =
        SessionSettings { config: config.file().map(ToOwned::to_owned), overrides: run::environment_overrides() };
    // of this process alone: only messages may be on standard output
    match serve(std::io::stdin(), std::io::stdout(), settings).map_err(CommandError::failure)? {
        SessionEnd::Orderly => Ok(Exit::Ok),
        SessionEnd::Abrupt => Ok(Exit::Failure),
    }
}
