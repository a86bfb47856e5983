//! Who sends a request, by its credential.

use crate::contract::Operation;
use crate::contract::credential::{Credential, Environment, KeyClass, holds_live_key};
use crate::gateway::gate::Gate;
use crate::gateway::refusal::Refusal;
use crate::judge::Bundle;
use crate::redact::Fingerprint;
use http::Request;
use http::header::AUTHORIZATION;

/// The bytes of a credential that its fingerprint is of: no token is longer, and hashing a head full would take its time.
const LONGEST: usize = 8 * 1024;

/// What is known of the credential of a request. The credential itself is not in it.
pub(super) struct Caller {
    pub(super) key_class: KeyClass,
    /// Of the credential and not of its header: another spelling of the scheme would be a new caller to every limit.
    pub(super) key_fingerprint: Option<Fingerprint>,
    /// The environment of the credential, before any override.
    pub(super) environment: Environment,
    /// Whether `Authorization` is absent, or is exactly `Bearer`, one space and a token.
    is_plain: bool,
}

/// Reads the credential of `request`.
pub(super) fn identify<B>(gate: &Gate, request: &Request<B>) -> Caller {
    let Some(value) = request.headers().get(AUTHORIZATION) else {
        let environment = Environment::Production;
        return Caller { key_class: KeyClass::None, key_fingerprint: None, environment, is_plain: true };
    };
    let credential = Credential::of(value.as_bytes());
    let environment = match credential.environment() {
        // only of a test key, so that requests to production are not searched
        Environment::Development if holds_live_key_elsewhere(request) => Environment::Production,
        environment => environment,
    };
    Caller {
        key_class: credential.class,
        key_fingerprint: Some(
            gate.fingerprinter.fingerprint(credential.token.get(..LONGEST).unwrap_or(&credential.token)),
        ),
        environment,
        is_plain: credential.is_plain,
    }
}

/// Whether a server that takes the credential from another header, a cookie or the target could find a production key.
fn holds_live_key_elsewhere<B>(request: &Request<B>) -> bool {
    let target = request.uri().path_and_query().map(|target| target.as_str().as_bytes());
    let values = request.headers().values().map(http::HeaderValue::as_bytes);
    target.into_iter().chain(values).any(holds_live_key)
}

impl Caller {
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
