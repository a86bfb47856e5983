//! `spec.schema` of a policy: a JSON Schema that bodies must match, in addition to the contract's.

mod checker;
mod keywords;
mod trivial;

use super::compile::Compiler;
use super::reads::Reads;
use crate::contract::check_bounds;
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

/// The compiled schema of a policy.
#[derive(Debug)]
pub(super) struct PolicySchema {
    /// The schema verbatim, by which two versions of a policy are compared.
    pub(super) source: Value,
    compiled: CompiledSchema,
    /// The parts of the body it reads.
    pub(super) reads: Reads,
}

/// The JSON Pointer to the schema in a policy document.
const POINTER: &str = "/spec/schema";

impl Compiler<'_> {
    /// Compiles the schema. Reports errors in it, and parts that do not fit the bodies of the `matched` operations.
    pub(super) fn schema(&mut self, written: &Map<String, Value>, matched: &[Arc<Operation>]) -> Option<PolicySchema> {
        let found = json_schema_errors(self.source, POINTER);
        let is_schema = found.is_empty();
        self.errors.extend(found);
        let schema = Value::Object(written.clone());
        let bodies: Vec<&FieldTree> =
            matched.iter().filter_map(|operation| Some(operation.body.as_ref()?.field_tree())).collect();
        if bodies.is_empty() && !matched.is_empty() {
            self.error(POINTER, "no operation that this policy matches has a JSON body, so the schema checks nothing");
        }
        let reads = checker::check(self, &schema, (!matched.is_empty()).then_some(bodies));
        self.reads.extend(&reads);
        // The validator is not asked about a schema with known errors: its own message would repeat one of them.
        if !is_schema || !self.errors.is_empty() {
            return None;
        }
        if let Err(message) = check_bounds(&schema) {
            self.error(POINTER, message);
            return None;
        }
        match CompiledSchema::compile(&schema) {
            Ok(compiled) => Some(PolicySchema { source: schema, compiled, reads }),
            Err(error) => {
                let pointer = format!("{POINTER}{}", error.instance_path());
                self.error(&pointer, "`schema` cannot be used as a JSON Schema (2020-12)");
                None
            }
        }
    }
}

impl PolicySchema {
    /// Everything in `document` that does not match, in words that may be shown to anyone: without values of the body and, below
    /// a secret field, without undeclared names and without values of the schema.
    ///
    /// A missing body is validated as `{}`, since that is how servers read it.
    pub(super) fn findings(&self, operation: &Operation, document: Option<&Document>) -> Vec<SchemaFinding> {
        let Some(contract) = operation.body.as_ref().map(BodySchema::field_tree) else { return Vec::new() };
        let is_object = contract.types().iter().any(|name| name.as_ref() == "object");
        let empty =
            if document.is_none() && is_object { Document::parse(bytes::Bytes::from_static(b"{}")).ok() } else { None };
        let Some(document) = document.or(empty.as_ref()) else { return Vec::new() };
        let contract = Some(contract);
        self.compiled.mismatches(document).into_iter().map(|mismatch| self.finding(contract, mismatch)).collect()
    }

    fn finding(&self, contract: Option<&FieldTree>, mismatch: SchemaMismatch) -> SchemaFinding {
        let SchemaMismatch { keyword, steps, message, is_unknown } = mismatch;
        let secret = contract.and_then(|declared| secret_part(declared, &steps));
        // An `enum` or a `pattern` for a password describes the password, so its text is left out.
        let reveals_values = secret.is_some() && matches!(keyword, "enum" | "const" | "pattern");
        let shown = self.compiled.field_tree().reportable_field(&steps);
        let known = contract.and_then(|declared| declared.reportable_field(&steps));
        let field = match (shown, known) {
            // a name that the contract declares is public, even if the policy's schema does not declare it
            (Some(Field::Undeclared { .. }), Some(known @ Field::Declared(_))) => Some(known),
            (Some(Field::Undeclared { .. }), _) if secret.is_some() => secret.map(Field::Declared),
            (shown, _) => shown,
        };
        SchemaFinding {
            kind: if is_unknown { FindingKind::Unknown } else { FindingKind::Invalid },
            keyword,
            field,
            message: if reveals_values { format!("does not fit the schema (`{keyword}`)") } else { message },
            suggestion: None,
        }
    }
}

/// The JSON Pointer of the secret field that `steps` lead to or into, if there is one.
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
