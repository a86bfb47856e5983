//! A request of which no more is known than what it lacks: it stands for all that lack the same.

use super::activation::{Activation, Container, Failure, Unknown};
use super::bindings::{Attribute, Namespace, is_credential};
use super::budget::Budget;
use super::kind::Kinds;
use super::types::Type;
use super::value::Value;
use crate::contract::Operation;
use crate::contract::credential::Environment;
use std::collections::BTreeSet;

/// What a request does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absence<'a> {
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
pub(crate) struct PartialRequest<'a> {
    /// What it calls.
    pub(crate) operation: &'a Operation,
    /// The environment that it is for.
    pub(crate) environment: Environment,
    /// The fields without which it would be refused before any policy is asked.
    pub(crate) required: &'a BTreeSet<String>,
    /// What it lacks.
    pub(crate) lack: Absence<'a>,
}

/// The structure of a body that nobody has seen: there is none.
#[derive(Clone, Copy)]
pub(crate) enum UnknownBody {}

impl<'a> Container<'a> for UnknownBody {
    type Unknown = Unknown;
    type Activation = &'a PartialRequest<'a>;

    fn len(self) -> usize {
        match self {}
    }

    fn child(self, _: usize) -> Option<Value<'a, Self>> {
        match self {}
    }

    fn name(self, _: usize) -> Option<Value<'a, Self>> {
        match self {}
    }

    fn member(self, _: &str) -> Result<Option<Value<'a, Self>>, Unknown> {
        match self {}
    }

    fn json_size(self, _: &mut Budget) -> Result<usize, Failure<Unknown>> {
        match self {}
    }
}

const fn unknown<'a>(kinds: Kinds) -> Value<'a, UnknownBody> {
    Value::Unknown(Unknown { kinds, size: None })
}

impl<'a> Activation<'a, UnknownBody> for &'a PartialRequest<'a> {
    fn attribute(self, attribute: Attribute) -> Value<'a, UnknownBody> {
        match (attribute, self.lack) {
            (Attribute::Method, _) => Value::String(&self.operation.method),
            (Attribute::Operation, _) => Value::String(&self.operation.id),
            (Attribute::ApiVersion, _) => Value::String(&self.operation.api_version),
            (Attribute::Environment, _) => Value::String(self.environment.as_str()),
            (Attribute::ClientDnsNames, Absence::Certificate | Absence::Everything) => Value::OwnList([].into()),
            // the identity is one of the certificate's names
            (Attribute::ClientSpiffeId, Absence::SpiffeId | Absence::Certificate | Absence::Everything)
            | (Attribute::ClientCertSha256, Absence::Certificate | Absence::Everything)
            | (Attribute::ClientUnixUid, Absence::UnixUid | Absence::Everything)
            | (Attribute::KeyFingerprint, Absence::Key | Absence::Everything) => Value::Null,
            (Attribute::Time, _) => unknown(Kinds::TIMESTAMP),
            (Attribute::ClientUnixUid, _) => unknown(Kinds::INT),
            (Attribute::ClientDnsNames, _) => unknown(Kinds::LIST),
            (
                Attribute::Path
                | Attribute::ClientIp
                | Attribute::ClientSpiffeId
                | Attribute::ClientCertSha256
                | Attribute::KeyFingerprint,
                _,
            ) => unknown(Kinds::STRING),
        }
    }

    fn entry(
        self,
        namespace: Namespace,
        name: &str,
        _: &mut Budget,
    ) -> Result<Option<Value<'a, UnknownBody>>, Failure<Unknown>> {
        let is_there = match (namespace, self.lack) {
            (Namespace::Body, _) => return Ok(self.field(name)),
            (Namespace::Headers | Namespace::Query, Absence::Everything) => false,
            (Namespace::Headers, Absence::Header(lacked)) if lacked.eq_ignore_ascii_case(name) => false,
            (Namespace::Headers, _) => !is_credential(name),
            (Namespace::Query, Absence::Parameter(lacked)) => lacked != name,
            (Namespace::Query, _) => true,
            (Namespace::Parameters, _) => self.operation.parameters().any(|known| known == name),
        };
        Ok(is_there.then(|| unknown(Kinds::STRING)))
    }
}

impl<'a> PartialRequest<'a> {
    fn field(&self, name: &str) -> Option<Value<'a, UnknownBody>> {
        let declared = self.operation.body.as_ref()?.field_tree().member(name)?;
        let is_required = self.required.contains(name);
        match self.lack {
            Absence::Fields | Absence::Everything if !is_required => return None,
            Absence::Field(lacked) if lacked == name && !is_required => return None,
            Absence::Value(lacked) if lacked == name => return Some(Value::Null),
            _ => {}
        }
        let kinds = Type::declared(vec![declared]).kinds.without(Kinds::NULL);
        Some(if kinds == Kinds::NONE { Value::Null } else { unknown(kinds) })
    }
}
