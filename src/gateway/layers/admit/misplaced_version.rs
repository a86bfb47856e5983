//! Paths that an SDK sends whose API URL has one `/v1` too many, or none.

use crate::contract::Routed;
use crate::judge::Bundle;

const TWICE: &str = "give the SDK the gateway's URL without `/v1` (`apiUrl` in JavaScript): it adds `/v1` itself";
const MISSING: &str = "end the SDK's URL of the gateway with `/v1` (`server_url` in Python): it adds none";

/// Whether `path` begins with `/v1` twice and would be one of the contract with the first alone. No server has such paths.
pub(super) fn is_twice(bundle: &Bundle, method: &str, path: &str) -> bool {
    path.strip_prefix("/v1").is_some_and(|rest| rest.starts_with("/v1/") && is_known(bundle, method, rest))
}

/// What to change in the SDK, if `path` would be one of the contract with another `/v1`.
pub(super) fn fix(bundle: &Bundle, method: &str, path: &str) -> Option<&'static str> {
    if is_twice(bundle, method, path) {
        return Some(TWICE);
    }
    let is_missing = !path.starts_with("/v1/") && is_known(bundle, method, &format!("/v1{path}"));
    is_missing.then_some(MISSING)
}

fn is_known(bundle: &Bundle, method: &str, path: &str) -> bool {
    matches!(bundle.route(method, path, None), Routed::Operation(..) | Routed::MethodUnknown)
}
