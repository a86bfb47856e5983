//! `portcullis man`: write the manual pages to a folder.

use super::args::Args as CommandLine;
use super::console;
use super::exit::{CommandError, Exit};
use clap::{Args, CommandFactory};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// The folder to write to; it is created if it does not exist
    folder: PathBuf,
}

/// Writes `portcullis.1`, and a page for each command.
pub(super) fn man(args: &ManArgs) -> Result<Exit, CommandError> {
    let written = std::fs::create_dir_all(&args.folder)
        .and_then(|()| clap_mangen::generate_to(CommandLine::command(), &args.folder));
    let folder = args.folder.display();
    written.map_err(|error| CommandError::failure(format!("`{folder}` cannot be written: {error}")))?;
    console::print(&format!("wrote the manual pages to {folder}\n\nNext:\n  man -l {folder}/portcullis.1"))?;
    Ok(Exit::Ok)
}
