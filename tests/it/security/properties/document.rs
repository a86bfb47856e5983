//! Whatever the strict reader accepts, `serde_json` reads as the same, and nothing of it stands twice.

use portcullis::document::{Document, JsonKind, View};
use serde_json::Value;

/// Holds for any bytes.
pub(crate) fn holds(bytes: &[u8]) {
    if let Ok(document) = Document::parse(bytes) {
        let oracle: Value = serde_json::from_slice(bytes).expect("what the strict reader accepts, serde_json accepts");
        assert!(is_same(document.root(), &oracle), "the strict reader and serde_json read different values");
    }
}

/// Whether both say the same. `serde_json` keeps one of two members with one name, so that a name that stands twice would show
/// as a member more.
fn is_same<'a>(node: impl View<'a>, oracle: &Value) -> bool {
    let children = || (0..node.len()).filter_map(|at| node.child(at));
    match (node.kind(), oracle) {
        (JsonKind::Null, Value::Null) => true,
        (JsonKind::Bool(ours), Value::Bool(theirs)) => ours == *theirs,
        (JsonKind::Number(ours), Value::Number(theirs)) => ours == theirs.to_string(),
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
