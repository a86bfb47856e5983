//! The changes that would avoid a refusal: each is applied, the changed request is judged, and only one that passes is shown.

use super::body_edit::{find, has, leave_out, rename, set};
use super::dry_run::Judge;
use super::explanation::{SufficientChange, Suggestions};
use super::input::ExplainInput;
use crate::cli::outcome_text::describe_outcome;
use crate::contract::credential::Environment;
use crate::contract::{Contract, Operation, Routed};
use crate::gateway::{DryRun, DryRunResult, JudgedRun};
use crate::head::HeadDefect;
use crate::judge::violation::{Field, Violation};
use crate::policy::{Action, Policy, PolicyOutcome};
use crate::reason::Reason;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Request};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// A change that a person could make to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RequestChange {
    /// Without this field of the body.
    LeaveOut(Field),
    /// With this field, `true` or `false`.
    Set(Field, bool),
    /// With this field under the name that was meant.
    Rename(Field, String),
    /// With no name twice.
    EachNameOnce,
    /// With a key of that kind of instance.
    Environment(Environment),
    /// Asking for another version.
    ApiVersion(Arc<str>),
    /// Without this header, or with it once.
    LeaveOutHeader(HeaderName),
    HeaderOnce(HeaderName),
    /// With the one media type there is.
    ContentType,
    /// Without the query.
    LeaveOutQuery,
    /// With this path, plainly spelt: one of this template.
    Path(String, Arc<str>),
    /// With another method.
    Method(Method),
}

/// Looks for changes that let the request pass that `run` refuses; none if it passes.
pub(super) fn search(judge: &Judge<'_>, asked: &ExplainInput, run: &DryRun) -> Suggestions {
    if passes(run) {
        return Suggestions::default();
    }
    let candidates = candidates(judge, asked, run);
    let mut changes = Suggestions { tried: candidates.len(), ..Suggestions::default() };
    for change in &candidates {
        let Some(request) = change.apply(&asked.request) else { continue };
        let then = judge.run(asked, &request);
        if passes(&then) {
            changes.any.push(SufficientChange { change: change.to_string(), then: outcomes(run, &then) });
        }
    }
    if changes.any.is_empty() {
        changes.together = together(judge, asked, candidates).iter().map(RequestChange::to_string).collect();
    }
    changes
}

fn passes(run: &DryRun) -> bool {
    match &run.result {
        Ok(DryRunResult::Judged(judged)) => judged.refusal.is_none(),
        way => way.is_ok(),
    }
}

/// The outcomes that the policies that refused have for the changed request, by name.
fn outcomes(before: &DryRun, then: &DryRun) -> BTreeMap<String, String> {
    let (Ok(DryRunResult::Judged(before)), Ok(DryRunResult::Judged(then))) = (&before.result, &then.result) else {
        return BTreeMap::new();
    };
    let refused = |policy: &Policy| {
        let before = before.rules.iter().find(|(known, _)| known.name == policy.name);
        policy.action == Action::Deny
            && before
                .is_some_and(|(_, outcome)| matches!(outcome, PolicyOutcome::Violated(_) | PolicyOutcome::Failed(..)))
    };
    let rules = then.rules.iter().filter(|(policy, _)| refused(policy));
    rules.map(|(policy, outcome)| (policy.name.to_string(), describe_outcome(policy, outcome))).collect()
}

/// The fewest found of `candidates` that together let the request pass: all that take something away, less those that are
/// not needed.
fn together(judge: &Judge<'_>, asked: &ExplainInput, candidates: Vec<RequestChange>) -> Vec<RequestChange> {
    let enough = |changes: &[RequestChange]| {
        let changed = changes.iter().try_fold(asked.request.clone(), |request, change| change.apply(&request));
        changed.is_some_and(|request| passes(&judge.run(asked, &request)))
    };
    let removals: Vec<RequestChange> = candidates.iter().filter(|change| change.is_removal()).cloned().collect();
    let Some(mut changes) = [minimal_set(candidates), removals].into_iter().find(|changes| enough(changes)) else {
        return Vec::new();
    };
    // one at a time finds a set without anything needless, not the smallest: there are 2^n to try
    let mut position = 0;
    while position < changes.len() {
        let mut fewer = changes.clone();
        fewer.remove(position);
        if enough(&fewer) { changes = fewer } else { position += 1 }
    }
    changes
}

/// Of `candidates` those that take something away, but for fields that can be renamed to what was meant.
fn minimal_set(candidates: Vec<RequestChange>) -> Vec<RequestChange> {
    let fields = candidates.iter().filter_map(|change| match change {
        RequestChange::Rename(field, _) => Some(field.clone()),
        _ => None,
    });
    let renamed: Vec<Field> = fields.collect();
    let is_wanted = |change: &RequestChange| match change {
        RequestChange::Rename(..) => true,
        RequestChange::LeaveOut(field) => !renamed.contains(field),
        other => other.is_removal(),
    };
    candidates.into_iter().filter(is_wanted).collect()
}

/// The changes that could change the result of `run`.
fn candidates(judge: &Judge<'_>, asked: &ExplainInput, run: &DryRun) -> Vec<RequestChange> {
    let mut changes = Vec::new();
    match &run.result {
        Ok(DryRunResult::Judged(judged)) => {
            let JudgedRun { operation, violations, rules, .. } = judged.as_ref();
            let denied: Vec<_> = violations.iter().filter(|it| it.action == Action::Deny).collect();
            let body = serde_json::from_slice::<Value>(asked.request.body()).ok();
            if let Some(body) = &body {
                changes.push(RequestChange::EachNameOnce);
                of_violations(&denied, body, &mut changes);
                of_rules(rules, operation, body, &mut changes);
            }
            changes.extend([Environment::Development, Environment::Production].map(RequestChange::Environment));
            let versions = judge.bundle.contract.versions().iter().rev();
            changes.extend(
                versions.filter(|version| **version != operation.api_version).cloned().map(RequestChange::ApiVersion),
            );
        }
        _ => of_head(judge, asked, run, &mut changes),
    }
    changes
}

fn of_violations(denied: &[&Violation], body: &Value, changes: &mut Vec<RequestChange>) {
    for violation in denied {
        let Some(field) = violation.field.as_ref().filter(|field| has(body, field)) else { continue };
        let meant = violation.hint.as_deref().and_then(|hint| hint.strip_prefix("did you mean `")?.strip_suffix("`?"));
        if let Some(meant) = meant {
            add(changes, RequestChange::Rename(field.clone(), meant.to_owned()));
        }
        add(changes, RequestChange::LeaveOut(field.clone()));
    }
}

/// The fields that the rules read which refuse.
fn of_rules(
    rules: &[(Arc<Policy>, PolicyOutcome)],
    operation: &Operation,
    body: &Value,
    changes: &mut Vec<RequestChange>,
) {
    let refusing = rules.iter().filter(|(policy, _)| policy.action == Action::Deny);
    let validations = refusing.flat_map(|(policy, outcome)| match outcome {
        PolicyOutcome::Violated(positions) => {
            positions.iter().filter_map(|(position, _)| policy.validations.get(*position)).collect()
        }
        _ => Vec::new(),
    });
    let read: BTreeSet<&str> = validations.flat_map(crate::policy::Validation::fields).collect();
    for name in read {
        let field = Field::Declared(format!("/{name}"));
        let declared = operation.body.as_ref().and_then(|body| body.field_tree().member(name));
        let is_flag = declared.is_some_and(|declared| declared.types().iter().any(|it| it.as_ref() == "boolean"));
        let now = find(body, &field).and_then(Value::as_bool);
        if is_flag {
            for value in [false, true].into_iter().filter(|value| now != Some(*value)) {
                add(changes, RequestChange::Set(field.clone(), value));
            }
        }
        if has(body, &field) {
            add(changes, RequestChange::LeaveOut(field));
        }
    }
}

fn of_head(judge: &Judge<'_>, asked: &ExplainInput, run: &DryRun, changes: &mut Vec<RequestChange>) {
    let request = &asked.request;
    // of a head that was not read there is nothing to change
    if request.extensions().get::<HeadDefect>().is_some() {
        return;
    }
    if matches!(run.routed, Some(Routed::Ambiguous)) {
        let meant = Contract::probable_path(request.uri().path());
        // the one that keeps the case comes first: ids in paths have a case
        let readings = [meant.to_ascii_lowercase(), meant];
        let paths = readings.into_iter().rev().filter_map(|path| {
            match judge.bundle.route(request.method().as_str(), &path, None) {
                Routed::Operation(operation, _) => Some(RequestChange::Path(path, operation.path.clone())),
                _ => None,
            }
        });
        for change in paths {
            add(changes, change);
        }
    }
    // a call without its credential would not be the same call
    for name in request.headers().keys().filter(|name| *name != AUTHORIZATION) {
        changes.push(RequestChange::LeaveOutHeader(name.clone()));
    }
    for name in request.headers().keys().filter(|name| request.headers().get_all(*name).iter().nth(1).is_some()) {
        changes.push(RequestChange::HeaderOnce(name.clone()));
    }
    if !request.body().is_empty() {
        changes.push(RequestChange::ContentType);
    }
    if request.uri().query().is_some() {
        changes.push(RequestChange::LeaveOutQuery);
    }
    if matches!(run.routed, None | Some(Routed::MethodUnknown)) {
        let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
        changes.extend(methods.into_iter().filter(|method| method != request.method()).map(RequestChange::Method));
    }
}

fn add(changes: &mut Vec<RequestChange>, change: RequestChange) {
    // by text: what reads the same is one suggestion
    let same = |known: &RequestChange| known.to_string() == change.to_string();
    if !changes.iter().any(same) {
        changes.push(change);
    }
}

impl RequestChange {
    /// Whether the change only removes something, or repairs what is never intended.
    fn is_removal(&self) -> bool {
        !matches!(
            self,
            Self::Set(..)
                | Self::Environment(_)
                | Self::ApiVersion(_)
                | Self::Method(_)
                | Self::Rename(..)
                | Self::Path(..)
        )
    }

    /// The request with the change; `None` if there is nothing to change.
    fn apply(&self, request: &Request<Bytes>) -> Option<Request<Bytes>> {
        let mut changed = request.clone();
        let headers = changed.headers_mut();
        match self {
            Self::LeaveOut(field) => edit(&mut changed, |body| leave_out(body, field))?,
            Self::Set(field, value) => edit(&mut changed, |body| set(body, field, (*value).into()))?,
            Self::Rename(field, name) => edit(&mut changed, |body| rename(body, field, name))?,
            // reading the body keeps the last of equal names, so that writing it back is the change
            Self::EachNameOnce => edit(&mut changed, |_| Some(()))?,
            Self::Environment(environment) => {
                let key = match environment {
                    // only the prefix is read, and the request is never sent
                    Environment::Development => HeaderValue::from_static("Bearer sk_test_0"),
                    Environment::Production => HeaderValue::from_static("Bearer sk_live_0"),
                };
                headers.insert(AUTHORIZATION, key);
            }
            Self::ApiVersion(version) => {
                headers.insert("clerk-api-version", HeaderValue::try_from(version.as_ref()).ok()?);
                // a version in the query that differs from the header would make the request ambiguous
                *changed.uri_mut() = without_query(request)?;
            }
            Self::LeaveOutHeader(name) => drop(headers.remove(name)),
            Self::HeaderOnce(name) => {
                let first = headers.get(name)?.clone();
                headers.insert(name, first);
            }
            Self::ContentType => {
                // a coded body is refused, too, and the fix for the media type names both
                headers.remove(CONTENT_ENCODING);
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
            Self::LeaveOutQuery => *changed.uri_mut() = without_query(request)?,
            Self::Path(path, _) => *changed.uri_mut() = path.parse().ok()?,
            Self::Method(method) => *changed.method_mut() = method.clone(),
        }
        Some(changed)
    }
}

fn edit(request: &mut Request<Bytes>, change: impl Fn(&mut Value) -> Option<()>) -> Option<()> {
    let mut body: Value = serde_json::from_slice(request.body()).ok()?;
    change(&mut body)?;
    *request.body_mut() = body.to_string().into();
    // it was that of the body before
    request.headers_mut().remove(http::header::CONTENT_LENGTH);
    Some(())
}

fn without_query(request: &Request<Bytes>) -> Option<http::Uri> {
    request.uri().path().parse().ok()
}

impl fmt::Display for RequestChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeaveOut(field) => write!(f, "leave out `{}`", field.for_caller()),
            Self::Set(field, value) => write!(f, "set `{}` to {value}", field.for_caller()),
            Self::Rename(field, name) => write!(f, "rename `{}` to `{name}`", field.for_caller()),
            Self::EachNameOnce => write!(f, "give each field once"),
            Self::Environment(Environment::Development) => {
                write!(f, "use a key of a development instance (sk_test)")
            }
            Self::Environment(Environment::Production) => write!(f, "use a key of a production instance (sk_live)"),
            Self::ApiVersion(version) => write!(f, "ask for `Clerk-API-Version: {version}`"),
            Self::LeaveOutHeader(name) => {
                write!(f, "leave out the header `{}`", crate::redact::escaped_name(name.as_str()))
            }
            Self::HeaderOnce(name) => {
                write!(f, "send the header `{}` once", crate::redact::escaped_name(name.as_str()))
            }
            Self::ContentType => f.write_str(Reason::UnsupportedMediaType.fix()),
            Self::LeaveOutQuery => write!(f, "leave out the query"),
            Self::Path(_, template) => write!(f, "write the path plainly, as `{template}` has it"),
            Self::Method(method) => write!(f, "use the method {method}"),
        }
    }
}
