//! JSON values by which expressions are tried: some of each type, at the bounds of numbers, and what the expressions compare with.

use crate::cel::{Literals, Value as CelValue};
use crate::contract::field_tree::FieldTree;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Most literals that are tried of a rule.
const MOST_LITERALS: usize = 12;
/// Largest list, object or text that is made because a rule compares with such a number, and most of these sizes.
const LARGEST: i64 = 64;
const MOST_SIZES: usize = 6;
/// Most texts that are put together, each with each.
const MOST_JOINED: usize = 6;
/// Most texts that are a member of an object beside another one.
const MOST_MEMBER_TEXTS: usize = 4;
/// Texts that look like what functions convert, and texts that do not.
const TEXTS: [&str; 14] = [
    "",
    "a",
    "é",
    "1",
    "-1",
    "1.5",
    "true",
    "9223372036854775808",
    "12345678901234567890",
    "2026-01-01T00:00:00Z",
    "1990-12-31T23:59:60Z",
    "2026-01-01t00:00:00z",
    "192.0.2.1",
    "192.0.2.0/24",
];

/// A value of each type.
const SAMPLES: [fn() -> Value; 6] =
    [|| json!(true), || json!(1), || json!("a"), || json!([]), || json!({}), || Value::Null];

/// What the values are made of.
pub(super) struct ValueSource {
    texts: Vec<String>,
    numbers: Vec<Value>,
    /// The names of members that the expressions read, or compare names with.
    names: BTreeSet<String>,
    /// Sizes that expressions may compare with, above those of the other values: `size(LIST) > 3 && ...` lets in only longer lists.
    sizes: Vec<usize>,
}

impl ValueSource {
    pub(super) fn new(literals: &Literals, mut names: BTreeSet<String>) -> Self {
        let (mut texts, mut numbers) = (BTreeSet::new(), BTreeSet::new());
        for literal in literals.iter() {
            match literal {
                CelValue::Int(number) => {
                    numbers.extend([number.saturating_sub(1), *number, number.saturating_add(1)]);
                }
                _ => texts.extend(literal.as_str().filter(|text| !text.is_empty()).map(str::to_owned)),
            }
        }
        names.extend(texts.iter().filter(|text| text.len() < 40).take(MOST_LITERALS).cloned());
        let sizes = numbers.iter().filter(|it| (2..=LARGEST).contains(*it)).filter_map(|it| usize::try_from(*it).ok());
        let sizes: Vec<usize> = sizes.take(MOST_SIZES).collect();
        let numbers = numbers.into_iter().take(MOST_LITERALS).map(Value::from);
        let long = sizes.iter().flat_map(|size| ["a".repeat(*size), "1".repeat(*size)]);
        let literals: Vec<String> = texts.into_iter().take(MOST_LITERALS).collect();
        // `split` and `startsWith` look at a part of a text
        let joined = || literals.iter().take(MOST_JOINED);
        let joined = joined().flat_map(|first| joined().map(move |second| format!("{first}{second}")));
        let bounds = [json!(0), json!(1), json!(-1), json!(1.0), json!(1.5), json!(i64::MIN), json!(i64::MAX)];
        Self {
            texts: literals.iter().cloned().chain(TEXTS.map(str::to_owned)).chain(long).chain(joined).collect(),
            numbers: numbers.chain(bounds).chain([json!(u64::MAX), json!(1e300)]).collect(),
            names,
            sizes,
        }
    }

    /// The texts, for what is no JSON, such as a header.
    pub(super) fn texts(&self) -> &[String] {
        &self.texts
    }

    /// Values of the types that `declared` permits, of all types if it is `None`; the contract may refuse some of them.
    pub(super) fn values(&self, declared: Option<&FieldTree>) -> Vec<Value> {
        let types = declared.map_or(&[][..], FieldTree::types);
        let is_permitted = |name: &str| types.is_empty() || types.iter().any(|known| known.as_ref() == name);
        let mut values = Vec::new();
        if is_permitted("null") {
            values.push(Value::Null);
        }
        if is_permitted("boolean") {
            values.extend([json!(true), json!(false)]);
        }
        if is_permitted("number") || is_permitted("integer") {
            values.extend(self.numbers.iter().cloned());
        }
        if is_permitted("string") {
            values.extend(self.texts.iter().map(|text| json!(text)));
        }
        if is_permitted("array") {
            values.extend(self.arrays(declared.and_then(FieldTree::elements)));
        }
        if is_permitted("object") {
            values.extend(self.objects());
        }
        values
    }

    /// No element, one of each, and several of each.
    fn arrays(&self, elements: Option<&FieldTree>) -> Vec<Value> {
        let mut items = vec![json!([]), json!({})];
        match elements.map_or(&[][..], FieldTree::types) {
            [] => items.extend([json!(null), json!(true), json!(1), json!(1.5), json!("a"), json!("")]),
            types => {
                let is_permitted = |name: &str| types.iter().any(|known| known.as_ref() == name);
                let texts = self.texts.iter().map(|text| json!(text));
                items.extend(texts.filter(|_| is_permitted("string")));
                items
                    .extend(self.numbers.iter().filter(|_| is_permitted("number") || is_permitted("integer")).cloned());
            }
        }
        items.extend(self.small_objects());
        let one = items.iter().map(|item| json!([item]));
        let several = self.sizes.iter().flat_map(|size| items.iter().map(move |item| json!(vec![item; *size])));
        [json!([]), json!(["a", "b"])].into_iter().chain(one).chain(several).collect()
    }

    /// Objects with one member, with two, and with many.
    fn objects(&self) -> Vec<Value> {
        let large = self.sizes.iter().flat_map(|size| SAMPLES.iter().map(|sample| self.large_object(*size, &sample())));
        self.small_objects().into_iter().chain(self.pairs()).chain(large).collect()
    }

    /// An empty object, some with a member that no rule reads, and for each name that is read one with a value of each type.
    fn small_objects(&self) -> Vec<Value> {
        let other = [json!({}), json!({ "other": 1 }), json!({ "other": "a" }), json!({ "other": null })];
        let named = self
            .names
            .iter()
            .flat_map(|name| SAMPLES.iter().map(|sample| Value::Object(Map::from_iter([(name.clone(), sample())]))));
        other.into_iter().chain(named).collect()
    }

    /// Objects of a text that the rule compares with, and another member: `m.all(key, m[key] != "x")` is a guard of the others unless
    /// there is one.
    fn pairs(&self) -> Vec<Value> {
        let texts = self.texts.iter().take(MOST_MEMBER_TEXTS).map(String::as_str).chain([""]);
        let texts: BTreeSet<&str> = texts.collect();
        let names = || self.names.iter().map(String::as_str).chain(["another"]);
        let pairs = texts.iter().flat_map(|text| {
            names().flat_map(move |name| SAMPLES.iter().map(move |sample| json!({ "other": text, name: sample() })))
        });
        pairs.collect()
    }

    /// An object of as many members, with names that rules read first.
    fn large_object(&self, size: usize, value: &Value) -> Value {
        let others = (0..size).map(|number| format!("other{number}"));
        let names = self.names.iter().cloned().chain(others).take(size);
        Value::Object(names.map(|name| (name, value.clone())).collect())
    }
}
