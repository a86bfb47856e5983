//! The schema of an operation's body: stored as text, and compiled on first use.
//!
//! A contract has about a hundred of them for each API version, and a gateway uses a few: compiling all would slow down each
//! start and reload.

use super::any_version::AnyVersionSchema;
use super::compiled_schema::CompiledSchema;
use super::contract_file::Definitions;
use super::field_tree::FieldTree;
use super::finding::SchemaFinding;
use super::overlay::{Applied, Overlay};
use super::schema_bounds;
use crate::document::Document;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::sync::{Arc, OnceLock};

/// What the bodies of an operation must match.
#[derive(Debug)]
pub enum BodySchema {
    /// The schema of one API version.
    OfVersion(VersionSchema),
    /// The schemas of all API versions, one of which must accept the body.
    OfAny(AnyVersionSchema),
}

impl BodySchema {
    /// The names that the schema declares.
    pub fn field_tree(&self) -> &FieldTree {
        match self {
            Self::OfVersion(schema) => schema.field_tree(),
            Self::OfAny(schema) => schema.field_tree(),
        }
    }

    /// What is wrong with `document`, at most some dozens of findings.
    pub fn check(&self, document: &Document) -> Vec<SchemaFinding> {
        match self {
            Self::OfVersion(schema) => schema.compiled_schema().check(document),
            Self::OfAny(schema) => schema.check(document),
        }
    }

    /// The schema in force, with the overlays that changed it; that of the newest version for one of any version.
    ///
    /// # Errors
    ///
    /// The contract file does not hold JSON.
    pub fn effective(&self) -> Result<Effective, InvalidSchema> {
        match self {
            Self::OfVersion(schema) => schema.effective(),
            Self::OfAny(schema) => schema.newest().map_or_else(
                || Ok(Effective { schema: Value::Bool(true), overlays: Vec::new() }),
                VersionSchema::effective,
            ),
        }
    }

    /// Compiles it now, and returns the overlays that changed it. Nothing to do for one of any version: each has its own.
    ///
    /// # Errors
    ///
    /// It is not a valid JSON Schema, or refers to something outside itself.
    pub(super) fn verify(&self) -> Result<Vec<Applied>, InvalidSchema> {
        match self {
            Self::OfVersion(schema) => schema.verify(),
            Self::OfAny(_) => Ok(Vec::new()),
        }
    }
}

/// The JSON Schema that bodies of one operation must match in one API version, compiled when it is first used.
#[derive(Debug)]
pub struct VersionSchema {
    imported: Box<RawValue>,
    definitions: Arc<Definitions>,
    /// The overlays for this operation and version, in the order of their file. A later one applies to the result of an earlier one.
    overlays: Vec<Arc<Overlay>>,
    compiled: OnceLock<CompiledSchema>,
}

/// The schema in force: the imported one with its overlays applied.
#[derive(Clone, Debug)]
pub struct Effective {
    /// A JSON Schema (2020-12) without references to anything outside itself.
    pub schema: Value,
    /// The overlays that changed it.
    pub overlays: Vec<Applied>,
}

/// Why a schema of a contract file cannot be used. It quotes the contract only, never a request.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSchema {
    /// It is not JSON. A contract file that was loaded cannot have such a schema.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// It is not a valid JSON Schema.
    #[error("{0} (at `{path}` of the schema)", path = .0.instance_path())]
    Schema(#[from] Box<jsonschema::ValidationError<'static>>),
    /// Validating a body against it could take unbounded work.
    #[error("{0}")]
    OutOfBounds(String),
}

impl VersionSchema {
    pub(super) fn new(imported: Box<RawValue>, definitions: &Arc<Definitions>, overlays: Vec<Arc<Overlay>>) -> Self {
        Self { imported, definitions: definitions.clone(), overlays, compiled: OnceLock::new() }
    }

    /// The names that the schema declares.
    pub fn field_tree(&self) -> &FieldTree {
        self.compiled_schema().field_tree()
    }

    /// The schema in force, with the overlays that changed it.
    ///
    /// # Errors
    ///
    /// The contract file does not hold JSON.
    pub fn effective(&self) -> Result<Effective, InvalidSchema> {
        let mut schema = assemble(&self.imported, &self.definitions)?;
        let applied = self.overlays.iter().map(|overlay| (overlay, overlay.apply(&mut schema)));
        let applied = applied.filter(|(_, fields)| !fields.is_empty());
        let overlays = applied.map(|(overlay, fields)| Applied { overlay: overlay.clone(), fields }).collect();
        Ok(Effective { schema, overlays })
    }

    /// Compiles it now, unless it is compiled already, and returns the overlays that changed it.
    ///
    /// # Errors
    ///
    /// It is not a valid JSON Schema, or refers to something outside itself.
    pub(super) fn verify(&self) -> Result<Vec<Applied>, InvalidSchema> {
        let effective = self.effective()?;
        schema_bounds::check(&effective.schema).map_err(InvalidSchema::OutOfBounds)?;
        let compiled = CompiledSchema::compile(&effective.schema)?;
        // not `get_or_try_init`, which is unstable; a second compilation is harmless, since only one result is kept
        self.compiled.get_or_init(|| compiled);
        Ok(effective.overlays)
    }

    /// The compiled schema; one that accepts no body if it does not compile.
    pub(super) fn compiled_schema(&self) -> &CompiledSchema {
        let compile =
            || -> Result<CompiledSchema, InvalidSchema> { Ok(CompiledSchema::compile(&self.effective()?.schema)?) };
        // cannot happen: a test verifies the built-in contract, and `Contract::load` one from a folder. If it does, fail closed
        self.compiled.get_or_init(|| compile().unwrap_or_else(|_| CompiledSchema::unusable()))
    }
}

/// `schema` as a self-contained document: with the definitions that it refers to, directly or through others.
pub(super) fn assemble(schema: &RawValue, definitions: &Definitions) -> serde_json::Result<Value> {
    let mut schema: Value = serde_json::from_str(schema.get())?;
    // only what is referred to: a file has hundreds of definitions, and the validator compiles each that it is given
    let mut found = Map::new();
    let mut wanted = Vec::new();
    references(&schema, &mut wanted);
    while let Some(name) = wanted.pop() {
        let Some(definition) = definitions.get(name.as_str()).filter(|_| !found.contains_key(&name)) else { continue };
        let definition: Value = serde_json::from_str(definition.get())?;
        references(&definition, &mut wanted);
        found.insert(name, definition);
    }
    if let Some(schema) = schema.as_object_mut().filter(|_| !found.is_empty()) {
        schema.insert("$defs".into(), Value::Object(found));
    }
    Ok(schema)
}

/// Collects the definitions that `schema` itself refers to.
fn references(schema: &Value, wanted: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            // under `properties`, `$ref` can be the name of a field: its value is then a schema and not text
            let target = members.get("$ref").and_then(Value::as_str);
            wanted.extend(target.and_then(|target| target.strip_prefix("#/$defs/")).map(str::to_owned));
            members.values().for_each(|member| references(member, wanted));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, wanted)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{BodySchema, VersionSchema};
    use crate::contract::Contract;
    use crate::document::Document;
    use serde_json::value::{RawValue, to_raw_value};
    use serde_json::{Value, json};
    use std::sync::Arc;

    fn raw(schema: &Value) -> Box<RawValue> {
        to_raw_value(schema).expect("JSON")
    }

    fn body(schema: &Value) -> VersionSchema {
        let definitions = [
            ("A".into(), raw(&json!({ "type": "object", "properties": { "b": { "$ref": "#/$defs/B" } } }))),
            ("B".into(), raw(&json!({ "anyOf": [{ "type": "string" }, { "$ref": "#/$defs/B" }] }))),
            ("C".into(), raw(&json!({}))),
        ];
        VersionSchema::new(raw(schema), &Arc::new(definitions.into_iter().collect()), Vec::new())
    }

    #[test]
    fn a_schema_brings_along_what_it_refers_to() {
        let body = body(&json!({ "properties": { "a": { "$ref": "#/$defs/A" } } }));
        let effective = body.effective().expect("JSON").schema;
        let definitions = effective["$defs"].as_object().expect("definitions");
        assert_eq!(definitions.keys().collect::<Vec<_>>(), ["A", "B"]);
        assert!(body.field_tree().member("a").and_then(|a| a.member("b")).is_some());
    }

    #[test]
    fn a_schema_is_compiled_on_first_use_and_no_other_with_it() {
        let contract = Contract::built_in("2026-05-12").expect("the built-in contract is valid");
        let operations = contract.operations();
        let bodies: Vec<_> = operations
            .iter()
            .filter_map(|operation| match operation.body.as_ref()? {
                BodySchema::OfVersion(schema) => Some(schema),
                BodySchema::OfAny(_) => None,
            })
            .collect();
        let compiled = || bodies.iter().filter(|body| body.compiled.get().is_some()).count();
        assert_eq!(compiled(), 0);
        bodies[0].field_tree();
        bodies[0].compiled_schema().check(&Document::parse(bytes::Bytes::from_static(b"{}")).expect("JSON"));
        assert_eq!(compiled(), 1);
    }

    #[test]
    fn a_broken_schema_accepts_no_body_and_fails_verification() {
        for schema in [json!({ "type": "none" }), json!({ "$ref": "#/$defs/D" }), json!({ "pattern": "(?=a)" })] {
            let body = body(&schema);
            assert!(body.verify().is_err(), "{schema}");
            for text in ["{}", "null", r#"{"a":1}"#] {
                let findings = body
                    .compiled_schema()
                    .check(&Document::parse(bytes::Bytes::copy_from_slice(text.as_bytes())).expect("JSON"));
                assert_eq!(findings.len(), 1, "{schema} takes {text}");
            }
        }
    }
}
