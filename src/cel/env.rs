//! The environment that the expressions of one policy are compiled in.

use super::activation::Value;
use super::declarations::{Declarations, Root, RootMember};
use super::ids::NamespaceId;
use super::lookups::Lookups;
use super::node::Node;
use super::number;
use super::source_info::SourceInfo;
use super::types::Type;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// The names that the policy itself declares, besides those of the host.
const OWN_ROOTS: [&str; 2] = ["params", "variables"];

/// The names that the expressions of one policy may use, and the entries that they look up.
pub(crate) struct Env<'c> {
    pub(super) declarations: &'c dyn Declarations,
    pub(super) params: Value<'static>,
    pub(super) variables: Vec<Variable<'c>>,
    /// What the expressions compiled since the last [`Env::take_lookups`] look up, through variables too.
    pub(super) lookups: Lookups,
    /// What any expression looks up, that of an unused variable included.
    pub(super) all_lookups: Lookups,
    /// The id of the next node.
    pub(super) next_id: u32,
}

/// A variable of the policy.
pub(super) struct Variable<'c> {
    pub(super) name: Box<str>,
    pub(super) source: SourceInfo,
    pub(super) node: Node,
    pub(super) r#type: Type<'c>,
    /// The depth of its expression, with that of the variables in it.
    pub(super) depth: usize,
    pub(super) lookups: Lookups,
    /// Whether its expression has an error. The error is reported once, at the variable and not at each use.
    pub(super) is_broken: bool,
}

impl<'c> Env<'c> {
    /// An environment with the names of a host, and constants under `params`.
    pub(crate) fn new(declarations: &'c dyn Declarations, params: &BTreeMap<String, Json>) -> Self {
        Self {
            declarations,
            params: map(params.iter()),
            variables: Vec::new(),
            lookups: Lookups::default(),
            all_lookups: Lookups::default(),
            next_id: 0,
        }
    }

    /// What the expressions compiled since the last call look up.
    pub(crate) fn take_lookups(&mut self) -> Lookups {
        std::mem::take(&mut self.lookups)
    }

    pub(super) fn record_lookup(&mut self, namespace: NamespaceId, name: Option<&str>) {
        self.lookups.insert(namespace, name);
        self.all_lookups.insert(namespace, name);
    }

    /// The names that expressions start from.
    pub(super) fn root_names(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.declarations.roots().iter().map(|(name, _)| *name).chain(OWN_ROOTS)
    }

    pub(super) fn is_root(&self, name: &str) -> bool {
        self.root_names().any(|known| known == name)
    }

    /// The root of the host called `name`.
    pub(super) fn root(&self, name: &str) -> Option<Root> {
        self.declarations.roots().iter().find(|(known, _)| *known == name).map(|(_, root)| *root)
    }

    /// The members of the root called `root`; empty if it has none.
    pub(super) fn members(&self, root: &str) -> &'static [(&'static str, RootMember)] {
        match self.root(root) {
            Some(Root::Members(members)) => members,
            Some(Root::Namespace(_)) | None => &[],
        }
    }
}

fn map<'v>(members: impl Iterator<Item = (&'v String, &'v Json)>) -> Value<'static> {
    Value::OwnMap(members.map(|(name, value)| (Value::Text(name.as_str().into()), constant(value))).collect())
}

fn constant(value: &Json) -> Value<'static> {
    match value {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        // through its text, so that a large number is not rounded
        Json::Number(number) => number::parse(&number.to_string()),
        Json::String(text) => Value::Text(text.as_str().into()),
        Json::Array(items) => Value::OwnList(items.iter().map(constant).collect()),
        Json::Object(members) => map(members.iter()),
    }
}
