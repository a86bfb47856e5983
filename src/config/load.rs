//! From a configuration file to the checked configuration.

use super::check::check;
use super::file::File;
use super::gateway::Gateway;
use super::overrides::Overrides;
use crate::manifest::{self, Lookup};
use crate::span::Diagnostic;
use std::path::{self, Path};

/// Reads and checks a configuration file. `variables` says what `${VAR}` stands for.
///
/// # Errors
/// Every mistake found, each with its place. What the keys mean is looked at once the shape of the file is right.
pub fn load(file: &Path, overrides: &Overrides, variables: Lookup<'_>) -> Result<Gateway, Vec<Diagnostic>> {
    let unreadable =
        |error: &std::io::Error| vec![Diagnostic::of_file(file, format!("cannot be read: {}", error.kind()))];
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
