//! What the decision log records of a judged request beyond its request record: the attributes that policies could read, and
//! what each policy made of them.

use super::redactor::RedactedBody;
use super::{
    EntryText, FailedValidation, NameMap, RecordedAttributes, RecordedInstance, RecordedOutcome, RecordedPolicy,
    RedactedText, RedactedValue, RetentionRules,
};
use crate::cel::EvaluationError;
use crate::contract::{BodySchema, Operation, query_parameters, query_values};
use crate::document::Document;
use crate::judge::{Bundle, Judgement};
use crate::policy::{Attributes, Instance, Policy, PolicyOutcome, is_credential};
use std::sync::Arc;

/// What the decision log records of a judged request beyond its request record. Holds no value of the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecisionInput {
    /// The attributes that policies could read, without the body.
    pub request: RecordedAttributes<'static>,
    /// The policies that were evaluated, in order.
    pub policies: Vec<RecordedPolicy<'static>>,
    /// The body; `None` if it was empty or not readable as JSON.
    pub body: Option<RedactedValue<'static>>,
    /// JSON Pointers to the values that were removed from the body.
    pub masked: Vec<EntryText<'static>>,
}

impl RetentionRules {
    /// Captures the head of a request to `operation` that `bundle` is about to judge.
    pub fn capture_head(&self, bundle: &Bundle, operation: &Operation, attributes: &Attributes<'_>) -> DecisionInput {
        DecisionInput { request: self.attributes(bundle, operation, attributes), ..DecisionInput::default() }
    }

    /// Adds the body and the outcome of each policy of `bundle`, which judged the request.
    pub fn add_judgement(
        &self,
        input: &mut DecisionInput,
        bundle: &Bundle,
        operation: &Operation,
        judgement: &Judgement,
    ) {
        let outcomes = judgement.outcomes(bundle, operation);
        input.policies = outcomes.map(|(policy, outcome)| recorded_policy(policy, outcome)).collect();
        let declared = operation.body.as_ref().map(BodySchema::field_tree);
        // without a schema nothing of a body is declared, so nothing of it may be recorded
        if let (Some(document), Some(declared)) = (&judgement.document, declared) {
            let redacted = RedactedBody::new(Document::root(document), declared, self);
            (input.body, input.masked) = (Some(redacted.value), redacted.masked);
        }
    }

    fn attributes(
        &self,
        bundle: &Bundle,
        operation: &Operation,
        attributes: &Attributes<'_>,
    ) -> RecordedAttributes<'static> {
        let params =
            attributes.parameters.iter().map(|(name, value)| (name.to_string().into(), self.parameter(name, value)));
        // only headers and query parameters that a policy reads: other names could come from the request, and a replay of the
        // same policies does not need them
        let headers = bundle.policies.headers_read(&operation.id).into_iter();
        let headers = headers.map(|name| (name.to_owned().into(), self.header(name, attributes)));
        let query = bundle.policies.query_read(&operation.id).into_iter();
        let query = query.map(|name| (name.to_owned().into(), self.query_parameter(name, attributes)));
        RecordedAttributes {
            params: NameMap(params.collect()),
            headers: NameMap(headers.collect()),
            query: NameMap(query.collect()),
            query_size: query_parameters(attributes.query).count(),
            instance: recorded_instance(attributes.instance),
        }
    }

    fn parameter(&self, name: &str, value: &str) -> RedactedText<'static> {
        let fingerprint = || self.fingerprints.as_ref()?.of_parameter(name, value);
        redact_text(value, self.masks.hide_parameter(name), fingerprint)
    }

    /// A header as policies see it: the values of several fields of one name are joined; `None` for one that holds credentials.
    fn header(&self, name: &str, attributes: &Attributes<'_>) -> Option<RedactedText<'static>> {
        if is_credential(name) {
            return None;
        }
        // joined as RFC 9110, 5.3 joins them, so that size and fingerprint are of the text that policies compared
        let values = attributes.headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        let joined = values.reduce(|all, value| format!("{all}, {value}").into())?;
        let fingerprint = || self.fingerprints.as_ref()?.of_header(name, &joined);
        Some(redact_text(&joined, self.masks.hide_header(name), fingerprint))
    }

    fn query_parameter(&self, name: &str, attributes: &Attributes<'_>) -> Option<RedactedText<'static>> {
        let value = query_values(attributes.query, name).next()?;
        Some(redact_text(&value, self.masks.hide_query(name), || None))
    }
}

/// What `instance` is called. All of it, and not only what policies read: it is of the operator and short, and with it a replay
/// can decide what a new policy would.
fn recorded_instance(instance: &Instance) -> Option<RecordedInstance<'static>> {
    let labels = instance.labels.iter().map(|(name, value)| (name.to_string().into(), value.to_string().into()));
    let text = |text: &Arc<str>| text.to_string().into();
    let (name, environment) = (instance.name.as_ref().map(text), instance.environment.as_ref().map(text));
    (*instance != Instance::UNNAMED).then(|| RecordedInstance { name, environment, labels: NameMap(labels.collect()) })
}

/// The size of `text` and its fingerprint; neither if a mask hides it.
fn redact_text(
    text: &str,
    is_hidden: bool,
    fingerprint: impl FnOnce() -> Option<EntryText<'static>>,
) -> RedactedText<'static> {
    if is_hidden {
        // not even the size, as in the body
        return RedactedText { size: None, fingerprint: None };
    }
    RedactedText { size: Some(text.chars().count()), fingerprint: fingerprint() }
}

fn recorded_policy(policy: &Policy, outcome: &PolicyOutcome) -> RecordedPolicy<'static> {
    RecordedPolicy {
        name: policy.name.to_string().into(),
        action: policy.action,
        hash: Some(policy.hash),
        waivers_hash: policy.waivers_hash,
        outcome: recorded_outcome(policy, outcome),
    }
}

fn recorded_outcome(policy: &Policy, outcome: &PolicyOutcome) -> RecordedOutcome<'static> {
    let condition = |position: &usize| EntryText::from(policy.scope.condition(*position).to_owned());
    match outcome {
        PolicyOutcome::OtherEnvironment => RecordedOutcome::OtherEnvironment,
        PolicyOutcome::NoMatch(position) => RecordedOutcome::NoMatch(condition(position)),
        PolicyOutcome::Holds => RecordedOutcome::Holds,
        PolicyOutcome::Violated(parts) => RecordedOutcome::Violated(failed_validations(parts)),
        PolicyOutcome::SchemaViolated(_, parts) => RecordedOutcome::SchemaViolated(failed_validations(parts)),
        PolicyOutcome::Failed(position, error) => {
            RecordedOutcome::Failed { condition: condition(position), error: error.to_string().into() }
        }
    }
}

fn failed_validations(parts: &[(usize, Option<EvaluationError>)]) -> Vec<FailedValidation<'static>> {
    let parts = parts.iter().map(|(validation, error)| FailedValidation {
        validation: *validation,
        error: error.map(|error| error.to_string().into()),
    });
    parts.collect()
}
