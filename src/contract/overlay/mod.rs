//! Corrections of the vendor's specs: small reviewed changes, each with its evidence, applied to the imported contract.
//!
//! An overlay also adds what clients call and no spec has ([`routes`]). A change without an effect is an error: either it is misspelt, or the spec was corrected and it can be removed.

mod add;
mod apply;
mod change;
mod routes;
mod source;

pub use add::{NewOperation, UnsupportedList};
pub use change::OverlayChange;

use super::Operation;
use super::glob::matches;
use super::harm::{Harm, HarmField};
use super::operation_risk::{OperationRisk, OperationRisks};
use crate::diagnostic::Diagnostic;
use crate::manifest::{self, Source};
use crate::suggest::nearest;
use routes::AddedOperation;
pub(super) use routes::{RouteOverlay, route_shape};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use source::ContractOverlay;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The JSON Schema of an overlay file, which gives editors completion, hover texts and checks.
pub(crate) fn schema() -> Value {
    schemars::schema_for!(ContractOverlay).to_value()
}

/// The part of a document by which an overlay is recognised.
#[derive(Deserialize, JsonSchema)]
struct OverlayHead {
    #[serde(rename = "kind")]
    _kind: source::OverlayKind,
}

/// Whether each document of the file is an overlay, by its content.
pub fn is_overlay_file(file: &Path, text: &str) -> bool {
    // first by its word: parsing is dear, and nearly no file among policies is one
    text.contains("ContractOverlay")
        && manifest::documents(file, text).is_ok_and(|documents| {
            // each: a policy in such a file must not vanish with it
            documents.iter().all(|document| manifest::decode::<OverlayHead>(document).is_ok())
        })
}

/// One change to the contract.
#[derive(Debug)]
pub struct Overlay {
    /// Its position in the list of overlays.
    position: usize,
    /// Its one-based line in the file.
    pub line: usize,
    /// Operation ids; `*` stands for any letters.
    pub operations: Vec<String>,
    /// The API versions that it applies to; `None` for all.
    pub versions: Option<Vec<String>>,
    /// The fields that it changes: JSON Pointers, or names, which match wherever they are declared.
    pub fields: Vec<String>,
    /// The change to each of the fields.
    pub change: OverlayChange,
    /// Why the spec is wrong: what was read, measured or sent.
    pub evidence: Arc<str>,
}

/// An overlay that changed a schema.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The overlay in the file.
    pub overlay: Arc<Overlay>,
    /// The positions of the fields with an effect, in its list of fields.
    pub fields: Vec<usize>,
}

/// The overlays of a contract, in the order of their file.
#[derive(Debug, Default)]
pub(super) struct Overlays {
    source: Option<Source>,
    entries: Vec<Arc<Overlay>>,
    /// The fields of each harm, verbatim.
    harms: BTreeMap<String, Vec<String>>,
    /// The operation ids of each risk, verbatim.
    risks: BTreeMap<OperationRisk, Vec<String>>,
    operations: Vec<AddedOperation>,
    routes: Vec<RouteOverlay>,
}

impl Overlays {
    /// Reads an overlay file. `file` is only its name in errors.
    ///
    /// # Errors
    ///
    /// The file has errors: all of them, each with its place.
    pub(super) fn read(file: &Path, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let mut manifests = manifest::read::<ContractOverlay>(file, text)?;
        if let Some(second) = manifests.get(1) {
            return Err(vec![second.source.at("", "the overlays of a contract are one document")]);
        }
        let Some(manifest) = manifests.pop() else { return Ok(Self::default()) };
        let ContractOverlay { overlays, harm: harms, risk: risks, routes, operations, .. } = manifest.value;
        let entries = overlays.into_iter().enumerate().map(|(position, written)| {
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
        let entries = entries.collect();
        let operations = operations.into_iter().enumerate().map(AddedOperation::new).collect();
        let routes = routes.into_iter().enumerate().map(RouteOverlay::new).collect();
        let overlays = Self { entries, harms, risks, operations, routes, source: Some(manifest.source) };
        let mut errors: Vec<_> = overlays.entries.iter().flat_map(|overlay| overlays.check(overlay)).collect();
        errors.extend(overlays.check_routes());
        if errors.is_empty() { Ok(overlays) } else { Err(errors) }
    }

    /// The errors that the JSON Schema of the file cannot express.
    fn check(&self, overlay: &Overlay) -> Vec<Diagnostic> {
        let Some(source) = &self.source else { return Vec::new() };
        let place = format!("/overlays/{}", overlay.position);
        let mut errors = Vec::new();
        if overlay.evidence.trim().is_empty() {
            errors.push(source.at(&format!("{place}/evidence"), "`evidence` is empty; a reviewer needs it"));
        }
        // a bare name matches where a field is declared, and a field to add is declared nowhere
        if matches!(overlay.change, OverlayChange::Add(_)) {
            let loose = overlay.fields.iter().enumerate().filter(|(_, field)| !field.starts_with('/'));
            errors.extend(loose.map(|(at, _)| {
                source.at(&format!("{place}/fields/{at}"), "a field to add must be a JSON Pointer such as `/name`")
            }));
        }
        errors
    }

    /// The harms that the file lists.
    pub(super) fn harms(&self) -> Vec<Harm> {
        let fields = |written: &[String]| written.iter().map(|field| HarmField::parse(field)).collect();
        self.harms.iter().map(|(name, written)| Harm { name: name.as_str().into(), fields: fields(written) }).collect()
    }

    /// An error for each field of a harm that no write operation takes: it is misspelt, or the spec has changed.
    pub(super) fn unknown_harms(&self, operations: &[Arc<Operation>]) -> Vec<Diagnostic> {
        let Some(source) = &self.source else { return Vec::new() };
        let fields = self.harms.iter().flat_map(|(name, written)| written.iter().enumerate().map(move |it| (name, it)));
        let unknown = fields.filter(|(_, (_, field))| {
            let field = HarmField::parse(field);
            !operations.iter().any(|operation| field.is_in(operation))
        });
        let errors = unknown.map(|(name, (position, field))| {
            let pointer = format!("/harm/{}/{position}", name.replace('~', "~0").replace('/', "~1"));
            source.at(&pointer, format!("`{field}` has no effect: no write operation takes it"))
        });
        errors.collect()
    }

    /// The operations of each risk that the file lists.
    pub(super) fn risks(&self) -> OperationRisks {
        let ids = |written: &[String]| written.iter().map(|id| Arc::from(id.as_str())).collect();
        self.risks.iter().map(|(risk, written)| (*risk, ids(written))).collect()
    }

    /// An error for each risk of an operation that the contract does not have: nothing would be listed for it.
    pub(super) fn unknown_risks(&self, operations: &[Arc<Operation>]) -> Vec<Diagnostic> {
        let Some(source) = &self.source else { return Vec::new() };
        let mut errors = Vec::new();
        for (risk, written) in &self.risks {
            let unknown = written.iter().enumerate();
            let unknown = unknown.filter(|(_, id)| !operations.iter().any(|it| it.id.as_ref() == id.as_str()));
            errors.extend(unknown.map(|(position, id)| {
                let pointer = format!("/risk/{}/{position}", risk.key());
                let error = source.at(&pointer, format!("`{id}` is not an operation of the contract"));
                match nearest(id, operations.iter().map(|it| it.id.as_ref())) {
                    Some(meant) => error.with_help(format!("did you mean `{meant}`?")),
                    None => error,
                }
            }));
        }
        errors
    }

    /// The overlays for `operation` in the API version `version`.
    pub(super) fn of(&self, operation: &str, version: &str) -> Vec<Arc<Overlay>> {
        self.entries.iter().filter(|overlay| overlay.is_for(operation, version)).cloned().collect()
    }

    /// The place of the schema that the file gives `operation` or one of its fields; `None` if it gives none. Of several, the last
    /// is a guess, and the nearest to what a reader edits.
    pub(super) fn place_of_schema(&self, operation: &Operation) -> Option<String> {
        let (id, version) = (operation.id.as_ref(), operation.api_version.as_ref());
        let gives_schema = |overlay: &&Arc<Overlay>| {
            matches!(overlay.change, OverlayChange::Add(_) | OverlayChange::Replace(_)) && overlay.is_for(id, version)
        };
        let of_field = self.entries.iter().rev().find(gives_schema);
        of_field
            .map(|overlay| format!("/overlays/{}/change", overlay.position))
            .or_else(|| self.place_of_body(id, version))
    }

    /// An error at `pointer` of the file.
    pub(super) fn at(&self, pointer: &str, message: String) -> Option<Diagnostic> {
        Some(self.source.as_ref()?.at(pointer, message))
    }

    /// An error for each operation, version and field of an overlay without an effect. `changed` has the overlays that changed each
    /// operation, and which of their fields did.
    pub(super) fn ineffective(&self, changed: &[(Arc<Operation>, Vec<Applied>)]) -> Vec<Diagnostic> {
        let Some(source) = &self.source else { return Vec::new() };
        let mut errors = Vec::new();
        for overlay in &self.entries {
            let effects: Vec<(&Operation, &[usize])> = changed
                .iter()
                .flat_map(|(operation, applied)| applied.iter().map(|applied| (operation.as_ref(), applied)))
                // by identity: two overlays of a file may be equal, and each needs an effect
                .filter(|(_, applied)| Arc::ptr_eq(&applied.overlay, overlay))
                .map(|(operation, applied)| (operation, applied.fields.as_slice()))
                .collect();
            errors.extend(overlay.ineffective_parts(&effects).into_iter().map(|(pointer, name)| {
                source.at(&pointer, format!("`{name}` has no effect: it is unknown to the contract, or already so"))
            }));
        }
        errors
    }
}

impl Overlay {
    fn is_for(&self, operation: &str, version: &str) -> bool {
        let is_version = |versions: &Vec<String>| versions.iter().any(|known| known == version);
        self.versions.as_ref().is_none_or(is_version) && self.operations.iter().any(|glob| matches(glob, operation))
    }

    /// Changes `schema`. Returns the positions of the fields that had an effect.
    pub(super) fn apply(&self, schema: &mut Value) -> Vec<usize> {
        let fields = self.fields.iter().enumerate();
        fields.filter(|(_, field)| apply::apply(&self.change, field, schema)).map(|(position, _)| position).collect()
    }

    /// The pointers and texts of the parts that have no share in `effects`.
    fn ineffective_parts(&self, effects: &[(&Operation, &[usize])]) -> Vec<(String, String)> {
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
