//! The organisation's rules: CEL expressions in the shape of Kubernetes' `ValidatingAdmissionPolicy`.
//!
//! A [`RequestPolicy`] is what a person writes. Loading it makes a [`Policy`]: every name checked against the contract, every
//! expression parsed and bounded. [`Policy::evaluate`] is pure and fails closed: what cannot be evaluated does not hold.

mod action;
mod attributes;
pub mod cel;
mod client;
mod compile;
mod compiler;
mod evaluate;
mod lint;
mod manifests;
mod reads;
mod schema;
mod scope;
mod source;

pub use action::Action;
pub use attributes::Attributes;
pub use client::{Client, ClientCertificate};
pub use compile::{Policy, Validation, compile};
pub use evaluate::Outcome;
pub use lint::lint;
pub use manifests::Manifests;
pub use reads::Reads;
pub use schema::schema;
pub use scope::{Outside, Scope};
pub use source::RequestPolicy;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// All policies of a bundle, by the operations they match.
#[derive(Debug, Default)]
pub struct Policies {
    all: Vec<Arc<Policy>>,
    by_operation: HashMap<Arc<str>, Vec<Arc<Policy>>>,
}

impl Policies {
    /// Orders policies by the operations they match, each operation's in the order given.
    pub fn new(all: Vec<Arc<Policy>>) -> Self {
        let mut by_operation: HashMap<Arc<str>, Vec<Arc<Policy>>> = HashMap::new();
        for policy in &all {
            for operation in &policy.scope.operations {
                by_operation.entry(operation.clone()).or_default().push(policy.clone());
            }
        }
        Self { all, by_operation }
    }

    /// Whether a policy reads the header `name` (in lower case), or headers that only a request decides on.
    pub fn rely_on_header(&self, name: &str) -> bool {
        self.all.iter().any(|policy| policy.scope.relies_on_header(name))
    }

    /// Every policy, in the order they were loaded.
    pub fn all(&self) -> &[Arc<Policy>] {
        &self.all
    }

    /// The policies that match the operation called `id` and read `field` of its body, a JSON Pointer; with none, all that
    /// match it.
    pub fn readers(&self, id: &str, field: Option<&str>) -> BTreeSet<Arc<str>> {
        let reads = |policy: &&Arc<Policy>| field.is_none_or(|field| policy.reads.touch(field));
        self.of_operation(id).iter().filter(reads).map(|policy| policy.name.clone()).collect()
    }

    /// The policies that match the operation called `id`.
    pub fn of_operation(&self, id: &str) -> &[Arc<Policy>] {
        self.by_operation.get(id).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests;
