//! The size of a value of the body as compact JSON.

use crate::cel::{Budget, EvaluationError};
use crate::document::{JsonKind, NodeRef, View};

/// In bytes. Blanks between tokens do not count, so that the limit of a policy does not depend on the client library.
pub(super) fn compact(node: NodeRef<'_>, budget: &mut Budget) -> Result<usize, EvaluationError> {
    budget.steps(1)?;
    Ok(match node.kind() {
        JsonKind::Null | JsonKind::Bool(true) => 4,
        JsonKind::Bool(false) => 5,
        JsonKind::Number(text) => text.len(),
        JsonKind::String(text) => {
            budget.bytes(text.len())?;
            node.string_size().unwrap_or_default()
        }
        JsonKind::Array => {
            let mut bytes = brackets_and_commas(node);
            for position in 0..View::len(node) {
                bytes += View::child(node, position).map_or(Ok(0), |child| compact(child, budget))?;
            }
            bytes
        }
        JsonKind::Object => {
            // a colon behind each name
            let mut bytes = brackets_and_commas(node) + node.names_size() + View::len(node);
            for (name, value) in View::members(node) {
                budget.bytes(name.len())?;
                bytes += compact(value, budget)?;
            }
            bytes
        }
    })
}

fn brackets_and_commas(node: NodeRef<'_>) -> usize {
    2 + View::len(node).saturating_sub(1)
}
