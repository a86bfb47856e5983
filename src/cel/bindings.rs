//! `request`, `client` and `instance`: what policies know of a request besides its body.

use super::activation::{Activation, Container, Failure};
use super::budget::Budget;
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

/// A single attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attribute {
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
pub(crate) enum Namespace {
    Body,
    Headers,
    Query,
    Parameters,
}

/// What stands behind a name such as `request.method`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Attribute(Attribute),
    Namespace(Namespace),
}

/// Env under which policies reach what is not the body.
pub(super) const MEMBERS: [(&str, &[(&str, Known)]); 3] = [
    (
        "request",
        &[
            ("method", Known::Attribute(Attribute::Method)),
            ("path", Known::Attribute(Attribute::Path)),
            ("operation", Known::Attribute(Attribute::Operation)),
            ("apiVersion", Known::Attribute(Attribute::ApiVersion)),
            ("params", Known::Namespace(Namespace::Parameters)),
            ("query", Known::Namespace(Namespace::Query)),
            ("headers", Known::Namespace(Namespace::Headers)),
            ("time", Known::Attribute(Attribute::Time)),
        ],
    ),
    (
        "client",
        &[
            ("ip", Known::Attribute(Attribute::ClientIp)),
            ("unixUid", Known::Attribute(Attribute::ClientUnixUid)),
            ("spiffeId", Known::Attribute(Attribute::ClientSpiffeId)),
            ("dnsNames", Known::Attribute(Attribute::ClientDnsNames)),
            ("certSha256", Known::Attribute(Attribute::ClientCertSha256)),
        ],
    ),
    (
        "instance",
        &[
            ("environment", Known::Attribute(Attribute::Environment)),
            ("keyFingerprint", Known::Attribute(Attribute::KeyFingerprint)),
        ],
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
impl<'a> Container<'a> for NodeRef<'a> {
    type Unknown = Infallible;
    type Activation = Request<'a>;

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

impl<'a> Activation<'a, NodeRef<'a>> for Request<'a> {
    fn attribute(self, attribute: Attribute) -> Value<'a, NodeRef<'a>> {
        let attributes = self.attributes;
        match attribute {
            Attribute::Method => Value::String(attributes.method),
            Attribute::Path => Value::String(attributes.path),
            Attribute::Operation => Value::String(&self.operation.id),
            Attribute::ApiVersion => Value::String(&self.operation.api_version),
            Attribute::Time => time(attributes.time).map_or(Value::Null, Value::Timestamp),
            Attribute::Environment => Value::String(attributes.environment.as_str()),
            Attribute::KeyFingerprint => {
                let fingerprint = attributes.key_fingerprint;
                fingerprint.map_or(Value::Null, |it| Value::Text(it.to_string().into()))
            }
            Attribute::ClientIp
            | Attribute::ClientUnixUid
            | Attribute::ClientSpiffeId
            | Attribute::ClientDnsNames
            | Attribute::ClientCertSha256 => of_client(attribute, attributes.client).unwrap_or(Value::Null),
        }
    }

    fn entry(
        self,
        namespace: Namespace,
        name: &str,
        budget: &mut Budget,
    ) -> Result<Option<Value<'a, NodeRef<'a>>>, Failure<Infallible>> {
        if namespace == Namespace::Query {
            budget.bytes(self.attributes.query.len())?;
        }
        let value = self.held(namespace, name);
        if let Some(Value::Text(text)) = &value {
            budget.bytes(text.len())?;
        }
        Ok(value)
    }
}

impl<'a> Request<'a> {
    fn held(self, namespace: Namespace, name: &str) -> Option<Value<'a, NodeRef<'a>>> {
        match namespace {
            Namespace::Body => View::member(self.document?.root(), name).map(Value::of),
            Namespace::Parameters => {
                let mut parameters = self.attributes.parameters.iter();
                parameters.find(|(known, _)| **known == *name).map(|(_, value)| Value::String(value))
            }
            Namespace::Query => {
                let pair = query_pairs(self.attributes.query).find(|(known, _)| known == name);
                pair.map(|(_, value)| Value::Text(value.into()))
            }
            Namespace::Headers => self.header(name),
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

/// A attribute about the client; none where the connection does not tell it. AbsenceOutcome a certificate there are no names.
pub(super) fn of_client<'a, S: Container<'a>>(attribute: Attribute, client: &'a Client) -> Option<Value<'a, S>> {
    let certificate = client.certificate.as_ref();
    match attribute {
        Attribute::ClientIp => client.address.map(|address| Value::Text(address.ip().to_string().into())),
        Attribute::ClientUnixUid => client.unix_uid.map(|uid| Value::Int(uid.into())),
        Attribute::ClientSpiffeId => certificate?.spiffe_id.as_deref().map(Value::String),
        Attribute::ClientCertSha256 => Some(Value::String(&certificate?.sha256)),
        Attribute::ClientDnsNames => {
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
