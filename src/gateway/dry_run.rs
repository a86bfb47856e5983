//! A dry run: what Admit and Inspect make of a whole request that is at hand, with the judge's record, and nothing forwarded.

use crate::cel::TracePart;
use crate::contract::credential::{Environment, KeyClass};
use crate::contract::{Operation, Parameters, Routed};
use crate::gateway::body::presence::BodyPresence;
use crate::gateway::call::RequestClass;
use crate::gateway::gate::Gate;
use crate::gateway::layers::admit::{asked_version, check, duty};
use crate::gateway::layers::inspect::readable;
use crate::gateway::refusal::Refusal;
use crate::judge::violation::Violation;
use crate::judge::{Bundle, Explanation, Judgement, decide, permit_unread};
use crate::peer::Client;
use crate::policy::Attributes;
use crate::reason::Reason;
use crate::redact::Fingerprint;
use bytes::Bytes;
use http::Request;
use http::header::AUTHORIZATION;
use http_body::Body as _;
use http_body_util::Full;
use std::sync::Arc;
use std::time::SystemTime;

/// What became of a request in a dry run.
#[derive(Debug)]
pub struct DryRun {
    /// The kind of its credential.
    pub key: KeyClass,
    /// The environment by which it is judged.
    pub environment: Environment,
    /// The API version that it asks for.
    pub asked_version: Option<String>,
    /// What it is by the contract; none where its head was refused before that was asked.
    pub routed: Option<Routed>,
    /// How it went on, or why it did not.
    pub way: Result<DryRunResult, Refusal>,
}

/// How a request went on behind Admit.
#[derive(Debug)]
pub enum DryRunResult {
    /// There is nothing to judge: it passes.
    Exempt,
    /// Its body is not read, and it passes all the same, because it is only looked at.
    Unread(Violation),
    /// It was judged.
    Judged(Box<JudgedRun>),
}

/// A request that was judged.
#[derive(Debug)]
pub struct JudgedRun {
    /// The operation that it calls.
    pub operation: Arc<Operation>,
    /// What the judge found.
    pub judgement: Judgement,
    /// The record of each policy in [`Judgement::rules`]: its conditions and validations, as far as it came to them.
    pub parts: Vec<Vec<TracePart>>,
    /// What refuses it.
    pub refusal: Option<Refusal>,
}

impl Gate {
    /// What becomes of `request` by `bundle`, as in the layers: the same checks in the same order.
    pub fn dry_run(&self, bundle: &Bundle, client: &Client, time: SystemTime, request: &Request<Bytes>) -> DryRun {
        let authorization = request.headers().get(AUTHORIZATION).map(http::HeaderValue::as_bytes);
        let key = KeyClass::of(authorization);
        let fingerprint = authorization.map(|value| self.fingerprinter.fingerprint(value));
        let environment = self.environment_of(key);
        let (mut asked, mut routed) = (None, None);
        let mut framed = request.clone().map(Full::new);
        if BodyPresence::is_in_doubt(&framed) {
            framed.extensions_mut().insert(BodyPresence::classify(request.method(), request.body()));
        }
        let way = check(self, bundle, &framed).and_then(|()| {
            let version = asked_version(request)?;
            let route = bundle.route(request.method().as_str(), request.uri().path(), version.as_deref());
            asked = version.map(std::borrow::Cow::into_owned);
            match duty(bundle, request, routed.insert(route).clone())? {
                RequestClass::Exempt(_) => Ok(DryRunResult::Exempt),
                RequestClass::Inspect(operation, parameters) => {
                    let has_body = operation.body.is_some() && !framed.body().is_end_stream();
                    match self.unreadable(request).filter(|_| has_body) {
                        Some(reason) => unread(bundle, &operation, reason),
                        None => Ok(judged(
                            bundle,
                            operation,
                            &parameters,
                            (client, environment, fingerprint, time),
                            request,
                        )),
                    }
                }
            }
        });
        DryRun { key, environment, asked_version: asked, routed, way }
    }

    /// Why the body would not be read.
    fn unreadable(&self, request: &Request<Bytes>) -> Option<Reason> {
        let is_long = request.body().len() > self.limits.body_bytes;
        readable(self, request.headers()).err().or_else(|| is_long.then_some(Reason::BodyTooLarge))
    }
}

fn unread(bundle: &Bundle, operation: &Operation, reason: Reason) -> Result<DryRunResult, Refusal> {
    let (_, violation) = permit_unread(bundle, operation, reason).ok_or_else(|| Refusal::of(reason))?;
    Ok(DryRunResult::Unread(violation))
}

fn judged(
    bundle: &Bundle,
    operation: Arc<Operation>,
    parameters: &Parameters,
    (client, environment, key_fingerprint, time): (&Client, Environment, Option<Fingerprint>, SystemTime),
    request: &Request<Bytes>,
) -> DryRunResult {
    let attributes = Attributes {
        method: request.method().as_str(),
        path: request.uri().path(),
        parameters,
        query: request.uri().query().unwrap_or_default(),
        headers: request.headers(),
        environment,
        key_fingerprint,
        client,
        time,
    };
    // a body that the contract has no schema for streams by
    let body = if operation.body.is_some() { request.body().clone() } else { Bytes::new() };
    let mut explanation = Explanation::default();
    let judgement = decide(bundle, &operation, &attributes, body, &mut explanation);
    let refusal = judgement.verdict.as_ref().err().map(|reason| Refusal::for_operation(*reason, &operation));
    DryRunResult::Judged(Box::new(JudgedRun { operation, judgement, parts: explanation.traces, refusal }))
}
