//! One line of the decision log, as it is written and as it is read. The names are an interface: a name once given keeps its
//! meaning, and what a later version adds is passed over by an earlier one.

use super::word;
use super::{Named, Skeleton, Text};
use crate::contract::credential::{Environment, KeyClass};
use crate::outcome::Outcome;
use crate::policy::Action;
use crate::reason::Reason;
use serde::{Deserialize, Serialize};

/// One decision. Borrows from what it is made of, and when read from its line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct Entry<'a> {
    /// When the head of the request was read: RFC 3339, in UTC.
    pub time: Text<'a>,
    /// The id that the caller was told.
    pub decision_id: Text<'a>,
    /// The trace it belongs to, in hexadecimal.
    pub trace_id: Text<'a>,
    /// What became of it.
    #[serde(with = "word")]
    pub outcome: Outcome,
    /// Why it was refused or failed.
    #[serde(with = "word::optional", default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The status the caller got; 0 where it got none.
    pub status: u16,
    /// The method if it is a standard one, else `_OTHER`.
    pub method: Text<'a>,
    /// The contract's operation id; none where no operation fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Text<'a>>,
    /// The path template of the operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Text<'a>>,
    /// The API version by which it was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<Text<'a>>,
    /// Why by that version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version_source: Option<VersionSource>,
    /// The environment by which it was judged.
    pub environment: Environment,
    /// The kind of credential.
    #[serde(with = "word")]
    pub key_class: KeyClass,
    /// A keyed fingerprint of the credential; its key lives as long as the process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_fingerprint: Option<Text<'a>>,
    /// Who sent it, as far as the connection tells.
    #[serde(default)]
    pub client: Client<'a>,
    /// The revision of the policies and the contract that judged it.
    pub revision: Text<'a>,
    /// What rules found, whatever the action.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation<'a>>,
    /// What each policy for the operation said, in order; empty where none was asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Evaluated<'a>>,
    /// What policies may know of the request besides its body; none where it was not judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Facts<'a>>,
    /// Its body; none where it was not judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body<'a>>,
    /// JSON Pointers into the body whose values were removed, as secrets by the contract or by a mask; `*` stands for a name
    /// that only the request knew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masked: Vec<Text<'a>>,
}

/// Why a request was judged by an API version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VersionSource {
    /// It asked for this version.
    Request,
    /// It asked for none: the configured default.
    Default,
    /// It asked for one that is newer than all in the contract.
    Newer,
    /// It asked for another one that the contract does not have.
    Unknown,
}

/// Who sent a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct Client<'a> {
    /// The SPIFFE ID of its certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spiffe_id: Option<Text<'a>>,
    /// The DNS names of its certificate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_names: Vec<Text<'a>>,
    /// The SHA-256 of its certificate, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_sha256: Option<Text<'a>>,
    /// The user that opened a Unix socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unix_uid: Option<u32>,
    /// The address at the other end of the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<Text<'a>>,
}

/// One thing that a rule found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct Violation<'a> {
    /// The rule.
    pub rule: Rule<'a>,
    /// What happens because of it.
    #[serde(with = "word")]
    pub action: Action,
    /// The place in the body: a name, or a JSON Pointer in which `*` stands for a name that only the request knew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<Text<'a>>,
    /// Why, from the closed list.
    #[serde(with = "word")]
    pub reason: Reason,
    /// The waiver that lets it pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived_by: Option<Text<'a>>,
}

/// The rule that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", bound(deserialize = "'de: 'a"))]
pub enum Rule<'a> {
    /// A policy, by its name.
    Policy(Text<'a>),
    /// A keyword of the contract's JSON Schema.
    Keyword(Text<'a>),
    /// A rule of the gateway itself; the reason says which.
    Gateway,
}

/// A policy that was asked, and what it said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct Evaluated<'a> {
    /// Its name.
    pub name: Text<'a>,
    /// What happens when it does not hold.
    #[serde(with = "word")]
    pub action: Action,
    /// What it said.
    pub said: Said<'a>,
}

/// What a policy said of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", bound(deserialize = "'de: 'a"))]
pub enum Said<'a> {
    /// It is not for requests of this environment.
    OtherEnvironment,
    /// The match condition of this name is not true.
    NoMatch(Text<'a>),
    /// All its validations are true.
    Holds,
    /// These validations are not true, or could not be evaluated.
    Violated(Vec<Part<'a>>),
    /// The body does not fit its schema; besides, these validations are not true, or could not be evaluated.
    Misfit(Vec<Part<'a>>),
    /// A match condition could not be evaluated.
    Failed {
        /// Its name.
        condition: Text<'a>,
        /// Why.
        error: Text<'a>,
    },
}

/// A validation that is not true, or could not be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct Part<'a> {
    /// Its position among the policy's validations, counted from 0.
    pub validation: usize,
    /// Why it could not be evaluated; none where it is not true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Text<'a>>,
}

/// What policies may know of a request besides its body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct Facts<'a> {
    /// The parameters of its path.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub params: Named<'a, Held<'a>>,
    /// The headers that policies read: null for one that is not there. Which others there are is not told.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub headers: Named<'a, Option<Held<'a>>>,
    /// The parameters of its query that policies read: null for one that is not there.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub query: Named<'a, Option<Held<'a>>>,
    /// How many parameters its query has, whatever their names.
    #[serde(default)]
    pub query_size: usize,
}

/// What is kept of a text that is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct Held<'a> {
    /// Its length in characters; none where a mask removed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<usize>,
    /// Its keyed fingerprint, where the configuration asks for one: equal texts have equal ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Text<'a>>,
}

/// The body of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct Body<'a> {
    /// How many bytes of it were read; none where none were, or where something was removed, whose size that would tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// What it held; none where it was empty or could not be read as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skeleton: Option<Skeleton<'a>>,
}

impl<'a> Entry<'a> {
    /// Reads a line, without its line feed.
    ///
    /// # Errors
    ///
    /// It is no entry: not JSON, or something in it is missing or of another type. The error says where in the line.
    pub fn read(line: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(line)
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Rule, Said, VersionSource};
    use crate::contract::credential::{Environment, KeyClass};
    use crate::decision_log::{Number, Shape, Skeleton};
    use crate::outcome::Outcome;
    use crate::reason::Reason;

    /// A line with everything that an entry can hold.
    const FULL: &str = include_str!("sample.jsonl");

    #[test]
    fn a_line_is_read_and_written_as_it_was() {
        for line in FULL.lines() {
            let entry = Entry::read(line).expect("an entry");
            assert_eq!(serde_json::to_string(&entry).expect("a line"), line);
        }
    }

    #[test]
    fn words_are_read_as_what_they_stand_for() {
        let entry = Entry::read(FULL.lines().next().expect("a line")).expect("an entry");
        assert_eq!((entry.outcome, entry.reason), (Outcome::Denied, Some(Reason::PolicyDenied)));
        assert_eq!((entry.environment, entry.key_class), (Environment::Production, KeyClass::Live));
        assert_eq!(entry.api_version_source, Some(VersionSource::Default));
        let rules: Vec<_> = entry.violations.iter().map(|violation| &violation.rule).collect();
        assert_eq!(rules[0], &Rule::Policy("no-skip-password-checks".into()));
        assert_eq!(rules[1], &Rule::Keyword("additionalProperties".into()));
        assert!(matches!(entry.policies[1].said, Said::Holds));
        let request = entry.request.expect("facts");
        assert_eq!(request.headers.get("x-tenant"), Some(&None));
        assert_eq!(request.params.get("user_id").and_then(|held| held.size), Some(10));
        let Some(Skeleton::Shape(Shape::Object { members, undeclared, .. })) = entry.body.expect("a body").skeleton
        else {
            panic!("an object");
        };
        assert_eq!(undeclared, 1);
        assert_eq!(members.get("skip_password_checks"), Some(&Skeleton::Bool(true)));
        assert_eq!(members.get("password_hasher"), Some(&Skeleton::Word("bcrypt".into())));
        let number = Skeleton::Shape(Shape::Number(Number::Integer));
        assert_eq!(members.get("create_organizations_limit"), Some(&number));
    }

    #[test]
    fn what_a_later_version_adds_is_passed_over_and_what_is_missing_is_told() {
        let line = FULL.lines().last().expect("a line");
        let later = line.replacen('{', r#"{"later":[{"a":1.5e3}],"#, 1);
        assert_eq!(Entry::read(&later).expect("an entry"), Entry::read(line).expect("an entry"));
        assert!(Entry::read(&line.replacen(r#""status""#, r#""statis""#, 1)).is_err());
        assert!(Entry::read(&line.replacen(r#""deny""#, r#""denied""#, 1)).is_err());
    }
}
