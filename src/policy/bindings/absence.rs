//! A request of which only is known what it lacks. It stands for every request that lacks the same.

use super::attribute::{Attribute, Namespace, is_credential};
use crate::cel::{
    Activation, AttributeId, Budget, Container, EvaluationFailure, Kinds, NamespaceId, Unknown, Value, ValueSchema,
};
use crate::contract::Operation;
use crate::contract::credential::Environment;
use std::collections::BTreeSet;

/// What a request lacks.
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
    /// A member of an object in the body. Its name is assumed of the expressions that read it.
    Member,
    /// A value in a member of an object in the body: `null` is sent.
    MemberValue,
    /// A header of this name, in any case.
    Header(&'a str),
    /// A parameter of the query.
    Parameter(&'a str),
    /// A client certificate.
    Certificate,
    /// A name in the client certificate that is a workload identity.
    SpiffeId,
    /// A Unix socket that it came by.
    UnixUid,
    /// A credential.
    Key,
    /// A name of the gateway that judges it.
    InstanceName,
    /// A name of the environment that the gateway which judges it runs in.
    EnvironmentName,
    /// A label of the gateway that judges it.
    Label(&'a str),
}

/// A request that lacks something. It has everything else, and of that only the types are known.
#[derive(Debug)]
pub(crate) struct PartialRequest<'a> {
    pub(in crate::policy) operation: &'a Operation,
    pub(in crate::policy) environment: Environment,
    /// The fields without which it is refused before any policy is evaluated, so that it never lacks them.
    pub(in crate::policy) required: &'a BTreeSet<String>,
    pub(in crate::policy) absence: Absence<'a>,
}

/// The container of a body whose content is unknown: there is none.
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

    fn json_size(self, _: &mut Budget) -> Result<usize, EvaluationFailure<Unknown>> {
        match self {}
    }
}

const fn unknown<'a>(kinds: Kinds) -> Value<'a, UnknownBody> {
    Value::Unknown(Unknown::of_kinds(kinds))
}

impl<'a> Activation<'a, UnknownBody> for &'a PartialRequest<'a> {
    fn attribute(self, attribute: AttributeId) -> Value<'a, UnknownBody> {
        let Some(attribute) = Attribute::from_id(attribute) else { return Value::Null };
        match (attribute, self.absence) {
            (Attribute::Method, _) => Value::String(&self.operation.method),
            (Attribute::Operation, _) => Value::String(&self.operation.id),
            (Attribute::ApiVersion, _) => Value::String(&self.operation.api_version),
            (Attribute::Environment, _) => Value::String(self.environment.as_str()),
            (Attribute::ClientDnsNames, Absence::Certificate | Absence::Everything) => Value::OwnList([].into()),
            // the identity is one of the certificate's names
            (Attribute::ClientSpiffeId, Absence::SpiffeId | Absence::Certificate | Absence::Everything)
            | (Attribute::ClientCertSha256, Absence::Certificate | Absence::Everything)
            | (Attribute::ClientUnixUid, Absence::UnixUid | Absence::Everything)
            | (Attribute::KeyFingerprint, Absence::Key | Absence::Everything)
            | (Attribute::InstanceName, Absence::InstanceName | Absence::Everything)
            | (Attribute::EnvironmentName, Absence::EnvironmentName | Absence::Everything) => Value::Null,
            (Attribute::Time, _) => unknown(Kinds::TIMESTAMP),
            (Attribute::ClientUnixUid | Attribute::BodyItems, _) => unknown(Kinds::INT),
            (Attribute::ClientDnsNames, _) => unknown(Kinds::LIST),
            (
                Attribute::Path
                | Attribute::ClientIp
                | Attribute::ClientSpiffeId
                | Attribute::ClientCertSha256
                | Attribute::KeyFingerprint
                | Attribute::InstanceName
                | Attribute::EnvironmentName,
                _,
            ) => unknown(Kinds::STRING),
        }
    }

    fn entry(
        self,
        namespace: NamespaceId,
        name: &str,
        _: &mut Budget,
    ) -> Result<Option<Value<'a, UnknownBody>>, EvaluationFailure<Unknown>> {
        let Some(namespace) = Namespace::from_id(namespace) else { return Ok(None) };
        let is_there = match (namespace, self.absence) {
            (Namespace::Body, _) => return Ok(self.field(name)),
            (Namespace::Headers | Namespace::Query | Namespace::Labels, Absence::Everything) => false,
            (Namespace::Headers, Absence::Header(lacked)) if lacked.eq_ignore_ascii_case(name) => false,
            // policies never see credentials, whatever the request has
            (Namespace::Headers, _) => !is_credential(name),
            (Namespace::Query, Absence::Parameter(lacked)) | (Namespace::Labels, Absence::Label(lacked)) => {
                lacked != name
            }
            (Namespace::Query | Namespace::Labels, _) => true,
            (Namespace::Parameters, _) => self.operation.parameters().any(|known| known == name),
        };
        Ok(is_there.then(|| unknown(Kinds::STRING)))
    }
}

impl<'a> PartialRequest<'a> {
    fn field(&self, name: &str) -> Option<Value<'a, UnknownBody>> {
        let declared = self.operation.body.as_ref()?.field_tree().member(name)?;
        let is_required = self.required.contains(name);
        match self.absence {
            Absence::Fields | Absence::Everything if !is_required => return None,
            Absence::Field(lacked) if lacked == name && !is_required => return None,
            Absence::Value(lacked) if lacked == name => return Some(Value::Null),
            _ => {}
        }
        // `null` is `Absence::Value`: here the field has something in it
        let kinds = declared.kinds().without(Kinds::NULL);
        Some(if kinds == Kinds::NONE { Value::Null } else { unknown(kinds) })
    }
}
