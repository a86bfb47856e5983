//! A redacted body holds the declared names, types and sizes, and no text or number that only the request knows.

use super::RedactedBody;
use crate::contract::field_tree::FieldTree;
use crate::contract::{Contract, Operation};
use crate::decision_log::{FingerprintRules, RetentionRules};
use crate::document::Document;
use crate::redact::{Fingerprinter, Masks};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};

/// In every string and in every name that the request makes up.
const CANARY: &str = "canary7f3a";

static OPERATIONS: LazyLock<Vec<Arc<Operation>>> = LazyLock::new(|| {
    let operations = Contract::built_in("2026-05-12").expect("a contract").operations();
    operations.into_iter().filter(|operation| operation.api_version.as_ref() == "2025-11-10").collect()
});

fn with_declared<T>(operation: &str, work: impl FnOnce(&FieldTree) -> T) -> T {
    let of = OPERATIONS.iter().find(|known| known.id.as_ref() == operation).expect("an operation");
    work(of.body.as_ref().expect("a body").field_tree())
}

fn list(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn rules(masked: &[&str], names: &[&str], fingerprints: &[&str]) -> RetentionRules {
    let masks = Masks::new(&list(masked), &list(names), &[], &[]);
    let fingerprints = FingerprintRules::new(Fingerprinter::with_key(&[7; 32]), &list(fingerprints), &[], &[]);
    RetentionRules::new(Arc::new(masks), Some(fingerprints))
}

/// The redacted body of an `UpdateUser`, and the pointers to what was removed.
fn redact(body: &str, rules: &RetentionRules) -> (Value, Vec<String>) {
    let document = Document::parse(bytes::Bytes::copy_from_slice(body.as_bytes())).expect("JSON");
    with_declared("UpdateUser", |declared| {
        let redacted = RedactedBody::new(document.root(), declared, rules);
        let masked = redacted.masked.iter().map(ToString::to_string).collect();
        (serde_json::to_value(&redacted.value).expect("JSON"), masked)
    })
}

fn members(body: &str, rules: &RetentionRules) -> Value {
    redact(body, rules).0["object"]["members"].clone()
}

#[test]
fn types_sizes_and_words_of_the_contract_are_kept() {
    let body = r#"{"first_name":"Zoë","last_name":null,"skip_password_checks":true,"create_organizations_limit":5,
        "public_metadata":{"a":[1,2.5],"b":"x"},"undeclared":1}"#;
    let (redacted, masked) = redact(body, &rules(&[], &[], &[]));
    let bytes = body.len() - "\n        ".len();
    let expected = json!({ "object": { "bytes": bytes, "undeclared": 1, "members": {
        "first_name": { "string": { "size": 3 } },
        "last_name": null,
        "skip_password_checks": true,
        "create_organizations_limit": { "number": "integer" },
        "public_metadata": { "object": { "bytes": 21, "undeclared": 2 } },
    } } });
    assert_eq!(redacted, expected);
    assert!(masked.is_empty());
    let document = Document::parse(bytes::Bytes::copy_from_slice(
        r#"{"email_address_identification_status":["verified","hunter2"]}"#.as_bytes(),
    ))
    .expect("JSON");
    let words =
        with_declared("CreateUser", |declared| RedactedBody::new(document.root(), declared, &rules(&[], &[], &[])));
    let words = serde_json::to_value(&words.value).expect("JSON");
    let expected = json!(["verified", { "string": { "size": 7 } }]);
    assert_eq!(words["object"]["members"]["email_address_identification_status"]["array"]["elements"], expected);
}

#[test]
fn of_a_secret_its_type_is_kept_and_nothing_tells_its_size() {
    let body =
        r#"{"password":"hunter2","totp_secret":7,"private_metadata":{"a":1},"backup_codes":["a"],"first_name":"a"}"#;
    let (redacted, masked) = redact(body, &rules(&[], &[], &["/password", "/private_metadata/a", "/backup_codes/0"]));
    let expected = json!({ "object": { "members": {
        "password": { "secret": "string" },
        "totp_secret": { "secret": "number" },
        "private_metadata": { "secret": "object" },
        "backup_codes": { "secret": "array" },
        "first_name": { "string": { "size": 1 } },
    } } });
    assert_eq!(redacted, expected);
    assert_eq!(masked, ["/password", "/totp_secret", "/private_metadata", "/backup_codes"]);
}

#[test]
fn what_a_mask_hides_is_gone_and_listed() {
    let body = r#"{"first_name":"a","external_id":"b","public_metadata":{"ssn":"c","list":[{"SSN":"d"}]},"unsafe_metadata":{"e":1}}"#;
    let rules = rules(&["/External_ID", "/unsafe_metadata/e"], &["ssn"], &["/external_id", "/public_metadata/ssn"]);
    let (redacted, masked) = redact(body, &rules);
    let expected = json!({ "object": { "members": {
        "first_name": { "string": { "size": 1 } },
        "external_id": { "removed": "mask" },
        "public_metadata": { "object": { "members": { "ssn": { "removed": "mask" } }, "undeclared": 1 } },
        "unsafe_metadata": { "object": { "undeclared": 1 } },
    } } });
    assert_eq!(redacted, expected);
    assert_eq!(masked, ["/external_id", "/public_metadata/ssn", "/public_metadata/*/0/*", "/unsafe_metadata/*"]);
}

#[test]
fn equal_strings_have_equal_fingerprints_where_they_are_asked_for() {
    let rules = rules(&[], &[], &["/external_id", "/public_metadata/tenant", "/unsafe_metadata/*/id"]);
    let of = |body: &str| members(body, &rules);
    let one = of(r#"{"external_id":"a","username":"a","public_metadata":{"tenant":"a","other":"a"}}"#);
    let fingerprint = &one["external_id"]["string"]["fingerprint"];
    assert_eq!(fingerprint.as_str().map(str::len), Some(16));
    assert_eq!(one["public_metadata"]["object"]["members"]["tenant"]["string"]["fingerprint"], *fingerprint);
    assert_eq!(one["username"]["string"], json!({ "size": 1 }));
    assert_eq!(one["public_metadata"]["object"]["undeclared"], 1);
    assert_eq!(of(r#"{"external_id":"a"}"#)["external_id"]["string"]["fingerprint"], *fingerprint);
    assert_ne!(of(r#"{"external_id":"b"}"#)["external_id"]["string"]["fingerprint"], *fingerprint);
    let starred = of(r#"{"unsafe_metadata":{"x":{"id":"a"}}}"#);
    assert_eq!(starred["unsafe_metadata"]["object"]["undeclared"], 1, "a name that only `*` says is the request's");
}

#[test]
fn a_body_is_kept_within_bounds_and_measured_all_the_same() {
    let elements = vec![r#""ab""#; 5_000].join(",");
    let body = format!(r#"{{"public_metadata":[{elements}],"backup_codes":null}}"#);
    let (redacted, masked) = redact(&body, &rules(&[], &["a"], &[]));
    let array = &redacted["object"]["members"]["public_metadata"]["array"];
    assert_eq!((&array["size"], &array["bytes"]), (&json!(5_000), &json!(5_000 * 5 + 1)));
    assert_eq!((array["elements"].as_array().map(Vec::len), masked.len()), (Some(16), 1));
    let deep = format!(r#"{{"public_metadata":{}0{}}}"#, "[[".repeat(30), "]]".repeat(30));
    assert!(redact(&deep, &rules(&[], &[], &[])).0.to_string().len() < 4_000);
    let nested = format!("[{}]", vec!["[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]"; 16].join(","));
    let wide = format!(r#"{{"public_metadata":[{}]}}"#, vec![nested; 16].join(","));
    let text = redact(&wide, &rules(&[], &[], &[])).0.to_string();
    assert!(text.contains(r#"{"removed":"bounds"}"#) && text.len() < 16_000, "{}", text.len());
}

/// Any value, every string of which holds the canary, and every name that no schema has.
fn value() -> impl Strategy<Value = Value> {
    let text = ("[a-z\\\\\"é]{0,4}", "[a-z]{0,4}").prop_map(|(before, after)| format!("{before}{CANARY}{after}"));
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(|_| json!(7_313_377)),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let name = prop_oneof![text.clone(), declared_name()];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..4).prop_map(|members| members.into_iter().collect::<Value>()),
        ]
    })
}

fn declared_name() -> impl Strategy<Value = String> {
    let names = with_declared("UpdateUser", |declared| declared.names().map(str::to_owned).collect::<Vec<_>>());
    prop::sample::select(names)
}

fn body() -> impl Strategy<Value = Value> {
    let name = prop_oneof![3 => declared_name(), 1 => Just(format!("x{CANARY}"))];
    prop::collection::btree_map(name, value(), 0..8).prop_map(|members| members.into_iter().collect::<Value>())
}

proptest! {
    #[test]
    fn no_text_and_no_number_of_a_body_is_in_its_skeleton(body in prop_oneof![4 => body(), 1 => value()]) {
        for rules in [
            rules(&[], &[], &[]),
            rules(&["/public_metadata"], &["username"], &["/external_id", "/*", "/*/*", "/unsafe_metadata/a"]),
        ] {
            let (redacted, masked) = redact(&body.to_string(), &rules);
            let text = format!("{redacted}{masked:?}");
            prop_assert!(!text.contains(CANARY) && !text.contains("7313377"), "{body}\n{text}");
        }
    }
}
