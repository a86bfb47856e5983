//! All that the program prints goes through here, so that what reaches a terminal or a log can be read in one place.

use super::{Exit, Failure};
use crate::diagnostic::Diagnostic;
use std::io::{ErrorKind, IsTerminal, Write};

/// Prints the answer to what was asked, on standard output.
///
/// # Errors
///
/// It could not be written: whoever asked must not take half an answer for one.
pub(super) fn say(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        // whoever stopped reading, such as `head`, wants no more of it
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(unwritten(&error)),
        _ => Ok(()),
    }
}

fn unwritten(error: &std::io::Error) -> Failure {
    Failure::Trouble(format!("standard output cannot be written: {error}"))
}

/// Prints one of many lines on standard output; an error if nobody reads them any more.
pub(super) fn stream(line: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout().lock(), "{line}")
}

/// Tells a person something besides the answer, on standard error.
pub(super) fn tell(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Tells why nothing came of it, in one line on standard error.
pub(super) fn complain(message: &str) {
    tell(&format!("error: {message}"));
}

/// Tells everything that is wrong with files, on standard error; the last line says how much that is.
pub(super) fn mistakes(mistakes: &[Diagnostic]) {
    let color = color_on_stderr();
    for mistake in mistakes {
        tell(&format!("{}\n", mistake.render(color)));
    }
    tell(&match mistakes.len() {
        1 => "1 error".to_owned(),
        many => format!("{many} errors"),
    });
}

/// Tells what is likely a mistake, on standard error.
pub(super) fn warn(warnings: &[Diagnostic]) {
    let color = color_on_stderr();
    for warning in warnings {
        tell(&format!("{}\n", warning.render_as_warning(color)));
    }
}

/// As [`warn`]; the last line says how much that is.
pub(super) fn warnings(warnings: &[Diagnostic]) {
    warn(warnings);
    match warnings.len() {
        0 => {}
        1 => tell("1 warning; `--strict` makes it an error"),
        many => tell(&format!("{many} warnings; `--strict` makes them errors")),
    }
}

/// What clap has to say: help and version on standard output, errors on standard error.
///
/// # Errors
///
/// As [`say`].
pub(super) fn usage(error: &clap::Error) -> Result<Exit, Failure> {
    match error.print().and_then(|()| std::io::stdout().flush()) {
        _ if error.use_stderr() => Ok(Exit::Usage),
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(unwritten(&error)),
        _ => Ok(Exit::Fine),
    }
}

/// Whether standard error takes colours.
pub(super) fn color_on_stderr() -> bool {
    std::io::stderr().is_terminal() && colors_are_welcome()
}

/// The same of standard output.
pub(super) fn color_on_stdout() -> bool {
    std::io::stdout().is_terminal() && colors_are_welcome()
}

fn colors_are_welcome() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
