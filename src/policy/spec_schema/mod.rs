//! `spec.schema`: a JSON Schema that bodies must fit besides the contract's.

mod checker;
mod keywords;
mod trivial;

use super::compile::Compiler;
use super::reads::Reads;
use crate::contract::compiled_schema::CompiledSchema;
use crate::contract::field::{Field, Pointer};
use crate::contract::field_tree::FieldTree;
use crate::contract::finding::{FindingKind, SchemaFinding};
use crate::contract::schema_mismatch::SchemaMismatch;
use crate::contract::{BodySchema, Operation};
use crate::document::{Document, PathStep};
use crate::manifest::json_schema_errors;
use serde_json::{Map, Value};
use std::sync::Arc;

/// The schema of a policy, ready to judge by.
#[derive(Debug)]
pub(super) struct PolicySchema {
    compiled: CompiledSchema,
    /// What of the body it reads.
    pub(super) reads: Reads,
}

/// Where a document says it.
const POINTER: &str = "/spec/schema";

impl Compiler<'_> {
    /// The schema, if it is a sound one for bodies of the `matched` operations.
    pub(super) fn schema(&mut self, written: &Map<String, Value>, matched: &[Arc<Operation>]) -> Option<PolicySchema> {
        let found = json_schema_errors(self.source, POINTER);
        let is_schema = found.is_empty();
        self.errors.extend(found);
        let schema = Value::Object(written.clone());
        let bodies: Vec<&FieldTree> =
            matched.iter().filter_map(|operation| Some(operation.body.as_ref()?.field_tree())).collect();
        if bodies.is_empty() && !matched.is_empty() {
            self.error(POINTER, "no operation that this policy matches has a JSON body, so the schema judges nothing");
        }
        let reads = checker::check(self, &schema, (!matched.is_empty()).then_some(bodies));
        self.reads.extend(&reads);
        if !is_schema || !self.errors.is_empty() {
            return None;
        }
        match CompiledSchema::compile(&schema) {
            Ok(compiled) => Some(PolicySchema { compiled, reads }),
            Err(error) => {
                let pointer = format!("{POINTER}{}", error.instance_path());
                self.error(&pointer, "`schema` cannot be used as a JSON Schema (2020-12)");
                None
            }
        }
    }
}

impl PolicySchema {
    /// Everything in `document` that does not fit, as it may be told. Nothing that is told holds a value of the body; below a
    /// secret field, none of the schema either, and no name that nobody declared.
    ///
    /// A body that is not there is one without fields, as servers read it.
    pub(super) fn findings(&self, operation: &Operation, document: Option<&Document>) -> Vec<SchemaFinding> {
        let Some(contract) = operation.body.as_ref().map(BodySchema::field_tree) else { return Vec::new() };
        let is_object = contract.types().iter().any(|name| name.as_ref() == "object");
        let empty = if document.is_none() && is_object { Document::parse(b"{}").ok() } else { None };
        let Some(document) = document.or(empty.as_ref()) else { return Vec::new() };
        let contract = Some(contract);
        self.compiled.mismatches(document).into_iter().map(|mismatch| self.finding(contract, mismatch)).collect()
    }

    fn finding(&self, contract: Option<&FieldTree>, mismatch: SchemaMismatch) -> SchemaFinding {
        let SchemaMismatch { keyword, steps, message, is_unknown } = mismatch;
        let secret = contract.and_then(|declared| secret_part(declared, &steps));
        let says_values = secret.is_some() && matches!(keyword, "enum" | "const" | "pattern");
        let shown = self.compiled.field_tree().reportable_field(&steps);
        let known = contract.and_then(|declared| declared.reportable_field(&steps));
        let field = match (shown, known) {
            (Some(Field::Undeclared { .. }), Some(known @ Field::Declared(_))) => Some(known),
            (Some(Field::Undeclared { .. }), _) if secret.is_some() => secret.map(Field::Declared),
            (shown, _) => shown,
        };
        SchemaFinding {
            kind: if is_unknown { FindingKind::Unknown } else { FindingKind::Invalid },
            keyword,
            field,
            message: if says_values { format!("does not fit the schema (`{keyword}`)") } else { message },
            suggestion: None,
        }
    }
}

/// The JSON Pointer of the secret field that `steps` lead to or into.
fn secret_part(contract: &FieldTree, steps: &[PathStep]) -> Option<String> {
    let (mut pointer, mut here) = (Pointer::default(), contract);
    for step in steps {
        (pointer, here) = match step {
            PathStep::Member(name) => (pointer.member(name), here.member(name)?),
            PathStep::Element(position) => (pointer.element(*position), here.elements()?),
        };
        if here.is_secret() {
            return pointer.field().map(|field| field.for_log());
        }
    }
    None
}
