//! A dry run: sends a request through Admit and Inspect, and reports what they found instead of forwarding it.

use super::call::{Call, Permitted, SharedRecord};
use super::gate::Gate;
use super::layers::admit::AdmitLayer;
use super::layers::inspect::InspectLayer;
use super::refusal::Refusal;
use crate::budget::ClientKey;
use crate::cel::TracePart;
use crate::contract::credential::{Environment, KeyClass};
use crate::contract::{Operation, Routed};
use crate::judge::violation::Violation;
use crate::judge::{Bundle, Judgement, WaiverOutcomes};
use crate::peer::Client;
use crate::policy::{Limit, LimitOutcome, Policy, PolicyOutcome};
use crate::reason::Reason;
use crate::redact::method_label;
use crate::telemetry::record::RequestRecord;
use crate::telemetry::traces::TraceContext;
use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http_body_util::Full;
use std::collections::BTreeMap;
use std::future::{Ready, ready};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;
use tower::{Layer, Service};

/// The result of a dry run.
#[derive(Debug)]
pub struct DryRun {
    /// The kind of the request's credential.
    pub key: KeyClass,
    /// The environment of its credential.
    pub read_environment: Environment,
    /// The environment whose rules apply.
    pub environment: Environment,
    /// The API version that the request asks for.
    pub asked_version: Option<String>,
    /// The route by the contract. `None` if the head was refused before the request was routed.
    pub routed: Option<Routed>,
    /// How the request went on, or the refusal of its head or of a body that was not read.
    pub result: Result<DryRunResult, Refusal>,
}

/// How a request went on behind Admit.
#[derive(Debug)]
pub enum DryRunResult {
    /// There is nothing to judge, and it passes.
    Exempt,
    /// Its body is not read, but it passes because the operation is only audited.
    Unread(Violation),
    /// It was judged.
    Judged(Box<JudgedRun>),
}

/// A request that was judged.
#[derive(Debug)]
pub struct JudgedRun {
    /// The operation that it calls.
    pub operation: Arc<Operation>,
    /// Everything that rules found, whatever the action.
    pub violations: Vec<Violation>,
    /// The outcome of each policy for the operation.
    pub rules: Vec<(Arc<Policy>, PolicyOutcome)>,
    /// The trace of each policy that was visited, by name: its conditions and validations, as far as they were evaluated.
    pub parts: BTreeMap<Arc<str>, Vec<TracePart>>,
    /// The outcome of each limit for the operation.
    pub limits: Vec<(Arc<Limit>, LimitOutcome)>,
    /// The outcome of each waiver that was evaluated.
    pub waivers: WaiverOutcomes,
    /// The refusal, if a rule denied the request.
    pub refusal: Option<Refusal>,
}

/// Collects what a dry run reports and the record of a request does not hold.
// A probe that travels with the request through the very layers of a live one, and not a second sequence of their checks: a
// check that is added to a layer is in every dry run from then on.
#[derive(Debug)]
pub(super) struct Probe {
    time: SystemTime,
    findings: Mutex<Findings>,
}

#[derive(Debug, Default)]
struct Findings {
    read_environment: Option<Environment>,
    asked_version: Option<String>,
    routed: Option<Routed>,
    unread: Option<Violation>,
    judged: Option<Box<JudgedRun>>,
}

impl Probe {
    fn new(time: SystemTime) -> Self {
        Self { time, findings: Mutex::default() }
    }

    /// The time that policies read, in place of the clock.
    pub(super) const fn time(&self) -> SystemTime {
        self.time
    }

    pub(super) fn record_environment(&self, read: Environment) {
        self.findings().read_environment = Some(read);
    }

    pub(super) fn record_route(&self, asked_version: Option<&str>, routed: &Routed) {
        let mut findings = self.findings();
        findings.asked_version = asked_version.map(str::to_owned);
        findings.routed = Some(routed.clone());
    }

    pub(super) fn record_unread(&self, violation: Violation) {
        self.findings().unread = Some(violation);
    }

    pub(super) fn record_judgement(
        &self,
        bundle: &Bundle,
        operation: &Arc<Operation>,
        judgement: &Judgement,
        traces: Vec<Vec<TracePart>>,
    ) {
        let outcomes = judgement.outcomes(bundle, operation);
        let visited = judgement.rules.iter().map(|(policy, _)| policy.name.clone());
        self.findings().judged = Some(Box::new(JudgedRun {
            operation: Arc::clone(operation),
            violations: judgement.violations.clone(),
            rules: outcomes.map(|(policy, outcome)| (policy.clone(), outcome.clone())).collect(),
            parts: visited.zip(traces).collect(),
            limits: judgement.limits.clone(),
            waivers: judgement.waivers.clone(),
            refusal: None,
        }));
    }

    fn findings(&self) -> MutexGuard<'_, Findings> {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the place of the layers behind Inspect, and of the upstream.
#[derive(Clone)]
struct NoUpstream;

impl<B> Service<Permitted<B>> for NoUpstream {
    type Response = ();
    type Error = Refusal;
    type Future = Ready<Result<(), Refusal>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Permitted<B>) -> Self::Future {
        ready(Ok(()))
    }
}

impl Gate {
    /// Runs `request`, sent by `client` at `time`, through Admit and Inspect, judged by `bundle`.
    ///
    /// Limits are evaluated but not counted.
    pub fn dry_run(
        self: &Arc<Self>,
        bundle: &Arc<Bundle>,
        client: &Client,
        time: SystemTime,
        request: &Request<Bytes>,
    ) -> DryRun {
        let trace = TraceContext::below(None);
        let record = RequestRecord::begin(method_label(request.method()), trace, bundle.revision.clone());
        let record = SharedRecord::new(record);
        let probe = Arc::new(Probe::new(time));
        let call = Call {
            request: with_framing(request).map(Full::new),
            client: Arc::new(client.clone()),
            account: self.budget.account(ClientKey::Unnamed),
            bundle: Arc::clone(bundle),
            record: record.clone(),
            probe: Some(Arc::clone(&probe)),
        };
        let inspect = InspectLayer { gate: Arc::clone(self) }.layer(NoUpstream);
        let mut layers = AdmitLayer { gate: Arc::clone(self) }.layer(inspect);
        // the body is in memory and nothing is forwarded, so that no future in the layers has anything to wait for
        let polled = pin!(layers.call(call)).poll(&mut Context::from_waker(Waker::noop()));
        let passed = match polled {
            Poll::Ready(passed) => passed,
            Poll::Pending => Err(Refusal::of(Reason::Internal)),
        };
        let Findings { read_environment, asked_version, routed, unread, judged } =
            std::mem::take(&mut *probe.findings());
        let record = record.lock();
        DryRun {
            key: record.key_class,
            read_environment: read_environment.unwrap_or(Environment::Production),
            environment: record.environment,
            asked_version,
            routed,
            result: result(passed, unread, judged),
        }
    }
}

/// The request, with the `Content-Length` that a client would send.
fn with_framing(request: &Request<Bytes>) -> Request<Bytes> {
    let mut request = request.clone();
    let length = request.body().len();
    let is_framed = [CONTENT_LENGTH, TRANSFER_ENCODING].iter().any(|name| request.headers().contains_key(name));
    if length > 0 && !is_framed {
        request.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    request
}

fn result(
    passed: Result<(), Refusal>,
    unread: Option<Violation>,
    judged: Option<Box<JudgedRun>>,
) -> Result<DryRunResult, Refusal> {
    match (judged, passed, unread) {
        (Some(mut judged), passed, _) => {
            judged.refusal = passed.err();
            Ok(DryRunResult::Judged(judged))
        }
        (None, Err(refusal), _) => Err(refusal),
        (None, Ok(()), Some(violation)) => Ok(DryRunResult::Unread(violation)),
        (None, Ok(()), None) => Ok(DryRunResult::Exempt),
    }
}
