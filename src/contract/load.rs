//! Builds the contract from the texts of its files.

use super::contract_file::{ContractFile, OperationFile};
use super::guarded_route::{is_canonical_template, is_operation_id};
use super::operation::Operation;
use super::overlay::{Overlays, RouteOverlay};
use super::route::Routes;
use super::version::{is_date, is_of_family};
use super::{Applied, BodySchema, ByVersion, Contract};
use crate::diagnostic::Diagnostic;
use aws_lc_rs::digest;
use std::borrow::Cow;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

/// The text of a file of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractText {
    /// Its path, for errors.
    pub file: PathBuf,
    /// Its content.
    pub text: Cow<'static, str>,
}

/// The texts of all files of a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractTexts {
    /// One for each API version.
    pub versions: Vec<ContractText>,
    /// The corrections of the versions.
    pub overlay: Option<ContractText>,
}

/// Why a contract cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ContractError {
    /// Its files have errors: all of them, each with its place.
    #[error("{} errors in the contract", .0.len())]
    Files(Vec<Diagnostic>),
    /// The default API version is not one of the contract's.
    #[error("`contract.defaultApiVersion` is not a known version; known are {known}")]
    Default {
        /// The versions of the contract, separated by commas.
        known: String,
    },
}

// a macro, because `include_str!` takes a literal: the program needs no contract folder beside it
macro_rules! built_in {
    ($name:literal) => {
        ContractText {
            file: PathBuf::from(concat!("policies/contract/clerk/", $name)),
            text: Cow::Borrowed(include_str!(concat!("../../policies/contract/clerk/", $name))),
        }
    };
}

impl ContractTexts {
    /// The texts that are built into the program.
    pub fn built_in() -> Self {
        Self {
            versions: vec![
                built_in!("2021-02-05.json"),
                built_in!("2024-10-01.json"),
                built_in!("2025-03-12.json"),
                built_in!("2025-04-10.json"),
                built_in!("2025-11-10.json"),
                built_in!("2026-05-12.json"),
                built_in!("platform-beta.json"),
            ],
            overlay: Some(built_in!("overlay.yaml")),
        }
    }
}

/// A contract with its sources, for the errors of [`LoadedContract::verify`].
struct LoadedContract<'t> {
    contract: Contract,
    overlays: Overlays,
    /// The file of each version.
    files: Vec<&'t ContractText>,
}

impl Contract {
    /// The contract that is built into the program. Its schemas are compiled on first use; a test verifies them.
    ///
    /// # Errors
    ///
    /// `default` is not one of its versions.
    pub fn built_in(default: &str) -> Result<Self, ContractError> {
        read(&ContractTexts::built_in(), default).map(|read| read.contract)
    }

    /// Whether it was made of `texts`.
    pub fn is_of(&self, texts: &ContractTexts) -> bool {
        self.fingerprint == fingerprint(texts)
    }

    /// A contract of the operator, with every schema compiled.
    ///
    /// # Errors
    ///
    /// `default` is not one of its versions, or its files have errors: all of them.
    pub fn load(texts: &ContractTexts, default: &str) -> Result<Self, ContractError> {
        let read = read(texts, default)?;
        let errors = read.verify();
        if errors.is_empty() { Ok(read.contract) } else { Err(ContractError::Files(errors)) }
    }

    /// The contract of the file of one version, for display and comparison. An overlay without an effect on it is not an error:
    /// it may be for another version.
    ///
    /// # Errors
    ///
    /// The text is not a contract file.
    pub fn of_version(text: ContractText, overlay: Option<ContractText>) -> Result<Self, ContractError> {
        let version = parse(&text).map_err(|error| ContractError::Files(vec![error]))?.api_version;
        read(&ContractTexts { versions: vec![text], overlay }, &version).map(|read| read.contract)
    }
}

fn read<'t>(texts: &'t ContractTexts, default: &str) -> Result<LoadedContract<'t>, ContractError> {
    let mut errors = Vec::new();
    let mut note = |found: Vec<Diagnostic>| errors.extend(found);
    let overlays = texts.overlay.as_ref().map(|overlay| Overlays::read(&overlay.file, &overlay.text));
    let overlays = overlays.and_then(|overlays| overlays.map_err(&mut note).ok()).unwrap_or_default();
    let files = texts.versions.iter().filter_map(|text| Some((text, parse(text).map_err(|it| note(vec![it])).ok()?)));
    let mut files: Vec<(&ContractText, ContractFile)> = files.collect();
    // families behind the dates, among which requests choose
    let order = |file: &ContractFile| (!is_date(&file.api_version), file.api_version.clone());
    files.sort_by_key(|(_, file)| order(file));
    let dated = files.iter().filter(|(_, file)| is_date(&file.api_version)).count();
    note(repeated_versions(&files));
    let versions: Vec<Arc<str>> = files.iter().map(|(_, file)| file.api_version.as_ref().into()).collect();
    let mut routes = Routes::default();
    let mut of_versions = Vec::new();
    for (position, (text, mut file)) in files.into_iter().enumerate() {
        overlays.add_operations(&mut file);
        note(place_operations(&mut routes, text, file, (position, versions.len()), &overlays));
        of_versions.push(text);
    }
    if !errors.is_empty() {
        return Err(ContractError::Files(errors));
    }
    let default = versions.iter().position(|version| version.as_ref() == default);
    let default = default
        .ok_or_else(|| ContractError::Default { known: versions.get(..dated).unwrap_or_default().join(", ") })?;
    let mut words = HashSet::new();
    routes.visit(&mut |literals, _| words.extend(literals.iter().map(|word| Box::from(*word))));
    let depth = routes.depth();
    let harms = overlays.harms();
    let contract = Contract { versions, dated, default, routes, depth, words, harms, fingerprint: fingerprint(texts) };
    Ok(LoadedContract { contract, overlays, files: of_versions })
}

/// Parses `text`, but not the schemas in it.
fn parse(text: &ContractText) -> Result<ContractFile, Diagnostic> {
    let file: ContractFile = serde_json::from_str(&text.text).map_err(|error| {
        let lines = text.text.split_inclusive('\n').take(error.line().saturating_sub(1));
        let start = lines.map(str::len).sum::<usize>() + error.column().saturating_sub(1);
        // the span has the place already
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default().escape_debug().to_string();
        Diagnostic::at(
            &text.file,
            &Arc::from(text.text.as_ref()),
            start..start + 1,
            format!("not a contract file: {message}"),
        )
    })?;
    if is_date(&file.api_version) || is_of_family(&file.api_version) {
        return Ok(file);
    }
    let message =
        "`apiVersion` must be a date such as `2026-05-12`, or a family and its version such as `platform-beta`";
    Err(at(text, &file.api_version, message.to_owned()))
}

/// Whether `text` is a file of an API version, by its content.
pub fn is_contract_file(text: &str) -> bool {
    serde_json::from_str::<ContractFile>(text).is_ok()
}

/// An error for each version that has two files. `files` must be sorted by version.
fn repeated_versions(files: &[(&ContractText, ContractFile)]) -> Vec<Diagnostic> {
    let pairs = files.iter().zip(files.iter().skip(1));
    let repeated = pairs.filter(|((_, one), (_, next))| one.api_version == next.api_version);
    let repeated = repeated.map(|((first, _), (second, file))| {
        at(second, &file.api_version, format!("{} is for this version already", first.file.display()))
    });
    repeated.collect()
}

/// Adds the operations of a file to the routes. The file is for the version at `position` of `versions` many.
fn place_operations(
    routes: &mut Routes<ByVersion>,
    text: &ContractText,
    file: ContractFile,
    (position, versions): (usize, usize),
    overlays: &Overlays,
) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    let definitions = Arc::new(file.definitions);
    let version: Arc<str> = file.api_version.as_ref().into();
    for written in file.operations {
        if let Some(message) = unusable(&written) {
            errors.push(at(text, &written.id, message));
            continue;
        }
        let by_version = routes.entry(&written.path, &written.method, || vec![None; versions]);
        // versions are added from the oldest. Policies match ids: a new id for the same route would escape those written for
        // the old one
        let renamed = by_version.iter().take(position).flatten().find(|known| *known.id != *written.id);
        if let Some(known) = renamed {
            let message = format!("`{}` is `{}` in {}: give it one id", written.id, known.id, known.api_version);
            errors.push(at(text, &written.id, message));
        }
        let Some(place) = by_version.get_mut(position) else { continue };
        let schema = written.body.and_then(|body| body.schema);
        let schema = schema.map(|schema| BodySchema::new(schema, &definitions, overlays.of(&written.id, &version)));
        let operation = Operation {
            id: written.id.as_ref().into(),
            method: written.method.as_ref().into(),
            path: written.path.as_ref().into(),
            api_version: version.clone(),
            lists_422: written.statuses.contains(&422),
            body: schema,
            also_at: overlays
                .routes_of(&written.id)
                .flat_map(RouteOverlay::also_at)
                .map(|it| it.as_str().into())
                .collect(),
            query: overlays.query_of(&written.id),
            is_added: written.is_added,
        };
        let operation = Arc::new(operation);
        if let Some(first) = place.replace(operation.clone()) {
            let message = format!("`{}` and `{}` have the same method and path", first.id, written.id);
            errors.push(at(text, &written.id, message));
        }
        errors.extend(place_elsewhere(routes, &operation, (position, versions), overlays));
    }
    errors
}

/// Why the operation cannot be routed or named; `None` if it can.
fn unusable(written: &OperationFile) -> Option<String> {
    let id = written.id.escape_debug();
    if !is_operation_id(&written.id) {
        return Some(format!("`{id}` is no operation id: use letters, digits and `_`"));
    }
    if !written.method.bytes().all(|byte| byte.is_ascii_uppercase()) || written.method.is_empty() {
        return Some(format!("the method of `{id}` must be in upper case"));
    }
    let is_routable = is_canonical_template(&written.path);
    (!is_routable).then(|| format!("the path of `{id}` must be plain: lower-case segments and `{{parameters}}` only"))
}

/// Adds the other paths of an operation to the routes.
fn place_elsewhere(
    routes: &mut Routes<ByVersion>,
    operation: &Arc<Operation>,
    (position, versions): (usize, usize),
    overlays: &Overlays,
) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    for overlay in overlays.routes_of(&operation.id) {
        for path in overlay.also_at() {
            let mut refuse = |message| errors.extend(overlay.refuse(overlays.source(), message));
            // a request there must have the parameters that policies read
            if !parameters(path).eq(parameters(&operation.path)) {
                refuse(format!("`{path}` must have the parameters of `{}`, in their order", operation.path));
                continue;
            }
            let by_version = routes.entry(path, &operation.method, || vec![None; versions]);
            if let Some(other) = by_version.iter().flatten().find(|known| known.id != operation.id) {
                refuse(format!("`{path}` is the path of `{}`", other.id));
            } else if let Some(place) = by_version.get_mut(position)
                && place.replace(operation.clone()).is_some()
            {
                refuse(format!("`{}` is at `{path}` already", operation.id));
            }
        }
    }
    errors
}

/// The parameters of a path template.
fn parameters(template: &str) -> impl Iterator<Item = &str> {
    template.split('/').filter(|segment| segment.starts_with('{'))
}

impl LoadedContract<'_> {
    /// Compiles every schema. Returns an error for each that does not compile, for each overlay without an effect, and for each
    /// route that must be inspected and would not be.
    fn verify(&self) -> Vec<Diagnostic> {
        let mut errors = Vec::new();
        let mut changed: Vec<(Arc<Operation>, Vec<Applied>)> = Vec::new();
        for operation in self.contract.operations() {
            match operation.body.as_ref().map(BodySchema::verify) {
                None => {}
                Some(Ok(applied)) => changed.push((operation, applied)),
                Some(Err(error)) => {
                    let error = error.to_string();
                    let message = format!(
                        "the schema of the body of `{}` is not valid: {}",
                        operation.id,
                        error.replace(char::is_control, " ")
                    );
                    let position = self.contract.versions.iter().position(|version| *version == operation.api_version);
                    let file = position.and_then(|position| self.files.get(position));
                    errors.extend(file.map(|file| at(file, &operation.id, message)));
                }
            }
        }
        errors.extend(self.overlays.ineffective(&changed));
        errors.extend(self.overlays.unknown_harms(&self.contract.operations()));
        errors.extend(self.overlays.ineffective_routes(&self.contract.operations()));
        errors.extend(self.unguarded_routes());
        errors
    }

    /// An error for each route that must always be inspected and would not be.
    fn unguarded_routes(&self) -> Vec<Diagnostic> {
        let newest = self.contract.dated.checked_sub(1).and_then(|newest| self.files.get(newest));
        let Some(newest) = newest.or(self.files.last()) else { return Vec::new() };
        // a gateway with such a contract would forward the requests that it exists to check: it must not start
        let errors = self.contract.unguarded_routes().into_iter();
        errors.map(|message| Diagnostic::of_file(&newest.file, message)).collect()
    }
}

/// An error in a file, at the first JSON string that is `word`.
fn at(text: &ContractText, word: &str, message: String) -> Diagnostic {
    // serde keeps no places of values; for ids and versions the first occurrence is the right one
    let quoted = format!("\"{word}\"");
    match text.text.find(&quoted) {
        Some(start) => Diagnostic::at(&text.file, &Arc::from(text.text.as_ref()), start..start + quoted.len(), message),
        None => Diagnostic::of_file(&text.file, message),
    }
}

/// A SHA-256 over all texts, part of the revision of a bundle.
fn fingerprint(texts: &ContractTexts) -> Vec<u8> {
    let mut context = digest::Context::new(&digest::SHA256);
    for text in texts.versions.iter().chain(&texts.overlay) {
        // without the lengths, moving text from one file to the next would not change the hash
        context.update(&text.text.len().to_le_bytes());
        context.update(text.text.as_bytes());
    }
    context.finish().as_ref().to_vec()
}

#[cfg(test)]
mod tests;
