//! `portcullis contract`: bring in newer contracts and look at the one in force, one command a file.

mod coverage;
mod diff;
mod field_name;
mod import;
mod show;
mod version;

use crate::cli::config_args::ConfigArgs;
use crate::cli::exit::{CommandError, Exit};
use clap::Subcommand;

/// What can be done with the contract. Comments here become the help texts.
#[derive(Debug, Subcommand)]
pub(super) enum ContractVerb {
    /// Read Clerk's OpenAPI specs and write one contract file for each API version
    Import(import::ImportArgs),
    /// Tell what the contract says of an operation, with what is laid over it
    Show(show::ShowArgs),
    /// Tell what changed between two versions, and which policies and overlays that touches
    ///
    /// Ends with 4 where a policy is affected.
    Diff(diff::DiffArgs),
    /// Tell which write operations and which risky fields no policy governs
    Coverage(coverage::CoverageArgs),
}

pub(super) fn contract(verb: &ContractVerb, config: &ConfigArgs) -> Result<Exit, CommandError> {
    match verb {
        ContractVerb::Import(args) => import::import(args),
        ContractVerb::Show(args) => show::show(args, config),
        ContractVerb::Diff(args) => diff::diff(args, config),
        ContractVerb::Coverage(args) => coverage::coverage(args, config),
    }
}
