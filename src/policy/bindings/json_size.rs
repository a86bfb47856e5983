//! The size of a value of the body as compact JSON.

use crate::cel::{Budget, EvaluationError};
use crate::document::NodeRef;

/// In bytes. Blanks between tokens do not count, so that the limit of a policy does not depend on the client library.
pub(super) fn compact(node: NodeRef<'_>, budget: &mut Budget) -> Result<usize, EvaluationError> {
    // paid afterwards: the body is bounded, and so is one walk over it
    let size = node.compact_size();
    budget.steps(size.values)?;
    budget.bytes(size.bytes)?;
    Ok(size.bytes)
}
