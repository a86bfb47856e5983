//! `portcullis explain`: what would become of a request, and why.

use super::args::ExplainArgs;
use super::client_facts::client;
use super::{Exit, Failure, console, load};
use crate::config::gateway::EnvironmentOverride;
use crate::config::overrides::Overrides;
use crate::contract::credential::{Environment, KeyClass};
use crate::contract::strictness::Mode;
use crate::contract::{Operation, Parameters, Routed, names_only_the_version, requested_version};
use crate::judge::violation::Violation;
use crate::judge::{Bundle, Judgement, decide};
use crate::policy::cel::EvaluationError;
use crate::policy::{Attributes, Claim, Client, Key, Limit, Outcome, Outside, Policy};
use crate::redact::{Fingerprint, Fingerprinter};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::io::Read;
use std::time::SystemTime;

pub(super) fn explain(args: &ExplainArgs) -> Result<Exit, Failure> {
    let gateway = load::configuration(&args.config, &Overrides::default())?;
    let bundle = load::bundle(&gateway)?;
    let request = Request::of(args, gateway.environment)?;
    let (text, exit) = answer(&bundle, &request)?;
    console::say(text.trim_end());
    Ok(exit)
}

/// The request to explain.
struct Request {
    method: String,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    key: KeyClass,
    environment: Environment,
    key_fingerprint: Option<Fingerprint>,
    client: Client,
}

impl Request {
    fn of(args: &ExplainArgs, overriding: Option<EnvironmentOverride>) -> Result<Self, Failure> {
        let usage = |message: String| Failure::Usage(message);
        let uri =
            args.path.parse().map_err(|_| usage("`--path` is not a path, such as /v1/users/user_1".to_owned()))?;
        let mut headers = HeaderMap::new();
        for header in &args.headers {
            let parsed = header.split_once(':').and_then(|(name, value)| {
                let name = HeaderName::try_from(name.trim()).ok()?;
                Some((name, HeaderValue::try_from(value.trim()).ok()?))
            });
            let (name, value) = parsed.ok_or_else(|| usage("`--header` is not `Name: value`".to_owned()))?;
            headers.append(name, value);
        }
        let authorization = headers.get(http::header::AUTHORIZATION).map(HeaderValue::as_bytes);
        let key = KeyClass::of(authorization);
        let key_fingerprint = authorization.map(|value| Fingerprinter::random().fingerprint(value));
        let environment = overriding.map_or(key.environment(), |overriding| overriding.over(key.environment()));
        Ok(Self {
            method: args.method.clone(),
            uri,
            headers,
            body: body(args)?,
            key,
            environment,
            key_fingerprint,
            client: client(&args.client)?,
        })
    }
}

/// The body, from the flag, a file, or standard input for `-`.
fn body(args: &ExplainArgs) -> Result<Bytes, Failure> {
    let unreadable = |error: std::io::Error| Failure::Trouble(format!("the body cannot be read: {error}"));
    match (&args.body, &args.body_file) {
        (Some(body), _) => Ok(Bytes::from(body.clone())),
        (None, Some(file)) if file.as_os_str() == "-" => {
            let mut body = Vec::new();
            std::io::stdin().lock().read_to_end(&mut body).map_err(unreadable)?;
            Ok(body.into())
        }
        (None, Some(file)) => std::fs::read(file).map(Bytes::from).map_err(unreadable),
        (None, None) => Ok(Bytes::new()),
    }
}

/// What the gateway would do, step by step, and whether it would refuse.
fn answer(bundle: &Bundle, request: &Request) -> Result<(String, Exit), Failure> {
    let version = request.headers.get("clerk-api-version").and_then(|value| value.to_str().ok());
    let version = requested_version(version, request.uri.query()).map_err(|error| Failure::Usage(error.to_string()))?;
    let routed = bundle.route(&request.method, request.uri.path(), version.as_deref());
    let mut text = String::new();
    let exempt = bundle.exempt(&routed).is_some();
    Ok(match routed {
        Routed::Operation(operation, _) if exempt => {
            line(&mut text, "operation", &operation.id);
            line(&mut text, "decision", "allow: no policy names this operation, and its body is not validated");
            (text, Exit::Fine)
        }
        Routed::Operation(operation, _)
            if !bundle.takes_query(&operation) && !names_only_the_version(request.uri.query().unwrap_or_default()) =>
        {
            line(&mut text, "decision", "deny: ambiguous_request: the operation takes no query parameters");
            (text, Exit::Refused)
        }
        Routed::Operation(operation, parameters) => judged(bundle, request, &operation, &parameters),
        Routed::Unknown if exempt => {
            line(&mut text, "decision", "allow: no operation of the contract; `contract.fallthrough` is `forward`");
            (text, Exit::Fine)
        }
        Routed::Unknown => {
            line(&mut text, "decision", "deny: operation_not_allowed: no operation of the contract");
            (text, Exit::Refused)
        }
        Routed::Ambiguous => {
            line(&mut text, "decision", "deny: ambiguous_path: not the canonical spelling of an inspected operation");
            (text, Exit::Refused)
        }
        Routed::MethodUnknown => {
            line(&mut text, "decision", "deny: method_not_allowed: the contract has no such method at this path");
            (text, Exit::Refused)
        }
    })
}

fn judged(bundle: &Bundle, request: &Request, operation: &Operation, parameters: &Parameters) -> (String, Exit) {
    let attributes = Attributes {
        method: &request.method,
        path: request.uri.path(),
        parameters,
        query: request.uri.query().unwrap_or_default(),
        headers: &request.headers,
        environment: request.environment,
        key_fingerprint: request.key_fingerprint,
        client: &request.client,
        time: SystemTime::now(),
    };
    let judgement = decide(bundle, operation, &attributes, request.body.clone());
    let mut text = String::new();
    line(&mut text, "operation", &format!("{} ({}, {})", operation.id, operation.path, operation.api_version));
    line(&mut text, "environment", &format!("{} (key: {})", attributes.environment, request.key.as_str()));
    let decision = match judgement.verdict {
        Ok(_) => "allow".to_owned(),
        Err(reason) => format!("deny: {}", reason.as_str()),
    };
    line(&mut text, "decision", &decision);
    if bundle.inspection(operation).is_some_and(|inspection| inspection.mode == Mode::Audit) {
        line(&mut text, "contract", "audited: what does not fit it is told and not refused");
    }
    line(&mut text, "revision", &bundle.revision);
    rules(&mut text, &judgement);
    limits(&mut text, &judgement);
    findings(&mut text, &judgement.violations);
    (text, if judgement.verdict.is_ok() { Exit::Fine } else { Exit::Refused })
}

fn rules(text: &mut String, judgement: &Judgement) {
    if judgement.rules.is_empty() {
        return;
    }
    let _ = writeln!(text, "\nrules");
    let width = judgement.rules.iter().map(|(policy, _)| policy.name.len()).max().unwrap_or_default();
    for (policy, outcome) in &judgement.rules {
        let _ = writeln!(text, "  {:<width$}  {:<5}  {}", policy.name, policy.action.as_str(), said(policy, outcome));
    }
}

fn limits(text: &mut String, judgement: &Judgement) {
    if judgement.limits.is_empty() {
        return;
    }
    let _ = writeln!(text, "\nlimits");
    let width = judgement.limits.iter().map(|(limit, _)| limit.name.len()).max().unwrap_or_default();
    for (limit, claim) in &judgement.limits {
        let _ = writeln!(text, "  {:<width$}  {:<5}  {}", limit.name, limit.action.as_str(), claimed(limit, claim));
    }
}

pub(super) fn claimed(limit: &Limit, claim: &Claim) -> String {
    match claim {
        Claim::None(Outside::OtherEnvironment) => "not for this environment".to_owned(),
        Claim::None(Outside::NoMatch(position)) => {
            format!("condition `{}` is not true", limit.scope.condition(*position))
        }
        Claim::None(Outside::Failed(position, error)) => {
            format!("condition `{}` could not be evaluated: {error}", limit.scope.condition(*position))
        }
        Claim::Counts(Key::Null) => "counts it with all that have no key".to_owned(),
        Claim::Counts(key) => format!("counts it by the key {}", key.to_json()),
        Claim::Failed(error) => format!("key could not be evaluated: {error}"),
    }
}

pub(super) fn said(policy: &Policy, outcome: &Outcome) -> String {
    match outcome {
        Outcome::OtherEnvironment => "not for this environment".to_owned(),
        Outcome::NoMatch(position) => format!("condition `{}` is not true", policy.scope.condition(*position)),
        Outcome::Failed(position, error) => {
            format!("condition `{}` could not be evaluated: {error}", policy.scope.condition(*position))
        }
        Outcome::Holds => "holds".to_owned(),
        Outcome::Violated(positions) => violated(policy, positions).join("; "),
        Outcome::Misfit(findings, positions) => {
            let keywords: BTreeSet<_> = findings.iter().map(|finding| finding.keyword).collect();
            let schema = format!("does not fit its schema: {}", keywords.into_iter().collect::<Vec<_>>().join(", "));
            [vec![schema], violated(policy, positions)].concat().join("; ")
        }
    }
}

fn violated(policy: &Policy, positions: &[(usize, Option<EvaluationError>)]) -> Vec<String> {
    let parts = positions.iter().map(|(position, error)| {
        let source = policy.validations.get(*position).map_or("", |validation| &validation.source);
        error.map_or_else(|| format!("not true: {source}"), |error| format!("{error}: {source}"))
    });
    parts.collect()
}

fn findings(text: &mut String, violations: &[Violation]) {
    if violations.is_empty() {
        return;
    }
    let _ = writeln!(text, "\nfindings");
    for violation in violations {
        let _ = writeln!(text, "  {} by {}: {}", violation.action.as_str(), by(violation), violation.message);
        if let Some(hint) = &violation.hint {
            let _ = writeln!(text, "    hint: {hint}");
        }
    }
}

/// The rule, with the waiver for which it is only audited.
pub(super) fn by(violation: &Violation) -> String {
    let waived = violation.waived_by.as_ref().map(|waiver| format!(" (waived by {waiver})"));
    format!("{}{}", violation.rule, waived.unwrap_or_default())
}

fn line(text: &mut String, name: &str, value: &str) {
    // writing to a `String` cannot fail
    let _ = writeln!(text, "{name:<12} {value}");
}
