//! The names that a body schema declares: which may be shown, which a policy may read, which another name is confusable with.

use super::field::{Field, Pointer};
use crate::document::PathStep;
use crate::redact::steps;
use serde_json::Value;

// a fast hash without a random key is safe: only the contract inserts names, so no request can cause collisions
type HashMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::FixedState>;

/// The names that a schema declares for one object, and what it declares below them.
#[derive(Clone, Debug, Default)]
pub struct FieldTree {
    members: HashMap<Box<str>, Self>,
    /// Declared names by their case fold.
    folded: HashMap<String, Box<str>>,
    /// Declared names by their case fold without `_` and `-`.
    loose: HashMap<String, Box<str>>,
    /// Whether the schema allows no other names.
    exclusive: bool,
    elements: Option<Box<Self>>,
    types: Vec<Box<str>>,
    /// The strings that the schema lists (`enum`, `const`).
    words: Vec<Box<str>>,
    secret: bool,
}

impl FieldTree {
    /// Reads the names that `schema` declares. References are resolved within `root`.
    pub fn read(schema: &Value, root: &Value) -> Self {
        let mut declared = Self::default();
        declared.absorb(schema, root, 0);
        declared.index();
        declared
    }

    /// The names of all `trees`, with the types and marks of all.
    pub(super) fn union<'t>(trees: impl Iterator<Item = &'t Self>) -> Self {
        let merge = |mut union: Self, tree: &Self| {
            union.merge(tree);
            union
        };
        let mut trees = trees;
        trees.next().cloned().map_or_else(Self::default, |first| trees.fold(first, merge))
    }

    fn merge(&mut self, other: &Self) {
        for (name, member) in &other.members {
            match self.members.get_mut(name) {
                Some(known) => known.merge(member),
                None => drop(self.members.insert(name.clone(), member.clone())),
            }
        }
        match (&mut self.elements, &other.elements) {
            (Some(known), Some(more)) => known.merge(more),
            (None, Some(more)) => self.elements = Some(more.clone()),
            (_, None) => {}
        }
        self.exclusive |= other.exclusive;
        self.secret |= other.secret;
        // without types, every type is allowed
        if self.types.is_empty() || other.types.is_empty() {
            self.types.clear();
        }
        let types = if self.types.is_empty() { &[][..] } else { &other.types };
        add_new(&mut self.types, types);
        add_new(&mut self.words, &other.words);
        self.index();
    }

    fn absorb(&mut self, schema: &Value, root: &Value, depth: usize) {
        // schemas may refer to themselves; no body of a contract nests as deep
        const DEEPEST: usize = 16;
        if depth > DEEPEST {
            return;
        }
        if let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#')) {
            self.absorb(root.pointer(target).unwrap_or(&Value::Null), root, depth + 1);
        }
        // the union of all alternatives: a name that any of them declares belongs to the contract
        for branch in ["allOf", "anyOf", "oneOf"].iter().filter_map(|keyword| schema.get(keyword)?.as_array()).flatten()
        {
            self.absorb(branch, root, depth + 1);
        }
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let member = self.members.entry(name.as_str().into()).or_default();
            member.absorb(property, root, depth + 1);
            member.index();
        }
        if let Some(items) = schema.get("items") {
            let elements = self.elements.get_or_insert_default();
            elements.absorb(items, root, depth + 1);
            elements.index();
        }
        self.exclusive |= schema.get("additionalProperties") == Some(&Value::Bool(false));
        self.types.extend(types_of(schema));
        let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten().chain(schema.get("const"));
        self.words.extend(listed.filter_map(Value::as_str).map(Into::into));
        self.secret |= schema.get("x-secret").and_then(Value::as_bool).unwrap_or_default();
    }

    fn index(&mut self) {
        self.folded = self.members.keys().map(|name| (fold(name), name.clone())).collect();
        self.loose = self.members.keys().map(|name| (fold_loosely(name), name.clone())).collect();
    }

    /// The declaration of the member `name`.
    pub fn member(&self, name: &str) -> Option<&Self> {
        self.members.get(name)
    }

    /// The declaration of the elements of an array.
    pub fn elements(&self) -> Option<&Self> {
        self.elements.as_deref()
    }

    /// The declared names, in no particular order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(AsRef::as_ref)
    }

    /// Whether any name is declared. If none is, as for metadata, all names are data of the caller.
    pub fn is_closed(&self) -> bool {
        !self.members.is_empty()
    }

    /// Whether the contract marks the value as a secret.
    pub const fn is_secret(&self) -> bool {
        self.secret
    }

    /// Whether the schema lists this string (`enum`, `const`): it may then be shown, because the contract has it, too.
    pub fn lists(&self, word: &str) -> bool {
        self.words.iter().any(|listed| listed.as_ref() == word)
    }

    /// Whether the contract marks the value, or anything in it, as a secret.
    pub fn holds_secret(&self) -> bool {
        self.secret
            || self.members.values().any(Self::holds_secret)
            || self.elements.as_ref().is_some_and(|elements| elements.holds_secret())
    }

    /// The JSON Schema types that the value may have; empty if it may have any.
    pub fn types(&self) -> &[Box<str>] {
        &self.types
    }

    /// The declared name for which a decoder that ignores case would take `name`.
    pub fn confusable(&self, name: &str) -> Option<&str> {
        self.folded.get(&fold(name)).map(AsRef::as_ref).filter(|declared| *declared != name)
    }

    /// The declared name for which a decoder that also ignores `_` and `-` would take `name`, such as `firstName`.
    pub fn loosely_confusable(&self, name: &str) -> Option<&str> {
        let found = self.loose.get(&fold_loosely(name)).map(AsRef::as_ref);
        // if the schema allows other names, a similar one is legitimate data
        found.filter(|declared| self.exclusive && *declared != name)
    }

    /// The declaration at the end of the path `steps`.
    pub fn at(&self, steps: &[PathStep]) -> Option<&Self> {
        steps.iter().try_fold(self, |declared, step| match step {
            PathStep::Member(name) => declared.member(name),
            PathStep::Element(_) => declared.elements(),
        })
    }

    /// Whether the field at the end of the JSON Pointer `pointer` is declared.
    pub fn declares(&self, pointer: &str) -> bool {
        let mut steps = steps(pointer);
        let end = steps.try_fold(self, |here, step| match here.elements() {
            Some(elements) if step.bytes().all(|byte| byte.is_ascii_digit()) => Some(elements),
            _ => here.member(&step),
        });
        end.is_some()
    }

    /// The field at the end of the path `steps`, in a form that may be shown: it ends at the first undeclared name.
    pub fn reportable_field(&self, steps: &[PathStep]) -> Option<Field> {
        let mut pointer = Pointer::default();
        let mut here = Some(self);
        for step in steps {
            match step {
                PathStep::Element(position) => {
                    pointer = pointer.element(*position);
                    here = here.and_then(Self::elements);
                }
                PathStep::Member(name) => match here.and_then(|declared| declared.member(name)) {
                    Some(member) => {
                        pointer = pointer.member(name);
                        here = Some(member);
                    }
                    None => return Some(Field::new_undeclared(&pointer, name)),
                },
            }
        }
        pointer.field()
    }
}

/// Adds the texts of `more` that `texts` lacks.
fn add_new(texts: &mut Vec<Box<str>>, more: &[Box<str>]) {
    for text in more {
        if !texts.contains(text) {
            texts.push(text.clone());
        }
    }
}

fn types_of(schema: &Value) -> Vec<Box<str>> {
    match schema.get("type") {
        Some(Value::String(name)) => vec![name.as_str().into()],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(Into::into).collect(),
        _ => Vec::new(),
    }
}

/// The case fold of Go's `encoding/json`.
fn fold(name: &str) -> String {
    // besides ASCII letters, two others fold into ASCII: U+017F and U+212A, as trying every code point in Go showed
    let folded = name.chars().map(|letter| match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    });
    folded.collect()
}

fn fold_loosely(name: &str) -> String {
    fold(name).replace(['_', '-'], "")
}

#[cfg(test)]
mod tests {
    use super::FieldTree;
    use crate::contract::field::Field;
    use crate::document::PathStep;
    use serde_json::json;

    fn user() -> FieldTree {
        let schema = json!({
            "$defs": { "Web3": { "type": "object", "properties": { "address": { "type": "string" } } } },
            "additionalProperties": false,
            "allOf": [{ "properties": { "skip_password_checks": { "type": ["boolean", "null"] } } }],
            "properties": {
                "password": { "type": "string", "x-secret": true },
                "wallets": { "type": "array", "items": { "$ref": "#/$defs/Web3" } },
                "public_metadata": { "type": "object" },
            },
        });
        FieldTree::read(&schema, &schema)
    }

    #[test]
    fn only_strings_that_the_schema_lists_are_its_words() {
        let schema =
            json!({ "properties": { "hasher": { "anyOf": [{ "enum": ["md5", 7, null] }, { "const": "none" }] } } });
        let declared = FieldTree::read(&schema, &schema);
        let hasher = declared.member("hasher").expect("declared");
        assert!(hasher.lists("md5") && hasher.lists("none") && !hasher.lists("7") && !hasher.lists("MD5"));
    }

    #[test]
    fn names_are_found_behind_references_and_combinations() {
        let user = user();
        assert!(user.member("password").is_some_and(FieldTree::is_secret));
        assert!(user.member("skip_password_checks").is_some_and(|field| !field.is_secret()));
        let wallet = user.member("wallets").and_then(FieldTree::elements).expect("declared");
        assert_eq!(wallet.names().collect::<Vec<_>>(), ["address"]);
        assert!(!user.member("public_metadata").expect("declared").is_closed());
    }

    #[test]
    fn spellings_that_lenient_decoders_take_for_a_name_are_known() {
        let user = user();
        for name in ["SKIP_PASSWORD_CHECKS", "\u{17f}kip_password_checks", "s\u{212a}ip_password_checks"] {
            assert_eq!(user.confusable(name), Some("skip_password_checks"), "{name}");
        }
        assert_eq!(user.confusable("skip_password_checks"), None);
        assert_eq!(user.confusable("skipPasswordChecks"), None);
        assert_eq!(user.loosely_confusable("skipPasswordChecks"), Some("skip_password_checks"));
        assert_eq!(user.loosely_confusable("nickname"), None);
    }

    #[test]
    fn a_place_is_shown_up_to_the_first_name_that_is_not_declared() {
        let steps = [PathStep::Member("wallets".into()), PathStep::Element(2), PathStep::Member("address".into())];
        assert_eq!(user().reportable_field(&steps), Some(Field::Declared("/wallets/2/address".into())));
        let steps = [PathStep::Member("public_metadata".into()), PathStep::Member("hunter2".into())];
        assert_eq!(user().reportable_field(&steps).map(|field| field.for_log()), Some("/public_metadata/*".into()));
        assert_eq!(user().reportable_field(&[]), None);
    }
}
