//! From the texts of contract files to the contract.

use super::contract_file::ContractFile;
use super::operation::Operation;
use super::overlay::Overlays;
use super::route::Routes;
use super::version::is_date;
use super::{Applied, BodySchema, ByVersion, Contract, INSPECTED};
use crate::diagnostic::Diagnostic;
use aws_lc_rs::digest;
use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

/// The text of a file of the contract.
#[derive(Clone, Debug)]
pub struct ContractText {
    /// Where it was read.
    pub file: PathBuf,
    /// What it says.
    pub text: Cow<'static, str>,
}

/// The texts of all files of a contract.
#[derive(Clone, Debug)]
pub struct ContractTexts {
    /// One for each API version.
    pub versions: Vec<ContractText>,
    /// What the versions get wrong.
    pub overlay: Option<ContractText>,
}

/// Why a contract cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ContractError {
    /// Its files: everything that is wrong, each with its place.
    #[error("{} mistakes in the contract", .0.len())]
    Files(Vec<Diagnostic>),
    /// The default API version is not one of the contract's.
    #[error("`contract.defaultApiVersion` is not a known version; known are {known}")]
    Default {
        /// The versions there are.
        known: String,
    },
}

/// A file of the contract, built into the program.
macro_rules! built_in {
    ($name:literal) => {
        ContractText {
            file: PathBuf::from(concat!("policies/contract/clerk/", $name)),
            text: Cow::Borrowed(include_str!(concat!("../../policies/contract/clerk/", $name))),
        }
    };
}

impl ContractTexts {
    /// Those built into the program.
    pub fn built_in() -> Self {
        Self {
            versions: vec![
                built_in!("2021-02-05.json"),
                built_in!("2024-10-01.json"),
                built_in!("2025-03-12.json"),
                built_in!("2025-04-10.json"),
                built_in!("2025-11-10.json"),
                built_in!("2026-05-12.json"),
            ],
            overlay: Some(built_in!("overlay.yaml")),
        }
    }
}

/// A contract, and what it was made of.
struct LoadedContract<'t> {
    contract: Contract,
    overlays: Overlays,
    /// The file of each version.
    files: Vec<&'t ContractText>,
}

impl Contract {
    /// The contract built into the program. Its schemas are compiled when they are first asked for; a test proves them.
    ///
    /// # Errors
    ///
    /// `default` is not one of its versions.
    pub fn built_in(default: &str) -> Result<Self, ContractError> {
        read(&ContractTexts::built_in(), default).map(|read| read.contract)
    }

    /// A contract of somebody's own, proven as a whole.
    ///
    /// # Errors
    ///
    /// `default` is not one of its versions, or anything in its files is wrong: then all of it.
    pub fn load(texts: &ContractTexts, default: &str) -> Result<Self, ContractError> {
        let read = read(texts, default)?;
        let mistakes = read.prove();
        if mistakes.is_empty() { Ok(read.contract) } else { Err(ContractError::Files(mistakes)) }
    }

    /// The contract of one version's file, to be looked at and compared. Overlays that change nothing in it are no mistake.
    ///
    /// # Errors
    ///
    /// It is no contract file.
    pub fn of_version(text: ContractText, overlay: Option<ContractText>) -> Result<Self, ContractError> {
        let version = parse(&text).map_err(|mistake| ContractError::Files(vec![mistake]))?.api_version;
        read(&ContractTexts { versions: vec![text], overlay }, &version).map(|read| read.contract)
    }
}

fn read<'t>(texts: &'t ContractTexts, default: &str) -> Result<LoadedContract<'t>, ContractError> {
    let mut mistakes = Vec::new();
    let mut note = |found: Vec<Diagnostic>| mistakes.extend(found);
    let overlays = texts.overlay.as_ref().map(|overlay| Overlays::read(&overlay.file, &overlay.text));
    let overlays = overlays.and_then(|overlays| overlays.map_err(&mut note).ok()).unwrap_or_default();
    let files = texts.versions.iter().filter_map(|text| Some((text, parse(text).map_err(|it| note(vec![it])).ok()?)));
    let mut files: Vec<(&ContractText, ContractFile)> = files.collect();
    files.sort_by(|(_, one), (_, other)| one.api_version.cmp(&other.api_version));
    note(repeated_versions(&files));
    let versions: Vec<Arc<str>> = files.iter().map(|(_, file)| file.api_version.as_ref().into()).collect();
    let mut routes = Routes::default();
    let mut of_versions = Vec::new();
    for (position, (text, file)) in files.into_iter().enumerate() {
        note(place_operations(&mut routes, text, file, (position, versions.len()), &overlays));
        of_versions.push(text);
    }
    if !mistakes.is_empty() {
        return Err(ContractError::Files(mistakes));
    }
    let default = versions.iter().position(|version| version.as_ref() == default);
    let default = default.ok_or_else(|| ContractError::Default { known: versions.join(", ") })?;
    let contract = Contract { versions, default, routes, fingerprint: fingerprint(texts) };
    Ok(LoadedContract { contract, overlays, files: of_versions })
}

/// The file that `text` is; its schemas are not looked at.
fn parse(text: &ContractText) -> Result<ContractFile, Diagnostic> {
    let file: ContractFile = serde_json::from_str(&text.text).map_err(|error| {
        let lines = text.text.split_inclusive('\n').take(error.line().saturating_sub(1));
        let start = lines.map(str::len).sum::<usize>() + error.column().saturating_sub(1);
        // the place is told by the span
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default().escape_debug().to_string();
        Diagnostic::at(
            &text.file,
            &Arc::from(text.text.as_ref()),
            start..start + 1,
            format!("no contract file: {message}"),
        )
    })?;
    if is_date(&file.api_version) {
        return Ok(file);
    }
    Err(at(text, &file.api_version, "`apiVersion` must be a date such as `2026-05-12`".to_owned()))
}

/// `files` are sorted by version.
fn repeated_versions(files: &[(&ContractText, ContractFile)]) -> Vec<Diagnostic> {
    let pairs = files.iter().zip(files.iter().skip(1));
    let repeated = pairs.filter(|((_, one), (_, next))| one.api_version == next.api_version);
    let repeated = repeated.map(|((first, _), (second, file))| {
        at(second, &file.api_version, format!("{} is for this version, too", first.file.display()))
    });
    repeated.collect()
}

/// Puts the operations of a file where requests find them, at `position` of `versions`.
fn place_operations(
    routes: &mut Routes<ByVersion>,
    text: &ContractText,
    file: ContractFile,
    (position, versions): (usize, usize),
    overlays: &Overlays,
) -> Vec<Diagnostic> {
    let mut mistakes = Vec::new();
    let definitions = Arc::new(file.definitions);
    let version: Arc<str> = file.api_version.as_ref().into();
    for written in file.operations {
        let by_version = routes.entry(&written.path, &written.method, || vec![None; versions]);
        // versions are placed from the oldest; policies go by ids, so a new one would lead past those written for the old
        let renamed = by_version.iter().take(position).flatten().find(|known| *known.id != *written.id);
        if let Some(known) = renamed {
            let message = format!("`{}` is `{}` in {}: give it one id", written.id, known.id, known.api_version);
            mistakes.push(at(text, &written.id, message));
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
        };
        if let Some(first) = place.replace(Arc::new(operation)) {
            let message = format!("`{}` and `{}` are reached in the same way", first.id, written.id);
            mistakes.push(at(text, &written.id, message));
        }
    }
    mistakes
}

impl LoadedContract<'_> {
    /// Compiles every schema: what does not compile, and the overlays that change nothing.
    fn prove(&self) -> Vec<Diagnostic> {
        let mut mistakes = Vec::new();
        let mut changed: Vec<(Arc<Operation>, Vec<Applied>)> = Vec::new();
        for operation in self.contract.operations() {
            match operation.body.as_ref().map(BodySchema::prove) {
                None => {}
                Some(Ok(applied)) => changed.push((operation, applied)),
                Some(Err(error)) => {
                    let error = error.to_string();
                    let message = format!(
                        "the body of `{}` is no valid JSON Schema: {}",
                        operation.id,
                        error.replace(char::is_control, " ")
                    );
                    let position = self.contract.versions.iter().position(|version| *version == operation.api_version);
                    let file = position.and_then(|position| self.files.get(position));
                    mistakes.extend(file.map(|file| at(file, &operation.id, message)));
                }
            }
        }
        mistakes.extend(self.overlays.idle(&changed));
        mistakes.extend(self.unjudged());
        mistakes
    }

    /// The operations that must always be judged and could not be.
    fn unjudged(&self) -> Vec<Diagnostic> {
        let Some(newest) = self.files.last() else { return Vec::new() };
        let operations = self.contract.operations();
        let mistake = |id: &&str| {
            let known: Vec<_> = operations.iter().filter(|operation| *operation.id == **id).collect();
            let bodiless = known.iter().find(|operation| operation.body.is_none());
            match bodiless {
                Some(operation) => {
                    Some(format!("`{id}` has no JSON body in {}, so it is not judged", operation.api_version))
                }
                None => known.is_empty().then(|| format!("`{id}` is in no version, so it is not judged")),
            }
        };
        INSPECTED.iter().filter_map(mistake).map(|message| Diagnostic::of_file(&newest.file, message)).collect()
    }
}

/// A mistake in a file, at the first place where `word` stands as text.
fn at(text: &ContractText, word: &str, message: String) -> Diagnostic {
    let quoted = format!("\"{word}\"");
    match text.text.find(&quoted) {
        Some(start) => Diagnostic::at(&text.file, &Arc::from(text.text.as_ref()), start..start + quoted.len(), message),
        None => Diagnostic::of_file(&text.file, message),
    }
}

/// A SHA-256 over all texts.
fn fingerprint(texts: &ContractTexts) -> Vec<u8> {
    let mut context = digest::Context::new(&digest::SHA256);
    for text in texts.versions.iter().chain(&texts.overlay) {
        context.update(&text.text.len().to_le_bytes());
        context.update(text.text.as_bytes());
    }
    context.finish().as_ref().to_vec()
}

#[cfg(test)]
mod tests;
