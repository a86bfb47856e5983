//! From a configuration file to the checked configuration.

use super::check::check;
use super::file::GatewayFile;
use super::gateway::Gateway;
use super::overrides::Overrides;
use super::read_error::describe;
use crate::diagnostic::Diagnostic;
use crate::manifest::{self, Lookup};
use schemars::JsonSchema;
use serde::Deserialize;
use std::io::Error;
use std::path::{self, Path, PathBuf};

/// Reads and checks a configuration file. `variables` says what `${VAR}` stands for.
///
/// # Errors
/// Every error found, each with its place. What the keys mean is looked at once the shape of the file is right.
pub fn load(file: &Path, overrides: &Overrides, variables: Lookup<'_>) -> Result<Gateway, Vec<Diagnostic>> {
    let bytes = std::fs::read(file).map_err(|error| vec![unreadable(file, &error)])?;
    let text = manifest::text(file, bytes).map_err(|error| vec![error])?;
    of_text(file, &text, overrides, variables)
}

/// As [`load`], of the text of a file, which need not be there.
///
/// # Errors
/// As [`load`].
pub fn of_text(
    file: &Path,
    text: &str,
    overrides: &Overrides,
    variables: Lookup<'_>,
) -> Result<Gateway, Vec<Diagnostic>> {
    let absolute = path::absolute(file).map_err(|error| vec![unreadable(file, &error)])?;
    let folder = absolute.parent().unwrap_or(&absolute);
    let mut documents = manifest::read_with_variables::<GatewayFile>(file, text, variables)?;
    if let Some(second) = documents.get(1) {
        return Err(vec![second.source.at("", "the configuration must be one document")]);
    }
    match documents.pop() {
        Some(only) => check(&only.value, &only.source, folder, overrides),
        None => Err(vec![Diagnostic::of_file(file, "the file says nothing")]),
    }
}

/// What a configuration says of policies, whatever else is wrong with it.
#[derive(Debug)]
pub struct NamedPolicies {
    /// The files and folders of `policies` that are there.
    pub paths: Vec<PathBuf>,
    /// `contract.defaultApiVersion`; none where it is not written.
    pub default_api_version: Option<String>,
}

/// The part of a configuration that names policies.
#[derive(Deserialize, JsonSchema)]
struct PolicyKeys {
    policies: Vec<String>,
    #[serde(default)]
    contract: ContractKeys,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ContractKeys {
    folder: Option<String>,
    default_api_version: Option<String>,
}

/// The policies that the broken configuration in `file` names, for their errors to be told with its own; none where that
/// cannot be told, or where they are for a contract of their own.
pub fn named_policies(file: &Path, variables: Lookup<'_>) -> Option<NamedPolicies> {
    let text = std::fs::read_to_string(file).ok()?;
    let absolute = path::absolute(file).ok()?;
    let part = manifest::read_with_variables::<PolicyKeys>(file, &text, variables).ok()?.pop()?.value;
    if part.contract.folder.is_some() {
        return None;
    }
    let folder = absolute.parent()?;
    let paths = part.policies.iter().map(|written| folder.join(written)).filter(|path| path.exists());
    Some(NamedPolicies { paths: paths.collect(), default_api_version: part.contract.default_api_version })
}

fn unreadable(file: &Path, error: &Error) -> Diagnostic {
    Diagnostic::of_file(file, format!("cannot be read: {}", describe(error)))
}
