//! Policies or limits, indexed by operation.

use super::scope::Scope;
use std::collections::HashMap;
use std::sync::Arc;

/// Something that applies to the requests of a scope.
pub(super) trait Scoped {
    /// The requests it applies to.
    fn scope(&self) -> &Scope;
}

/// All policies or all limits, in the order in which they were loaded, and by the ids of the operations they match.
//
// The lookup by operation is on the path of every request; most operations have no policy at all.
#[derive(Debug)]
pub(super) struct OperationIndex<T> {
    all: Vec<Arc<T>>,
    by_operation: HashMap<Arc<str>, Vec<Arc<T>>>,
}

impl<T> Default for OperationIndex<T> {
    fn default() -> Self {
        Self { all: Vec::new(), by_operation: HashMap::new() }
    }
}

impl<T: Scoped> OperationIndex<T> {
    pub(super) fn new(all: Vec<Arc<T>>) -> Self {
        let mut by_operation: HashMap<Arc<str>, Vec<Arc<T>>> = HashMap::new();
        for one in &all {
            for operation in &one.scope().operations {
                by_operation.entry(operation.clone()).or_default().push(one.clone());
            }
        }
        Self { all, by_operation }
    }

    pub(super) fn all(&self) -> &[Arc<T>] {
        &self.all
    }

    /// Those that match the operation `id`, in the order in which they were loaded.
    pub(super) fn of_operation(&self, id: &str) -> &[Arc<T>] {
        self.by_operation.get(id).map_or(&[], Vec::as_slice)
    }
}
