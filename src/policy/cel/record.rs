//! `request`, `client` and `instance`: what policies know of a request besides its body.

use super::value::Value;
use crate::contract::{Operation, query_pairs};
use crate::document::{Document, View};
use crate::policy::{Attributes, Client};
use chrono::{DateTime, Utc};
use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

/// A single fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fact {
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
pub(super) enum Record {
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

/// The request that expressions are about.
#[derive(Clone, Copy)]
pub(in crate::policy) struct Request<'a> {
    /// The body; none where there is none.
    pub(in crate::policy) document: Option<&'a Document>,
    /// The operation it calls.
    pub(in crate::policy) operation: &'a Operation,
    /// Everything else.
    pub(in crate::policy) attributes: &'a Attributes<'a>,
}

impl<'a> Request<'a> {
    pub(super) fn fact(&self, fact: Fact) -> Value<'a> {
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

    /// The value that `record` holds under `name`; none where it holds none.
    pub(super) fn entry(&self, record: Record, name: &str) -> Option<Value<'a>> {
        match record {
            Record::Body => self.document?.root().member(name).map(Value::of),
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
    fn header(&self, name: &str) -> Option<Value<'a>> {
        if CREDENTIALS.iter().any(|credential| credential.eq_ignore_ascii_case(name)) {
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
fn of_client(fact: Fact, client: &Client) -> Option<Value<'_>> {
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
fn time(now: SystemTime) -> Option<DateTime<Utc>> {
    let since = now.duration_since(UNIX_EPOCH).ok()?;
    DateTime::from_timestamp(i64::try_from(since.as_secs()).ok()?, since.subsec_nanos())
}
