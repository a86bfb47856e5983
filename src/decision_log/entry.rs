//! One line of the decision log, as it is written and as it is read.
//!
//! The JSON keys are an interface: a key keeps its meaning, and a reader ignores keys that it does not know, so that an older
//! version reads the log of a newer one. Where a field has another name here than in JSON, the JSON name is the older one.

use super::enum_names;
use super::{EntryText, NameMap, RecordedShadow, RedactedValue};
use crate::contract::credential::{Environment, KeyClass};
use crate::outcome::Outcome;
use crate::policy::{Action, RuleHash};
use crate::reason::Reason;
use serde::{Deserialize, Serialize};

/// One decision. Borrows from the request record it is made of, or from the line it is read from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct LogEntry<'a> {
    /// When the head of the request was read, in RFC 3339 and UTC.
    pub time: EntryText<'a>,
    /// The id that the response to the caller carries.
    pub decision_id: EntryText<'a>,
    /// The trace id, in hexadecimal.
    pub trace_id: EntryText<'a>,
    /// The outcome of the request.
    #[serde(with = "enum_names")]
    pub outcome: Outcome,
    /// Why it was refused or failed.
    #[serde(with = "enum_names::optional", default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The status of the response; 0 if none was sent.
    pub status: u16,
    /// The method if it is a standard one, else `_OTHER`.
    pub method: EntryText<'a>,
    /// The contract's operation id; `None` if the request matches no operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<EntryText<'a>>,
    /// The path template of the operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<EntryText<'a>>,
    /// The API version of the contract that the request was judged by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<EntryText<'a>>,
    /// Why that version was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version_source: Option<VersionSource>,
    /// The version that the request asked for, if the contract does not have it and it is a date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_api_version: Option<EntryText<'a>>,
    /// The fields of the body that the contract does not have: names, or JSON Pointers with `*` for the items of arrays. `_masked`
    /// is a name that could be a secret.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_fields: Vec<EntryText<'a>>,
    /// The environment that the request was judged for.
    pub environment: Environment,
    /// The kind of credential.
    #[serde(with = "enum_names")]
    pub key_class: KeyClass,
    /// A keyed fingerprint of the credential, comparable only within one process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_fingerprint: Option<EntryText<'a>>,
    /// The sender, by its connection.
    #[serde(default)]
    pub client: RecordedClient<'a>,
    /// The revision of the policies and the contract.
    pub revision: EntryText<'a>,
    /// The violations that rules found, whatever their action.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<RecordedViolation<'a>>,
    /// The policies for the operation that were evaluated, in order.
    // empty lists are left out: most decisions have no violation, and a log has millions of lines
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<RecordedPolicy<'a>>,
    /// What the shadow bundle would have decided otherwise. `None` if nothing, or there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<RecordedShadow<'a>>,
    /// The attributes that policies could read, without the body; `None` if the request was not judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RecordedAttributes<'a>>,
    /// The body; `None` if the request was not judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<RecordedBody<'a>>,
    /// JSON Pointers to values that were removed from the body, as secrets of the contract or by a mask. `*` is a name that
    /// only the request knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masked: Vec<EntryText<'a>>,
    /// The `Clerk-Trace-Id` of the upstream's response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clerk_trace_id: Option<EntryText<'a>>,
    /// The `CF-Ray` of the upstream's response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cf_ray: Option<EntryText<'a>>,
    /// The share of allowed requests that are logged, of which this is one. `None` if all are, or the entry is no plain one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_rate: Option<f64>,
    /// Identifies the process that made the decision. `None` in a log of an older version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<EntryText<'a>>,
    /// The number of the decision in its run, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
}

/// Why a request was judged by an API version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VersionSource {
    /// The request named it.
    Request,
    /// The request named none: the configured default.
    Default,
    /// The request named a version newer than every one of the contract.
    Newer,
    /// The request named another version that the contract does not have.
    Unknown,
}

/// The sender of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct RecordedClient<'a> {
    /// The SPIFFE ID of its certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spiffe_id: Option<EntryText<'a>>,
    /// The DNS names of its certificate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_names: Vec<EntryText<'a>>,
    /// The SHA-256 of its certificate, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_sha256: Option<EntryText<'a>>,
    /// The user id of the process at the other end of a Unix socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unix_uid: Option<u32>,
    /// Its IP address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<EntryText<'a>>,
}

/// A violation of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct RecordedViolation<'a> {
    /// What was violated: a policy or limit, a keyword of a schema, or a check of the gateway.
    pub rule: RecordedRule<'a>,
    /// The action of the rule.
    #[serde(with = "enum_names")]
    pub action: Action,
    /// The field of the body: a name, or a JSON Pointer in which `*` is a name that only the request knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<EntryText<'a>>,
    /// The reason code.
    #[serde(with = "enum_names")]
    pub reason: Reason,
    /// The name of the waiver that lets the request pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived_by: Option<EntryText<'a>>,
}

/// The rule that was violated.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", bound(deserialize = "'de: 'a"))]
pub enum RecordedRule<'a> {
    /// A policy or limit, by its name.
    Policy(EntryText<'a>),
    /// A keyword of the contract's JSON Schema.
    Keyword(EntryText<'a>),
    /// A rule of the gateway itself, which the reason identifies.
    Gateway,
}

/// A policy that was evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct RecordedPolicy<'a> {
    /// The name of the policy.
    pub name: EntryText<'a>,
    /// What a violation leads to, by the file at the time of the request.
    #[serde(with = "enum_names")]
    pub action: Action,
    /// The hash of what decides its outcome, without its action and its waivers. `None` in a log of an older version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<RuleHash>,
    /// The hash of its waivers. `None` if it has none.
    #[serde(rename = "waivers", default, skip_serializing_if = "Option::is_none")]
    pub waivers_hash: Option<RuleHash>,
    /// The outcome of its evaluation.
    // the key is older than the name, and logs of older versions are read
    #[serde(rename = "said")]
    pub outcome: RecordedOutcome<'a>,
}

/// The outcome of evaluating a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", bound(deserialize = "'de: 'a"))]
pub enum RecordedOutcome<'a> {
    /// The policy does not apply to requests of this environment.
    OtherEnvironment,
    /// The match condition of this name is not true.
    NoMatch(EntryText<'a>),
    /// All validations are true.
    Holds,
    /// These validations are not true, or failed to evaluate.
    Violated(Vec<FailedValidation<'a>>),
    /// The body does not match the schema of the policy; moreover, these validations are not true, or failed to evaluate.
    // the key is older than the name, too
    #[serde(rename = "misfit")]
    SchemaViolated(Vec<FailedValidation<'a>>),
    /// A match condition failed to evaluate.
    Failed {
        /// The name of the condition.
        condition: EntryText<'a>,
        /// The evaluation error.
        error: EntryText<'a>,
    },
}

/// A validation that is not true, or failed to evaluate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct FailedValidation<'a> {
    /// Its position among the policy's validations, from 0.
    pub validation: usize,
    /// The evaluation error; `None` if it evaluated to something other than true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<EntryText<'a>>,
}

/// The attributes of a request that policies could read, without the body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct RecordedAttributes<'a> {
    /// The parameters of the path.
    #[serde(default, skip_serializing_if = "NameMap::is_empty")]
    pub params: NameMap<'a, RedactedText<'a>>,
    /// The headers that policies read; null if absent. Other headers are not recorded.
    #[serde(default, skip_serializing_if = "NameMap::is_empty")]
    pub headers: NameMap<'a, Option<RedactedText<'a>>>,
    /// The query parameters that policies read; null if absent.
    #[serde(default, skip_serializing_if = "NameMap::is_empty")]
    pub query: NameMap<'a, Option<RedactedText<'a>>>,
    /// The number of query parameters, whatever their names.
    #[serde(default)]
    pub query_size: usize,
    /// What the gateway is called; `None` if its configuration does not name it, or in a log of an older version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<RecordedInstance<'a>>,
}

/// What a gateway is called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct RecordedInstance<'a> {
    /// `instance.name` of its configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<EntryText<'a>>,
    /// `environment.name` of its configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<EntryText<'a>>,
    /// `instance.labels` of its configuration, all of them.
    #[serde(default, skip_serializing_if = "NameMap::is_empty")]
    pub labels: NameMap<'a, EntryText<'a>>,
}

/// A redacted text that was present.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct RedactedText<'a> {
    /// Its length in characters; `None` if a mask hides it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<usize>,
    /// Its keyed fingerprint, if the configuration chooses the text: equal texts have equal fingerprints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<EntryText<'a>>,
}

/// The body of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct RecordedBody<'a> {
    /// The number of bytes that were read; `None` if none were, or if something was removed, whose size it would reveal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Its content; `None` if it was empty or not readable as JSON.
    #[serde(rename = "skeleton", default, skip_serializing_if = "Option::is_none")]
    pub value: Option<RedactedValue<'a>>,
}

impl<'a> LogEntry<'a> {
    /// Reads a line without its line feed.
    ///
    /// # Errors
    ///
    /// When the line is not JSON, or a key is missing or of another type. The error holds the column.
    pub fn read(line: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(line)
    }
}

#[cfg(test)]
mod tests {
    use super::{LogEntry, RecordedOutcome, RecordedRule, VersionSource};
    use crate::contract::credential::{Environment, KeyClass};
    use crate::decision_log::{NumberKind, RedactedShape, RedactedValue};
    use crate::outcome::Outcome;
    use crate::reason::Reason;

    /// A line with everything that an entry can hold.
    const FULL: &str = include_str!("sample.jsonl");

    #[test]
    fn a_line_is_read_and_written_as_it_was() {
        for line in FULL.lines() {
            let entry = LogEntry::read(line).expect("an entry");
            assert_eq!(serde_json::to_string(&entry).expect("a line"), line);
        }
    }

    #[test]
    fn words_are_read_as_what_they_stand_for() {
        let entry = LogEntry::read(FULL.lines().next().expect("a line")).expect("an entry");
        assert_eq!((entry.outcome, entry.reason), (Outcome::Denied, Some(Reason::PolicyDenied)));
        assert_eq!((entry.environment, entry.key_class), (Environment::Production, KeyClass::Live));
        assert_eq!(entry.api_version_source, Some(VersionSource::Default));
        let rules: Vec<_> = entry.violations.iter().map(|violation| &violation.rule).collect();
        assert_eq!(rules[0], &RecordedRule::Policy("no-skip-password-checks".into()));
        assert_eq!(rules[1], &RecordedRule::Keyword("additionalProperties".into()));
        assert!(matches!(entry.policies[1].outcome, RecordedOutcome::Holds));
        let request = entry.request.expect("facts");
        assert_eq!(request.headers.get("x-tenant"), Some(&None));
        assert_eq!(request.params.get("user_id").and_then(|held| held.size), Some(10));
        let Some(RedactedValue::Shape(RedactedShape::Object { members, undeclared, .. })) =
            entry.body.expect("a body").value
        else {
            panic!("an object");
        };
        assert_eq!(undeclared, 1);
        assert_eq!(members.get("skip_password_checks"), Some(&RedactedValue::Bool(true)));
        assert_eq!(members.get("password_hasher"), Some(&RedactedValue::EnumMember("bcrypt".into())));
        let number = RedactedValue::Shape(RedactedShape::Number(NumberKind::Integer));
        assert_eq!(members.get("create_organizations_limit"), Some(&number));
    }

    #[test]
    fn what_a_later_version_adds_is_passed_over_and_what_is_missing_is_told() {
        let line = FULL.lines().last().expect("a line");
        let later = line.replacen('{', r#"{"later":[{"a":1.5e3}],"#, 1);
        assert_eq!(LogEntry::read(&later).expect("an entry"), LogEntry::read(line).expect("an entry"));
        assert!(LogEntry::read(&line.replacen(r#""status""#, r#""statis""#, 1)).is_err());
        assert!(LogEntry::read(&line.replacen(r#""deny""#, r#""denied""#, 1)).is_err());
    }
}
