//! Loads the configuration file.

use super::check::check;
use super::file::GatewayFile;
use super::gateway::Gateway;
use super::overrides::Overrides;
use super::read_error::describe;
use crate::diagnostic::Diagnostic;
use crate::files::FileView;
use crate::manifest::{self, Lookup};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::io::Error;
use std::path::{self, Path, PathBuf};

/// Reads and checks a configuration file. `variables` looks up `${VAR}`, and the proxy of the environment.
///
/// # Errors
/// All errors, each with its place. The values are checked only if the file matches its schema.
pub fn load(file: &Path, overrides: &Overrides, variables: Lookup<'_>) -> Result<Gateway, Vec<Diagnostic>> {
    load_from(&FileView::default(), file, overrides, variables)
}

/// As [`load`], with the unsaved text of the file if `view` has one.
///
/// # Errors
/// As [`load`].
pub fn load_from(
    view: &FileView,
    file: &Path,
    overrides: &Overrides,
    variables: Lookup<'_>,
) -> Result<Gateway, Vec<Diagnostic>> {
    let text = read(view, file)?;
    of_text(file, &text, overrides, variables)
}

fn read(view: &FileView, file: &Path) -> Result<String, Vec<Diagnostic>> {
    if let Some(text) = view.unsaved_text(file) {
        return Ok(text.to_owned());
    }
    // by the view, which sees one version of a volume. But the file may be a pipe of a shell, whose link leads to no path
    let real = view.resolve(file).ok().filter(|real| real.exists());
    let bytes = std::fs::read(real.as_deref().unwrap_or(file)).map_err(|error| vec![unreadable(file, &error)])?;
    manifest::text(file, bytes).map_err(|error| vec![error])
}

/// As [`load`], with the text of the file, which need not exist.
///
/// # Errors
/// As [`load`].
pub fn of_text(
    file: &Path,
    text: &str,
    overrides: &Overrides,
    variables: Lookup<'_>,
) -> Result<Gateway, Vec<Diagnostic>> {
    // not `canonicalize`: relative paths belong beside the name of the file, which may be a link into a mounted volume
    let absolute = path::absolute(file).map_err(|error| vec![unreadable(file, &error)])?;
    let folder = absolute.parent().unwrap_or(&absolute);
    let mut documents = manifest::read_with_variables::<GatewayFile>(file, text, variables)?;
    if let Some(second) = documents.get(1) {
        return Err(vec![second.source.at("", "the configuration must be one document")]);
    }
    match documents.pop() {
        Some(only) => check(&only.value, &only.source, folder, overrides, variables),
        None => Err(vec![Diagnostic::of_file(file, "the file is empty")]),
    }
}

/// The policies that a configuration names, even if it has errors elsewhere.
#[derive(Debug)]
pub struct NamedPolicies {
    /// The files and folders of `policies` that exist.
    pub paths: Vec<PathBuf>,
    /// `contract.defaultApiVersion`; `None` if it is absent.
    pub default_api_version: Option<String>,
    /// The names of environments that the policies may match, besides those of credentials.
    pub environment_names: BTreeSet<String>,
}

/// The part of a configuration that names policies.
#[derive(Deserialize, JsonSchema)]
struct PolicyKeys {
    policies: Vec<String>,
    #[serde(default)]
    contract: ContractKeys,
    #[serde(default)]
    environment: EnvironmentKeys,
}

#[derive(Default, Deserialize, JsonSchema)]
struct EnvironmentKeys {
    name: Option<String>,
    #[serde(default)]
    names: Vec<String>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ContractKeys {
    folder: Option<String>,
    default_api_version: Option<String>,
}

/// The policies that the configuration in `file` names although it has errors, so that their errors can be reported with its own.
/// `None` if they cannot be determined, or if they are for a contract of the operator.
pub fn named_policies(view: &FileView, file: &Path, variables: Lookup<'_>) -> Option<NamedPolicies> {
    let text = read(view, file).ok()?;
    let absolute = path::absolute(file).ok()?;
    let part = manifest::read_with_variables::<PolicyKeys>(file, &text, variables).ok()?.pop()?.value;
    // without the contract that the policies are for, their errors could be consequences of using another one
    if part.contract.folder.is_some() {
        return None;
    }
    let folder = absolute.parent()?;
    let paths = part.policies.iter().map(|written| folder.join(written)).filter(|path| path.exists());
    let EnvironmentKeys { name, names } = part.environment;
    Some(NamedPolicies {
        paths: paths.collect(),
        default_api_version: part.contract.default_api_version,
        environment_names: name.into_iter().chain(names).collect(),
    })
}

fn unreadable(file: &Path, error: &Error) -> Diagnostic {
    Diagnostic::of_file(file, format!("cannot be read: {}", describe(error)))
}
