//! A decision log of requests that the judge decided.

use bytes::Bytes;
use http::HeaderMap;
use portcullis::contract::Routed;
use portcullis::contract::credential::{Environment, KeyClass};
use portcullis::decision_log::{
    DecisionInput, LogEntry, RecordedBody, RecordedClient, RecordedRule, RecordedViolation, RetentionRules,
};
use portcullis::judge::{Bundle, Judgement, decide, violation};
use portcullis::outcome::Outcome;
use portcullis::peer::{Client, ClientCertificate};
use portcullis::policy::{Attributes, Instance};
use portcullis::redact::Masks;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// A request to a user.
pub(crate) struct Sent {
    pub(crate) method: &'static str,
    pub(crate) body: &'static str,
    pub(crate) caller: &'static str,
    /// The day of May on which it came.
    pub(crate) day: u64,
}

impl Default for Sent {
    fn default() -> Self {
        Self { method: "PATCH", body: "", caller: "billing", day: 1 }
    }
}

/// What is logged of the requests, judged by `bundle`.
pub(crate) fn lines(bundle: &Bundle, sent: &[Sent]) -> String {
    sent.iter().enumerate().map(|(number, sent)| line(bundle, number, sent) + "\n").collect()
}

fn line(bundle: &Bundle, number: usize, sent: &Sent) -> String {
    let path = "/v1/users/user_1";
    let Routed::Operation(operation, parameters) = bundle.route(sent.method, path, None) else { panic!("{path}") };
    let since_may = Duration::from_secs((sent.day - 1) * 86_400);
    let attributes = Attributes {
        method: sent.method,
        path,
        parameters: &parameters,
        query: "",
        headers: &HeaderMap::new(),
        environment: Environment::Production,
        key_fingerprint: None,
        instance: &Instance::UNNAMED,
        client: &sender(sent.caller),
        time: UNIX_EPOCH + Duration::from_secs(1_777_593_600) + since_may,
    };
    let retention = RetentionRules::new(Arc::new(Masks::default()), None);
    let judged = bundle.inspection(&operation).map(|_| {
        let judgement = decide(bundle, &operation, &attributes, Bytes::from_static(sent.body.as_bytes()), &mut ());
        let mut input = retention.capture_head(bundle, &operation, &attributes);
        retention.add_judgement(&mut input, bundle, &operation, &judgement);
        (judgement, input)
    });
    let violations = judged.iter().flat_map(|(judgement, _)| judgement.violations.iter().map(recorded));
    let (judgement, input) = judged.as_ref().map_or((None, None), |(judgement, input)| (Some(judgement), Some(input)));
    let entry = LogEntry {
        time: format!("2026-05-{:02}T08:30:00.125Z", sent.day).into(),
        decision_id: format!("{number:016x}").into(),
        trace_id: format!("{number:032x}").into(),
        outcome: outcome(judgement),
        reason: judgement.and_then(|judgement| judgement.verdict.as_ref().err().copied()),
        status: 200,
        method: sent.method.into(),
        operation: Some((*operation.id).into()),
        route: Some((*operation.path).into()),
        api_version: Some((*operation.api_version).into()),
        api_version_source: None,
        asked_api_version: None,
        unknown_fields: Vec::new(),
        environment: Environment::Production,
        key_class: KeyClass::Live,
        key_fingerprint: None,
        client: client(sent.caller),
        revision: (*bundle.revision).into(),
        violations: violations.collect(),
        shadow: None,
        policies: input.map(|input| input.policies.clone()).unwrap_or_default(),
        request: input.map(|input| input.request.clone()),
        body: input.map(|input: &DecisionInput| RecordedBody {
            bytes: Some(sent.body.len() as u64),
            value: input.body.clone(),
        }),
        masked: Vec::new(),
        clerk_trace_id: None,
        cf_ray: None,
        sample_rate: None,
        run: None,
        number: None,
    };
    serde_json::to_string(&entry).expect("a line")
}

fn spiffe_id(caller: &str) -> String {
    format!("spiffe://example.org/{caller}")
}

fn sender(caller: &str) -> Client {
    let (spiffe_id, sha256) = (Some(spiffe_id(caller)), "00ff".to_owned());
    let certificate = ClientCertificate { spiffe_id, sha256, ..ClientCertificate::default() };
    Client { certificate: Some(certificate), ..Client::default() }
}

fn client(caller: &str) -> RecordedClient<'static> {
    RecordedClient {
        spiffe_id: Some(spiffe_id(caller).into()),
        cert_sha256: Some("00ff".into()),
        ..RecordedClient::default()
    }
}

fn outcome(judgement: Option<&Judgement>) -> Outcome {
    match judgement {
        None => Outcome::Exempt,
        Some(judgement) if judgement.verdict.is_ok() => Outcome::Allowed,
        Some(_) => Outcome::Denied,
    }
}

fn recorded(found: &violation::Violation) -> RecordedViolation<'static> {
    RecordedViolation {
        rule: match &found.rule {
            violation::Rule::Policy(name) => RecordedRule::Policy(name.to_string().into()),
            violation::Rule::Keyword(keyword) => RecordedRule::Keyword((*keyword).into()),
            violation::Rule::Gateway => RecordedRule::Gateway,
        },
        action: found.action,
        field: found.field.as_ref().map(|field| field.for_log().into()),
        reason: found.reason,
        waived_by: found.waived_by.as_ref().map(|waiver| waiver.to_string().into()),
    }
}
