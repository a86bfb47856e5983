//! What the validator reports, as path, keyword and requirement, without any value of the document.

use crate::document::PathStep;
use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::LocationSegment;

/// Most mismatches or findings of one kind that are reported for one document: a person fixes a few and asks again, and the
/// work for one hostile body stays bounded.
pub(super) const MOST_FINDINGS: usize = 32;

const TOO_MUCH_WORK: &str = "takes more work to check than a body of its size may";

/// A part of a document that does not match its schema. The names on its path may come from the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaMismatch {
    /// The JSON Schema keyword that failed.
    pub keyword: &'static str,
    /// The path from the root of the document; for a missing or unexpected name, it ends with that name.
    pub steps: Vec<PathStep>,
    /// The requirement, as the predicate of a sentence whose subject is the field.
    pub message: String,
    /// Whether the last step is a name that the schema does not allow.
    pub is_unknown: bool,
}

impl SchemaMismatch {
    /// The mismatch of a body that takes more work than its budget.
    pub(super) fn too_much_work() -> Self {
        Self::of_root(TOO_MUCH_WORK)
    }

    /// Whether it is that of [`Self::too_much_work`].
    pub(super) fn is_of_work(&self) -> bool {
        self.message == TOO_MUCH_WORK
    }

    /// The mismatch of a body without a part that could be named.
    pub(super) fn of_body() -> Self {
        Self::of_root("does not fit the schema in so many places that none is named")
    }

    fn of_root(message: &str) -> Self {
        Self { keyword: "schema", steps: Vec::new(), message: message.to_owned(), is_unknown: false }
    }
}

/// The mismatches in one error of the validator: one for each name where several are not allowed.
pub(super) fn mismatches(error: &ValidationError<'_>) -> Vec<SchemaMismatch> {
    let steps: Vec<PathStep> = error.instance_path().segments().map(|segment| step(&segment)).collect();
    let keyword = keyword(error.kind());
    let below = |name: &str| steps.iter().cloned().chain([PathStep::Member(name.to_owned())]).collect();
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            let mismatch = |name: &String| SchemaMismatch {
                keyword,
                steps: below(name),
                message: "is not allowed here".to_owned(),
                is_unknown: true,
            };
            unexpected.iter().take(MOST_FINDINGS).map(mismatch).collect()
        }
        kind => {
            // the validator reports a missing name at its parent: the finding should be about the missing field
            let steps = match kind {
                ValidationErrorKind::Required { property } => below(property.as_str().unwrap_or_default()),
                _ => steps,
            };
            vec![SchemaMismatch { keyword, steps, message: requirement(kind), is_unknown: false }]
        }
    }
}

fn step(segment: &LocationSegment<'_>) -> PathStep {
    match segment {
        LocationSegment::Property(name) => PathStep::Member(name.to_string()),
        LocationSegment::Index(position) => PathStep::Element(*position),
    }
}

/// The keyword that failed. `'static`, because a decision outlives the error, whose own keyword is borrowed.
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
        // the rest, such as `false` as a schema, has no keyword
        _ => "schema",
    }
}

/// What the schema requires. Only values of the schema are shown, never those of the document: it holds secrets.
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
        // `anyOf`, `not` and so on: a full message would list the errors of every branch
        other => format!("does not fit the schema (`{}`)", keyword(other)),
    }
}

fn types(kind: &TypeKind) -> String {
    let mut names: Vec<String> = match kind {
        TypeKind::Single(name) => vec![name.to_string()],
        TypeKind::Multiple(names) => names.iter().map(|name| name.to_string()).collect(),
    };
    // null last, whatever the order in the schema: "a string or null"
    names.sort_by_key(|name| name == "null");
    let article = |name: &String| match name.as_str() {
        "null" => name.clone(),
        "integer" | "object" | "array" => format!("an {name}"),
        _ => format!("a {name}"),
    };
    names.iter().map(article).collect::<Vec<_>>().join(" or ")
}
