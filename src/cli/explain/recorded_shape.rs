//! What a decision log kept of a request: places and shapes.

use crate::decision_log::{EntryText, LogEntry, NumberKind, RedactedShape, RedactedText, RedactedValue, Removal};

/// Places, each with what is known to have been there.
pub(super) fn recorded_shapes(entry: &LogEntry<'_>) -> Vec<(String, String)> {
    let mut places = Vec::new();
    if let Some(facts) = &entry.request {
        let held = |held: &Option<RedactedText<'_>>| held.as_ref().map_or_else(|| "not there".to_owned(), text);
        places.extend(facts.params.0.iter().map(|(name, value)| (format!("request.params.{name}"), text(value))));
        places.extend(facts.headers.0.iter().map(|(name, value)| (format!("request.headers.{name}"), held(value))));
        places.extend(facts.query.0.iter().map(|(name, value)| (format!("request.query.{name}"), held(value))));
    }
    if let Some(body) = &entry.body {
        if let Some(value) = &body.value {
            walk("body", value, &mut places);
        } else {
            let bytes = body.bytes.map_or_else(|| "removed by a mask".to_owned(), |bytes| format!("{bytes} bytes"));
            places.push(("body".to_owned(), format!("{bytes}, empty or not read")));
        }
    }
    places
}

fn text(held: &RedactedText<'_>) -> String {
    let size = held.size.map_or_else(|| "removed by a mask".to_owned(), |size| format!("string of {size}"));
    with_fingerprint(&size, held.fingerprint.as_ref())
}

fn with_fingerprint(shape: &str, fingerprint: Option<&EntryText<'_>>) -> String {
    fingerprint.map_or_else(|| shape.to_owned(), |fingerprint| format!("{shape}, fingerprint {fingerprint}"))
}

fn walk(place: &str, value: &RedactedValue<'_>, places: &mut Vec<(String, String)>) {
    let shape = match value {
        RedactedValue::Null => "null".to_owned(),
        RedactedValue::Bool(value) => value.to_string(),
        RedactedValue::EnumMember(word) => format!("\"{word}\""),
        RedactedValue::Shape(shape) => describe(shape),
    };
    places.push((place.to_owned(), shape));
    match value {
        RedactedValue::Shape(RedactedShape::Object { members, .. }) => {
            for (name, member) in &members.0 {
                walk(&format!("{place}.{name}"), member, places);
            }
        }
        RedactedValue::Shape(RedactedShape::Array { elements, .. }) => {
            for (at, element) in elements.iter().enumerate() {
                walk(&format!("{place}[{at}]"), element, places);
            }
        }
        _ => {}
    }
}

fn describe(shape: &RedactedShape<'_>) -> String {
    match shape {
        RedactedShape::String { size, fingerprint } => {
            with_fingerprint(&format!("string of {size}"), fingerprint.as_ref())
        }
        RedactedShape::Number(NumberKind::Integer) => "whole number".to_owned(),
        RedactedShape::Number(NumberKind::Fraction) => "number".to_owned(),
        RedactedShape::Array { size, .. } => format!("list of {size}"),
        RedactedShape::Object { members, undeclared: 0, .. } => format!("object of {}", members.0.len()),
        RedactedShape::Object { members, undeclared, .. } => {
            format!("object of {}, {undeclared} of them by names that were not kept", members.0.len() + undeclared)
        }
        RedactedShape::Secret(kind) => format!("a secret {kind}, not kept"),
        RedactedShape::Removed(Removal::Mask) => "removed by a mask".to_owned(),
        RedactedShape::Removed(Removal::Bounds) => "not kept: beyond the bounds".to_owned(),
    }
}
