//! The JSON Schemas of our files, walked by the path of a place: which keys and values it can have, and what they mean.

use super::outline::{TreeStep, YamlNode};
use crate::{config, policy, policy_test};
use serde_json::Value;
use std::path::Path;
use std::sync::LazyLock;

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EditedKind {
    Gateway,
    Policy,
    Limit,
    Waiver,
    Test,
}

/// The `kind` of each, as it is written.
const KINDS: [(&str, EditedKind); 5] = [
    ("Gateway", EditedKind::Gateway),
    ("RequestPolicy", EditedKind::Policy),
    ("RequestLimit", EditedKind::Limit),
    ("Waiver", EditedKind::Waiver),
    ("PolicyTest", EditedKind::Test),
];

static GATEWAY: LazyLock<Value> = LazyLock::new(config::schema);
static POLICY: LazyLock<Value> = LazyLock::new(policy::policy_schema);
static LIMIT: LazyLock<Value> = LazyLock::new(policy::limit_schema);
static WAIVER: LazyLock<Value> = LazyLock::new(policy::waiver_schema);
static TEST: LazyLock<Value> = LazyLock::new(policy_test::schema);

impl EditedKind {
    /// The kind of a document; of one that does not have it yet, what files of this name mostly are.
    pub(super) fn of(document: &YamlNode, text: &str, file: &Path) -> Self {
        let written = document.get("kind").map(|kind| kind.text(text));
        let known = KINDS.iter().find(|(name, _)| written.as_deref() == Some(name)).map(|(_, kind)| *kind);
        let is_test = crate::app::policy_of_test(file).is_some();
        known.unwrap_or(if is_test { Self::Test } else { Self::Policy })
    }

    fn schema(self) -> &'static Value {
        match self {
            Self::Gateway => &GATEWAY,
            Self::Policy => &POLICY,
            Self::Limit => &LIMIT,
            Self::Waiver => &WAIVER,
            Self::Test => &TEST,
        }
    }

    /// The values that `kind` can have.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        KINDS.iter().map(|(name, _)| *name)
    }
}

/// A key or value that a schema declares.
#[derive(Debug)]
pub(super) struct SchemaWord {
    pub(super) name: String,
    pub(super) about: String,
}

/// The schemas of the value at `path`, of which it may fit any.
pub(super) fn schemas_at(kind: EditedKind, path: &[TreeStep]) -> Vec<&'static Value> {
    let root = kind.schema();
    let mut here = Vec::new();
    resolve(root, root, &mut here, 0);
    for step in path {
        let mut next = Vec::new();
        for schema in here {
            let below = match step {
                TreeStep::Key(name) => match schema.get("properties").and_then(|known| known.get(name)) {
                    Some(property) => Some(property),
                    None => schema.get("additionalProperties"),
                },
                TreeStep::Item(_) => schema.get("items"),
            };
            if let Some(below) = below {
                resolve(below, root, &mut next, 0);
            }
        }
        here = next;
    }
    here
}

/// The schema and what it refers to or offers as an alternative.
fn resolve(schema: &'static Value, root: &'static Value, found: &mut Vec<&'static Value>, depth: usize) {
    // references of ours are not recursive, and a schema that is must not end the server
    const DEEPEST: usize = 8;
    if depth > DEEPEST {
        return;
    }
    found.push(schema);
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
    if let Some(target) = target.and_then(|target| root.pointer(target)) {
        resolve(target, root, found, depth + 1);
    }
    let branches = ["anyOf", "oneOf", "allOf"].iter().filter_map(|keyword| schema.get(keyword)?.as_array()).flatten();
    for branch in branches {
        resolve(branch, root, found, depth + 1);
    }
}

/// The keys that a value with one of `schemas` can have.
pub(super) fn keys(kind: EditedKind, schemas: &[&'static Value]) -> Vec<SchemaWord> {
    let properties = schemas.iter().filter_map(|schema| schema.get("properties")?.as_object()).flatten();
    let words = properties.map(|(name, schema)| {
        let mut all = Vec::new();
        resolve(schema, kind.schema(), &mut all, 0);
        SchemaWord { name: name.clone(), about: description(&all) }
    });
    words.collect()
}

/// The values that one of `schemas` lists.
pub(super) fn values(schemas: &[&'static Value]) -> Vec<SchemaWord> {
    let mut words = Vec::new();
    for schema in schemas {
        let about = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten().chain(schema.get("const"));
        for name in listed.filter_map(Value::as_str) {
            let about = if schema.get("const").is_some() { about } else { "" };
            words.push(SchemaWord { name: name.to_owned(), about: about.to_owned() });
        }
        if schema.get("type").and_then(Value::as_str) == Some("boolean") {
            words.extend(["true", "false"].map(|name| SchemaWord { name: name.to_owned(), about: String::new() }));
        }
    }
    words
}

/// What the first of `schemas` that has a description is for.
pub(super) fn description(schemas: &[&'static Value]) -> String {
    let mut texts = schemas.iter().filter_map(|schema| schema.get("description")?.as_str());
    texts.next().unwrap_or_default().to_owned()
}
