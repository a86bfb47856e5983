//! The JSON Schema of an operation's body, compiled once, and what it finds wrong: place and keyword, never a value.

use super::declared::Declared;
use super::field::{Field, Pointer};
use super::json_schema::{DocumentJson, SchemaNode};
use crate::document::{Document, Kind, Location, NodeRef, View};
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::LocationSegment;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

/// Most findings of one kind that are reported; the rest would help no one.
const MOST_FINDINGS: usize = 32;

/// What is said of a name that the contract does not declare.
const NOT_A_FIELD: &str = "is not a field of this operation";

/// A body schema, ready to judge by.
#[derive(Debug)]
pub(super) struct CompiledSchema {
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
    pub(super) fn compile(schema: &Value) -> Result<Self, Box<ValidationError<'static>>> {
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
    pub(super) const fn declared(&self) -> &Declared {
        &self.declared
    }

    /// Everything that is wrong with `document`, at most some dozens of findings.
    pub(super) fn check(&self, document: &Document) -> Vec<Finding> {
        let mut findings = Vec::new();
        look_alikes(document.root(), &self.declared, &Pointer::default(), &mut findings);
        let root = SchemaNode::Value(document.root());
        let Some(validator) = &self.validator else { return vec![unjudged()] };
        if validator.is_valid(root) {
            return findings;
        }
        for error in validator.iter_errors(root).take(MOST_FINDINGS) {
            self.report(&error, &mut findings);
        }
        findings
    }

    fn report(&self, error: &ValidationError<'_>, findings: &mut Vec<Finding>) {
        let steps: Vec<Location> = error.instance_path().segments().map(|segment| step(&segment)).collect();
        if let ValidationErrorKind::AdditionalProperties { unexpected } = error.kind() {
            let names = unexpected.iter().take(MOST_FINDINGS);
            findings.extend(names.filter_map(|name| self.unknown(&steps, name)));
            return;
        }
        let steps = match error.kind() {
            ValidationErrorKind::Required { property } => {
                let name = Location::Member(property.as_str().unwrap_or_default().to_owned());
                steps.into_iter().chain([name]).collect()
            }
            _ => steps,
        };
        findings.push(Finding {
            kind: FindingKind::Invalid,
            keyword: keyword(error.kind()),
            field: self.declared.show(&steps),
            message: requirement(error.kind()),
            meant: None,
        });
    }

    /// The finding for an undeclared name; none where it was already found to look like a declared one.
    fn unknown(&self, steps: &[Location], name: &str) -> Option<Finding> {
        let declared = steps.iter().try_fold(&self.declared, |declared, step| match step {
            Location::Member(name) => declared.member(name),
            Location::Element(_) => declared.elements(),
        });
        let is_found =
            |declared: &&Declared| declared.look_alike(name).is_some() || declared.loose_look_alike(name).is_some();
        if declared.as_ref().is_some_and(is_found) {
            return None;
        }
        let meant = declared.and_then(|declared| nearest(declared, name));
        let steps: Vec<Location> = steps.iter().cloned().chain([Location::Member(name.to_owned())]).collect();
        Some(Finding {
            kind: FindingKind::Unknown,
            keyword: "additionalProperties",
            field: self.declared.show(&steps),
            message: NOT_A_FIELD.to_owned(),
            meant: meant.map(str::to_owned),
        })
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

/// Finds names that lenient decoders take for declared ones, in every object for which names are declared. Not left to the
/// validator, of whose findings only some are looked at: a look-alike must not hide behind others.
fn look_alikes(node: NodeRef<'_>, declared: &Declared, at: &Pointer, findings: &mut Vec<Finding>) {
    match node.kind() {
        Kind::Object if declared.is_closed() => {
            for (name, value) in
                (0..node.len()).filter_map(|position| Some((node.name(position)?, node.child(position)?)))
            {
                match declared.member(name) {
                    Some(member) if member.is_closed() || member.elements().is_some() => {
                        look_alikes(value, member, &at.member(name), findings);
                    }
                    Some(_) => {}
                    None => findings.extend(look_alike(declared, at, name)),
                }
                if findings.len() >= MOST_FINDINGS {
                    return;
                }
            }
        }
        Kind::Array => {
            let Some(elements) = declared.elements().filter(|elements| elements.is_closed()) else { return };
            for (position, element) in (0..node.len()).filter_map(|position| Some((position, node.child(position)?))) {
                look_alikes(element, elements, &at.element(position), findings);
                if findings.len() >= MOST_FINDINGS {
                    return;
                }
            }
        }
        _ => {}
    }
}

fn look_alike(declared: &Declared, at: &Pointer, name: &str) -> Option<Finding> {
    let (kind, meant, message) = match (declared.look_alike(name), declared.loose_look_alike(name)) {
        (Some(meant), _) => (FindingKind::LookAlike, meant, "differs from a known field only by letter case"),
        (None, Some(meant)) => (FindingKind::UnknownLookAlike, meant, NOT_A_FIELD),
        (None, None) => return None,
    };
    Some(Finding {
        kind,
        keyword: "additionalProperties",
        field: Some(Field::undeclared(at, name)),
        message: message.to_owned(),
        meant: Some(meant.to_owned()),
    })
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
        Kind::PropertyNames { .. } => "propertyNames",
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
        Kind::MinItems { limit } => format!("must have at least {limit} items"),
        Kind::MaxItems { limit } => format!("must have at most {limit} items"),
        Kind::UniqueItems => "must not have an item twice".to_owned(),
        Kind::MinProperties { limit } => format!("must have at least {limit} fields"),
        Kind::MaxProperties { limit } => format!("must have at most {limit} fields"),
        other => format!("does not fit the contract (`{}`)", keyword(other)),
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
