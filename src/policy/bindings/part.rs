//! The parts of a request that expressions read, for those who make up a request.

use super::attribute::{Attribute, Namespace};
use crate::cel::Atom;

/// A part of a request that an expression reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RequestPart {
    /// A field of the body.
    Field(String),
    /// A field of the body, of which only the size as JSON is read.
    FieldSize(String),
    Header(String),
    QueryParameter(String),
    PathParameter(String),
    ClientIp,
    ClientUnixUid,
    ClientSpiffeId,
    ClientDnsNames,
    ClientCertSha256,
    KeyFingerprint,
    InstanceName,
    EnvironmentName,
    /// A label of the gateway.
    InstanceLabel(String),
    /// The time, or a field of it.
    Time,
    BodyItems,
    /// What operation and environment decide.
    Fixed,
}

impl RequestPart {
    /// The part that `atom` reads.
    pub(in crate::policy) fn of(atom: &Atom) -> Self {
        match atom {
            Atom::Entry(namespace, name) => match Namespace::from_id(*namespace) {
                Some(Namespace::Body) => Self::Field(name.clone()),
                Some(Namespace::Headers) => Self::Header(name.clone()),
                Some(Namespace::Query) => Self::QueryParameter(name.clone()),
                Some(Namespace::Parameters) => Self::PathParameter(name.clone()),
                Some(Namespace::Labels) => Self::InstanceLabel(name.clone()),
                None => Self::Fixed,
            },
            Atom::JsonSize(_, name) => Self::FieldSize(name.clone()),
            Atom::Time(..) => Self::Time,
            Atom::Attribute(attribute) => match Attribute::from_id(*attribute) {
                Some(Attribute::ClientIp) => Self::ClientIp,
                Some(Attribute::ClientUnixUid) => Self::ClientUnixUid,
                Some(Attribute::ClientSpiffeId) => Self::ClientSpiffeId,
                Some(Attribute::ClientDnsNames) => Self::ClientDnsNames,
                Some(Attribute::ClientCertSha256) => Self::ClientCertSha256,
                Some(Attribute::KeyFingerprint) => Self::KeyFingerprint,
                Some(Attribute::InstanceName) => Self::InstanceName,
                Some(Attribute::EnvironmentName) => Self::EnvironmentName,
                Some(Attribute::Time) => Self::Time,
                Some(Attribute::BodyItems) => Self::BodyItems,
                Some(
                    Attribute::Method
                    | Attribute::Path
                    | Attribute::Operation
                    | Attribute::ApiVersion
                    | Attribute::Environment,
                )
                | None => Self::Fixed,
            },
        }
    }
}
