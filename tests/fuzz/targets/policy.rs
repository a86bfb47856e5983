//! No text of a policy, and no expression in one, crashes or stalls: neither when it is loaded nor when it is evaluated.
#![no_main]

mod bundle;

use portcullis::peer::Client;
use portcullis::contract::Routed;
use portcullis::contract::credential::Environment;
use portcullis::document::Document;
use portcullis::judge::Bundle;
use portcullis::manifest;
use portcullis::policy::{Attributes, Instance, RequestPolicy, compile_policy};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

const BODY: &[u8] = br#"{"first_name":"Ada","skip_password_checks":false,"password":"long enough","totp_secret":null,
    "backup_codes":["a","b","c","d"],"web3_wallet":["x"],"external_id":"12345678901234567890","created_at":"2026-01-01T00:00:00.000Z"}"#;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let expression = serde_json::Value::from(text);
    let policy = format!(
        "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: fuzzed }}\nspec:\n  match: {{ operations: [UpdateUser] }}\n  \
         validations:\n    - expression: {expression}\n      message: fuzzed\n"
    );
    let bundle = bundle::shipped();
    for text in [policy.as_str(), text] {
        let clock = Instant::now();
        load_and_evaluate(bundle, text);
        assert!(clock.elapsed() < Duration::from_secs(10), "loading or an evaluation without bound");
    }
});

fn load_and_evaluate(bundle: &Bundle, text: &str) {
    let Ok(manifests) = manifest::read::<RequestPolicy>(Path::new("policy.yaml"), text) else { return };
    let Routed::Operation(operation, parameters) = bundle.route("PATCH", "/v1/users/user_1", None) else { return };
    let document = Arc::new(Document::parse(bytes::Bytes::copy_from_slice(BODY)).expect("a sound body"));
    let attributes = Attributes {
        method: "PATCH",
        path: "/v1/users/user_1",
        parameters: &parameters,
        query: "",
        headers: &http::HeaderMap::new(),
        environment: Environment::Production,
        key_fingerprint: None,
        instance: &Instance::UNNAMED,
        client: &Client::default(),
        time: UNIX_EPOCH,
    };
    for manifest in manifests {
        if let Ok(policy) = compile_policy(&manifest, &bundle.contract) {
            let _ = policy.evaluate(&operation, Some(&document), &attributes);
        }
    }
}
