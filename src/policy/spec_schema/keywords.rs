//! The keywords of JSON Schema (2020-12) that the schema of a policy may have.

/// What the value of a keyword is, as far as it contains names of fields or subschemas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeywordValue {
    /// A subschema for the same value, which need not match.
    Conditional,
    /// A list of subschemas for the same value, all of which must match.
    AllOf,
    /// A list of subschemas for the same value, not all of which must match.
    SomeOf,
    /// A subschema for each item.
    Items,
    /// A list of subschemas, one for each of the first items.
    PrefixItems,
    /// Subschemas for fields, by name.
    Properties,
    /// A subschema for members whose names the request decides.
    OtherMembers,
    /// Subschemas for members, by a pattern of their names.
    MembersByPattern,
    /// A list of names of fields.
    FieldNames,
    /// Lists of names of fields, by field.
    FieldNamesByField,
    /// Subschemas for the same value, by a field that must be present.
    ConditionalByField,
    /// Subschemas to which `$ref` may refer.
    Definitions,
    /// A JSON Pointer to a subschema, as a fragment.
    Reference,
    /// A regular expression.
    Pattern,
    /// The name of a format.
    Format,
    /// A type or a list of types.
    Types,
    /// A bound on the number of members, whatever their names.
    MemberCount,
    /// A value, or a list of values, to be equal to.
    Constant,
    /// The URI of the dialect of JSON Schema.
    Dialect,
    /// None of these: a number, a text, a boolean.
    Other,
}

/// Every supported keyword, with the kind of its value.
//
// A closed list: the validator ignores a keyword that it does not know, so a misspelt one would silently check nothing.
pub(super) const KEYWORDS: [(&str, KeywordValue); 47] = [
    ("$comment", KeywordValue::Other),
    ("$defs", KeywordValue::Definitions),
    ("$ref", KeywordValue::Reference),
    ("$schema", KeywordValue::Dialect),
    ("additionalProperties", KeywordValue::OtherMembers),
    ("allOf", KeywordValue::AllOf),
    ("anyOf", KeywordValue::SomeOf),
    ("const", KeywordValue::Constant),
    ("contains", KeywordValue::Items),
    ("dependentRequired", KeywordValue::FieldNamesByField),
    ("dependentSchemas", KeywordValue::ConditionalByField),
    ("deprecated", KeywordValue::Other),
    ("description", KeywordValue::Other),
    ("else", KeywordValue::Conditional),
    ("enum", KeywordValue::Constant),
    ("examples", KeywordValue::Other),
    ("exclusiveMaximum", KeywordValue::Other),
    ("exclusiveMinimum", KeywordValue::Other),
    ("format", KeywordValue::Format),
    ("if", KeywordValue::Conditional),
    ("items", KeywordValue::Items),
    ("maxContains", KeywordValue::Other),
    ("maxItems", KeywordValue::Other),
    ("maxLength", KeywordValue::Other),
    ("maxProperties", KeywordValue::MemberCount),
    ("maximum", KeywordValue::Other),
    ("minContains", KeywordValue::Other),
    ("minItems", KeywordValue::Other),
    ("minLength", KeywordValue::Other),
    ("minProperties", KeywordValue::MemberCount),
    ("minimum", KeywordValue::Other),
    ("multipleOf", KeywordValue::Other),
    ("not", KeywordValue::Conditional),
    ("oneOf", KeywordValue::SomeOf),
    ("pattern", KeywordValue::Pattern),
    ("patternProperties", KeywordValue::MembersByPattern),
    ("prefixItems", KeywordValue::PrefixItems),
    ("properties", KeywordValue::Properties),
    ("propertyNames", KeywordValue::OtherMembers),
    ("required", KeywordValue::FieldNames),
    ("then", KeywordValue::Conditional),
    ("title", KeywordValue::Other),
    ("type", KeywordValue::Types),
    ("unevaluatedItems", KeywordValue::Items),
    ("unevaluatedProperties", KeywordValue::OtherMembers),
    ("uniqueItems", KeywordValue::Other),
    ("default", KeywordValue::Other),
];

/// Keywords of older versions of JSON Schema and of OpenAPI, with what to write in their place.
pub(super) const OTHER_VERSIONS: [(&str, &str); 12] = [
    ("additionalItems", "schemas by position are in `prefixItems`; `items` has the one for the others"),
    ("definitions", "here it is `$defs`, and a reference is `#/$defs/NAME`"),
    ("dependencies", "here it is `dependentRequired` for names, and `dependentSchemas` for schemas"),
    ("discriminator", "write the schemas in `oneOf`, each with `const` for the field that differs"),
    ("divisibleBy", "here it is `multipleOf`"),
    ("example", "here it is `examples`, a list"),
    ("id", "leave it out: references lead into this schema only"),
    ("$id", "leave it out: references lead into this schema only"),
    ("nullable", "add `\"null\"`, in quotes, to `type`"),
    ("readOnly", "leave it out: to refuse a field, write `properties: { NAME: false }`"),
    ("writeOnly", "leave it out: every field of a request is written"),
    ("xml", "leave it out: bodies are JSON"),
];

/// The formats that are asserted. Any other would be an annotation only, which checks nothing.
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

/// The types of JSON Schema.
pub(super) const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];
