//! Which entries of namespaces expressions look up.

use super::ids::NamespaceId;
use std::collections::BTreeSet;

/// The entries of namespaces that expressions look up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lookups(BTreeSet<(NamespaceId, Option<Box<str>>)>);

impl Lookups {
    /// Adds the entry called `name`; `None` for an entry whose name is known during evaluation only.
    pub(super) fn insert(&mut self, namespace: NamespaceId, name: Option<&str>) {
        self.0.insert((namespace, name.map(Into::into)));
    }

    /// Adds all of `other`.
    pub(super) fn extend(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
    }

    /// The names looked up in `namespace`; `None` for one that is known during evaluation only.
    pub(crate) fn names(&self, namespace: NamespaceId) -> impl Iterator<Item = Option<&str>> {
        self.0.iter().filter(move |(known, _)| *known == namespace).map(|(_, name)| name.as_deref())
    }
}
