//! Changes of values that are data: `params` and `schema`.

use super::change::ChangedLines;
use crate::manifest::Source;
use serde_json::{Map, Value};
use std::ops::Range;

/// A change of one part of `params` or of a schema.
pub(super) struct ValueChange {
    /// The whole value after the change.
    pub(super) value: Value,
    /// The kind of the change, in words.
    pub(super) what: &'static str,
    /// The part that is changed, as a JSON Pointer.
    pointer: String,
    edit: ValueEdit,
}

/// How a part of a value is changed.
enum ValueEdit {
    /// It is another value.
    Replaced(Value),
    /// It is another text: this range of it is replaced.
    Within(Range<usize>, &'static str),
    /// It is removed from its list or map.
    Removed,
}

impl ValueChange {
    /// The lines of the file that it changes.
    pub(super) fn lines(&self, source: &Source) -> ChangedLines {
        match &self.edit {
            ValueEdit::Replaced(value) => ChangedLines::replace_value(source, &self.pointer, &value.to_string()),
            ValueEdit::Within(range, replacement) => {
                ChangedLines::within(source, &self.pointer, range.clone(), replacement)
            }
            ValueEdit::Removed => ChangedLines::without_element(source, &self.pointer),
        }
    }
}

/// The changes of a parameter: other numbers and texts, lists without one of their elements.
pub(super) fn param_changes(value: &Value, pointer: &str) -> Vec<ValueChange> {
    let mut edits = Vec::new();
    edits_of_param(value, "", &mut edits);
    changes(value, pointer, edits)
}

/// The changes of a schema: other numbers, lists without one of their elements, and objects without one of the keywords that
/// constrain by themselves.
pub(super) fn schema_changes(value: &Value, pointer: &str) -> Vec<ValueChange> {
    let mut edits = Vec::new();
    edits_of_schema(value, "", false, &mut edits);
    changes(value, pointer, edits)
}

type Edits = Vec<(&'static str, String, ValueEdit)>;

fn changes(value: &Value, pointer: &str, edits: Edits) -> Vec<ValueChange> {
    let changed = edits.into_iter().filter_map(|(what, at, edit)| {
        let mut value = value.clone();
        match &edit {
            ValueEdit::Replaced(other) => *value.pointer_mut(&at)? = other.clone(),
            ValueEdit::Within(range, replacement) => match value.pointer_mut(&at)? {
                Value::String(text) => text.replace_range(range.clone(), replacement),
                _ => return None,
            },
            ValueEdit::Removed => {
                let (parent, last) = at.rsplit_once('/')?;
                match value.pointer_mut(parent)? {
                    Value::Array(elements) => drop(elements.remove(last.parse().ok()?)),
                    Value::Object(members) => drop(members.remove(&last.replace("~1", "/").replace("~0", "~"))),
                    _ => return None,
                }
            }
        }
        Some(ValueChange { value, what, pointer: format!("{pointer}{at}"), edit })
    });
    changed.collect()
}

fn edits_of_param(value: &Value, at: &str, edits: &mut Edits) {
    const WHAT: &str = "another constant";
    match value {
        Value::Null => {}
        Value::Bool(value) => edits.push((WHAT, at.to_owned(), ValueEdit::Replaced(Value::Bool(!value)))),
        Value::Number(_) => edits_of_number(value, at, edits),
        Value::String(text) => {
            // a text with anchors is a pattern: none of its ends is at the end then
            if text.starts_with('^') {
                edits.push(("anchor removed", at.to_owned(), ValueEdit::Within(0..1, "")));
            }
            if text.ends_with('$') && !text.ends_with("\\$") {
                edits.push(("anchor removed", at.to_owned(), ValueEdit::Within(text.len() - 1..text.len(), "")));
            }
            edits.push((WHAT, at.to_owned(), ValueEdit::Within(text.len()..text.len(), "_")));
        }
        Value::Array(elements) => {
            for (position, element) in elements.iter().enumerate() {
                let at = format!("{at}/{position}");
                edits.push(("element removed", at.clone(), ValueEdit::Removed));
                // a scalar that is another one is missing as well
                if element.is_array() || element.is_object() {
                    edits_of_param(element, &at, edits);
                }
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                edits_of_param(member, &format!("{at}/{}", escape(name)), edits);
            }
        }
    }
}

fn edits_of_number(value: &Value, at: &str, edits: &mut Edits) {
    let others = match value.as_i64() {
        Some(number) => [number.checked_add(1), number.checked_sub(1)].map(|other| other.map(Value::from)),
        None => [value.as_f64().map(|number| Value::from(number + 1.0)), None],
    };
    for other in others.into_iter().flatten() {
        edits.push(("another constant", at.to_owned(), ValueEdit::Replaced(other)));
    }
}

/// `names_fields` if the members are called by fields of the body, not by keywords.
fn edits_of_schema(value: &Value, at: &str, names_fields: bool, edits: &mut Edits) {
    match value {
        Value::Object(members) if names_fields => {
            for (name, schema) in members {
                edits_of_schema(schema, &format!("{at}/{}", escape(name)), false, edits);
            }
        }
        Value::Object(members) => members.iter().for_each(|(name, value)| keyword(name, value, members, at, edits)),
        Value::Bool(value) => {
            edits.push(("another constant", at.to_owned(), ValueEdit::Replaced(Value::Bool(!value))));
        }
        _ => {}
    }
}

fn keyword(name: &str, value: &Value, beside: &Map<String, Value>, at: &str, edits: &mut Edits) {
    let inside = format!("{at}/{}", escape(name));
    match (name, value) {
        ("title" | "description" | "$comment" | "examples" | "default" | "$id" | "$schema", _) => {}
        ("pattern" | "format" | "const" | "not" | "contains" | "if" | "uniqueItems" | "type", _) => {
            // beside nothing else the schema would have no meaning
            if beside.len() > 1 || name != "type" {
                edits.push(("keyword removed", inside.clone(), ValueEdit::Removed));
            }
            if value.is_object() {
                edits_of_schema(value, &inside, false, edits);
            }
        }
        ("properties" | "patternProperties" | "$defs" | "dependentSchemas", _) => {
            edits_of_schema(value, &inside, true, edits);
        }
        (_, Value::Number(_)) => edits_of_number(value, &inside, edits),
        ("enum" | "required" | "allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(elements)) => {
            for (position, element) in elements.iter().enumerate() {
                let inside = format!("{inside}/{position}");
                edits.push(("element removed", inside.clone(), ValueEdit::Removed));
                if element.is_object() && name != "enum" {
                    edits_of_schema(element, &inside, false, edits);
                }
            }
        }
        _ => edits_of_schema(value, &inside, false, edits),
    }
}

fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
