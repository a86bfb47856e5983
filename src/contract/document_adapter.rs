//! Lets the `jsonschema` crate validate a [`crate::document::Document`] through [`View`], without a copy as `serde_json::Value`.

use crate::decimal::DecimalText;
use crate::document::{JsonKind, NodeRef, View};
use jsonschema::JsonType;
use jsonschema::json::{Array, Json, JsonNumber, Node, NodeIdentity, Object};
use serde_json::{Number, Value};
use std::borrow::Cow;
use std::ops::Range;

/// The representation of JSON, as `jsonschema` names it by a type.
pub(super) struct DocumentJson;

/// A value of the document, or one of its names: `propertyNames` validates names as strings.
#[derive(Clone, Copy)]
pub(super) enum SchemaNode<'a> {
    Value(NodeRef<'a>),
    Name(&'a str),
}

// a lookup in a small object compares names one by one, so for more keys than this a pass over the members is cheaper
const KEYS_PER_LOOKUP: usize = 2;

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
        f(SchemaNode::Name(string))
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
    fn kind(self) -> JsonKind<'a> {
        match self {
            Self::Value(node) => node.kind(),
            Self::Name(name) => JsonKind::String(name),
        }
    }
}

impl<'a> Node<'a, DocumentJson> for SchemaNode<'a> {
    type Object = ObjectNode<'a>;
    type Array = ArrayNode<'a>;
    type Number = NumberText<'a>;

    fn as_object(&self) -> Option<ObjectNode<'a>> {
        match self {
            Self::Value(node) if node.kind() == JsonKind::Object => Some(ObjectNode(*node)),
            _ => None,
        }
    }

    fn as_array(&self) -> Option<ArrayNode<'a>> {
        match self {
            Self::Value(node) if node.kind() == JsonKind::Array => Some(ArrayNode(*node)),
            _ => None,
        }
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        match self.kind() {
            JsonKind::String(text) => Some(Cow::Borrowed(text)),
            _ => None,
        }
    }

    fn as_number(&self) -> Option<NumberText<'a>> {
        match self.kind() {
            JsonKind::Number(text) => Some(NumberText(text)),
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

    fn to_value(&self) -> Cow<'a, Value> {
        Cow::Owned(match self {
            Self::Value(node) => copy(*node),
            Self::Name(name) => Value::from(*name),
        })
    }

    // an error must not hold the value that it is about: whatever is made from the error could show it
    fn lazy_value(&self) -> jsonschema_value::LazyInstance<'a> {
        jsonschema_value::LazyInstance::Ready(Cow::Owned(Value::Null))
    }

    fn identity(&self) -> Option<NodeIdentity> {
        match self {
            Self::Value(node) => Some(NodeIdentity::new(node.identity())),
            Self::Name(_) => None,
        }
    }
}

// the few keywords that compare whole values (`const`, `enum`, `uniqueItems`) need a `Value`
fn copy(node: NodeRef<'_>) -> Value {
    let children = (0..node.len()).filter_map(|position| node.child(position));
    match node.kind() {
        JsonKind::Null => Value::Null,
        JsonKind::Bool(value) => Value::Bool(value),
        JsonKind::Number(text) => Value::Number(NumberText(text).to_number().into_owned()),
        JsonKind::String(text) => Value::from(text),
        JsonKind::Array => children.map(copy).collect(),
        JsonKind::Object => {
            let names = (0..node.len()).filter_map(|position| node.name(position)).map(str::to_owned);
            Value::Object(names.zip(children.map(copy)).collect())
        }
    }
}

pub(super) struct ObjectNode<'a>(NodeRef<'a>);

impl<'a> Object<'a, DocumentJson> for ObjectNode<'a> {
    type Node = SchemaNode<'a>;
    type MemberName = &'a str;
    type MembersIter = ObjectMembers<'a>;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, key: &Box<str>) -> Option<SchemaNode<'a>> {
        self.0.member(key).map(SchemaNode::Value)
    }

    fn members(&self) -> ObjectMembers<'a> {
        ObjectMembers { object: self.0, positions: 0..self.0.len() }
    }
}

pub(super) struct ObjectMembers<'a> {
    object: NodeRef<'a>,
    positions: Range<usize>,
}

impl<'a> Iterator for ObjectMembers<'a> {
    type Item = (&'a str, SchemaNode<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let position = self.positions.next()?;
        Some((self.object.name(position)?, SchemaNode::Value(self.object.child(position)?)))
    }
}

pub(super) struct ArrayNode<'a>(NodeRef<'a>);

impl<'a> Array<'a, DocumentJson> for ArrayNode<'a> {
    type Node = SchemaNode<'a>;
    type ElementsIter = ArrayElements<'a>;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn elements(&self) -> ArrayElements<'a> {
        ArrayElements { array: self.0, positions: 0..self.0.len() }
    }
}

pub(super) struct ArrayElements<'a> {
    array: NodeRef<'a>,
    positions: Range<usize>,
}

impl<'a> Iterator for ArrayElements<'a> {
    type Item = SchemaNode<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.array.child(self.positions.next()?).map(SchemaNode::Value)
    }
}

#[cfg(test)]
mod tests {
    use super::{DocumentJson, SchemaNode};
    use crate::document::Document;
    use jsonschema::json::conformance;
    use serde_json::json;

    /// Whether the number `text` is valid by `schema`.
    fn is_valid(schema: &serde_json::Value, text: &str) -> bool {
        let document = Document::parse(text.as_bytes()).expect("a document");
        let validator = jsonschema::options_for::<DocumentJson>().build(schema).expect("a schema");
        validator.is_valid(SchemaNode::Value(document.root()))
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
        let document = Document::parse(text.as_bytes()).expect("a document");
        conformance::assert_conformance::<DocumentJson>(&SchemaNode::Value(document.root()));
    }
}
