//! Why a gateway, or a part of one, could not be loaded or started.

use crate::diagnostic::Diagnostic;
use std::fmt::Display;

/// Why a gateway, or a part of one, could not be loaded or started.
#[derive(Clone, Debug)]
pub enum Error {
    /// Something outside the files failed: a port is taken, a certificate cannot be read. One line.
    Environment(String),
    /// The configuration, the contract, the policies or their tests are invalid: every error found in them.
    Invalid(Vec<Diagnostic>),
}

impl Error {
    pub(super) fn environment(error: impl Display) -> Self {
        Self::Environment(error.to_string())
    }
}
