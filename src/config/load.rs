//! From a configuration file to the checked configuration.

use super::check::check;
use super::file::File;
use super::gateway::Gateway;
use super::overrides::Overrides;
use crate::manifest::{self, Lookup};
use crate::span::Diagnostic;
use std::io::{Error, ErrorKind};
use std::path::{self, Path};

/// Reads and checks a configuration file. `variables` says what `${VAR}` stands for.
///
/// # Errors
/// Every mistake found, each with its place. What the keys mean is looked at once the shape of the file is right.
pub fn load(file: &Path, overrides: &Overrides, variables: Lookup<'_>) -> Result<Gateway, Vec<Diagnostic>> {
    let unreadable = |error: &Error| vec![Diagnostic::of_file(file, format!("cannot be read: {}", why(error)))];
    let text = std::fs::read_to_string(file).map_err(|error| unreadable(&error))?;
    let absolute = path::absolute(file).map_err(|error| unreadable(&error))?;
    let folder = absolute.parent().unwrap_or(&absolute);
    let mut documents = manifest::read_with_variables::<File>(file, &text, variables)?;
    if let Some(second) = documents.get(1) {
        return Err(vec![second.source.at("", "the configuration must be one document")]);
    }
    match documents.pop() {
        Some(only) => check(&only.value, &only.source, folder, overrides),
        None => Err(vec![Diagnostic::of_file(file, "the file says nothing")]),
    }
}

/// Why a file cannot be read, in words of ours: those of the system differ from one to the next.
pub(super) fn why(error: &Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        ErrorKind::PermissionDenied => "this process may not read it".to_owned(),
        ErrorKind::IsADirectory => "it is a folder".to_owned(),
        ErrorKind::InvalidData => "it is not text in UTF-8".to_owned(),
        other => other.to_string(),
    }
}
