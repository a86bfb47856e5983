//! The JSON Schema of an operation's body, compiled once, and what it finds wrong: place and keyword, never a value.

use super::declared::Declared;
use super::field::{Field, Pointer};
use super::json_schema::{DocumentJson, SchemaNode};
use super::look_alike::look_alikes;
use crate::document::{Document, Location};
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::LocationSegment;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

/// Values above which only the first misfit is looked for: the validator collects those of a list before it gives the first.
const MANY_VALUES: usize = 10_000;

/// Most findings of one kind that are reported; the rest would help no one.
pub(super) const MOST_FINDINGS: usize = 32;

/// What is said of a name that the contract does not declare.
pub(super) const NOT_A_FIELD: &str = "is not a field of this operation";

/// A schema of bodies, ready to judge by.
#[derive(Debug)]
pub struct CompiledSchema {
    /// None for a schema that does not compile: no body fits it.
    validator: Option<Validator<DocumentJson>>,
    declared: Declared,
}

/// One thing that the schema finds wrong with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The kind of finding.
    pub kind: FindingKind,
    /// The JSON Schema keyword that does not hold.
    pub keyword: &'static str,
    /// The place; none for the body itself.
    pub field: Option<Field>,
    /// What must be, as the end of a sentence that starts with the field.
    pub message: String,
    /// The declared name that was probably meant.
    pub meant: Option<String>,
}

/// What of a body does not fit, and where. The names on the way may be the request's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The JSON Schema keyword that does not hold.
    pub keyword: &'static str,
    /// The way to the place; for a name that must or must not be there, to that.
    pub steps: Vec<Location>,
    /// What must be, as the end of a sentence that starts with the field.
    pub message: String,
    /// Whether it is a name that is not allowed.
    pub is_unknown: bool,
}

/// What kind of finding it is: the configuration treats them differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingKind {
    /// A declared place does not hold what it must.
    Invalid,
    /// A name that the contract does not declare.
    Unknown,
    /// Such a name that decoders which drop `_` and `-` take for a declared one.
    UnknownLookAlike,
    /// A name that decoders which compare without case take for a declared one.
    LookAlike,
}

impl CompiledSchema {
    /// Compiles a JSON Schema (2020-12): no remote references, formats asserted, regular expressions in linear time.
    ///
    /// # Errors
    ///
    /// The schema is not a valid one, or refers to something outside itself.
    pub fn compile(schema: &Value) -> Result<Self, Box<ValidationError<'static>>> {
        let validator = jsonschema::options_for::<DocumentJson>()
            .with_draft(jsonschema::Draft::Draft202012)
            .with_pattern_options(PatternOptions::regex())
            .should_validate_formats(true)
            .offline()
            .build(schema)
            .map_err(Box::new)?;
        Ok(Self { validator: Some(validator), declared: Declared::read(schema, schema) })
    }

    /// What serves for a schema that does not compile: it declares nothing and refuses every body.
    pub(super) fn unusable() -> Self {
        Self { validator: None, declared: Declared::default() }
    }

    /// The names that the schema declares.
    pub const fn declared(&self) -> &Declared {
        &self.declared
    }

    /// Everything that is wrong with `document`, at most some dozens of findings.
    pub(super) fn check(&self, document: &Document) -> Vec<Finding> {
        if self.validator.is_none() {
            return vec![unjudged()];
        }
        let mut findings = Vec::new();
        look_alikes(document.root(), &self.declared, &Pointer::default(), &mut findings);
        findings.extend(self.misfits(document).into_iter().filter_map(|misfit| self.finding(misfit)));
        findings
    }

    /// Everything in `document` that does not fit, at most some dozens of places, or one where it is large; nothing where the
    /// schema is unusable.
    pub fn misfits(&self, document: &Document) -> Vec<Misfit> {
        let root = SchemaNode::Value(document.root());
        let Some(validator) = self.validator.as_ref().filter(|validator| !validator.is_valid(root)) else {
            return Vec::new();
        };
        if document.values() > MANY_VALUES {
            return validator.validate(root).err().map(|error| misfits(&error)).unwrap_or_default();
        }
        validator.iter_errors(root).take(MOST_FINDINGS).flat_map(|error| misfits(&error)).collect()
    }

    /// The finding for what does not fit; none for an unknown name that was already found to look like a declared one.
    fn finding(&self, misfit: Misfit) -> Option<Finding> {
        let Misfit { keyword, steps, message, is_unknown } = misfit;
        let field = self.declared.show(&steps);
        if !is_unknown {
            return Some(Finding { kind: FindingKind::Invalid, keyword, field, message, meant: None });
        }
        let (name, parents) = match steps.split_last() {
            Some((Location::Member(name), parents)) => (name.as_str(), parents),
            _ => ("", &*steps),
        };
        let declared = self.declared.at(parents);
        let is_found =
            |declared: &&Declared| declared.look_alike(name).is_some() || declared.loose_look_alike(name).is_some();
        if declared.as_ref().is_some_and(is_found) {
            return None;
        }
        let meant = declared.and_then(|declared| nearest(declared, name)).map(str::to_owned);
        Some(Finding { kind: FindingKind::Unknown, keyword, field, message: NOT_A_FIELD.to_owned(), meant })
    }
}

/// What does not fit, for one error of the validator: every name where several are not allowed.
fn misfits(error: &ValidationError<'_>) -> Vec<Misfit> {
    let steps: Vec<Location> = error.instance_path().segments().map(|segment| step(&segment)).collect();
    let keyword = keyword(error.kind());
    let below = |name: &str| steps.iter().cloned().chain([Location::Member(name.to_owned())]).collect();
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            let misfit = |name: &String| Misfit {
                keyword,
                steps: below(name),
                message: "is not allowed here".to_owned(),
                is_unknown: true,
            };
            unexpected.iter().take(MOST_FINDINGS).map(misfit).collect()
        }
        kind => {
            let steps = match kind {
                ValidationErrorKind::Required { property } => below(property.as_str().unwrap_or_default()),
                _ => steps,
            };
            vec![Misfit { keyword, steps, message: requirement(kind), is_unknown: false }]
        }
    }
}

/// Every body's finding where the schema itself is broken.
fn unjudged() -> Finding {
    Finding {
        kind: FindingKind::Invalid,
        keyword: "schema",
        field: None,
        message: "cannot be judged: the contract's schema for it is broken".to_owned(),
        meant: None,
    }
}

/// The declared name that someone who wrote `name` most likely meant. None is meant by a long one, and comparing takes
/// time and memory for each pair of letters.
fn nearest<'d>(declared: &'d Declared, name: &str) -> Option<&'d str> {
    const ALIKE: f64 = 0.8;
    const LONGEST: usize = 64;
    if name.len() > LONGEST {
        return None;
    }
    let scored = declared.names().map(|known| (known, strsim::normalized_damerau_levenshtein(known, name)));
    scored.filter(|(_, score)| *score >= ALIKE).max_by(|left, right| left.1.total_cmp(&right.1)).map(|(known, _)| known)
}

fn step(segment: &LocationSegment<'_>) -> Location {
    match segment {
        LocationSegment::Property(name) => Location::Member(name.to_string()),
        LocationSegment::Index(position) => Location::Element(*position),
    }
}

/// The keyword, as a word that lives as long as the program: errors only borrow theirs.
fn keyword(kind: &ValidationErrorKind) -> &'static str {
    use ValidationErrorKind as Kind;
    match kind {
        Kind::Type { .. } => "type",
        Kind::Required { .. } => "required",
        Kind::Enum { .. } => "enum",
        Kind::Constant { .. } => "const",
        Kind::Format { .. } => "format",
        Kind::Pattern { .. } => "pattern",
        Kind::MinLength { .. } => "minLength",
        Kind::MaxLength { .. } => "maxLength",
        Kind::Minimum { .. } => "minimum",
        Kind::Maximum { .. } => "maximum",
        Kind::ExclusiveMinimum { .. } => "exclusiveMinimum",
        Kind::ExclusiveMaximum { .. } => "exclusiveMaximum",
        Kind::MinItems { .. } => "minItems",
        Kind::MaxItems { .. } => "maxItems",
        Kind::UniqueItems => "uniqueItems",
        Kind::MinProperties { .. } => "minProperties",
        Kind::MaxProperties { .. } => "maxProperties",
        Kind::AnyOf { .. } => "anyOf",
        Kind::OneOfMultipleValid { .. } | Kind::OneOfNotValid { .. } => "oneOf",
        Kind::Not { .. } => "not",
        Kind::AdditionalProperties { .. } => "additionalProperties",
        Kind::PropertyNames { .. } => "propertyNames",
        Kind::MultipleOf { .. } => "multipleOf",
        Kind::Contains => "contains",
        Kind::UnevaluatedItems { .. } => "unevaluatedItems",
        Kind::UnevaluatedProperties { .. } => "unevaluatedProperties",
        _ => "schema",
    }
}

/// What the schema requires at the place. Only the schema's own values are named, never the instance's.
fn requirement(kind: &ValidationErrorKind) -> String {
    use ValidationErrorKind as Kind;
    match kind {
        Kind::Type { kind } => format!("must be {}", types(kind)),
        Kind::Required { .. } => "is required".to_owned(),
        Kind::Enum { options } => format!("must be one of {options}"),
        Kind::Constant { expected_value } => format!("must be {expected_value}"),
        Kind::Format { format } => format!("must be a valid {format}"),
        Kind::Pattern { pattern } => format!("must match the pattern {pattern}"),
        Kind::MinLength { limit } => format!("must be at least {limit} characters long"),
        Kind::MaxLength { limit } => format!("must be at most {limit} characters long"),
        Kind::Minimum { limit } => format!("must be at least {limit}"),
        Kind::Maximum { limit } => format!("must be at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("must be more than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        Kind::MultipleOf { multiple_of } => format!("must be a multiple of {multiple_of}"),
        Kind::MinItems { limit } => format!("must have at least {limit} items"),
        Kind::MaxItems { limit } => format!("must have at most {limit} items"),
        Kind::FalseSchema => "is not allowed".to_owned(),
        Kind::UniqueItems => "must not have an item twice".to_owned(),
        Kind::MinProperties { limit } => format!("must have at least {limit} fields"),
        Kind::MaxProperties { limit } => format!("must have at most {limit} fields"),
        other => format!("does not fit the schema (`{}`)", keyword(other)),
    }
}

fn types(kind: &TypeKind) -> String {
    let mut names: Vec<String> = match kind {
        TypeKind::Single(name) => vec![name.to_string()],
        TypeKind::Multiple(names) => names.iter().map(|name| name.to_string()).collect(),
    };
    names.sort_by_key(|name| name == "null");
    let article = |name: &String| match name.as_str() {
        "null" => name.clone(),
        "integer" | "object" | "array" => format!("an {name}"),
        _ => format!("a {name}"),
    };
    names.iter().map(article).collect::<Vec<_>>().join(" or ")
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
        let document = Document::parse(text.as_bytes()).expect(text);
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
        assert_eq!(kinds("SKIP_password_checks"), [FindingKind::LookAlike]);
        assert_eq!(kinds("\u{17f}kip_password_checks"), [FindingKind::LookAlike]);
        assert_eq!(kinds("skipPasswordChecks"), [FindingKind::UnknownLookAlike]);
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
