//! Has a request judged, and records what the judge found.

use super::shadow::judge_by_shadow;
use super::step_timer::StepTimer;
use crate::contract::credential::Environment;
use crate::contract::{Operation, Parameters};
use crate::gateway::call::{Call, Charge};
use crate::gateway::gate::Gate;
use crate::gateway::refusal::Refusal;
use crate::judge::{Judgement, Permit, PolicyTraces, decide, waivers_of_limit};
use crate::policy::{Attributes, LimitOutcome};
use crate::telemetry::record::{JudgeTiming, Outcome};
use bytes::Bytes;
use std::sync::Arc;
use std::time::SystemTime;

/// Captures, for the decision log, what policies may read of the request besides its body.
pub(super) fn capture_head<B>(
    gate: &Gate,
    call: &Call<B>,
    operation: &Operation,
    parameters: &Parameters,
    environment: Environment,
) {
    let Some(retention) = &gate.retention else { return };
    let started = call.record.lock().started;
    let path = operation.canonical_path(call.request.uri().path(), parameters);
    let attributes = attributes(gate, call, (&path, parameters), environment, started);
    let decision_input = retention.capture_head(&call.bundle, operation, &attributes);
    call.record.lock().decision_input = Some(Box::new(decision_input));
}

/// Judges the request. Its violations, its timings and its outcome go to the record.
///
/// # Errors
///
/// The refusal, if a rule denies the request.
pub(super) fn judge<B>(
    gate: &Gate,
    call: &Call<B>,
    operation: &Arc<Operation>,
    parameters: &Parameters,
    environment: Environment,
    body: Bytes,
) -> Result<(Permit, Vec<Charge>), Refusal> {
    let time = call.probe.as_ref().map_or_else(SystemTime::now, |probe| probe.time());
    let path = operation.canonical_path(call.request.uri().path(), parameters);
    let attributes = attributes(gate, call, (&path, parameters), environment, time);
    let (judgement, timing) = run_judge(call, operation, &attributes, body, time);
    // what a dry run explains is the decision, which the shadow bundle has no part in
    let shadow = call.bundle.shadow().filter(|_| call.probe.is_none());
    let shadow = shadow.map(|shadow| judge_by_shadow(&call.bundle, shadow, &judgement, operation, &attributes));
    let mut record = call.record.lock();
    record.shadow = shadow.map(Box::new);
    record.judging = Some(timing);
    if let (Some(retention), Some(decision_input)) = (&gate.retention, &mut record.decision_input) {
        retention.add_judgement(decision_input, &call.bundle, operation, &judgement);
    }
    let unknown =
        judgement.unknown_fields.into_iter().filter_map(|field| field.mask(&gate.masks).for_unknown(&gate.masks));
    record.unknown_fields = unknown.collect();
    // masked before they reach the record, from which every log and span is made
    record.add_violations(judgement.violations.into_iter().map(|mut violation| {
        violation.field = violation.field.take().map(|field| field.mask(&gate.masks));
        violation
    }));
    match judgement.verdict {
        Ok(permit) => {
            record.outcome = Outcome::Allowed;
            let waivers = judgement.waivers;
            let charges = judgement.limits.into_iter().filter_map(|(limit, outcome)| match outcome {
                LimitOutcome::Counted { key, cost } => {
                    let waivers = waivers_of_limit(&limit, &waivers);
                    Some(Charge { limit, key, cost, waivers })
                }
                LimitOutcome::NotCounted(_) | LimitOutcome::Failed(..) => None,
            });
            Ok((permit, charges.collect()))
        }
        Err(reason) => Err(Refusal::for_operation(reason, operation)),
    }
}

/// Runs the judge and times its steps. A dry run records each expression instead.
fn run_judge<B>(
    call: &Call<B>,
    operation: &Arc<Operation>,
    attributes: &Attributes<'_>,
    body: Bytes,
    time: SystemTime,
) -> (Judgement, JudgeTiming) {
    let Some(probe) = &call.probe else {
        let mut timer = StepTimer::start(time);
        let judgement = decide(&call.bundle, operation, attributes, body, &mut timer);
        return (judgement, timer.finish());
    };
    let mut explanation = PolicyTraces::default();
    let judgement = decide(&call.bundle, operation, attributes, body, &mut explanation);
    probe.record_judgement(&call.bundle, operation, &judgement, explanation.traces);
    (judgement, JudgeTiming::begin(time))
}

/// What policies may read of the request besides its body.
fn attributes<'a, B>(
    gate: &'a Gate,
    call: &'a Call<B>,
    (path, parameters): (&'a str, &'a Parameters),
    environment: Environment,
    time: SystemTime,
) -> Attributes<'a> {
    let request = &call.request;
    Attributes {
        method: request.method().as_str(),
        path,
        parameters,
        query: request.uri().query().unwrap_or_default(),
        headers: request.headers(),
        environment,
        key_fingerprint: call.record.lock().key_fingerprint,
        instance: &gate.instance,
        client: &call.client,
        time,
    }
}
