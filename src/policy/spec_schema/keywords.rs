//! The keywords of JSON Schema (2020-12) that a policy's schema may have.

/// What a keyword holds, as far as names and schemas in it are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeywordKind {
    /// A schema for the same value, of which nobody says that it must fit.
    Perhaps,
    /// A list of schemas for the same value, all of which must fit.
    All,
    /// A list of schemas for the same value, not all of which must fit.
    Some,
    /// A schema for each element.
    Elements,
    /// A list of schemas for elements.
    Tuple,
    /// A schema for each of several fields, by name.
    Fields,
    /// A schema for members whose names only a request decides on.
    Members,
    /// The same, by pattern.
    MembersByPattern,
    /// Names of fields.
    Names,
    /// Lists of names of fields, by field.
    NamesByField,
    /// A schema for the same value, by field.
    SameByField,
    /// Schemas that others refer to.
    Definitions,
    /// A reference to one of them.
    Reference,
    /// A pattern.
    Pattern,
    /// The name of a format.
    Format,
    /// Types.
    Types,
    /// A limit on the members of an object, whatever their names.
    Count,
    /// A value to be equal to.
    Value,
    /// The version of the language.
    Dialect,
    /// Nothing of that sort.
    Plain,
}

/// Every keyword, with what it holds.
pub(super) const KEYWORDS: [(&str, KeywordKind); 47] = [
    ("$comment", KeywordKind::Plain),
    ("$defs", KeywordKind::Definitions),
    ("$ref", KeywordKind::Reference),
    ("$schema", KeywordKind::Dialect),
    ("additionalProperties", KeywordKind::Members),
    ("allOf", KeywordKind::All),
    ("anyOf", KeywordKind::Some),
    ("const", KeywordKind::Value),
    ("contains", KeywordKind::Elements),
    ("dependentRequired", KeywordKind::NamesByField),
    ("dependentSchemas", KeywordKind::SameByField),
    ("deprecated", KeywordKind::Plain),
    ("description", KeywordKind::Plain),
    ("else", KeywordKind::Perhaps),
    ("enum", KeywordKind::Value),
    ("examples", KeywordKind::Plain),
    ("exclusiveMaximum", KeywordKind::Plain),
    ("exclusiveMinimum", KeywordKind::Plain),
    ("format", KeywordKind::Format),
    ("if", KeywordKind::Perhaps),
    ("items", KeywordKind::Elements),
    ("maxContains", KeywordKind::Plain),
    ("maxItems", KeywordKind::Plain),
    ("maxLength", KeywordKind::Plain),
    ("maxProperties", KeywordKind::Count),
    ("maximum", KeywordKind::Plain),
    ("minContains", KeywordKind::Plain),
    ("minItems", KeywordKind::Plain),
    ("minLength", KeywordKind::Plain),
    ("minProperties", KeywordKind::Count),
    ("minimum", KeywordKind::Plain),
    ("multipleOf", KeywordKind::Plain),
    ("not", KeywordKind::Perhaps),
    ("oneOf", KeywordKind::Some),
    ("pattern", KeywordKind::Pattern),
    ("patternProperties", KeywordKind::MembersByPattern),
    ("prefixItems", KeywordKind::Tuple),
    ("properties", KeywordKind::Fields),
    ("propertyNames", KeywordKind::Members),
    ("required", KeywordKind::Names),
    ("then", KeywordKind::Perhaps),
    ("title", KeywordKind::Plain),
    ("type", KeywordKind::Types),
    ("unevaluatedItems", KeywordKind::Elements),
    ("unevaluatedProperties", KeywordKind::Members),
    ("uniqueItems", KeywordKind::Plain),
    ("default", KeywordKind::Plain),
];

/// The formats that are asserted; another would say nothing.
pub(super) const FORMATS: [&str; 15] = [
    "date",
    "date-time",
    "duration",
    "email",
    "hostname",
    "idn-email",
    "ipv4",
    "ipv6",
    "iri",
    "json-pointer",
    "regex",
    "time",
    "uri",
    "uri-reference",
    "uuid",
];

/// The types.
pub(super) const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];
