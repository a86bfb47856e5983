//! What the expressions of one policy may name.

use super::bindings::{Attribute, Known, MEMBERS};
use super::kind::Kinds;
use super::node::Node;
use super::number;
use super::types::Type;
use super::value::Value;
use crate::contract::Operation;
use crate::contract::credential::Environment;
use crate::contract::field_tree::FieldTree;
use crate::policy::reads::Reads;
use crate::suggest::nearest;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Env that expressions start from.
pub(super) const ROOTS: [&str; 6] = ["body", "request", "client", "instance", "params", "variables"];

/// What the expressions of one policy may name, and what of it they do.
pub(crate) struct Env<'c> {
    /// The operations that the policy matches, in every version.
    operations: &'c [Arc<Operation>],
    /// The environments that it matches.
    environments: BTreeSet<Environment>,
    pub(super) params: Value<'static>,
    pub(super) variables: Vec<Variable<'c>>,
    /// The headers that are read, in lower case; none once one is that only a request decides on.
    pub(super) headers: Option<BTreeSet<String>>,
    /// The parameters of the query that are read by name.
    pub(super) query: BTreeSet<String>,
    /// What of the body the expressions so far read.
    pub(super) reads: Reads,
}

/// A variable of the policy.
pub(super) struct Variable<'c> {
    pub(super) name: Box<str>,
    /// Its expression as it was written.
    pub(super) source: Box<str>,
    pub(super) node: Node,
    pub(super) r#type: Type<'c>,
    /// How many levels its expression has, those of the variables in it included.
    pub(super) depth: usize,
    /// What of the body it reads.
    pub(super) reads: Reads,
    /// Whether something is wrong with it, which was told: nothing that uses it is found wrong for that.
    pub(super) is_broken: bool,
}

impl<'c> Env<'c> {
    pub(crate) fn new(
        operations: &'c [Arc<Operation>],
        environments: &[Environment],
        params: &BTreeMap<String, Json>,
    ) -> Self {
        let both = [Environment::Production, Environment::Development];
        let environments = if environments.is_empty() { &both } else { environments };
        Self {
            operations,
            environments: environments.iter().copied().collect(),
            params: map(params.iter()),
            variables: Vec::new(),
            headers: Some(BTreeSet::new()),
            query: BTreeSet::new(),
            reads: Reads::default(),
        }
    }

    /// The parameters in the paths of the operations.
    pub(super) fn parameters(&self) -> BTreeSet<&'c str> {
        self.operations.iter().flat_map(|operation| operation.parameters()).collect()
    }

    /// What of the body was read since this was asked for the last time.
    pub(crate) fn take_reads(&mut self) -> Reads {
        std::mem::take(&mut self.reads)
    }

    /// The parameters of the query that expressions read by name.
    pub(crate) fn take_query(&mut self) -> BTreeSet<String> {
        std::mem::take(&mut self.query)
    }

    /// The first field that is or holds a secret among those of `reads`, and those that only a request decides on.
    pub(super) fn secret(&self, reads: &Reads) -> Option<&'c str> {
        let fields = self.bodies().flat_map(|body| body.names().map(move |name| (name, body.member(name))));
        let secrets = fields.filter(|(_, field)| field.is_some_and(FieldTree::holds_secret));
        secrets.map(|(name, _)| name).filter(|name| reads.touch_field(name)).min()
    }

    fn bodies(&self) -> impl Iterator<Item = &'c FieldTree> {
        self.operations.iter().filter_map(|operation| Some(operation.body.as_ref()?.field_tree()))
    }

    /// The field of the body called `name`. It is known if any matched operation declares it in any version.
    ///
    /// # Errors
    ///
    /// The field that was probably meant.
    pub(crate) fn field(&self, name: &str) -> Result<Field<'c>, Option<&'c str>> {
        let declared: Vec<&FieldTree> = self.bodies().filter_map(|body| body.member(name)).collect();
        // that no operation is known was reported, and says nothing of fields
        if self.operations.is_empty() {
            return Ok(Field(Type::ANY));
        }
        if declared.is_empty() {
            let names: BTreeSet<&str> = self.bodies().flat_map(FieldTree::names).collect();
            return Err(nearest(name, names.into_iter()));
        }
        Ok(Field(Type::declared(declared).or_null()))
    }

    /// Whether an operation that the policy matches has a field of the body called `name`.
    pub(super) fn is_field(&self, name: &str) -> bool {
        self.bodies().any(|body| body.member(name).is_some())
    }

    /// What a attribute is known to be.
    pub(super) fn attribute(&self, attribute: Attribute) -> Type<'c> {
        match attribute {
            Attribute::Method => Type::one_of(self.operations.iter().map(|operation| operation.method.as_ref())),
            Attribute::Path => Type::of(Kinds::STRING),
            Attribute::Operation => Type::one_of(self.operations.iter().map(|operation| operation.id.as_ref())),
            Attribute::ApiVersion => {
                Type::one_of(self.operations.iter().map(|operation| operation.api_version.as_ref()))
            }
            Attribute::Time => Type::of(Kinds::TIMESTAMP),
            Attribute::ClientIp
            | Attribute::ClientSpiffeId
            | Attribute::ClientCertSha256
            | Attribute::KeyFingerprint => Type::of(Kinds::STRING).or_null(),
            Attribute::ClientUnixUid => Type::of(Kinds::INT).or_null(),
            Attribute::ClientDnsNames => Type::list_of(Type::of(Kinds::STRING)),
            Attribute::Environment => Type::one_of(self.environments.iter().map(|environment| environment.as_str())),
        }
    }
}

/// What is known of a field of the body.
pub(crate) struct Field<'c>(pub(super) Type<'c>);

/// What stands behind `root.name`; none where `root` is not one of `request`, `client` and `instance`.
///
/// # Errors
///
/// The names that there are, where `name` is none of them.
pub(super) fn member(root: &str, name: &str) -> Option<Result<Known, Vec<&'static str>>> {
    let (_, members) = MEMBERS.iter().find(|(known, _)| *known == root)?;
    let found = members.iter().find(|(known, _)| *known == name).map(|(_, known)| *known);
    Some(found.ok_or_else(|| members.iter().map(|(known, _)| *known).collect()))
}

/// A map that a person wrote.
fn map<'v>(members: impl Iterator<Item = (&'v String, &'v Json)>) -> Value<'static> {
    Value::OwnMap(members.map(|(name, value)| (Value::Text(name.as_str().into()), constant(value))).collect())
}

fn constant(value: &Json) -> Value<'static> {
    match value {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => number::read(&number.to_string()),
        Json::String(text) => Value::Text(text.as_str().into()),
        Json::Array(items) => Value::OwnList(items.iter().map(constant).collect()),
        Json::Object(members) => map(members.iter()),
    }
}
