//! The strict reader reads what `serde_json` reads, as the same, and refuses nothing but what it has a reason to refuse.

use portcullis::document::{Document, JsonKind, MAX_DEPTH, Problem, View};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};
use std::collections::HashSet;
use std::fmt;

/// Holds for any bytes.
pub(crate) fn holds(bytes: &[u8]) {
    let oracle = serde_json::from_slice::<Value>(bytes);
    match (Document::parse(bytes::Bytes::copy_from_slice(bytes)), oracle) {
        (Ok(document), Ok(oracle)) => {
            assert!(is_same(document.root(), &oracle), "the strict reader and serde_json read different values");
        }
        (Ok(_), Err(_)) => panic!("what the strict reader accepts, serde_json accepts"),
        (Err(error), oracle) => match error.problem {
            Problem::Syntax | Problem::HalfSurrogate => assert!(oracle.is_err(), "refused without a reason"),
            Problem::Encoding => assert!(std::str::from_utf8(bytes).is_err() || bytes.starts_with(b"\xef\xbb\xbf")),
            Problem::TooDeep => assert!(deepest(bytes) > MAX_DEPTH, "refused as too deep"),
            // what follows the name may be no JSON
            Problem::DuplicateName(_) if oracle.is_err() => {}
            Problem::DuplicateName(_) => {
                let shape: Shape = serde_json::from_slice(bytes).expect("serde_json accepts it");
                assert!(shape.repeats_name, "refused for a name that stands once");
            }
        },
    }
}

/// Whether both say the same. `serde_json` keeps one of two members with one name, so that a name that stands twice would show
/// as a member more.
fn is_same<'a>(node: impl View<'a>, oracle: &Value) -> bool {
    let children = || (0..node.len()).filter_map(|at| node.child(at));
    match (node.kind(), oracle) {
        (JsonKind::Null, Value::Null) => true,
        (JsonKind::Bool(ours), Value::Bool(theirs)) => ours == *theirs,
        (JsonKind::Number(ours), Value::Number(theirs)) => {
            serde_json::from_str::<Number>(ours).is_ok_and(|ours| ours == *theirs)
        }
        (JsonKind::String(ours), Value::String(theirs)) => ours == theirs,
        (JsonKind::Array, Value::Array(theirs)) => {
            node.len() == theirs.len() && children().zip(theirs).all(|(ours, theirs)| is_same(ours, theirs))
        }
        (JsonKind::Object, Value::Object(theirs)) => {
            let same = |(name, theirs): (&String, &Value)| node.member(name).is_some_and(|ours| is_same(ours, theirs));
            node.len() == theirs.len() && theirs.iter().all(same)
        }
        _ => false,
    }
}

/// The most brackets that are open at once, wherever they stand.
fn deepest(bytes: &[u8]) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    for byte in bytes {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

/// What `serde_json` passes to a visitor before a map drops one of two equal names.
struct Shape {
    repeats_name: bool,
}

impl<'t> Deserialize<'t> for Shape {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor)
    }
}

struct ShapeVisitor;

impl<'t> Visitor<'t> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape { repeats_name: false })
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape { repeats_name: false })
    }

    fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
        Ok(Shape { repeats_name: false })
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut elements: A) -> Result<Shape, A::Error> {
        let mut repeats_name = false;
        while let Some(element) = elements.next_element::<Shape>()? {
            repeats_name |= element.repeats_name;
        }
        Ok(Shape { repeats_name })
    }

    fn visit_map<A: MapAccess<'t>>(self, mut members: A) -> Result<Shape, A::Error> {
        let (mut names, mut repeats_name) = (HashSet::new(), false);
        while let Some((name, value)) = members.next_entry::<String, Shape>()? {
            repeats_name |= value.repeats_name | !names.insert(name);
        }
        Ok(Shape { repeats_name })
    }
}
