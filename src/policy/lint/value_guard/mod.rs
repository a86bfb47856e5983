//! Lints expressions that have no value for something that the contract permits, such as a number in metadata where a text is expected,
//! an empty list whose first element is read, or a text that is no number.
//!
//! The rule is evaluated for requests that are made of what it reads, with values of each type. Each failure that is reported was seen.
//! That none was seen is no proof. What is absent or null is the matter of [`super::null_guard`].

mod samples;
mod values;

use super::null_guard::{scope_literals, scope_members};
use crate::cel::{Evaluation, EvaluationError, Expression, FailurePlan, Literals, MemberReads, PartFailure};
use crate::contract::credential::Environment;
use crate::contract::sample_body::sample_body;
use crate::contract::{Contract, Operation};
use crate::diagnostic::Diagnostic;
use crate::document::{Document, NodeRef};
use crate::manifest::{Manifest, Source};
use crate::peer::{Client, ClientCertificate};
use crate::policy::bindings::RequestActivation;
use crate::policy::limit::{Limit, RequestLimit};
use crate::policy::reads::Reads;
use crate::policy::scope::Scope;
use crate::policy::source::RequestPolicy;
use crate::policy::{Action, Attributes, Instance, Policy};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use samples::{Sample, SamplePart, Samples, body_of};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, UNIX_EPOCH};
use values::ValueSource;

/// The time of the requests: 2026-01-01T00:00:00Z.
const TIME: Duration = Duration::from_secs(1_767_225_600);
/// Longest example in a message.
const LONGEST: usize = 160;

/// Why expressions have no value, by their pointers in the document.
type Failures = Vec<(String, EvaluationError)>;

/// The conditions and validations of `policy` that have no value for a request that fits the contract, each with such a body.
pub(in crate::policy) fn lint_policy(
    manifest: &Manifest<RequestPolicy>,
    policy: &Policy,
    contract: &Contract,
) -> Vec<Diagnostic> {
    let mut read = ScopeReads::of(&policy.scope, &policy.reads);
    for validation in &policy.validations {
        read.literals.add(&validation.expression);
        read.members.add(&validation.expression);
        read.is_partial |= validation.expression.is_partial();
    }
    let conditions = Conditions::of(&policy.scope);
    let plans = policy.validations.iter().map(|it| {
        let expression = &it.expression;
        (expression, expression.failure_plan(&policy.scope.variables))
    });
    let plans: Vec<_> = plans.collect();
    read.find(contract, &manifest.source, policy.action, |request| {
        let mut evaluation = policy.scope.variables.evaluation::<NodeRef<'_>>(request);
        let mut failures = conditions.failures(&mut evaluation);
        for (position, (_, plan)) in plans.iter().enumerate() {
            for failure in plan.failures(&mut evaluation) {
                // another validation that reads the same refuses the request, and its message explains more than an error would
                let mut others = plans.iter().enumerate();
                let is_refused = others.any(|(other, (expression, known))| {
                    other != position && known.may_guard(&failure) && expression.is_true(&mut evaluation) == Ok(false)
                });
                let schema = policy.schema.as_ref();
                let fits = || schema.is_none_or(|it| it.findings(request.operation, request.document).is_empty());
                if !is_refused && conditions.let_in(&failure, &mut evaluation) && fits() {
                    failures.push((format!("/spec/validations/{position}/expression"), failure.error));
                }
            }
        }
        failures
    })
}

/// The conditions, the key and the cost of `limit` that have no value for a request that fits the contract.
pub(in crate::policy) fn lint_limit(
    manifest: &Manifest<RequestLimit>,
    limit: &Limit,
    contract: &Contract,
) -> Vec<Diagnostic> {
    let mut read = ScopeReads::of(&limit.scope, &limit.reads);
    for expression in limit.key.iter().chain(&limit.cost) {
        read.literals.add_value(expression);
        read.members.add_value(expression);
        read.is_partial |= expression.is_partial();
    }
    let conditions = Conditions::of(&limit.scope);
    let parts = [("/spec/key", &limit.key), ("/spec/cost", &limit.cost)].into_iter();
    let plans = parts.filter_map(|(pointer, it)| Some((pointer, it.as_ref()?.failure_plan(&limit.scope.variables))));
    let plans: Vec<_> = plans.collect();
    read.find(contract, &manifest.source, limit.action, |request| {
        let mut evaluation = limit.scope.variables.evaluation::<NodeRef<'_>>(request);
        let mut failures = conditions.failures(&mut evaluation);
        for (pointer, plan) in &plans {
            for failure in plan.failures(&mut evaluation) {
                if conditions.let_in(&failure, &mut evaluation) {
                    failures.push(((*pointer).to_owned(), failure.error));
                }
            }
        }
        failures
    })
}

/// The match conditions of a rule.
struct Conditions<'s>(Vec<(&'s Expression, FailurePlan<'s>)>);

impl<'s> Conditions<'s> {
    fn of(scope: &'s Scope) -> Self {
        let plans = scope.conditions.iter().map(|(_, it)| (it, it.failure_plan(&scope.variables)));
        Self(plans.collect())
    }

    /// Those that have no value. A condition is evaluated if those before it are true.
    fn failures<'a>(&'a self, evaluation: &mut Evaluation<'a, NodeRef<'a>>) -> Failures {
        let mut failures = Vec::new();
        for (position, (_, plan)) in self.0.iter().enumerate() {
            for failure in plan.failures(evaluation) {
                if are_true(self.0.iter().take(position), &failure, evaluation) {
                    failures.push((format!("/spec/matchConditions/{position}/expression"), failure.error));
                }
            }
        }
        failures
    }

    /// Whether those that may be a guard are true: the others can be for another request.
    fn let_in<'a>(&'a self, failure: &PartFailure<'_>, evaluation: &mut Evaluation<'a, NodeRef<'a>>) -> bool {
        are_true(self.0.iter(), failure, evaluation)
    }
}

fn are_true<'a>(
    mut conditions: impl Iterator<Item = &'a (&'a Expression, FailurePlan<'a>)>,
    failure: &PartFailure<'_>,
    evaluation: &mut Evaluation<'a, NodeRef<'a>>,
) -> bool {
    conditions.all(|(condition, plan)| !plan.may_guard(failure) || condition.is_true(evaluation) == Ok(true))
}

/// What the expressions of a rule read.
struct ScopeReads<'s> {
    scope: &'s Scope,
    reads: &'s Reads,
    literals: Literals,
    members: MemberReads,
    /// Whether one of them may have no value: if none has, there is nothing to try.
    is_partial: bool,
}

impl<'s> ScopeReads<'s> {
    /// Those of its conditions and variables.
    fn of(scope: &'s Scope, reads: &'s Reads) -> Self {
        let is_partial = scope.variables.are_partial() || scope.conditions.iter().any(|(_, it)| it.is_partial());
        Self { scope, reads, literals: scope_literals(scope), members: scope_members(scope), is_partial }
    }

    /// The expressions that `evaluate` reports as failed for a request that fits the contract, each once.
    fn find(
        &self,
        contract: &Contract,
        source: &Source,
        action: Action,
        evaluate: impl for<'a> Fn(RequestActivation<'a>) -> Failures,
    ) -> Vec<Diagnostic> {
        if !self.is_partial {
            return Vec::new();
        }
        let names = self.members.names().map(str::to_owned).collect();
        let (values, parts) = (ValueSource::new(&self.literals, names), self.parts());
        let mut found = BTreeMap::new();
        let environments: Vec<Environment> = [Environment::Production, Environment::Development]
            .into_iter()
            .filter(|environment| self.scope.may_be_for(*environment))
            .collect();
        let operations = contract.operations();
        let operations: Vec<_> = operations.iter().filter(|it| self.scope.operations.contains(&it.id)).collect();
        for operation in &operations {
            let samples = Samples::new(operation, operations.len(), &parts, &values);
            let schema =
                operation.body.as_ref().and_then(|body| body.effective().ok()).map(|effective| effective.schema);
            let base = schema.as_ref().map(sample_body);
            // by turns: what fails in one environment mostly fails in the other
            for (sample, environment) in samples.iter().zip(environments.iter().cycle()) {
                let Some(request) = SampleRequest::new(operation, base.as_ref(), &sample) else { continue };
                let failures = request.failures(operation, *environment, &evaluate);
                if failures.iter().all(|(pointer, _)| found.contains_key(pointer)) || !request.fits(operation) {
                    continue;
                }
                for (pointer, error) in failures {
                    found.entry(pointer).or_insert_with(|| (error, request.describe()));
                }
            }
        }
        let found = found.into_iter().map(|(pointer, (error, example))| {
            let done = super::null_guard::as_policy_error(action);
            let message = format!("it has no value for {example}: {error}; such a request would be {done}");
            source.at(&pointer, message).with_help(fix(error))
        });
        found.collect()
    }

    /// The parts of requests that the expressions read.
    fn parts(&self) -> BTreeSet<SamplePart> {
        let body = |names: Vec<&str>| SamplePart::Body(names.into_iter().map(str::to_owned).collect());
        let fields = self.reads.by_name().into_iter().map(|name| body(vec![name]));
        let members = self.members.iter().filter_map(|member| {
            let mut path = member.path()?;
            let names: Vec<&str> = path.next().filter(|root| *root == "body").map(|_| path.collect())?;
            Some(body(names))
        });
        let whole = self.reads.any_unnamed().then(|| body(Vec::new()));
        let headers = self.scope.headers.iter().flatten().map(|name| SamplePart::Header(name.clone()));
        let parameters = self.scope.query.iter().flatten().map(|name| SamplePart::Parameter(name.clone()));
        let parts = fields.chain(members).chain(whole).chain(headers).chain(parameters);
        parts.chain([SamplePart::SpiffeId]).collect()
    }
}

/// A request that a rule is evaluated for.
struct SampleRequest {
    body: Option<Value>,
    document: Option<Document>,
    headers: HeaderMap,
    query: String,
    client: Client,
}

impl SampleRequest {
    /// The request with the values of `sample`, and in its body what `base` has besides; `None` if it cannot be sent.
    fn new(operation: &Operation, base: Option<&Value>, sample: &Sample) -> Option<Self> {
        let body = operation.body.as_ref().and_then(|_| with_base(body_of(sample), base));
        let document = match &body {
            Some(body) => Some(Document::parse(Bytes::from(body.to_string())).ok()?),
            None => None,
        };
        let (mut headers, mut query, mut client) = (HeaderMap::new(), Vec::new(), Client::default());
        for (part, value) in sample {
            let text = value.as_str().unwrap_or_default();
            match part {
                SamplePart::Body(_) => {}
                SamplePart::Header(name) => {
                    let value = HeaderValue::from_bytes(text.as_bytes()).ok()?;
                    headers.insert(HeaderName::try_from(name.as_str()).ok()?, value);
                }
                SamplePart::Parameter(name) => {
                    let [name, text] = [name, text].map(|it| utf8_percent_encode(it, NON_ALPHANUMERIC).to_string());
                    query.push(format!("{name}={text}"));
                }
                SamplePart::SpiffeId => {
                    let spiffe_id = Some(text.to_owned()).filter(|text| text.starts_with("spiffe://"));
                    client.certificate =
                        spiffe_id.map(|id| ClientCertificate { spiffe_id: Some(id), ..ClientCertificate::default() });
                }
            }
        }
        Some(Self { body, document, headers, query: query.join("&"), client })
    }

    fn failures(
        &self,
        operation: &Operation,
        environment: Environment,
        evaluate: impl for<'a> Fn(RequestActivation<'a>) -> Failures,
    ) -> Failures {
        let attributes = Attributes {
            method: &operation.method,
            path: &operation.path,
            parameters: &[],
            query: &self.query,
            headers: &self.headers,
            environment,
            key_fingerprint: None,
            instance: &Instance::UNNAMED,
            client: &self.client,
            time: UNIX_EPOCH + TIME,
        };
        let mut failures =
            evaluate(RequestActivation { document: self.document.as_ref(), operation, attributes: &attributes });
        // how many steps an expression takes is bounded on purpose
        failures.retain(|(_, error)| *error != EvaluationError::TooCostly);
        failures
    }

    /// Whether the contract permits the body: any other is refused, or reported, for that.
    fn fits(&self, operation: &Operation) -> bool {
        match (&operation.body, &self.document) {
            (Some(schema), Some(document)) => schema.check(document).is_empty(),
            _ => true,
        }
    }

    fn describe(&self) -> String {
        let body = self.body.as_ref().map(|body| format!("the body `{body}`"));
        let body = body.filter(|text| text.len() <= LONGEST);
        let mut text = body.unwrap_or_else(|| "a request that fits the contract".to_owned());
        text.extend(self.headers.iter().map(|(name, value)| {
            format!(" with the header `{name}: {}`", String::from_utf8_lossy(value.as_bytes()).escape_debug())
        }));
        if !self.query.is_empty() {
            text.extend([" with the query `", &self.query, "`"]);
        }
        text
    }
}

/// The members of `body` and, where it lacks them, those of `base`.
fn with_base(body: Option<Value>, base: Option<&Value>) -> Option<Value> {
    match (body, base) {
        (Some(Value::Object(mut members)), Some(Value::Object(base))) => {
            for (name, value) in base {
                members.entry(name.clone()).or_insert_with(|| value.clone());
            }
            Some(Value::Object(members))
        }
        (None, Some(base)) => Some(base.clone()),
        (body, _) => body,
    }
}

/// How to mend an expression that has no value for this reason.
const fn fix(error: EvaluationError) -> &'static str {
    match error {
        EvaluationError::NoSuchKey => "test the place first: `size(LIST) > 0 && ...`, or `KEY in MAP && ...`",
        EvaluationError::NoSuchOverload | EvaluationError::WrongType => {
            "test the type first: `type(X) == string && ...`; an integer of JSON may also be a `double`"
        }
        EvaluationError::Arithmetic => "bound the numbers first: `X < 1000000 && ...`",
        EvaluationError::OutOfRange => "test the length first: `size(X) > 0 && ...`",
        EvaluationError::NotConvertible => {
            "test the text first: `X.matches(\"^[0-9]{1,9}$\") && ...`, `isIP(X) && ...`"
        }
        EvaluationError::DuplicateKey => "use keys that differ",
        EvaluationError::TooCostly => "use a cheaper expression",
    }
}
