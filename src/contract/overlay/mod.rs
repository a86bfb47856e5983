//! What the vendor's specs get wrong: small reviewed changes, each with its evidence, laid over the imported contract.
//!
//! A change that changes nothing is a mistake: either it is misspelt, or the spec was put right and it can go.

mod apply;
mod change;
mod source;

pub use change::OverlayChange;

use super::Operation;
use super::glob::matches;
use crate::diagnostic::Diagnostic;
use crate::manifest::{self, Source};
use serde_json::Value;
use source::ContractOverlay;
use std::path::Path;
use std::sync::Arc;

/// The JSON Schema of an overlay file, which gives editors completion, hover texts and checks.
pub(crate) fn schema() -> Value {
    schemars::schema_for!(ContractOverlay).to_value()
}

/// One change to the contract.
#[derive(Debug)]
pub struct Overlay {
    /// Its position in the file.
    position: usize,
    /// Its line in the file.
    pub line: usize,
    /// Operation ids; `*` stands for any letters.
    pub operations: Vec<String>,
    /// The API versions it is for; none for all.
    pub versions: Option<Vec<String>>,
    /// The fields it changes: JSON Pointers, or names that count wherever they are declared.
    pub fields: Vec<String>,
    /// What it does to them.
    pub change: OverlayChange,
    /// Why we know better than the spec.
    pub evidence: Arc<str>,
}

/// An overlay, and which of its fields it changed in one schema.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The overlay.
    pub overlay: Arc<Overlay>,
    /// Positions in its list of fields.
    pub fields: Vec<usize>,
}

/// The overlays of a contract, in the order of their file.
#[derive(Debug, Default)]
pub(super) struct Overlays {
    source: Option<Source>,
    entries: Vec<Arc<Overlay>>,
}

impl Overlays {
    /// Reads an overlay file; `file` is only its name in errors.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, each with its place.
    pub(super) fn read(file: &Path, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let mut manifests = manifest::read::<ContractOverlay>(file, text)?;
        if let Some(second) = manifests.get(1) {
            return Err(vec![second.source.at("", "the overlays of a contract are one document")]);
        }
        let Some(manifest) = manifests.pop() else { return Ok(Self::default()) };
        let entries = manifest.value.overlays.into_iter().enumerate().map(|(position, written)| {
            let line = manifest.source.line(&format!("/overlays/{position}/change")).unwrap_or_default();
            Arc::new(Overlay {
                position,
                line,
                operations: written.operations,
                versions: written.versions,
                fields: written.fields,
                change: written.change.into(),
                evidence: written.evidence.into(),
            })
        });
        let overlays = Self { entries: entries.collect(), source: Some(manifest.source) };
        let mistakes: Vec<_> = overlays.entries.iter().flat_map(|overlay| overlays.check(overlay)).collect();
        if mistakes.is_empty() { Ok(overlays) } else { Err(mistakes) }
    }

    /// What no schema of the file's shape can tell.
    fn check(&self, overlay: &Overlay) -> Vec<Diagnostic> {
        let Some(source) = &self.source else { return Vec::new() };
        let place = format!("/overlays/{}", overlay.position);
        let mut mistakes = Vec::new();
        if overlay.evidence.trim().is_empty() {
            mistakes.push(source.at(&format!("{place}/evidence"), "`evidence` is empty; a reviewer needs it"));
        }
        if matches!(overlay.change, OverlayChange::Add(_)) {
            let loose = overlay.fields.iter().enumerate().filter(|(_, field)| !field.starts_with('/'));
            mistakes.extend(loose.map(|(at, _)| {
                source.at(&format!("{place}/fields/{at}"), "a field to add must be a JSON Pointer such as `/name`")
            }));
        }
        mistakes
    }

    /// Those for `operation` in the API version `version`.
    pub(super) fn of(&self, operation: &str, version: &str) -> Vec<Arc<Overlay>> {
        self.entries.iter().filter(|overlay| overlay.is_for(operation, version)).cloned().collect()
    }

    /// A mistake for each operation, version and field by which an overlay changed nothing; `changed` says of an operation
    /// which overlays changed it, and which of their fields.
    pub(super) fn idle(&self, changed: &[(Arc<Operation>, Vec<Applied>)]) -> Vec<Diagnostic> {
        let Some(source) = &self.source else { return Vec::new() };
        let mut mistakes = Vec::new();
        for overlay in &self.entries {
            let effects: Vec<(&Operation, &[usize])> = changed
                .iter()
                .flat_map(|(operation, applied)| applied.iter().map(|applied| (operation.as_ref(), applied)))
                .filter(|(_, applied)| Arc::ptr_eq(&applied.overlay, overlay))
                .map(|(operation, applied)| (operation, applied.fields.as_slice()))
                .collect();
            mistakes.extend(overlay.idle_parts(&effects).into_iter().map(|(pointer, name)| {
                source.at(&pointer, format!("`{name}` changes nothing: it is unknown to the contract, or already so"))
            }));
        }
        mistakes
    }
}

impl Overlay {
    fn is_for(&self, operation: &str, version: &str) -> bool {
        let is_version = |versions: &Vec<String>| versions.iter().any(|known| known == version);
        self.versions.as_ref().is_none_or(is_version) && self.operations.iter().any(|glob| matches(glob, operation))
    }

    /// Changes `schema`; the positions of the fields by which it did.
    pub(super) fn apply(&self, schema: &mut Value) -> Vec<usize> {
        let fields = self.fields.iter().enumerate();
        fields.filter(|(_, field)| apply::apply(&self.change, field, schema)).map(|(position, _)| position).collect()
    }

    /// Place and text of what has no part in `effects`.
    fn idle_parts(&self, effects: &[(&Operation, &[usize])]) -> Vec<(String, String)> {
        let place = format!("/overlays/{}", self.position);
        let idle = |list: &str, names: &[String], has_effect: &dyn Fn(usize, &str) -> bool| {
            let names = names.iter().enumerate().filter(|(at, name)| !has_effect(*at, name));
            names.map(|(at, name)| (format!("{place}/{list}/{at}"), name.clone())).collect::<Vec<_>>()
        };
        let mut parts = idle("operations", &self.operations, &|_, glob| {
            effects.iter().any(|(operation, _)| matches(glob, &operation.id))
        });
        parts.extend(idle("versions", self.versions.as_deref().unwrap_or_default(), &|_, version| {
            effects.iter().any(|(operation, _)| operation.api_version.as_ref() == version)
        }));
        parts.extend(idle("fields", &self.fields, &|at, _| effects.iter().any(|(_, fields)| fields.contains(&at))));
        parts
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_schema_for_editors_is_the_codes() {
        assert!(
            include_str!("../../../policies/contract/overlay.schema.json") == format!("{:#}\n", super::schema()),
            "run `cargo run -- schema contract-overlay > policies/contract/overlay.schema.json`"
        );
    }
}
