//! Builds the contract from the texts of its files.

mod completion;
mod placement;

use super::contract_file::ContractFile;
use super::operation::Operation;
use super::overlay::Overlays;
use super::route::Routes;
use super::spec_source::SpecSource;
use super::version::{is_date, is_of_family};
use super::{ANY_VERSION, Applied, BodySchema, Contract};
use crate::diagnostic::Diagnostic;
use aws_lc_rs::digest;
use completion::MissingFamilies;
use placement::{place_any_version, place_elsewhere, place_operations};
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
    #[error("`contract.defaultApiVersion` is not a known version; known are {known}, and `any`")]
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

    /// Of the texts that are built into the program, those of other APIs, with the overlay of all.
    fn built_in_families() -> Self {
        Self { versions: vec![built_in!("platform-beta.json")], overlay: Some(built_in!("overlay.yaml")) }
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
        read(&ContractTexts::built_in(), None, default).map(|read| read.contract)
    }

    /// Whether it was made of `texts`.
    pub fn is_of(&self, texts: &ContractTexts) -> bool {
        self.fingerprint == fingerprint(texts)
    }

    /// A contract of the operator, with every schema compiled. Families of operations that it has no file of are those of the
    /// built-in contract.
    ///
    /// # Errors
    ///
    /// `default` is not one of its versions, or its files have errors: all of them.
    pub fn load(texts: &ContractTexts, default: &str) -> Result<Self, ContractError> {
        let families = ContractTexts::built_in_families();
        let read = read(texts, Some(&families), default)?;
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
        read(&ContractTexts { versions: vec![text], overlay }, None, &version).map(|read| read.contract)
    }
}

/// Reads the files of `texts`. `families` has those of other APIs, which are read in place of the ones that `texts` lacks.
fn read<'t>(
    texts: &'t ContractTexts,
    families: Option<&'t ContractTexts>,
    default: &str,
) -> Result<LoadedContract<'t>, ContractError> {
    let mut errors = Vec::new();
    let mut note = |found: Vec<Diagnostic>| errors.extend(found);
    let overlays = read_overlays(texts).map_err(&mut note).unwrap_or_default();
    let files = texts.versions.iter().filter_map(|text| Some((text, parse(text).map_err(|it| note(vec![it])).ok()?)));
    let mut files: Vec<(&ContractText, ContractFile)> = files.collect();
    let families = families.map(|families| MissingFamilies::of(&files, families)).transpose();
    let MissingFamilies { overlays: family_overlays, files: families } =
        families.map_err(&mut note).unwrap_or_default().unwrap_or_default();
    let own = files.len();
    files.extend(families);
    // each with the overlays that follow those of the operator
    let no_more = Overlays::default();
    let files =
        files.into_iter().enumerate().map(|(at, file)| (file, if at < own { &no_more } else { &family_overlays }));
    let mut files: Vec<_> = files.collect();
    // families behind the dates, among which requests choose
    files.sort_by_key(|((_, file), _)| (!is_date(&file.api_version), file.api_version.clone()));
    let dated = files.iter().filter(|((_, file), _)| is_date(&file.api_version)).count();
    note(repeated_versions(files.iter().map(|(file, _)| file)));
    let versions: Vec<Arc<str>> = files.iter().map(|((_, file), _)| file.api_version.as_ref().into()).collect();
    let sources: Vec<_> = files.iter().map(|((_, file), _)| file.source.clone()).collect();
    let mut routes = Routes::default();
    let mut of_versions = Vec::new();
    for (position, ((text, mut file), more)) in files.into_iter().enumerate() {
        overlays.add_operations(&mut file);
        note(place_operations(&mut routes, (text, file), (position, versions.len()), [&overlays, more]));
        of_versions.push(text);
    }
    note(place_elsewhere(&mut routes, versions.len(), &overlays));
    // last: it is made of what all versions have at a route
    place_any_version(&mut routes, dated, versions.len());
    if !errors.is_empty() {
        return Err(ContractError::Files(errors));
    }
    // a contract of one family, for display, has no other
    let known = versions.get(..dated).filter(|dated| !dated.is_empty()).unwrap_or(&versions);
    let position = || known.iter().position(|version| version.as_ref() == default);
    let default = if default == ANY_VERSION { Some(versions.len()) } else { position() };
    let default = default.ok_or_else(|| ContractError::Default { known: known.join(", ") })?;
    let mut words = HashSet::new();
    routes.visit(&mut |literals, _| words.extend(literals.iter().map(|word| Box::from(*word))));
    let (depth, harms, risks) = (routes.depth(), overlays.harms(), overlays.risks());
    let fingerprint = fingerprint(texts);
    let (listed, ids) = Default::default();
    let contract =
        Contract { versions, sources, dated, default, routes, harms, risks, depth, words, fingerprint, listed, ids };
    Ok(LoadedContract { contract, overlays, files: of_versions })
}

/// The contract of `texts`, without the proofs that a contract of an operator must pass.
#[cfg(test)]
pub(super) fn read_for_tests(texts: &ContractTexts, default: &str) -> Contract {
    read(texts, None, default).expect("valid files").contract
}

fn read_overlays(texts: &ContractTexts) -> Result<Overlays, Vec<Diagnostic>> {
    let overlays = texts.overlay.as_ref().map(|overlay| Overlays::read(&overlay.file, &overlay.text));
    overlays.unwrap_or_else(|| Ok(Overlays::default()))
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
    if let Some(defect) = file.source.as_ref().and_then(SpecSource::defect) {
        return Err(at(text, "source", defect.to_owned()));
    }
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
fn repeated_versions<'f>(files: impl Iterator<Item = &'f (&'f ContractText, ContractFile)> + Clone) -> Vec<Diagnostic> {
    let pairs = files.clone().zip(files.skip(1));
    let repeated = pairs.filter(|((_, one), (_, next))| one.api_version == next.api_version);
    let repeated = repeated.map(|((first, _), (second, file))| {
        at(second, &file.api_version, format!("{} is for this version already", first.file.display()))
    });
    repeated.collect()
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
                    // one schema of an overlay is in the operation of each version
                    let found = self.at_schema_of(&operation, message).filter(|found| !errors.contains(found));
                    errors.extend(found);
                }
            }
        }
        errors.extend(self.overlays.ineffective(&changed));
        errors.extend(self.overlays.unknown_harms(&self.contract.operations()));
        errors.extend(self.overlays.unknown_risks(&self.contract.operations()));
        errors.extend(self.overlays.ineffective_routes(&self.contract.operations()));
        errors.extend(self.unguarded_routes());
        errors
    }

    /// An error at the schema of the body of `operation`.
    fn at_schema_of(&self, operation: &Operation, message: String) -> Option<Diagnostic> {
        if let Some(place) = self.overlays.place_of_schema(operation) {
            return self.overlays.at(&place, message);
        }
        let position = self.contract.versions.iter().position(|version| *version == operation.api_version)?;
        Some(at(self.files.get(position)?, &operation.id, message))
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
