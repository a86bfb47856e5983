//! `portcullis contract`: bring in newer contracts and look at the one in force, one command a file.

mod add;
mod check;
mod coverage;
mod diff;
mod field_name;
mod import;
mod list;
mod show;
mod suggest;
mod version;

use crate::cli::config_args::ConfigArgs;
use crate::cli::exit::{CommandError, Exit};
use clap::Subcommand;

/// What can be done with the contract. Comments here become the help texts.
#[derive(Debug, Subcommand)]
pub(super) enum ContractVerb {
    /// Read Clerk's OpenAPI specs and write one contract file for each API version
    Import(import::ImportArgs),
    /// List the operations, whether requests to each are inspected, and how many policies match it
    List(list::ListArgs),
    /// Show the schema of an operation, with its overlays
    Show(show::ShowArgs),
    /// Compare specs with the contract in force, and list what follows from each difference
    ///
    /// Ends with 4 where one matters: a new operation, a new or lost field, or a changed one.
    Check(check::SpecCheckArgs),
    /// Compare two versions, and list the policies and overlays affected
    ///
    /// Ends with 4 where a policy is affected.
    Diff(diff::DiffArgs),
    /// Add an operation that no spec has to the overlay in `contract.folder`
    Add(add::AddArgs),
    /// Write overlay entries for unknown fields in a decision log, to be reviewed
    ///
    /// Unknown API versions are listed, too: their specs are to be imported.
    Suggest(suggest::SuggestArgs),
    /// List the write operations and risky fields that no policy governs
    Coverage(coverage::CoverageArgs),
}

pub(super) fn contract(verb: &ContractVerb, config: &ConfigArgs) -> Result<Exit, CommandError> {
    match verb {
        ContractVerb::Import(args) => import::import(args),
        ContractVerb::List(args) => list::list(args, config),
        ContractVerb::Show(args) => show::show(args, config),
        ContractVerb::Check(args) => check::check(args, config),
        ContractVerb::Diff(args) => diff::diff(args, config),
        ContractVerb::Add(args) => add::add(args, config),
        ContractVerb::Suggest(args) => suggest::suggest(args),
        ContractVerb::Coverage(args) => coverage::coverage(args, config),
    }
}
