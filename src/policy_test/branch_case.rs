//! Searches a request that takes a branch of a policy, for a new case of its test.

use super::actual::ActualDecision;
use super::load::{Suite, TestText, load};
use super::request::{FileContext, TestRequest, request};
use super::search::RequestSearch;
use super::source::RequestSource;
use crate::contract::credential::Environment;
use crate::contract::{BodySchema, Operation};
use crate::judge::Bundle;
use crate::manifest::Manifest;
use crate::policy::{MatchedEnvironment, Policy, PolicyOutcome, RequestPolicy};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// Most requests that are judged for one branch: some tenths of a second.
const MOST: usize = 10_000;
/// Most cases of the policy whose requests are varied.
const CASES: usize = 20;
/// Most operations of the policy that are tried.
const OPERATIONS: usize = 4;
/// Most constants of the policy that are tried as values.
const WORDS: usize = 20;

/// Texts up to this size, in characters, are made up.
const LONGEST: usize = 300;

/// A branch of a policy: a validation, and whether it is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WantedBranch {
    /// The position of the validation in the policy.
    pub validation: usize,
    /// Whether the request passes it.
    pub passes: bool,
}

/// A case that takes a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchCase {
    /// What happens, in a sentence.
    pub name: String,
    /// The `request` of the case, as YAML in one line.
    pub request: String,
    /// The `expect` of the case, as YAML in one line.
    pub expect: String,
}

/// A case for a branch of the policy called `policy`, found among variations of the requests of its cases in `suites`, and of simple
/// requests to its operations. `None` if none of them takes the branch.
pub fn find_branch_case(bundle: &Bundle, suites: &[Suite], policy: &str, wanted: WantedBranch) -> Option<BranchCase> {
    let documents = &bundle.documents().policies;
    let (manifest, policy) = documents.iter().zip(bundle.policies.all()).find(|(_, it)| it.name.as_ref() == policy)?;
    let validation = policy.validations.get(wanted.validation)?;
    let tested = bundle.only(&BTreeSet::from([policy.name.to_string()]));
    let words = constants(manifest);
    let members = members_read(manifest);
    let of_cases = suites.iter().filter(|suite| suite.judges(&policy.name)).flat_map(|suite| &suite.cases);
    let of_cases = of_cases.map(|case| case.request.clone()).take(CASES);
    let bases: Vec<TestRequest> =
        simple_requests(manifest, policy, &tested, (&words, &members)).into_iter().chain(of_cases).collect();
    let mut request = search(&bases, &words, |request| rank(request, &tested, policy, wanted))?;
    // the version of all cases, which a file names once
    request.headers.remove("clerk-api-version");
    let expression = validation.source.split_whitespace().collect::<Vec<_>>().join(" ");
    let (name, violated) = if wanted.passes {
        (format!("passes: {expression}"), "")
    } else {
        (validation.message.to_string(), policy.name.as_ref())
    };
    Some(BranchCase { name, request: request.to_yaml(), expect: format!("{{ violates: [{violated}] }}") })
}

/// Whether the case called `name` of a test file with this text passes.
pub fn passes(file: &Path, text: &str, name: &str, bundle: &Bundle) -> bool {
    let text = TestText { file: file.to_owned(), text: text.to_owned() };
    let suites = load(&[text], bundle).unwrap_or_default();
    suites.iter().flat_map(|suite| suite.run("")).any(|result| result.case.name == name && result.passes())
}

/// The best request that `rank` finds among `bases`, their variations, and the variations of these.
fn search(
    bases: &[TestRequest],
    words: &[String],
    rank: impl Fn(&TestRequest) -> Option<usize>,
) -> Option<TestRequest> {
    let search = RequestSearch::near(bases.to_vec(), words.to_vec());
    let mut best: Option<(usize, TestRequest)> = None;
    for request in search.requests_and_their_neighbours().take(MOST) {
        match rank(&request) {
            Some(0) => return Some(request),
            Some(found) if best.as_ref().is_none_or(|(known, _)| found < *known) => best = Some((found, request)),
            _ => {}
        }
    }
    best.map(|(_, request)| request)
}

/// How well a request shows the branch; 0 is best. `None` if it does not take it, or violates anything else.
fn rank(request: &TestRequest, tested: &Bundle, policy: &Policy, wanted: WantedBranch) -> Option<usize> {
    let actual = ActualDecision::of(request, tested);
    let (_, outcome) = actual.rules.iter().find(|(it, _)| it.name == policy.name)?;
    let violated = actual.violated_rules(true);
    match outcome {
        PolicyOutcome::Holds if wanted.passes && violated.is_empty() => {
            let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
            let fields = policy.validations.get(wanted.validation)?.fields();
            // what passes because a field is absent shows little of the expression
            Some(fields.iter().filter(|field| body.get(**field).is_none_or(Value::is_null)).count())
        }
        PolicyOutcome::Violated(found) if !wanted.passes => {
            let is_false = found.iter().any(|(at, failure)| *at == wanted.validation && failure.is_none());
            let is_alone = violated.len() == 1 && found.iter().all(|(_, failure)| failure.is_none());
            (is_false && is_alone).then_some(found.len().saturating_sub(1))
        }
        _ => None,
    }
}

/// Requests to the first operations of the policy, each with at most one thing that the policy reads, and one with all its fields.
fn simple_requests(
    manifest: &Manifest<RequestPolicy>,
    policy: &Policy,
    tested: &Bundle,
    parts: (&[String], &[[String; 2]]),
) -> Vec<TestRequest> {
    let newest = |id: &Arc<str>| tested.contract.newest_operation(id);
    let is_production = manifest.value.spec.r#match.environments.first()
        != Some(&MatchedEnvironment::OfCredential(Environment::Development));
    let environment = if is_production { "production" } else { "development" };
    let context = FileContext { source: &manifest.source, contract: &tested.contract, api_version: None };
    let mut requests = Vec::new();
    for operation in policy.scope.operations.iter().filter_map(newest).take(OPERATIONS) {
        for parts in parts_of_requests(policy, operation, tested, parts) {
            let mut written = json!({ "operation": operation.id.as_ref(), "environment": environment });
            if let (Value::Object(written), Value::Object(parts)) = (&mut written, parts) {
                written.extend(parts);
            }
            let written = serde_json::from_value::<RequestSource>(written).ok();
            requests.extend(written.and_then(|written| request(&context, &written, None, "").ok()));
        }
    }
    requests
}

/// What the requests of [`simple_requests`] have.
fn parts_of_requests(
    policy: &Policy,
    operation: &Operation,
    tested: &Bundle,
    (words, members): (&[String], &[[String; 2]]),
) -> Vec<Value> {
    let declared = operation.body.as_ref().map(BodySchema::field_tree);
    let fields = policy.reads.fields().unwrap_or_default().into_iter();
    let fields: Vec<&str> = fields.filter(|field| declared.is_some_and(|tree| tree.member(field).is_some())).collect();
    let with_body = |body: Map<String, Value>| match declared {
        Some(_) => json!({ "body": body }),
        None => json!({}),
    };
    let one = |field: &str, value: Value| Map::from_iter([(field.to_owned(), value)]);
    let mut parts = vec![with_body(Map::new())];
    parts.extend(fields.iter().map(|field| with_body(one(field, Value::Null))));
    parts.push(with_body(fields.iter().map(|field| ((*field).to_owned(), Value::Null)).collect()));
    let members = members.iter().filter(|[field, _]| fields.contains(&field.as_str()));
    parts.extend(members.map(|[field, member]| with_body(one(field, json!({ member.as_str(): null })))));
    for word in words {
        // a list or map may have to hold what the policy names
        parts.extend(fields.iter().map(|field| with_body(one(field, json!([word])))));
        parts.extend(fields.iter().map(|field| with_body(one(field, json!({ word.as_str(): "a" })))));
        if word.starts_with("spiffe://") {
            parts.push(json!({ "client": { "spiffeId": word } }));
        }
        let headers = tested.policies.headers_read(&operation.id);
        parts.extend(headers.into_iter().map(|name| json!({ "headers": { name: word } })));
    }
    parts
}

/// The members of fields that the expressions of a policy read: `["public_metadata", "plan"]` for `body.public_metadata.plan`.
fn members_read(manifest: &Manifest<RequestPolicy>) -> Vec<[String; 2]> {
    let mut found = BTreeSet::new();
    for expression in expressions(manifest) {
        for (_, rest) in
            expression.match_indices("body.").filter_map(|(at, root)| expression.split_at_checked(at + root.len()))
        {
            let path =
                rest.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_' && letter != '.').next();
            let mut names = path.unwrap_or_default().split('.').filter(|name| !name.is_empty());
            if let (Some(field), Some(member)) = (names.next(), names.next()) {
                found.insert([field.to_owned(), member.to_owned()]);
            }
        }
    }
    found.into_iter().collect()
}

fn expressions(manifest: &Manifest<RequestPolicy>) -> impl Iterator<Item = &str> {
    let spec = &manifest.value.spec;
    let named = spec.match_conditions.iter().chain(&spec.variables).map(|it| it.expression.as_str());
    spec.validations.iter().map(|it| it.expression.as_str()).chain(named)
}

/// The texts and numbers that a policy compares with.
fn constants(manifest: &Manifest<RequestPolicy>) -> Vec<String> {
    let spec = &manifest.value.spec;
    let mut found = BTreeSet::new();
    spec.params.values().for_each(|value| collect_scalars(value, &mut found));
    for expression in expressions(manifest) {
        // the parts between quotes, and the numbers in the others
        for (position, part) in expression.split(['"', '\'']).enumerate() {
            if position % 2 == 1 {
                found.insert(part.to_owned());
            } else {
                let words = part.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
                found.extend(words.filter(|word| word.parse::<i64>().is_ok()).map(str::to_owned));
            }
        }
    }
    // what is longer than a number that a size is compared with
    let long = found.iter().filter_map(|word| word.parse::<usize>().ok()).filter(|size| *size < LONGEST);
    let long = long.map(|size| "a".repeat(size + 1));
    let samples: Vec<String> = found.iter().filter_map(|word| sample_of_pattern(word)).chain(long).collect();
    found.retain(|word| !word.is_empty() && !word.starts_with('^'));
    samples.into_iter().chain(found).take(WORDS).collect()
}

fn collect_scalars(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => drop(found.insert(text.clone())),
        Value::Number(number) => drop(found.insert(number.to_string())),
        Value::Array(elements) => elements.iter().for_each(|element| collect_scalars(element, found)),
        Value::Object(members) => members.values().for_each(|member| collect_scalars(member, found)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// A text that an anchored pattern of the simplest kind matches. A guess: each request is judged.
fn sample_of_pattern(pattern: &str) -> Option<String> {
    let mut sample = pattern.strip_prefix('^')?.trim_end_matches('$').to_owned();
    for (part, text) in
        [("[0-9]+", "1"), ("\\d+", "1"), ("[a-z]+", "a"), ("[a-z0-9-]+", "a"), (".+", "a"), (".*", ""), ("\\", "")]
    {
        sample = sample.replace(part, text);
    }
    Some(sample)
}
