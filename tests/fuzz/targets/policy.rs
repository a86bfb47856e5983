//! No text of a policy, and no expression in one, crashes or stalls: neither when it is loaded nor when it is evaluated.
#![no_main]

mod bundle;

use bytes::Bytes;
use portcullis::contract::Routed;
use portcullis::contract::credential::Environment;
use portcullis::judge::{Bundle, decide};
use portcullis::policy::{Attributes, Client};
use std::time::{Duration, Instant, UNIX_EPOCH};

const BODY: &[u8] = br#"{"first_name":"Ada","skip_password_checks":false,"password":"long enough","totp_secret":null,
    "backup_codes":["a","b","c","d"],"web3_wallet":["x"],"external_id":"12345678901234567890","created_at":"2026-01-01T00:00:00.000Z"}"#;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let expression = serde_json::Value::from(text);
    let policy = format!(
        "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: fuzzed }}\nspec:\n  match: {{ operations: [UpdateUser] }}\n  \
         validations:\n    - expression: {expression}\n      message: fuzzed\n"
    );
    for bundle in [bundle::compile(&policy), bundle::compile(text)].into_iter().flatten() {
        evaluate(&bundle);
    }
});

fn evaluate(bundle: &Bundle) {
    let Routed::Operation(operation, parameters) = bundle.route("PATCH", "/v1/users/user_1", None) else { return };
    let headers = http::HeaderMap::new();
    let attributes = Attributes {
        method: "PATCH",
        path: "/v1/users/user_1",
        parameters: &parameters,
        query: "",
        headers: &headers,
        environment: Environment::Production,
        client: &Client::default(),
        time: UNIX_EPOCH,
    };
    let clock = Instant::now();
    let _ = decide(bundle, &operation, &attributes, Bytes::from_static(BODY));
    assert!(clock.elapsed() < Duration::from_secs(1), "an evaluation without bound");
}
