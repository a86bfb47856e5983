//! `portcullis completions`: print the completion script of a shell.

use super::args::Args as CommandLine;
use super::console;
use super::exit::{CommandError, Exit};
use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// Whose completion script to print
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn completions(args: &CompletionsArgs) -> Result<Exit, CommandError> {
    // into memory first: a closed pipe is an error of ours to report, and a panic in `generate`
    let mut script = Vec::new();
    generate(args.shell, &mut CommandLine::command(), "portcullis", &mut script);
    console::print(String::from_utf8_lossy(&script).trim_end())?;
    Ok(Exit::Ok)
}
