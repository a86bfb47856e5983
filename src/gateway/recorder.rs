//! Where the record of a request is reported: the gateway's telemetry, or the observer of an embedding program.

use super::gate::Gate;
use super::worker_context::WorkerContext;
use crate::judge::violation::Rule;
use crate::telemetry::InFlight;
use crate::telemetry::record::RequestRecord;
use crate::telemetry::traces::{Parent, TraceContext};
use http::HeaderMap;
use std::sync::Arc;

/// Receives the finished record of each request: decision, reason, operation, violations, timings.
///
/// Called once a request, when the last byte of its response is sent or the request is given up, on the thread that served
/// it. It must not block. Implemented for closures.
pub trait RecordObserver: Send + Sync {
    /// Takes note of `record`.
    fn observe(&self, record: &RequestRecord);
}

impl<F: Fn(&RequestRecord) + Send + Sync> RecordObserver for F {
    fn observe(&self, record: &RequestRecord) {
        self(record);
    }
}

/// Where records are reported.
// an enum, not a trait object or a type parameter: it costs no call through a table, and keeps the parameter out of the type
// of every layer and body
#[derive(Clone)]
pub(super) enum Recorder {
    /// The telemetry of the gateway program.
    Telemetry(Arc<WorkerContext>),
    /// An embedding program.
    Observer(Arc<EmbeddedContext>),
}

/// What all requests of one [`PolicyLayer`](super::PolicyLayer) share.
pub(super) struct EmbeddedContext {
    pub(super) gate: Arc<Gate>,
    pub(super) observer: Option<Arc<dyn RecordObserver>>,
}

impl Recorder {
    pub(super) fn gate(&self) -> &Arc<Gate> {
        match self {
            Self::Telemetry(context) => &context.gate,
            Self::Observer(context) => &context.gate,
        }
    }

    /// The request's place in a trace.
    pub(super) fn trace_context(&self, headers: &HeaderMap) -> TraceContext {
        match self {
            Self::Telemetry(context) => context.telemetry.begin(headers),
            Self::Observer(_) => TraceContext::below(Parent::of(headers).as_ref()),
        }
    }

    /// Counts a request as in flight until the guard is dropped.
    pub(super) fn in_flight(&self, method: &'static str, scheme: &'static str) -> Option<InFlight> {
        match self {
            Self::Telemetry(context) => Some(context.telemetry.in_flight(method, scheme)),
            Self::Observer(_) => None,
        }
    }

    /// Reports a finished record.
    pub(super) fn finish(&self, record: &mut RequestRecord) {
        match self {
            Self::Telemetry(context) => {
                let input = record.decision_input.take();
                context.telemetry.finish(record);
                context.telemetry.log_decision(record, input);
            }
            Self::Observer(context) => match &context.observer {
                Some(observer) => observer.observe(record),
                None => log(record),
            },
        }
    }
}

/// Logs what rules found, for programs without an observer: a rule that warns or audits has no effect but what is recorded.
fn log(record: &RequestRecord) {
    for violation in &record.violations {
        let rule = match &violation.rule {
            Rule::Policy(name) => name.as_ref(),
            Rule::Keyword(keyword) => keyword,
            Rule::Gateway => "gateway",
        };
        let (decision_id, operation) = (record.decision_id, record.operation_id());
        let (action, reason, message) = (violation.action.as_str(), violation.reason.as_str(), &violation.message);
        tracing::warn!(%decision_id, operation, rule, action, reason, "{message}");
    }
}
