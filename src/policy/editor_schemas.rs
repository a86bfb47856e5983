//! The JSON Schemas of policy files, which give editors completion, hover texts and checks.

use super::compile::LONGEST_TEXT;
use super::limit::RequestLimit;
use super::params::ParamsSource;
use super::source::RequestPolicy;
use super::waiver::WaiverSource;
use crate::cel;
use crate::contract::Contract;
use serde_json::{Value, json};

/// The JSON Schema of `kind: RequestPolicy`.
pub fn policy_schema() -> Value {
    let mut schema = with_value_checks(schemars::schema_for!(RequestPolicy));
    // a policy with neither validations nor a schema would allow everything
    let validates = json!({ "required": ["validations"], "properties": { "validations": { "minItems": 1 } } });
    add_keywords(&mut schema, "/$defs/Spec", json!({ "anyOf": [validates, { "required": ["schema"] }] }));
    schema
}

/// The JSON Schema of `kind: Waiver`.
pub fn waiver_schema() -> Value {
    with_value_checks(schemars::schema_for!(WaiverSource))
}

/// The JSON Schema of `kind: Params`.
pub fn params_schema() -> Value {
    with_value_checks(schemars::schema_for!(ParamsSource))
}

/// The JSON Schema of `kind: RequestLimit`.
pub fn limit_schema() -> Value {
    with_value_checks(schemars::schema_for!(RequestLimit))
}

/// The schema of a document's shape, with those checks of the loader added that JSON Schema can express.
fn with_value_checks(shape: schemars::Schema) -> Value {
    let mut schema = shape.to_value();
    let expression = json!({ "minLength": 1, "maxLength": cel::MAX_SOURCE_LEN });
    let named = |pattern: &str| json!({ "minLength": 1, "pattern": pattern });
    for (pointer, demands) in [
        ("/$defs/Metadata/properties/name", named("^[a-z0-9-]{1,63}$")),
        ("/$defs/Match/properties/operations", json!({ "minItems": 1, "uniqueItems": true })),
        // Offered for completion, not required: a newer contract has other operations. So the second branch accepts anything.
        ("/$defs/Match/properties/operations/items", json!({ "anyOf": [{ "enum": operations() }, {}] })),
        ("/$defs/Match/properties/environments", json!({ "minItems": 1, "uniqueItems": true })),
        // offered for completion; the configuration names others
        (
            "/$defs/Match/properties/environments/items",
            json!({ "anyOf": [{ "enum": ["production", "development"] }, { "pattern": "^[a-z0-9-]{1,63}$" }] }),
        ),
        ("/$defs/Spec/properties/paramsFrom", json!({ "uniqueItems": true })),
        ("/$defs/Match/properties/except", json!({ "minItems": 1 })),
        ("/$defs/Exception/properties/operations", json!({ "minItems": 1, "uniqueItems": true })),
        ("/$defs/Exception/properties/reason", json!({ "pattern": "\\S", "maxLength": LONGEST_TEXT })),
        ("/$defs/Spec/properties/actions", json!({ "minItems": 1, "maxItems": 2, "uniqueItems": true })),
        ("/$defs/Spec/properties/message", json!({ "pattern": "\\S", "maxLength": LONGEST_TEXT })),
        ("/$defs/Spec/properties/hint", json!({ "maxLength": LONGEST_TEXT })),
        (
            "/$defs/Spec/properties/variables/items",
            json!({ "properties": { "name": named("^[A-Za-z_][A-Za-z0-9_]*$") } }),
        ),
        ("/$defs/Named/properties/expression", expression.clone()),
        ("/$defs/ValidationSource/properties/expression", expression),
        ("/$defs/ValidationSource/properties/message", json!({ "pattern": "\\S", "maxLength": LONGEST_TEXT })),
        ("/$defs/ValidationSource/properties/hint", json!({ "maxLength": LONGEST_TEXT })),
    ] {
        add_keywords(&mut schema, pointer, demands);
    }
    schema
}

/// Adds keywords to the schema at `pointer`. Does nothing if there is none: the kinds differ in their fields.
fn add_keywords(schema: &mut Value, pointer: &str, demands: Value) {
    if let (Some(Value::Object(place)), Value::Object(demands)) = (schema.pointer_mut(pointer), demands) {
        place.extend(demands);
    }
}

/// The operation ids of the built-in contract, in every API version. The default version has no influence.
fn operations() -> Vec<String> {
    let contract = Contract::built_in("2026-05-12").ok();
    let ids = contract.iter().flat_map(Contract::operation_ids);
    ids.map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_schema_for_editors_is_the_codes() {
        assert!(
            include_str!("../../policies/policy.schema.json") == format!("{:#}\n", super::policy_schema()),
            "policies/policy.schema.json is out of date; run `cargo run -- schema policy > policies/policy.schema.json`"
        );
    }
}
