//! `portcullis contract import`: from the vendor's OpenAPI specs to contract files.

use crate::cli::{Exit, Failure};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct ImportArgs {
    /// OpenAPI 3.0 or 3.1 specs, in YAML or JSON; one for each API version
    #[arg(value_name = "OPENAPI", required = true)]
    specs: Vec<PathBuf>,
    /// The folder to write the contract files to
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

pub(super) fn import(args: &ImportArgs) -> Result<Exit, Failure> {
    let specs = args.specs.len();
    Err(Failure::Trouble(format!("{specs} specs were named, none is read into {}", args.out.display())))
}
