//! No body that some decoder takes for one that skips the password checks gets past the rule against it.

use bytes::Bytes;
use portcullis::contract::Routed;
use portcullis::contract::credential::Environment;
use portcullis::judge::{Bundle, decide};
use portcullis::peer::Client;
use portcullis::policy::{Attributes, Instance};
use serde_json::Value;
use std::time::UNIX_EPOCH;

/// Holds for any body, under a bundle with the rule `no-skip-password-checks`.
pub(crate) fn holds(bundle: &Bundle, body: &[u8]) {
    let Routed::Operation(operation, parameters) = bundle.route("PATCH", "/v1/users/user_1", None) else {
        panic!("UpdateUser is an operation")
    };
    let headers = http::HeaderMap::new();
    let attributes = Attributes {
        method: "PATCH",
        path: "/v1/users/user_1",
        parameters: &parameters,
        query: "",
        headers: &headers,
        environment: Environment::Production,
        key_fingerprint: None,
        instance: &Instance::UNNAMED,
        client: &Client::default(),
        time: UNIX_EPOCH,
    };
    let judgement = decide(bundle, &operation, &attributes, Bytes::copy_from_slice(body), &mut ());
    if judgement.verdict.is_ok() {
        assert!(!skips_password_checks(body), "a body passed that a lenient decoder takes for a forbidden one");
    }
}

/// What Go's `encoding/json` would make of it, and decoders that drop `_` and `-` as well: names without regard to case, the
/// first value of the text and nothing after it.
fn skips_password_checks(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    let first = serde_json::Deserializer::from_str(&text).into_iter::<Value>().next();
    let Some(Ok(Value::Object(members))) = first else { return false };
    let is_skip = |name: &str| {
        let folded = name.replace(['_', '-'], "").replace('\u{17f}', "s").replace('\u{212a}', "k");
        folded.eq_ignore_ascii_case("skippasswordchecks")
    };
    members.iter().any(|(name, value)| is_skip(name) && *value == Value::Bool(true))
}
