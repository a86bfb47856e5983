//! The names under which policies read a request: attributes, namespaces, and the roots that they belong to.

use crate::cel::{AttributeId, NamespaceId, Root, RootMember};

/// A single value that each request has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) enum Attribute {
    Method,
    Path,
    Operation,
    ApiVersion,
    Time,
    BodyItems,
    ClientIp,
    ClientUnixUid,
    ClientSpiffeId,
    ClientDnsNames,
    ClientCertSha256,
    Environment,
    KeyFingerprint,
    InstanceName,
    EnvironmentName,
}

/// Values by names that only a request, or the configuration, decides. A name that is absent reads as `null`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) enum Namespace {
    Body,
    Headers,
    Query,
    Parameters,
    Labels,
}

impl Attribute {
    /// In the order of their ids.
    const ALL: [Self; 15] = [
        Self::Method,
        Self::Path,
        Self::Operation,
        Self::ApiVersion,
        Self::Time,
        Self::BodyItems,
        Self::ClientIp,
        Self::ClientUnixUid,
        Self::ClientSpiffeId,
        Self::ClientDnsNames,
        Self::ClientCertSha256,
        Self::Environment,
        Self::KeyFingerprint,
        Self::InstanceName,
        Self::EnvironmentName,
    ];

    const fn id(self) -> AttributeId {
        // the position in `ALL`, which has the variants in the order of their declaration
        AttributeId(self as u8)
    }

    /// `None` for an id that was not declared, which no compiled expression has.
    pub(super) fn from_id(id: AttributeId) -> Option<Self> {
        Self::ALL.get(usize::from(id.0)).copied()
    }
}

impl Namespace {
    /// In the order of their ids.
    const ALL: [Self; 5] = [Self::Body, Self::Headers, Self::Query, Self::Parameters, Self::Labels];

    pub(super) const fn id(self) -> NamespaceId {
        NamespaceId(self as u8)
    }

    /// `None` for an id that was not declared, which no compiled expression has.
    pub(super) fn from_id(id: NamespaceId) -> Option<Self> {
        Self::ALL.get(usize::from(id.0)).copied()
    }
}

const fn attribute(attribute: Attribute) -> RootMember {
    RootMember::Attribute(attribute.id())
}

const fn namespace(namespace: Namespace) -> RootMember {
    RootMember::Namespace(namespace.id())
}

/// The names that expressions start from.
pub(super) const ROOTS: [(&str, Root); 4] = [
    ("body", Root::Namespace(Namespace::Body.id())),
    (
        "request",
        Root::Members(&[
            ("method", attribute(Attribute::Method)),
            ("path", attribute(Attribute::Path)),
            ("operation", attribute(Attribute::Operation)),
            ("apiVersion", attribute(Attribute::ApiVersion)),
            ("params", namespace(Namespace::Parameters)),
            ("query", namespace(Namespace::Query)),
            ("headers", namespace(Namespace::Headers)),
            ("time", attribute(Attribute::Time)),
            ("bodyItems", attribute(Attribute::BodyItems)),
        ]),
    ),
    (
        "client",
        Root::Members(&[
            ("ip", attribute(Attribute::ClientIp)),
            ("unixUid", attribute(Attribute::ClientUnixUid)),
            ("spiffeId", attribute(Attribute::ClientSpiffeId)),
            ("dnsNames", attribute(Attribute::ClientDnsNames)),
            ("certSha256", attribute(Attribute::ClientCertSha256)),
        ]),
    ),
    (
        "instance",
        Root::Members(&[
            ("environment", attribute(Attribute::Environment)),
            ("keyFingerprint", attribute(Attribute::KeyFingerprint)),
            ("environmentName", attribute(Attribute::EnvironmentName)),
            ("name", attribute(Attribute::InstanceName)),
            ("labels", namespace(Namespace::Labels)),
        ]),
    ),
];

/// Headers that hold credentials. Policies cannot read them, so that no rule can disclose one in its result or trace.
const CREDENTIALS: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "set-cookie"];

/// Whether the header called `name` holds credentials, and so is absent for policies.
pub(crate) fn is_credential(name: &str) -> bool {
    CREDENTIALS.iter().any(|credential| credential.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::{Attribute, Namespace};

    #[test]
    fn each_id_leads_back_to_what_it_is_of() {
        assert!(Attribute::ALL.iter().all(|it| Attribute::from_id(it.id()) == Some(*it)));
        assert!(Namespace::ALL.iter().all(|it| Namespace::from_id(it.id()) == Some(*it)));
    }
}
