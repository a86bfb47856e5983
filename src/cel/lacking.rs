//! A request of which no more is known than what it lacks: it stands for all that lack the same.

use super::budget::Budget;
use super::kind::Kinds;
use super::record::{Fact, Record, is_credential};
use super::sight::{Facts, Failure, Hidden, Structure};
use super::types::Type;
use super::value::Value;
use crate::contract::Operation;
use crate::contract::credential::Environment;
use std::collections::BTreeSet;

/// What a request does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lack<'a> {
    /// Anything that may be absent.
    Everything,
    /// Any field of the body that may be absent.
    Fields,
    /// A field of the body.
    Field(&'a str),
    /// A value in a field of the body: `null` is sent.
    Value(&'a str),
    /// A header.
    Header(&'a str),
    /// A parameter of the query.
    Parameter(&'a str),
    /// A client certificate.
    Certificate,
    /// A SPIFFE ID in it.
    SpiffeId,
    /// A Unix socket that it came by.
    UnixUid,
    /// A credential.
    Key,
}

/// A request that lacks something. All else that it may have it has, and nothing of that is known but its type.
#[derive(Debug)]
pub(crate) struct Lacking<'a> {
    /// What it calls.
    pub(crate) operation: &'a Operation,
    /// The environment that it is for.
    pub(crate) environment: Environment,
    /// The fields without which it would be refused before any policy is asked.
    pub(crate) required: &'a BTreeSet<String>,
    /// What it lacks.
    pub(crate) lack: Lack<'a>,
}

/// The structure of a body that nobody has seen: there is none.
#[derive(Clone, Copy)]
pub(crate) enum Unseen {}

impl<'a> Structure<'a> for Unseen {
    type Hidden = Hidden;
    type Request = &'a Lacking<'a>;

    fn len(self) -> usize {
        match self {}
    }

    fn child(self, _: usize) -> Option<Value<'a, Self>> {
        match self {}
    }

    fn name(self, _: usize) -> Option<Value<'a, Self>> {
        match self {}
    }

    fn member(self, _: &str) -> Result<Option<Value<'a, Self>>, Hidden> {
        match self {}
    }

    fn json_size(self, _: &mut Budget) -> Result<usize, Failure<Hidden>> {
        match self {}
    }
}

const fn hidden<'a>(kinds: Kinds) -> Value<'a, Unseen> {
    Value::Hidden(Hidden { kinds, size: None })
}

impl<'a> Facts<'a, Unseen> for &'a Lacking<'a> {
    fn fact(self, fact: Fact) -> Value<'a, Unseen> {
        match (fact, self.lack) {
            (Fact::Method, _) => Value::String(&self.operation.method),
            (Fact::Operation, _) => Value::String(&self.operation.id),
            (Fact::ApiVersion, _) => Value::String(&self.operation.api_version),
            (Fact::Environment, _) => Value::String(self.environment.as_str()),
            (Fact::ClientDnsNames, Lack::Certificate | Lack::Everything) => Value::OwnList([].into()),
            // the identity is one of the certificate's names
            (Fact::ClientSpiffeId, Lack::SpiffeId | Lack::Certificate | Lack::Everything)
            | (Fact::ClientCertSha256, Lack::Certificate | Lack::Everything)
            | (Fact::ClientUnixUid, Lack::UnixUid | Lack::Everything)
            | (Fact::KeyFingerprint, Lack::Key | Lack::Everything) => Value::Null,
            (Fact::Time, _) => hidden(Kinds::TIMESTAMP),
            (Fact::ClientUnixUid, _) => hidden(Kinds::INT),
            (Fact::ClientDnsNames, _) => hidden(Kinds::LIST),
            (Fact::Path | Fact::ClientIp | Fact::ClientSpiffeId | Fact::ClientCertSha256 | Fact::KeyFingerprint, _) => {
                hidden(Kinds::STRING)
            }
        }
    }

    fn entry(self, record: Record, name: &str, _: &mut Budget) -> Result<Option<Value<'a, Unseen>>, Failure<Hidden>> {
        let is_there = match (record, self.lack) {
            (Record::Body, _) => return Ok(self.field(name)),
            (Record::Headers | Record::Query, Lack::Everything) => false,
            (Record::Headers, Lack::Header(lacked)) if lacked.eq_ignore_ascii_case(name) => false,
            (Record::Headers, _) => !is_credential(name),
            (Record::Query, Lack::Parameter(lacked)) => lacked != name,
            (Record::Query, _) => true,
            (Record::Parameters, _) => self.operation.parameters().any(|known| known == name),
        };
        Ok(is_there.then(|| hidden(Kinds::STRING)))
    }
}

impl<'a> Lacking<'a> {
    fn field(&self, name: &str) -> Option<Value<'a, Unseen>> {
        let declared = self.operation.body.as_ref()?.declared().member(name)?;
        let is_required = self.required.contains(name);
        match self.lack {
            Lack::Fields | Lack::Everything if !is_required => return None,
            Lack::Field(lacked) if lacked == name && !is_required => return None,
            Lack::Value(lacked) if lacked == name => return Some(Value::Null),
            _ => {}
        }
        let kinds = Type::declared(vec![declared]).kinds.without(Kinds::NULL);
        Some(if kinds == Kinds::NONE { Value::Null } else { hidden(kinds) })
    }
}
