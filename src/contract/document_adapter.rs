//! Lets the `jsonschema` crate validate a [`crate::document::Document`] through [`View`], without a copy as `serde_json::Value`
//! and within a [`ValidationBudget`].

use super::distinct_values::DistinctValues;
use super::validation_budget::ValidationBudget;
use crate::decimal::DecimalText;
use crate::document::{JsonKind, Members, NodeRef, View};
use jsonschema::json::{Array, Json, JsonNumber, Node, NodeIdentity, Object};
use jsonschema::{JsonType, ValidationError};
use jsonschema_value::LazyInstance;
use jsonschema_value::cmp::equal_numbers;
use serde_json::{Number, Value};
use std::borrow::Cow;
use std::ops::{ControlFlow, Range};

/// The representation of JSON, as `jsonschema` names it by a type.
pub(super) struct DocumentJson;

/// A value of the document, or one of its names, and the budget that looking at it spends.
#[derive(Clone, Copy)]
pub(super) struct SchemaNode<'a> {
    subject: Subject<'a>,
    budget: &'a ValidationBudget,
}

#[derive(Clone, Copy)]
enum Subject<'a> {
    Value(NodeRef<'a>),
    // `propertyNames` validates names as strings
    Name(&'a str),
}

impl<'a> SchemaNode<'a> {
    /// The root of a document.
    pub(super) const fn new(root: NodeRef<'a>, budget: &'a ValidationBudget) -> Self {
        Self { subject: Subject::Value(root), budget }
    }
}

/// Whether `error` is about a value of the body, and not about one that looked empty once the budget was spent.
pub(super) fn is_of_body(error: &ValidationError<'_>) -> bool {
    error.instance().is_null()
}

// a lookup in a small object compares names one by one, so for more keys than this a pass over the members is cheaper
const KEYS_PER_LOOKUP: usize = 2;
/// Steps for each digit of a number that is long when it is written out, and the most digits that count: those of the largest
/// double and as many behind the point. A larger number is decided without computing.
const STEPS_PER_DIGIT: usize = 2;
const MOST_DIGITS: usize = 1_024;
/// Steps to hash a value and put it into a table.
const STEPS_PER_DISTINCT: usize = 4;

impl Json for DocumentJson {
    type Node<'a> = SchemaNode<'a>;
    type PreparedKey = Box<str>;
    type StringBuffer = ();

    const KEYS_PER_LOOKUP: usize = KEYS_PER_LOOKUP;
    // a parsed text cannot contain itself, so `jsonschema` needs no guard against cycles
    const ACYCLIC: bool = true;

    fn prepare_key(key: &str) -> Box<str> {
        key.into()
    }

    fn with_string_node<T>((): &mut (), string: &str, f: impl FnOnce(SchemaNode<'_>) -> T) -> T {
        // for names only, which `try_for_each_name_node` passes with the budget of their object
        f(SchemaNode { subject: Subject::Name(string), budget: &ValidationBudget::of(string.len()) })
    }
}

/// A number, verbatim. All digits are kept, so that bounds are compared exactly.
pub(super) struct NumberText<'a>(&'a str);

impl JsonNumber for NumberText<'_> {
    fn as_u64(&self) -> Option<u64> {
        self.0.parse().ok()
    }

    fn as_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }

    fn as_f64(&self) -> Option<f64> {
        // `1e999` parses as infinity, which no JSON number is
        self.0.parse().ok().filter(|value: &f64| value.is_finite())
    }

    fn as_str(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.0)
    }

    // the default parses the text again, for each number
    fn is_integer(&self) -> bool {
        DecimalText::of(self.0).is_integer()
    }

    fn to_number(&self) -> Cow<'_, Number> {
        Cow::Owned(serde_json::from_str(self.0).unwrap_or_else(|_| Number::from(0)))
    }
}

impl<'a> SchemaNode<'a> {
    /// What the value is; null once the budget is spent.
    fn kind(self) -> JsonKind<'a> {
        if !self.budget.spend(1) {
            return JsonKind::Null;
        }
        match self.subject {
            Subject::Value(node) => node.kind(),
            Subject::Name(name) => JsonKind::String(name),
        }
    }

    fn container(self, kind: JsonKind<'_>) -> Option<(NodeRef<'a>, &'a ValidationBudget)> {
        match self.subject {
            Subject::Value(node) if self.kind() == kind => Some((node, self.budget)),
            _ => None,
        }
    }
}

/// The steps that computing with a number takes.
fn steps_of_number(text: &str) -> usize {
    // one of few digits is computed as a machine number; `multipleOf` takes any other as a fraction of two integers of any length
    const MACHINE_DIGITS: usize = 17;
    let digits = DecimalText::of(text).written_out();
    if digits <= MACHINE_DIGITS { 1 } else { digits.min(MOST_DIGITS) * STEPS_PER_DIGIT }
}

impl<'a> Node<'a, DocumentJson> for SchemaNode<'a> {
    type Object = ObjectNode<'a>;
    type Array = ArrayNode<'a>;
    type Number = NumberText<'a>;

    fn as_object(&self) -> Option<ObjectNode<'a>> {
        self.container(JsonKind::Object).map(|(object, budget)| ObjectNode { object, budget })
    }

    fn as_array(&self) -> Option<ArrayNode<'a>> {
        self.container(JsonKind::Array).map(|(array, budget)| ArrayNode { array, budget })
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        match self.kind() {
            JsonKind::String(text) if self.budget.spend_string(text.len()) => Some(Cow::Borrowed(text)),
            _ => None,
        }
    }

    fn equals_value(&self, expected: &Value) -> bool {
        match (self.kind(), expected) {
            (JsonKind::Null, Value::Null) => !self.budget.is_spent(),
            (JsonKind::Bool(value), Value::Bool(expected)) => value == *expected,
            (JsonKind::String(text), Value::String(expected)) => text == expected,
            (JsonKind::Number(text), Value::Number(expected)) => equal_numbers(&NumberText(text), expected),
            (JsonKind::Array, Value::Array(expected)) => self.as_array().is_some_and(|array| {
                array.len() == expected.len()
                    && array.elements().zip(expected).all(|(it, other)| it.equals_value(other))
            }),
            (JsonKind::Object, Value::Object(expected)) => self.as_object().is_some_and(|object| {
                object.len() == expected.len()
                    && object.members().all(|(name, it)| expected.get(name).is_some_and(|other| it.equals_value(other)))
            }),
            _ => false,
        }
    }

    fn as_number(&self) -> Option<NumberText<'a>> {
        match self.kind() {
            JsonKind::Number(text) if self.budget.spend(steps_of_number(text)) => Some(NumberText(text)),
            _ => None,
        }
    }

    fn as_boolean(&self) -> Option<bool> {
        match self.kind() {
            JsonKind::Bool(value) => Some(value),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        self.kind() == JsonKind::Null
    }

    fn json_type(&self) -> JsonType {
        match self.kind() {
            JsonKind::Null => JsonType::Null,
            JsonKind::Bool(_) => JsonType::Boolean,
            JsonKind::Number(_) => JsonType::Number,
            JsonKind::String(_) => JsonType::String,
            JsonKind::Array => JsonType::Array,
            JsonKind::Object => JsonType::Object,
        }
    }

    // of the keywords of this draft only messages of errors ask for it, which are not shown
    fn to_value(&self) -> Cow<'a, Value> {
        Cow::Owned(match self.kind() {
            JsonKind::Bool(value) => Value::Bool(value),
            JsonKind::Number(text) => Value::Number(NumberText(text).to_number().into_owned()),
            JsonKind::String(text) if self.budget.spend_string(text.len()) => Value::from(text),
            JsonKind::Null | JsonKind::String(_) => Value::Null,
            JsonKind::Array => {
                let items = self.as_array().into_iter().flat_map(|array| array.elements());
                items.map(|item| item.to_value().into_owned()).collect()
            }
            JsonKind::Object => {
                let members = self.as_object().into_iter().flat_map(|object| object.members());
                Value::Object(members.map(|(name, it)| (name.to_owned(), it.to_value().into_owned())).collect())
            }
        })
    }

    // an error must not hold the value that it is about: whatever is made from the error could show it
    fn lazy_value(&self) -> LazyInstance<'a> {
        let is_of_body = self.budget.add_error();
        LazyInstance::Ready(Cow::Owned(if is_of_body { Value::Null } else { Value::Bool(false) }))
    }

    fn identity(&self) -> Option<NodeIdentity> {
        match self.subject {
            Subject::Value(node) => Some(NodeIdentity::new(node.identity())),
            Subject::Name(_) => None,
        }
    }
}

pub(super) struct ObjectNode<'a> {
    object: NodeRef<'a>,
    budget: &'a ValidationBudget,
}

impl<'a> Object<'a, DocumentJson> for ObjectNode<'a> {
    type Node = SchemaNode<'a>;
    type MemberName = &'a str;
    type MembersIter = ObjectMembers<'a>;

    fn len(&self) -> usize {
        self.object.len()
    }

    fn get(&self, key: &Box<str>) -> Option<SchemaNode<'a>> {
        // a lookup compares up to sixteen names
        let found = self.object.member(key).filter(|_| self.budget.spend(2))?;
        Some(SchemaNode { subject: Subject::Value(found), budget: self.budget })
    }

    fn members(&self) -> ObjectMembers<'a> {
        ObjectMembers { members: self.object.members(), budget: self.budget }
    }

    fn try_for_each_name_node<B>(
        &self,
        (): &mut (),
        mut f: impl FnMut(SchemaNode<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        self.members().try_for_each(|(name, _)| f(SchemaNode { subject: Subject::Name(name), budget: self.budget }))
    }
}

pub(super) struct ObjectMembers<'a> {
    members: Members<'a>,
    budget: &'a ValidationBudget,
}

impl<'a> Iterator for ObjectMembers<'a> {
    type Item = (&'a str, SchemaNode<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, member) = self.members.next()?;
        // by its length: patterns for names are searched for in each of them
        let is_within = self.budget.spend_string(name.len());
        is_within.then_some((name, SchemaNode { subject: Subject::Value(member), budget: self.budget }))
    }
}

pub(super) struct ArrayNode<'a> {
    array: NodeRef<'a>,
    budget: &'a ValidationBudget,
}

impl<'a> Array<'a, DocumentJson> for ArrayNode<'a> {
    type Node = SchemaNode<'a>;
    type ElementsIter = ArrayElements<'a>;

    fn len(&self) -> usize {
        self.array.len()
    }

    fn elements(&self) -> ArrayElements<'a> {
        ArrayElements { array: self.array, positions: 0..self.array.len(), budget: self.budget }
    }

    fn is_unique(&self) -> bool {
        let mut all = DistinctValues::default();
        (0..self.array.len()).all(|position| {
            // hashing a value reads all of it
            let child = self.array.child(position).filter(|_| self.budget.spend(STEPS_PER_DISTINCT));
            child.is_some_and(|child| all.insert(child, &mut |steps| self.budget.spend(steps)))
        }) || self.budget.is_spent()
    }
}

pub(super) struct ArrayElements<'a> {
    array: NodeRef<'a>,
    positions: Range<usize>,
    budget: &'a ValidationBudget,
}

impl<'a> Iterator for ArrayElements<'a> {
    type Item = SchemaNode<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let element = self.array.child(self.positions.next()?)?;
        self.budget.spend(1).then_some(SchemaNode { subject: Subject::Value(element), budget: self.budget })
    }
}

#[cfg(test)]
mod tests {
    use super::{DocumentJson, SchemaNode, ValidationBudget};
    use crate::document::Document;
    use jsonschema::json::conformance;
    use serde_json::json;

    /// Whether the number `text` is valid by `schema`.
    fn is_valid(schema: &serde_json::Value, text: &str) -> bool {
        let document = Document::parse(bytes::Bytes::copy_from_slice(text.as_bytes())).expect("a document");
        let validator = jsonschema::options_for::<DocumentJson>().build(schema).expect("a schema");
        validator.is_valid(SchemaNode::new(document.root(), &ValidationBudget::of(text.len())))
    }

    #[test]
    fn numbers_are_validated_by_their_digits() {
        let integer = json!({ "type": "integer" });
        for text in ["5", "1e2", "1.0", "-0.0", "18446744073709551617", "123456789012345678901234567890e5", "1e400"] {
            assert!(is_valid(&integer, text), "{text}");
        }
        for text in ["4.9999999999999999999999", "1e-1", "9007199254740993.5", "1e-400"] {
            assert!(!is_valid(&integer, text), "{text}");
        }
        for (schema, text) in [
            (json!({ "maximum": 5 }), "5.0000000000000000000001"),
            (json!({ "minimum": 5 }), "4.9999999999999999999999"),
            (json!({ "exclusiveMinimum": 5 }), "5.0"),
            (json!({ "const": 5 }), "4.9999999999999999999999"),
            (json!({ "enum": [5, 6] }), "5.0000000000000000000001"),
            (json!({ "maximum": 9_007_199_254_740_992_u64 }), "9007199254740993.0"),
        ] {
            assert!(!is_valid(&schema, text), "{schema}: {text}");
        }
        for (schema, text) in [
            (json!({ "maximum": 5 }), "5.0"),
            (json!({ "exclusiveMaximum": 5 }), "4.9999999999999999999999"),
            (json!({ "const": 5 }), "5.0"),
            (json!({ "enum": [500] }), "5e2"),
        ] {
            assert!(is_valid(&schema, text), "{schema}: {text}");
        }
    }

    #[test]
    fn keeps_the_contract_that_the_validator_relies_on() {
        let text = conformance::document().to_string();
        let document = Document::parse(bytes::Bytes::copy_from_slice(text.as_bytes())).expect("a document");
        let budget = ValidationBudget::of(text.len());
        conformance::assert_conformance::<DocumentJson>(&SchemaNode::new(document.root(), &budget));
    }
}
