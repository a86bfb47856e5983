//! The keywords of JSON Schema (2020-12) that a policy's schema may have.

/// What a keyword holds, as far as names and schemas in it are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
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
pub(super) const KEYWORDS: [(&str, Holds); 47] = [
    ("$comment", Holds::Plain),
    ("$defs", Holds::Definitions),
    ("$ref", Holds::Reference),
    ("$schema", Holds::Dialect),
    ("additionalProperties", Holds::Members),
    ("allOf", Holds::All),
    ("anyOf", Holds::Some),
    ("const", Holds::Value),
    ("contains", Holds::Elements),
    ("dependentRequired", Holds::NamesByField),
    ("dependentSchemas", Holds::SameByField),
    ("deprecated", Holds::Plain),
    ("description", Holds::Plain),
    ("else", Holds::Perhaps),
    ("enum", Holds::Value),
    ("examples", Holds::Plain),
    ("exclusiveMaximum", Holds::Plain),
    ("exclusiveMinimum", Holds::Plain),
    ("format", Holds::Format),
    ("if", Holds::Perhaps),
    ("items", Holds::Elements),
    ("maxContains", Holds::Plain),
    ("maxItems", Holds::Plain),
    ("maxLength", Holds::Plain),
    ("maxProperties", Holds::Count),
    ("maximum", Holds::Plain),
    ("minContains", Holds::Plain),
    ("minItems", Holds::Plain),
    ("minLength", Holds::Plain),
    ("minProperties", Holds::Count),
    ("minimum", Holds::Plain),
    ("multipleOf", Holds::Plain),
    ("not", Holds::Perhaps),
    ("oneOf", Holds::Some),
    ("pattern", Holds::Pattern),
    ("patternProperties", Holds::MembersByPattern),
    ("prefixItems", Holds::Tuple),
    ("properties", Holds::Fields),
    ("propertyNames", Holds::Members),
    ("required", Holds::Names),
    ("then", Holds::Perhaps),
    ("title", Holds::Plain),
    ("type", Holds::Types),
    ("unevaluatedItems", Holds::Elements),
    ("unevaluatedProperties", Holds::Members),
    ("uniqueItems", Holds::Plain),
    ("default", Holds::Plain),
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
