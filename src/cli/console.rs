//! Everything that the program prints goes through here, so that what reaches a terminal or a log is in one place, and is
//! [`printable()`].
//!
//! Texts are always styled. The streams of `anstream` strip the styles where they are not wanted: `--color`, `NO_COLOR`,
//! `CLICOLOR`, `CLICOLOR_FORCE`, `TERM=dumb`, or no terminal.

use super::exit::{CommandError, Exit};
use super::printable::printable;
use crate::diagnostic::Diagnostic;
use anstream::ColorChoice;
use clap::ValueEnum;
use std::io::{ErrorKind, IsTerminal, Write};

/// Prints the result of a command on standard output.
///
/// # Errors
///
/// It could not be written: a caller must not take half a result for a whole one.
pub(super) fn print(text: &str) -> Result<(), CommandError> {
    let mut out = anstream::stdout().lock();
    match writeln!(out, "{}", printable(text)).and_then(|()| out.flush()) {
        // the reader of a pipe, such as `head`, has seen enough; that is no error of ours
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(write_error(&error)),
        _ => Ok(()),
    }
}

fn write_error(error: &std::io::Error) -> CommandError {
    CommandError::Failed(format!("standard output cannot be written: {error}"))
}

/// Prints one of many lines on standard output; an error once its reader is gone.
pub(super) fn print_line(line: &str) -> std::io::Result<()> {
    writeln!(anstream::stdout().lock(), "{}", printable(line))
}

/// Prints a note on standard error. It is not a result, so that a failure to write it is ignored.
pub(super) fn note(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{}", printable(text));
}

/// Prints an error of one line on standard error.
pub(super) fn error(message: &str) {
    note(&format!("error: {message}"));
}

/// Prints the errors of files on standard error, with their number in the last line.
pub(super) fn errors(errors: &[Diagnostic]) {
    for error in errors {
        note(&format!("{}\n", error.render(true)));
    }
    note(&match errors.len() {
        1 => "1 error".to_owned(),
        many => format!("{many} errors"),
    });
}

/// Prints warnings on standard error.
pub(super) fn warn(warnings: &[Diagnostic]) {
    for warning in warnings {
        note(&format!("{}\n", warning.render_as_warning(true)));
    }
}

/// As [`warn`], with their number in the last line.
pub(super) fn warnings(warnings: &[Diagnostic]) {
    warn(warnings);
    match warnings.len() {
        0 => {}
        1 => note("1 warning; `--strict` makes it an error"),
        many => note(&format!("{many} warnings; `--strict` makes them errors")),
    }
}

/// Prints the error of a command, and returns the exit code for it.
pub(super) fn report(failure: &CommandError) -> Exit {
    match failure {
        CommandError::Failed(message) => {
            error(message);
            Exit::Failure
        }
        CommandError::Usage(message) => {
            error(message);
            Exit::Usage
        }
        CommandError::Invalid(invalid) => {
            errors(invalid);
            Exit::Invalid
        }
    }
}

/// Prints what clap found: help and version on standard output, errors on standard error.
///
/// # Errors
///
/// As [`print()`].
pub(super) fn usage(error: &clap::Error) -> Result<Exit, CommandError> {
    // styled like all else here: the stream knows whether to strip it
    let text = error.render().ansi().to_string();
    // clap returns `--help` and `--version` as errors, too
    if error.use_stderr() {
        note(text.trim_end());
        return Ok(Exit::Usage);
    }
    print(text.trim_end())?;
    Ok(Exit::Ok)
}

/// Whether standard error is a terminal.
pub(super) fn is_terminal_on_stderr() -> bool {
    std::io::stderr().is_terminal()
}

/// Columns of lines that are not written to a terminal.
const DEFAULT_WIDTH: usize = 100;
/// Narrower lines could not hold the name of a policy.
const LEAST_WIDTH: usize = 40;

/// How many columns lines on standard output may have: `COLUMNS`, or the width of the terminal, or 100 if it is none.
pub(super) fn width() -> usize {
    // POSIX: `COLUMNS` overrides what the terminal reports
    let variable = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    // of standard output alone: standard error may be a terminal while the result goes to a file
    let terminal = || Some(usize::from(terminal_size::terminal_size_of(std::io::stdout())?.0.0));
    variable.or_else(terminal).unwrap_or(DEFAULT_WIDTH).max(LEAST_WIDTH)
}

/// When output is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorWhen {
    /// On a terminal, unless `NO_COLOR`, `CLICOLOR=0` or `TERM=dumb` is set
    #[default]
    Auto,
    Always,
    Never,
}

/// Applies `--color` to everything that is printed from now on.
pub(super) fn set_color(when: ColorWhen) {
    match when {
        ColorWhen::Auto => ColorChoice::Auto,
        // not `Always`, which may call the console API of Windows instead of writing escapes
        ColorWhen::Always => ColorChoice::AlwaysAnsi,
        ColorWhen::Never => ColorChoice::Never,
    }
    .write_global();
}
