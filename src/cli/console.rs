//! All that the program prints goes through here, so that what reaches a terminal or a log can be read in one place.

use super::Exit;
use crate::span::Diagnostic;
use std::io::{IsTerminal, Write};

/// Prints the answer to what was asked, on standard output.
pub(super) fn say(text: &str) {
    // whoever stopped reading, such as `head`, wants no more of it
    let _ = writeln!(std::io::stdout().lock(), "{text}");
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

/// Tells what is likely a mistake, on standard error; the last line says how much that is.
pub(super) fn warnings(warnings: &[Diagnostic]) {
    let color = color_on_stderr();
    for warning in warnings {
        tell(&format!("{}\n", warning.render_as_warning(color)));
    }
    match warnings.len() {
        0 => {}
        1 => tell("1 warning; `--strict` makes it an error"),
        many => tell(&format!("{many} warnings; `--strict` makes them errors")),
    }
}

/// What clap has to say: help and version on standard output, errors on standard error.
pub(super) fn usage(error: &clap::Error) -> Exit {
    let _ = error.print();
    if error.use_stderr() { Exit::Usage } else { Exit::Fine }
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
