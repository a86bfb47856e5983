//! Decision cases as data: the judge alone, with the shipped policies, on every request of tests/cases.

use crate::support::gateway::{bundle, contract, shipped};
use bytes::Bytes;
use http::HeaderMap;
use portcullis::contract::Routed;
use portcullis::contract::credential::KeyClass;
use portcullis::contract::strictness::{Mode, OperationEntry, Strictness, UnknownFields, Validate};
use portcullis::judge::violation::{Field, Rule};
use portcullis::judge::{Bundle, Content, decide};
use portcullis::peer::Client;
use portcullis::policy::Attributes;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs;
use std::time::SystemTime;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    request: Request,
    /// `${n}` stands for n letters.
    body: String,
    /// How the contract is applied, where not as by default.
    #[serde(default)]
    contract: Keys,
    expect: Expected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    method: String,
    path: String,
    key: Key,
    version: Option<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    validate: Option<Validate>,
    #[serde(default)]
    operations: Vec<Entry>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    r#match: String,
    mode: Mode,
    unknown_fields: Option<UnknownFields>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Key {
    Live,
    Test,
    Other,
    None,
}

#[derive(Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Expected {
    decision: String,
    reason: Option<String>,
    /// Names of the policies that fired, whatever their action.
    #[serde(default)]
    policies: BTreeSet<String>,
    /// The fields of all violations, as the caller sees them.
    #[serde(default)]
    fields: BTreeSet<String>,
}

impl Key {
    fn authorization(self) -> Option<&'static [u8]> {
        match self {
            Self::Live => Some(b"Bearer sk_live_portcullis"),
            Self::Test => Some(b"Bearer sk_test_portcullis"),
            Self::Other => Some(b"bearer sk_test_portcullis"),
            Self::None => None,
        }
    }
}

fn cases() -> Vec<(String, Case)> {
    let files = fs::read_dir("tests/cases").unwrap().map(|entry| entry.unwrap().path());
    let cases = files.flat_map(|file| {
        let read: Vec<Case> = serde_saphyr::from_str(&fs::read_to_string(&file).unwrap()).expect("cases");
        let file = file.file_stem().unwrap().to_string_lossy().into_owned();
        read.into_iter().map(move |case| (format!("{file}: {}", case.name), case))
    });
    cases.collect()
}

/// The shipped policies with the contract applied as `keys` say.
fn applied(keys: &Keys) -> Bundle {
    let entries = keys.operations.iter().cloned();
    let operations = entries.map(|Entry { r#match: matches, mode, unknown_fields }| OperationEntry {
        matches,
        mode,
        unknown_fields,
    });
    let strictness = Strictness {
        validate: keys.validate.unwrap_or(Validate::Listed),
        operations: operations.collect(),
        ..Strictness::default()
    };
    Bundle::compile(contract(), &shipped(), strictness).expect("sound policies")
}

fn judged(bundle: &Bundle, case: &Case) -> Expected {
    let own =
        (case.contract.validate.is_some() || !case.contract.operations.is_empty()).then(|| applied(&case.contract));
    let bundle = own.as_ref().unwrap_or(bundle);
    let Request { method, path, key, version } = &case.request;
    let Routed::Operation(operation, parameters) = bundle.route(method, path, version.as_deref()) else {
        panic!("{}: {method} {path} is no operation", case.name)
    };
    let headers = HeaderMap::new();
    let attributes = Attributes {
        method,
        path,
        parameters: &parameters,
        query: "",
        headers: &headers,
        environment: KeyClass::of(key.authorization()).environment(),
        key_fingerprint: None,
        client: &Client::default(),
        time: SystemTime::UNIX_EPOCH,
    };
    let body = Bytes::from(filled(&case.body));
    let judgement = decide(bundle, &operation, &attributes, body.clone(), &mut ());
    let policies = judgement.violations.iter().filter_map(|violation| match &violation.rule {
        Rule::Policy(name) => Some(name.to_string()),
        Rule::Keyword(_) | Rule::Gateway => None,
    });
    let fields = judgement.violations.iter().filter_map(|violation| violation.field.as_ref());
    let (policies, fields) = (policies.collect(), fields.map(Field::for_caller).collect());
    match judgement.verdict {
        Err(reason) => {
            Expected { decision: "deny".to_owned(), reason: Some(reason.as_str().to_owned()), policies, fields }
        }
        Ok(permit) => {
            assert!(matches!(permit.into_content(), Content::Judged(bytes) if bytes == body), "{}", case.name);
            Expected { decision: "allow".to_owned(), reason: None, policies, fields }
        }
    }
}

fn filled(body: &str) -> String {
    let Some((before, rest)) = body.split_once("${") else { return body.to_owned() };
    let (count, after) = rest.split_once('}').expect("a closing brace");
    format!("{before}{}{after}", "x".repeat(count.parse().expect("a number")))
}

#[test]
fn every_case_is_decided_as_it_says() {
    let bundle = bundle(&shipped());
    let cases = cases();
    assert!(cases.len() >= 60, "{} cases", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .map(|(name, case)| (name, &case.expect, judged(&bundle, case)))
        .filter(|(_, expected, judged)| *expected != judged)
        .map(|(name, expected, judged)| format!("{name}\n  expected {expected:?}\n  judged   {judged:?}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_shipped_policy_has_a_case_in_which_it_fires() {
    let (bundle, cases) = (bundle(&shipped()), cases());
    let fired: BTreeSet<&str> = cases.iter().flat_map(|(_, case)| &case.expect.policies).map(String::as_str).collect();
    let all: BTreeSet<&str> = bundle.policies.all().iter().map(|policy| policy.name.as_ref()).collect();
    assert_eq!(fired, all);
    let quiet = cases.iter().filter(|(_, case)| case.expect.decision == "allow" && case.expect.policies.is_empty());
    assert!(quiet.count() >= 20);
}
