//! How a command ends: its exit code, or why it could not do its work.

use crate::app;
use crate::diagnostic::Diagnostic;
use std::fmt::Display;

/// The exit code of the program. Scripts rely on the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The command did its work.
    Ok = 0,
    /// Something outside failed: a port is taken, a certificate cannot be read.
    Failure = 1,
    /// The command line is invalid.
    Usage = 2,
    /// The configuration or a policy is invalid.
    Invalid = 3,
    /// The answer of the command is no. `explain`: the request is refused. `test`: a case fails. `replay`: a decision would
    /// change. `prove`: a rule is what it may not be. `contract diff`: a policy is affected. `contract check`: a spec differs. `selftest`: an attack passed. `verify-log`: the log was changed.
    Refused = 4,
}

/// Why a command could not do its work.
#[derive(Clone, Debug)]
pub enum CommandError {
    /// Something outside failed; one line.
    Failed(String),
    /// The command line is invalid; one line.
    Usage(String),
    /// The configuration or policies are invalid: every error in them.
    Invalid(Vec<Diagnostic>),
}

impl CommandError {
    pub(super) fn failure(error: impl Display) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<app::Error> for CommandError {
    fn from(error: app::Error) -> Self {
        match error {
            // mapped here, because only the command line knows of exit codes
            app::Error::Environment(message) => Self::Failed(message),
            app::Error::Invalid(errors) => Self::Invalid(errors),
        }
    }
}
