//! What a decision log kept of a request: places and shapes.

use crate::decision_log::{Entry, Held, Number, Removal, Shape, Skeleton, Text};

/// Places, each with what is known to have been there.
pub(super) fn kept(entry: &Entry<'_>) -> Vec<(String, String)> {
    let mut places = Vec::new();
    if let Some(facts) = &entry.request {
        let held = |held: &Option<Held<'_>>| held.as_ref().map_or_else(|| "not there".to_owned(), text);
        places.extend(facts.params.0.iter().map(|(name, value)| (format!("request.params.{name}"), text(value))));
        places.extend(facts.headers.0.iter().map(|(name, value)| (format!("request.headers.{name}"), held(value))));
        places.extend(facts.query.0.iter().map(|(name, value)| (format!("request.query.{name}"), held(value))));
    }
    if let Some(body) = &entry.body {
        if let Some(skeleton) = &body.skeleton {
            walk("body", skeleton, &mut places);
        } else {
            let bytes = body.bytes.map_or_else(|| "removed by a mask".to_owned(), |bytes| format!("{bytes} bytes"));
            places.push(("body".to_owned(), format!("{bytes}, empty or not read")));
        }
    }
    places
}

fn text(held: &Held<'_>) -> String {
    let size = held.size.map_or_else(|| "removed by a mask".to_owned(), |size| format!("string of {size}"));
    with_fingerprint(&size, held.fingerprint.as_ref())
}

fn with_fingerprint(shape: &str, fingerprint: Option<&Text<'_>>) -> String {
    fingerprint.map_or_else(|| shape.to_owned(), |fingerprint| format!("{shape}, fingerprint {fingerprint}"))
}

fn walk(place: &str, skeleton: &Skeleton<'_>, places: &mut Vec<(String, String)>) {
    let shape = match skeleton {
        Skeleton::Null => "null".to_owned(),
        Skeleton::Bool(value) => value.to_string(),
        Skeleton::Word(word) => format!("\"{word}\""),
        Skeleton::Shape(shape) => described(shape),
    };
    places.push((place.to_owned(), shape));
    match skeleton {
        Skeleton::Shape(Shape::Object { members, .. }) => {
            for (name, member) in &members.0 {
                walk(&format!("{place}.{name}"), member, places);
            }
        }
        Skeleton::Shape(Shape::Array { elements, .. }) => {
            for (at, element) in elements.iter().enumerate() {
                walk(&format!("{place}[{at}]"), element, places);
            }
        }
        _ => {}
    }
}

fn described(shape: &Shape<'_>) -> String {
    match shape {
        Shape::String { size, fingerprint } => with_fingerprint(&format!("string of {size}"), fingerprint.as_ref()),
        Shape::Number(Number::Integer) => "whole number".to_owned(),
        Shape::Number(Number::Fraction) => "number".to_owned(),
        Shape::Array { size, .. } => format!("list of {size}"),
        Shape::Object { members, undeclared: 0, .. } => format!("object of {}", members.0.len()),
        Shape::Object { members, undeclared, .. } => {
            format!("object of {}, {undeclared} of them by names that were not kept", members.0.len() + undeclared)
        }
        Shape::Secret(kind) => format!("a secret {kind}, not kept"),
        Shape::Removed(Removal::Mask) => "removed by a mask".to_owned(),
        Shape::Removed(Removal::Bounds) => "not kept: beyond the bounds".to_owned(),
    }
}
