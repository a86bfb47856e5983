//! How much of each value of a request a trace may disclose.

use super::attribute::{Attribute, Namespace};
use crate::cel::{AttributeId, Disclosure, DisclosureLevel, NamespaceId};
use crate::contract::field_tree::FieldTree;
use crate::contract::{BodySchema, Operation};

/// Discloses what the contract does not mark as a secret.
#[derive(Debug)]
pub(in crate::policy) struct RequestDisclosure<'a> {
    /// The declared fields of the body.
    declared: Option<&'a FieldTree>,
}

impl<'a> RequestDisclosure<'a> {
    pub(in crate::policy) fn new(operation: &'a Operation) -> Self {
        Self { declared: operation.body.as_ref().map(BodySchema::field_tree) }
    }

    fn field(&self, name: &str) -> DisclosureLevel {
        match self.declared.and_then(|body| body.member(name)) {
            Some(field) if field.holds_secret() => DisclosureLevel::Secret,
            Some(field) if is_scalar(field) => DisclosureLevel::Value,
            Some(_) => DisclosureLevel::Size,
            None => DisclosureLevel::Type,
        }
    }
}

impl Disclosure for RequestDisclosure<'_> {
    fn attribute(&self, attribute: AttributeId) -> DisclosureLevel {
        match Attribute::from_id(attribute) {
            // holds ids of users and organizations
            Some(Attribute::Path) => DisclosureLevel::Size,
            Some(_) => DisclosureLevel::Value,
            None => DisclosureLevel::Secret,
        }
    }

    fn entry(&self, namespace: NamespaceId, name: Option<&str>) -> DisclosureLevel {
        match (Namespace::from_id(namespace), name) {
            (Some(Namespace::Body), Some(name)) => self.field(name),
            // the request decides which field it is: it may be a secret one
            (Some(Namespace::Body), None) | (None, _) => DisclosureLevel::Secret,
            // of the configuration, and not of the request
            (Some(Namespace::Labels), _) => DisclosureLevel::Value,
            (Some(Namespace::Headers | Namespace::Query | Namespace::Parameters), _) => DisclosureLevel::Size,
        }
    }
}

/// Whether the contract declares it as one text, number or such, in which nothing else can be.
fn is_scalar(declared: &FieldTree) -> bool {
    let types = declared.types();
    !types.is_empty() && types.iter().all(|name| !matches!(name.as_ref(), "object" | "array"))
}
