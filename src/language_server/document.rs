//! A document at which someone types: what is at a place of it, and what its expressions can name.

use super::outline::{Content, ScalarStyle, TreeStep, YamlNode, document_at};
use super::schema::EditedKind;
use crate::contract::Contract;
use crate::policy::MatchedEnvironment;
use crate::policy::{NamedExpression, Policies, Vocabulary};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// What is known beside the document.
pub(super) struct Knowledge<'k> {
    pub(super) contract: &'k Contract,
    /// The policies of the last valid state.
    pub(super) policies: Option<&'k Policies>,
}

/// A document of a file.
pub(super) struct EditedDocument<'t> {
    pub(super) text: &'t str,
    pub(super) root: YamlNode,
    pub(super) kind: EditedKind,
}

impl<'t> EditedDocument<'t> {
    /// The document of `text` that the byte `offset` is in.
    pub(super) fn at(text: &'t str, offset: usize, file: &Path) -> Self {
        let root = document_at(text, offset);
        let kind = EditedKind::of(&root, text, file);
        Self { text, root, kind }
    }

    /// Whether the value at `path` is an expression.
    pub(super) fn is_expression(&self, path: &[TreeStep]) -> bool {
        match (self.kind, path) {
            (EditedKind::Gateway | EditedKind::Test, _) => false,
            (EditedKind::Limit, [TreeStep::Key(first), TreeStep::Key(last)]) if first == "spec" => {
                last == "key" || last == "cost"
            }
            (_, [TreeStep::Key(first), .., TreeStep::Key(last)]) => first == "spec" && last == "expression",
            _ => false,
        }
    }

    /// What the expression at `path` can name.
    pub(super) fn vocabulary(&self, path: &[TreeStep], known: &Knowledge<'_>) -> Vocabulary {
        let texts = |keys: &[&str]| -> Vec<String> {
            self.root.at(keys).into_iter().flat_map(YamlNode::items).map(|item| item.text(self.text)).collect()
        };
        let operations = match self.kind {
            EditedKind::Waiver => self.waived_operations(known),
            _ => texts(&["spec", "match", "operations"]),
        };
        let environments = texts(&["spec", "match", "environments"]);
        let environments = environments.iter().filter_map(|name| serde_json::from_value(name.as_str().into()).ok());
        let environments: Vec<MatchedEnvironment> = environments.collect();
        let params = self.root.at(&["spec", "params"]).into_iter().flat_map(YamlNode::entries);
        let params: BTreeMap<String, Value> =
            params.map(|entry| (entry.key.clone(), value(&entry.value, self.text))).collect();
        let variables = self.root.at(&["spec", "variables"]).into_iter().flat_map(YamlNode::items);
        // a variable may use those before it
        let usable = match path {
            [_, TreeStep::Key(list), TreeStep::Item(position), ..] if list == "variables" => *position,
            _ => usize::MAX,
        };
        let variables = variables.take(usable).map(|variable| NamedExpression {
            name: variable.get("name").map(|name| name.text(self.text)).unwrap_or_default(),
            expression: variable.get("expression").map(|it| it.text(self.text)).unwrap_or_default(),
        });
        let variables = variables.filter(|variable| !variable.name.is_empty()).collect();
        Vocabulary::new(known.contract, &operations, environments, params, variables)
    }

    /// The operations of the policy that a waiver is for.
    fn waived_operations(&self, known: &Knowledge<'_>) -> Vec<String> {
        let name = self.root.at(&["spec", "policy"]).map(|name| name.text(self.text)).unwrap_or_default();
        let policies = known.policies.into_iter().flat_map(Policies::all);
        let waived = policies.filter(|policy| policy.name.as_ref() == name);
        waived.flat_map(|policy| policy.scope.operations.iter().map(ToString::to_string)).collect()
    }
}

/// The value of a part of a document.
fn value(node: &YamlNode, text: &str) -> Value {
    match &node.content {
        Content::Empty => Value::Null,
        Content::Scalar(ScalarStyle::Plain) => {
            let text = node.text(text);
            serde_json::from_str(&text).ok().filter(|value: &Value| !value.is_string()).unwrap_or(Value::String(text))
        }
        Content::Scalar(_) => Value::String(node.text(text)),
        Content::List(items) => items.iter().map(|item| value(item, text)).collect(),
        Content::Map(entries) => entries
            .iter()
            .map(|entry| (entry.key.clone(), value(&entry.value, text)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}
