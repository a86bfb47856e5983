//! `portcullis contract`: bring in newer contracts and look at the one in force, one command a file.

mod import;

use crate::cli::{Exit, Failure};
use clap::Subcommand;

/// What can be done with the contract. Comments here become the help texts.
#[derive(Debug, Subcommand)]
pub(super) enum ContractCommand {
    /// Read Clerk's OpenAPI specs and write one contract file for each API version
    Import(import::ImportArgs),
}

pub(super) fn contract(command: &ContractCommand) -> Result<Exit, Failure> {
    match command {
        ContractCommand::Import(args) => import::import(args),
    }
}
