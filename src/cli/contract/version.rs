//! The version of the contract that an argument names: one in force, or a file.

use crate::app::load_contract_texts;
use crate::cli::exit::CommandError;
use crate::config::gateway::Gateway;
use crate::contract::{Contract, ContractError, ContractText, Operation};
use crate::diagnostic::Diagnostic;
use std::path::Path;
use std::sync::Arc;

/// The operations of one version.
pub(super) struct Version {
    pub(super) name: Arc<str>,
    pub(super) operations: Vec<Arc<Operation>>,
}

/// The version called `named`; the default one for `None`.
pub(super) fn find_version(contract: &Contract, named: Option<&str>) -> Result<Version, CommandError> {
    let named = named.unwrap_or_else(|| contract.default_or_newest());
    find(contract, named).ok_or_else(|| CommandError::Usage(format!("{}; known are {}", unknown(named), all(contract))))
}

/// The version called `named`, or the one in the contract file `named`, with the overlay in force.
pub(super) fn version_or_file(gateway: &Gateway, contract: &Contract, named: &str) -> Result<Version, CommandError> {
    // first: a file that happens to have the name of a version must not hide it
    if let Some(version) = find(contract, named) {
        return Ok(version);
    }
    let file = Path::new(named);
    if !file.is_file() {
        return Err(CommandError::Usage(format!("{} and not a file; known are {}", unknown(named), all(contract))));
    }
    let text = std::fs::read_to_string(file)
        .map_err(|error| CommandError::Invalid(vec![Diagnostic::of_file(file, format!("cannot be read: {error}"))]))?;
    let text = ContractText { file: file.to_owned(), text: text.into() };
    // with the overlay in force, a new spec is compared as it would be judged by
    let overlay = load_contract_texts(gateway)?.overlay;
    let contract = Contract::of_version(text, overlay).map_err(|error| match error {
        ContractError::Files(errors) => CommandError::Invalid(errors),
        ContractError::Default { .. } => CommandError::Invalid(vec![Diagnostic::of_file(file, error.to_string())]),
    })?;
    // a contract of one file has one version, its default
    find_version(&contract, None)
}

fn find(contract: &Contract, named: &str) -> Option<Version> {
    let name = contract.versions().iter().chain(contract.families()).find(|version| version.as_ref() == named)?;
    Some(Version { name: name.clone(), operations: contract.operations_of(name) })
}

fn unknown(named: &str) -> String {
    format!("`{}` is not a version of the contract", named.escape_debug())
}

fn all(contract: &Contract) -> String {
    let all: Vec<&str> = contract.versions().iter().chain(contract.families()).map(AsRef::as_ref).collect();
    all.join(", ")
}

/// The error of a schema that cannot be used.
pub(super) fn schema_error(error: &crate::contract::InvalidSchema) -> CommandError {
    CommandError::Failed(format!("a schema of the contract cannot be read: {error}"))
}
