//! The JSON Schema of an operation's body, compiled once, and its findings: field and keyword, never a value.

use super::confusable::find_confusables;
use super::document_adapter::{DocumentJson, SchemaNode, is_of_body};
use super::field::Pointer;
use super::field_tree::FieldTree;
use super::finding::{FindingKind, SchemaFinding};
use super::schema_mismatch::{MOST_FINDINGS, SchemaMismatch, mismatches};
use super::validation_budget::ValidationBudget;
#[cfg(test)]
use super::validation_budget::Work;
use crate::document::Document;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

/// A compiled schema of bodies.
#[derive(Debug)]
pub struct CompiledSchema {
    /// `None` if the schema does not compile: then no body matches it.
    validator: Option<Validator<DocumentJson>>,
    fields: FieldTree,
}

impl CompiledSchema {
    /// Compiles a JSON Schema (2020-12): no remote references, formats asserted, regular expressions in linear time. That a schema
    /// of the operator keeps to the bounds of [`super::schema_bounds`] is for the caller to check, once, when it is loaded.
    ///
    /// # Errors
    ///
    /// The schema is not valid, or refers to something outside itself.
    pub fn compile(schema: &Value) -> Result<Self, Box<ValidationError<'static>>> {
        let validator = jsonschema::options_for::<DocumentJson>()
            .with_draft(jsonschema::Draft::Draft202012)
            // the default engine backtracks: a body could make it run for exponential time
            .with_pattern_options(PatternOptions::regex())
            .should_validate_formats(true)
            .offline()
            .build(schema)
            .map_err(Box::new)?;
        Ok(Self { validator: Some(validator), fields: FieldTree::read(schema, schema) })
    }

    /// A replacement for a schema that does not compile: it declares nothing and accepts no body.
    pub(super) fn unusable() -> Self {
        Self { validator: None, fields: FieldTree::default() }
    }

    /// The names that the schema declares.
    pub const fn field_tree(&self) -> &FieldTree {
        &self.fields
    }

    /// What is wrong with `document`, at most some dozens of findings.
    pub(super) fn check(&self, document: &Document) -> Vec<SchemaFinding> {
        if self.validator.is_none() {
            return vec![broken_schema()];
        }
        let mut findings = Vec::new();
        find_confusables(document.root(), &self.fields, &Pointer::default(), &mut findings);
        findings.extend(self.mismatches(document).into_iter().filter_map(|mismatch| self.fields.finding(mismatch)));
        findings
    }

    /// The parts of `document` that do not match, at most some dozens; none if the schema is unusable. A document that takes more
    /// work than its budget does not match.
    pub fn mismatches(&self, document: &Document) -> Vec<SchemaMismatch> {
        let Some(validator) = &self.validator else { return Vec::new() };
        let budget = ValidationBudget::of(document.bytes());
        // most bodies are valid, and `is_valid` builds no errors
        let is_valid = validator.is_valid(SchemaNode::new(document.root(), &budget));
        if budget.is_spent() {
            return vec![SchemaMismatch::too_much_work()];
        }
        if is_valid { Vec::new() } else { errors(validator, document, &ValidationBudget::of(document.bytes())) }
    }

    /// [`Self::mismatches`], with the work of its two runs.
    #[cfg(test)]
    pub(super) fn mismatches_and_work(&self, document: &Document) -> (Vec<SchemaMismatch>, Work) {
        let validator = self.validator.as_ref().expect("a usable schema");
        let (first, second) = (ValidationBudget::of(document.bytes()), ValidationBudget::of(document.bytes()));
        let _ = validator.is_valid(SchemaNode::new(document.root(), &first));
        errors(validator, document, &second);
        let (first, second) = (first.work(document.bytes()), second.work(document.bytes()));
        let work = Work {
            steps: first.steps + second.steps,
            errors: first.errors + second.errors,
            overrun: first.overrun + second.overrun,
        };
        (self.mismatches(document), work)
    }

    /// Whether it compiles.
    pub(super) const fn is_usable(&self) -> bool {
        self.validator.is_some()
    }
}

/// The mismatches of a `document` that is not valid, within a `budget` of their own: the errors of alternatives are built, too, and
/// a list can have more of them than items.
fn errors(validator: &Validator<DocumentJson>, document: &Document, budget: &ValidationBudget) -> Vec<SchemaMismatch> {
    let errors = validator.iter_errors(SchemaNode::new(document.root(), budget)).filter(is_of_body);
    let found: Vec<_> = errors.take(MOST_FINDINGS).flat_map(|error| mismatches(&error)).collect();
    // it is known that there is one, even if the budget ended before the first was found
    if found.is_empty() { vec![SchemaMismatch::of_body()] } else { found }
}

/// The finding for every body if the schema itself is broken. Failing closed: the contract cannot be checked.
pub(super) fn broken_schema() -> SchemaFinding {
    SchemaFinding {
        kind: FindingKind::Invalid,
        keyword: "schema",
        field: None,
        message: "cannot be judged: the contract's schema for it is broken".to_owned(),
        suggestion: None,
    }
}

#[cfg(test)]
mod tests {
    use super::{CompiledSchema, FindingKind};
    use crate::document::Document;
    use serde_json::json;

    fn schema() -> CompiledSchema {
        let schema = json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["username"],
            "properties": {
                "username": { "type": "string", "maxLength": 8 },
                "password": { "type": ["string", "null"], "x-secret": true },
                "skip_password_checks": { "type": ["boolean", "null"] },
                "created_at": { "type": "string", "format": "date-time" },
                "emails": { "type": "array", "items": { "type": "string" } },
                "public_metadata": { "type": "object" },
            },
        });
        CompiledSchema::compile(&schema).expect("a valid schema")
    }

    fn findings(text: &str) -> Vec<(FindingKind, String, String)> {
        let document = Document::parse(bytes::Bytes::copy_from_slice(text.as_bytes())).expect(text);
        let findings = schema().check(&document).into_iter().map(|finding| {
            let field = finding.field.map(|field| field.for_caller()).unwrap_or_default();
            (finding.kind, field, format!("{} ({})", finding.message, finding.keyword))
        });
        findings.collect()
    }

    fn invalid(text: &str) -> Vec<(String, String)> {
        findings(text).into_iter().map(|(_, field, message)| (field, message)).collect()
    }

    #[test]
    fn what_fits_has_no_findings() {
        assert!(findings(r#"{"username":"ada","password":null,"public_metadata":{"SKIP":{"Password":1}}}"#).is_empty());
    }

    #[test]
    fn every_finding_is_reported_with_its_place() {
        let text = r#"{"username":5,"emails":["a",1],"created_at":"soon","skip_password_checks":"true"}"#;
        let mut found = invalid(text);
        found.sort();
        assert_eq!(
            found,
            [
                ("/emails/1".into(), "must be a string (type)".into()),
                ("created_at".into(), "must be a valid date-time (format)".into()),
                ("skip_password_checks".into(), "must be a boolean or null (type)".into()),
                ("username".into(), "must be a string (type)".into()),
            ]
        );
        assert_eq!(invalid("{}"), [("username".into(), "is required (required)".into())]);
        assert_eq!(invalid("[]"), [(String::new(), "must be an object (type)".into())]);
    }

    #[test]
    fn unknown_names_and_look_alikes_are_told_apart() {
        let kinds = |name: &str| {
            let text = format!(r#"{{"username":"ada","{name}":true}}"#);
            findings(&text).into_iter().map(|(kind, ..)| kind).collect::<Vec<_>>()
        };
        assert_eq!(kinds("SKIP_password_checks"), [FindingKind::Confusable]);
        assert_eq!(kinds("\u{17f}kip_password_checks"), [FindingKind::Confusable]);
        assert_eq!(kinds("skipPasswordChecks"), [FindingKind::UnknownConfusable]);
        assert_eq!(kinds("nickname"), [FindingKind::Unknown]);
        assert_eq!(kinds("skip_password_checks\\u0000"), [FindingKind::Unknown]);
    }

    #[test]
    fn findings_never_hold_a_value() {
        let text =
            r#"{"username":"hunter2hunter2","password":{"a":"hunter2"},"created_at":"hunter2","emails":"hunter2"}"#;
        assert!(!format!("{:?}", findings(text)).contains("hunter2"));
    }

    #[test]
    fn ten_thousand_unknown_names_make_a_bounded_report() {
        let names: String = (0..10_000).map(|n| format!(r#","u{n}":1"#)).collect();
        assert!(findings(&format!(r#"{{"username":"ada"{names}}}"#)).len() <= 64);
    }
}
