//! What is kept of a judged request besides what every record tells: what policies may have known, and what they said.

use super::sketch::Sketch;
use super::{Evaluated, Facts, Held, Keeping, Named, Part, Said, Skeleton, Text};
use crate::cel::{EvaluationError, is_credential};
use crate::contract::{BodySchema, Operation, query_pairs};
use crate::document::Document;
use crate::judge::{Bundle, Judgement};
use crate::policy::{Attributes, Policy, PolicyOutcome};

/// What is kept of a judged request besides what every record tells. Holds no value of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// What policies may know of it besides its body.
    pub request: Facts<'static>,
    /// What each policy said.
    pub policies: Vec<Evaluated<'static>>,
    /// What its body held; none where it was empty or could not be read.
    pub skeleton: Option<Skeleton<'static>>,
    /// JSON Pointers into the body whose values were removed.
    pub masked: Vec<Text<'static>>,
}

impl Keeping {
    /// What is kept of the head of a request to `operation` that is about to be judged by `bundle`.
    pub fn of_head(&self, bundle: &Bundle, operation: &Operation, attributes: &Attributes<'_>) -> Evidence {
        Evidence { request: self.facts(bundle, operation, attributes), ..Evidence::default() }
    }

    /// Adds what is kept of how it was judged.
    pub fn add_judgement(&self, evidence: &mut Evidence, operation: &Operation, judgement: &Judgement) {
        evidence.policies = judgement.rules.iter().map(|(policy, outcome)| evaluated(policy, outcome)).collect();
        let declared = operation.body.as_ref().map(BodySchema::declared);
        if let (Some(document), Some(declared)) = (&judgement.document, declared) {
            let sketch = Sketch::of(Document::root(document), declared, self);
            (evidence.skeleton, evidence.masked) = (Some(sketch.skeleton), sketch.masked);
        }
    }

    fn facts(&self, bundle: &Bundle, operation: &Operation, attributes: &Attributes<'_>) -> Facts<'static> {
        let params =
            attributes.parameters.iter().map(|(name, value)| (name.to_string().into(), self.parameter(name, value)));
        let headers = bundle.policies.headers_read(&operation.id).into_iter();
        let headers = headers.map(|name| (name.to_owned().into(), self.header(name, attributes)));
        let query = bundle.policies.query_read(&operation.id).into_iter();
        let query = query.map(|name| (name.to_owned().into(), self.of_query(name, attributes)));
        Facts {
            params: Named(params.collect()),
            headers: Named(headers.collect()),
            query: Named(query.collect()),
            query_size: query_pairs(attributes.query).count(),
        }
    }

    fn parameter(&self, name: &str, value: &str) -> Held<'static> {
        let chosen = || self.fingerprints.as_ref()?.of_parameter(name, value);
        held(value, self.masks.hide_parameter(name), chosen)
    }

    /// As policies see it: several headers of one name are one text, and none that holds credentials is there.
    fn header(&self, name: &str, attributes: &Attributes<'_>) -> Option<Held<'static>> {
        if is_credential(name) {
            return None;
        }
        let values = attributes.headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        let joined = values.reduce(|all, value| format!("{all}, {value}").into())?;
        let chosen = || self.fingerprints.as_ref()?.of_header(name, &joined);
        Some(held(&joined, self.masks.hide_header(name), chosen))
    }

    fn of_query(&self, name: &str, attributes: &Attributes<'_>) -> Option<Held<'static>> {
        let (_, value) = query_pairs(attributes.query).find(|(known, _)| known == name)?;
        Some(held(&value, self.masks.hide_query(name), || None))
    }
}

/// What is kept of a text: nothing where a mask hides it.
fn held(text: &str, is_hidden: bool, chosen: impl FnOnce() -> Option<Text<'static>>) -> Held<'static> {
    if is_hidden {
        return Held { size: None, fingerprint: None };
    }
    Held { size: Some(text.chars().count()), fingerprint: chosen() }
}

fn evaluated(policy: &Policy, outcome: &PolicyOutcome) -> Evaluated<'static> {
    Evaluated { name: policy.name.to_string().into(), action: policy.action, said: said(policy, outcome) }
}

fn said(policy: &Policy, outcome: &PolicyOutcome) -> Said<'static> {
    let condition = |position: &usize| Text::from(policy.scope.condition(*position).to_owned());
    match outcome {
        PolicyOutcome::OtherEnvironment => Said::OtherEnvironment,
        PolicyOutcome::NoMatch(position) => Said::NoMatch(condition(position)),
        PolicyOutcome::Holds => Said::Holds,
        PolicyOutcome::Violated(parts) => Said::Violated(unmet(parts)),
        PolicyOutcome::SchemaViolated(_, parts) => Said::Misfit(unmet(parts)),
        PolicyOutcome::Failed(position, error) => {
            Said::Failed { condition: condition(position), error: error.to_string().into() }
        }
    }
}

fn unmet(parts: &[(usize, Option<EvaluationError>)]) -> Vec<Part<'static>> {
    let parts = parts.iter().map(|(validation, error)| Part {
        validation: *validation,
        error: error.map(|error| error.to_string().into()),
    });
    parts.collect()
}
