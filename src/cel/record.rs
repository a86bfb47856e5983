//! `request`, `client` and `instance`: what policies know of a request besides its body.

use super::budget::Budget;
use super::sight::{Facts, Failure, Structure};
use super::size;
use super::value::Value;
use crate::contract::{Operation, query_pairs};
use crate::document::{Document, NodeRef, View};
use crate::peer::Client;
use crate::policy::Attributes;
use chrono::{DateTime, Utc};
use std::borrow::Cow;
use std::convert::Infallible;
use std::time::{SystemTime, UNIX_EPOCH};

/// A single fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    Method,
    Path,
    Operation,
    ApiVersion,
    Time,
    ClientIp,
    ClientUnixUid,
    ClientSpiffeId,
    ClientDnsNames,
    ClientCertSha256,
    Environment,
    KeyFingerprint,
}

/// What holds values by names that only a request decides on; a name that is not there reads as `null`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    Body,
    Headers,
    Query,
    Parameters,
}

/// What stands behind a name such as `request.method`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Fact(Fact),
    Record(Record),
}

/// Names under which policies reach what is not the body.
pub(super) const MEMBERS: [(&str, &[(&str, Known)]); 3] = [
    (
        "request",
        &[
            ("method", Known::Fact(Fact::Method)),
            ("path", Known::Fact(Fact::Path)),
            ("operation", Known::Fact(Fact::Operation)),
            ("apiVersion", Known::Fact(Fact::ApiVersion)),
            ("params", Known::Record(Record::Parameters)),
            ("query", Known::Record(Record::Query)),
            ("headers", Known::Record(Record::Headers)),
            ("time", Known::Fact(Fact::Time)),
        ],
    ),
    (
        "client",
        &[
            ("ip", Known::Fact(Fact::ClientIp)),
            ("unixUid", Known::Fact(Fact::ClientUnixUid)),
            ("spiffeId", Known::Fact(Fact::ClientSpiffeId)),
            ("dnsNames", Known::Fact(Fact::ClientDnsNames)),
            ("certSha256", Known::Fact(Fact::ClientCertSha256)),
        ],
    ),
    (
        "instance",
        &[("environment", Known::Fact(Fact::Environment)), ("keyFingerprint", Known::Fact(Fact::KeyFingerprint))],
    ),
];

/// Headers that hold credentials: policies cannot read them, so that no rule can tell them to anyone.
const CREDENTIALS: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "set-cookie"];

/// Whether the header called `name` holds credentials: to policies it is not there.
pub fn is_credential(name: &str) -> bool {
    CREDENTIALS.iter().any(|credential| credential.eq_ignore_ascii_case(name))
}

/// The request that expressions are about.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    /// The body; none where there is none.
    pub(crate) document: Option<&'a Document>,
    /// The operation it calls.
    pub(crate) operation: &'a Operation,
    /// Everything else.
    pub(crate) attributes: &'a Attributes<'a>,
}

/// Of the body as it came, everything is there to be seen.
impl<'a> Structure<'a> for NodeRef<'a> {
    type Hidden = Infallible;
    type Request = Request<'a>;

    fn len(self) -> usize {
        View::len(self)
    }

    fn child(self, position: usize) -> Option<Value<'a, Self>> {
        View::child(self, position).map(Value::of)
    }

    fn name(self, position: usize) -> Option<Value<'a, Self>> {
        View::name(self, position).map(Value::String)
    }

    fn member(self, name: &str) -> Result<Option<Value<'a, Self>>, Infallible> {
        Ok(View::member(self, name).map(Value::of))
    }

    fn json_size(self, budget: &mut Budget) -> Result<usize, Failure<Infallible>> {
        Ok(size::compact(self, budget)?)
    }
}

impl<'a> Facts<'a, NodeRef<'a>> for Request<'a> {
    fn fact(self, fact: Fact) -> Value<'a, NodeRef<'a>> {
        let attributes = self.attributes;
        match fact {
            Fact::Method => Value::String(attributes.method),
            Fact::Path => Value::String(attributes.path),
            Fact::Operation => Value::String(&self.operation.id),
            Fact::ApiVersion => Value::String(&self.operation.api_version),
            Fact::Time => time(attributes.time).map_or(Value::Null, Value::Timestamp),
            Fact::Environment => Value::String(attributes.environment.as_str()),
            Fact::KeyFingerprint => {
                let fingerprint = attributes.key_fingerprint;
                fingerprint.map_or(Value::Null, |it| Value::Text(it.to_string().into()))
            }
            Fact::ClientIp
            | Fact::ClientUnixUid
            | Fact::ClientSpiffeId
            | Fact::ClientDnsNames
            | Fact::ClientCertSha256 => of_client(fact, attributes.client).unwrap_or(Value::Null),
        }
    }

    fn entry(
        self,
        record: Record,
        name: &str,
        budget: &mut Budget,
    ) -> Result<Option<Value<'a, NodeRef<'a>>>, Failure<Infallible>> {
        if record == Record::Query {
            budget.bytes(self.attributes.query.len())?;
        }
        let value = self.held(record, name);
        if let Some(Value::Text(text)) = &value {
            budget.bytes(text.len())?;
        }
        Ok(value)
    }
}

impl<'a> Request<'a> {
    fn held(self, record: Record, name: &str) -> Option<Value<'a, NodeRef<'a>>> {
        match record {
            Record::Body => View::member(self.document?.root(), name).map(Value::of),
            Record::Parameters => {
                let mut parameters = self.attributes.parameters.iter();
                parameters.find(|(known, _)| **known == *name).map(|(_, value)| Value::String(value))
            }
            Record::Query => {
                let pair = query_pairs(self.attributes.query).find(|(known, _)| known == name);
                pair.map(|(_, value)| Value::Text(value.into()))
            }
            Record::Headers => self.header(name),
        }
    }

    /// The values of a header, joined as if they had come in one line.
    fn header(self, name: &str) -> Option<Value<'a, NodeRef<'a>>> {
        if is_credential(name) {
            return None;
        }
        let mut values =
            self.attributes.headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        let first = values.next()?;
        let rest: Vec<Cow<'_, str>> = values.collect();
        match (first, rest.is_empty()) {
            (Cow::Borrowed(only), true) => Some(Value::String(only)),
            (first, _) => {
                let all: Vec<Cow<'_, str>> = std::iter::once(first).chain(rest).collect();
                Some(Value::Text(all.join(", ").into()))
            }
        }
    }
}

/// A fact about the client; none where the connection does not tell it. Without a certificate there are no names.
pub(super) fn of_client<'a, S: Structure<'a>>(fact: Fact, client: &'a Client) -> Option<Value<'a, S>> {
    let certificate = client.certificate.as_ref();
    match fact {
        Fact::ClientIp => client.address.map(|address| Value::Text(address.ip().to_string().into())),
        Fact::ClientUnixUid => client.unix_uid.map(|uid| Value::Int(uid.into())),
        Fact::ClientSpiffeId => certificate?.spiffe_id.as_deref().map(Value::String),
        Fact::ClientCertSha256 => Some(Value::String(&certificate?.sha256)),
        Fact::ClientDnsNames => {
            let names = certificate.map(|certificate| certificate.dns_names.as_slice()).unwrap_or_default();
            Some(Value::OwnList(names.iter().map(|name| Value::String(name)).collect()))
        }
        _ => None,
    }
}

/// None for a clock that stands before 1970, or past what a timestamp can be.
pub(super) fn time(now: SystemTime) -> Option<DateTime<Utc>> {
    let since = now.duration_since(UNIX_EPOCH).ok()?;
    DateTime::from_timestamp(i64::try_from(since.as_secs()).ok()?, since.subsec_nanos())
}
