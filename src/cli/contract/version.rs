//! Which version of the contract a person means: one in force, or a file.

use crate::cli::{Failure, load};
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

/// The version called `named`; the default one where it is not named.
pub(super) fn known(contract: &Contract, named: Option<&str>) -> Result<Version, Failure> {
    let named = named.unwrap_or_else(|| contract.default_version());
    find(contract, named).ok_or_else(|| Failure::Usage(format!("{}; known are {}", unknown(named), all(contract))))
}

/// The version called `named`, or that of the contract file `named`, with the overlay in force.
pub(super) fn known_or_file(gateway: &Gateway, contract: &Contract, named: &str) -> Result<Version, Failure> {
    if let Some(version) = find(contract, named) {
        return Ok(version);
    }
    let file = Path::new(named);
    if !file.is_file() {
        return Err(Failure::Usage(format!("{} and no file; known are {}", unknown(named), all(contract))));
    }
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::Broken(vec![Diagnostic::of_file(file, format!("cannot be read: {error}"))]))?;
    let text = ContractText { file: file.to_owned(), text: text.into() };
    let overlay = load::contract_texts(gateway)?.overlay;
    let contract = Contract::of_version(text, overlay).map_err(|error| match error {
        ContractError::Files(mistakes) => Failure::Broken(mistakes),
        ContractError::Default { .. } => Failure::Broken(vec![Diagnostic::of_file(file, error.to_string())]),
    })?;
    known(&contract, None)
}

fn find(contract: &Contract, named: &str) -> Option<Version> {
    let name = contract.versions().iter().find(|version| version.as_ref() == named)?;
    Some(Version { name: name.clone(), operations: contract.operations_of(name) })
}

fn unknown(named: &str) -> String {
    format!("`{}` is no version of the contract", named.escape_debug())
}

fn all(contract: &Contract) -> String {
    contract.versions().join(", ")
}

/// A schema of a contract file that cannot be read.
pub(super) fn broken(error: &crate::contract::InvalidSchema) -> Failure {
    Failure::Trouble(format!("a schema of the contract cannot be read: {error}"))
}
