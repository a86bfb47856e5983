//! The JSON Schema of a policy file, which gives editors completion, hover texts and checks.

use super::cel;
use super::source::RequestPolicy;
use crate::contract::Contract;
use serde_json::{Value, json};

/// The JSON Schema of a policy file: the shape that it must have, and of what loading demands of its values besides as much
/// as such a schema can say. Operation ids are offered and not demanded, as a newer contract may have others.
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(RequestPolicy).to_value();
    let expression = json!({ "minLength": 1, "maxLength": cel::LONGEST });
    let named = |pattern: &str| json!({ "minLength": 1, "pattern": pattern });
    for (pointer, demands) in [
        ("/$defs/Metadata/properties/name", named("^[a-z0-9-]{1,63}$")),
        ("/$defs/Match/properties/operations", json!({ "minItems": 1, "uniqueItems": true })),
        ("/$defs/Match/properties/operations/items", json!({ "anyOf": [{ "enum": operations() }, {}] })),
        ("/$defs/Spec/properties/actions", json!({ "minItems": 1 })),
        ("/$defs/Spec/properties/validations", json!({ "minItems": 1 })),
        (
            "/$defs/Spec/properties/variables/items",
            json!({ "properties": { "name": named("^[A-Za-z_][A-Za-z0-9_]*$") } }),
        ),
        ("/$defs/Named/properties/expression", expression.clone()),
        ("/$defs/ValidationSource/properties/expression", expression),
        ("/$defs/ValidationSource/properties/message", json!({ "pattern": "\\S" })),
    ] {
        let object = schema.pointer_mut(pointer).and_then(Value::as_object_mut);
        if let (Some(object), Value::Object(demands)) = (object, demands) {
            object.extend(demands);
        }
    }
    schema
}

/// The operation ids of the contract that is built in, in every version; which is the default is no matter.
fn operations() -> Vec<String> {
    let contract = Contract::built_in("2026-05-12").ok();
    let ids = contract.iter().flat_map(Contract::operation_ids);
    ids.map(|id| id.to_string()).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_schema_for_editors_is_the_codes() {
        assert!(
            include_str!("../../policies/policy.schema.json") == format!("{:#}\n", super::schema()),
            "policies/policy.schema.json is out of date; run `cargo run -- schema policy > policies/policy.schema.json`"
        );
    }
}
