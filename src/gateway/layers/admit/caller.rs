//! Who sends a request, by its credential.

use crate::contract::Operation;
use crate::contract::credential::{Credential, Environment, KeyClass, holds_live_key};
use crate::gateway::gate::Gate;
use crate::gateway::refusal::Refusal;
use crate::judge::Bundle;
use crate::redact::Fingerprint;
use crate::secret::Secret;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use std::sync::{Arc, Mutex, PoisonError};

/// The bytes of a credential that its fingerprint is of: no token is longer, and hashing a head full would take its time.
const LONGEST: usize = 8 * 1024;
/// The bytes of a value that a connection keeps: more than any key of Clerk's has, and little for each of many connections.
const LONGEST_CACHED: usize = 1024;

/// What is known of the credential of a request. The credential itself is not in it.
#[derive(Clone, Copy)]
pub(super) struct Caller {
    pub(super) key_class: KeyClass,
    /// Of the credential and not of its header: another spelling of the scheme would be a new caller to every limit.
    pub(super) key_fingerprint: Option<Fingerprint>,
    /// The environment of the credential, before any override.
    pub(super) environment: Environment,
    /// Whether `Authorization` is absent, or is exactly `Bearer`, one space and a token.
    is_plain: bool,
}

/// The last `Authorization` value of a connection, and its caller.
// A client sends one key over and over, and the fingerprint of a key costs a fifteenth of the whole request.
#[derive(Clone, Default)]
pub(super) struct CallerCache(Arc<Mutex<Option<KnownCaller>>>);

/// A value of `Authorization`, and the caller that it identifies.
type KnownCaller = (Secret<Vec<u8>>, Caller);

impl CallerCache {
    /// Reads the credential of `request`.
    pub(super) fn identify<B>(&self, gate: &Gate, request: &Request<B>) -> Caller {
        let Some(value) = request.headers().get(AUTHORIZATION) else {
            let environment = Environment::Production;
            return Caller { key_class: KeyClass::None, key_fingerprint: None, environment, is_plain: true };
        };
        let mut caller = self.of_value(gate, value);
        // only of a test key, so that requests to production are not searched
        if caller.environment == Environment::Development && holds_live_key_elsewhere(request) {
            caller.environment = Environment::Production;
        }
        caller
    }

    fn of_value(&self, gate: &Gate, value: &HeaderValue) -> Caller {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // in constant time: clients of an embedded gate share this, and one must not learn how far its guess of a key is right
        if let Some((known, caller)) = last.as_ref()
            && verify_slices_are_equal(known.expose(), value.as_bytes()).is_ok()
        {
            return *caller;
        }
        let caller = Caller::of_value(gate, value);
        if value.len() <= LONGEST_CACHED {
            *last = Some((Secret::new(value.as_bytes().to_vec()), caller));
        }
        caller
    }
}

/// Whether a server that takes the credential from another header, a cookie or the target could find a production key.
fn holds_live_key_elsewhere<B>(request: &Request<B>) -> bool {
    let target = request.uri().path_and_query().map(|target| target.as_str().as_bytes());
    let values = request.headers().values().map(http::HeaderValue::as_bytes);
    target.into_iter().chain(values).any(holds_live_key)
}

impl Caller {
    fn of_value(gate: &Gate, value: &HeaderValue) -> Self {
        let credential = Credential::of(value.as_bytes());
        Self {
            key_class: credential.class,
            key_fingerprint: Some(
                gate.fingerprinter.fingerprint(credential.token.get(..LONGEST).unwrap_or(&credential.token)),
            ),
            environment: credential.environment(),
            is_plain: credential.is_plain,
        }
    }

    /// Checks that the credential has one meaning, if a rule may refuse `operation`.
    ///
    /// # Errors
    ///
    /// The refusal: the upstream could read another credential than the one that rules counted.
    pub(super) fn check(&self, bundle: &Bundle, operation: &Operation) -> Result<(), Refusal> {
        if self.is_plain || !bundle.is_guarded(operation) {
            return Ok(());
        }
        let fix = "look for a blank in front of the key where it is set, which gives two spaces";
        Err(Refusal::ambiguous("`Authorization` is not `Bearer`, one space and a token", fix))
    }
}

#[cfg(test)]
mod tests {
    use super::CallerCache;
    use crate::config::gateway::Limits;
    use crate::contract::Contract;
    use crate::contract::credential::Environment;
    use crate::contract::strictness::Strictness;
    use crate::gateway::gate::Gate;
    use crate::judge::Bundle;
    use http::Request;
    use std::sync::Arc;

    #[test]
    fn a_cached_caller_is_the_one_of_each_request() {
        let contract = Contract::built_in("2026-05-12").expect("a contract");
        let bundle = Bundle::compile(contract, &[], Strictness::default()).expect("a bundle");
        let gate = Gate::new(Arc::new(bundle), Limits::default(), None, &[]);
        let cache = CallerCache::default();
        let caller = |credential: &str, cookie: &str| {
            let request = Request::builder().header("authorization", credential).header("cookie", cookie);
            let caller = cache.identify(&gate, &request.body(()).expect("a request"));
            (caller.key_fingerprint.expect("a fingerprint"), caller.environment)
        };
        let (one, environment) = caller("Bearer sk_test_a", "a=b");
        assert_eq!(environment, Environment::Development);
        assert_eq!(caller("Bearer sk_test_a", "a=b"), (one, environment));
        // the same value beside a production key
        assert_eq!(caller("Bearer sk_test_a", "a=sk_live_b"), (one, Environment::Production));
        assert_eq!(caller("Bearer sk_test_a", "a=b"), (one, environment));
        let (other, _) = caller("Bearer sk_test_b", "a=b");
        assert_ne!(one, other);
        // too long to be cached
        let long = format!("Bearer sk_test_{}", "a".repeat(2000));
        assert_ne!(caller(&long, "a=b").0, other);
        assert_eq!(caller("Bearer sk_test_b", "a=b").0, other);
    }
}
