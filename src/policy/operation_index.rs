//! What is asked for requests, by the operations that they call.

use super::scope::Scope;
use std::collections::HashMap;
use std::sync::Arc;

/// What is for requests of some operations only.
pub(super) trait Scoped {
    /// Which requests it is for.
    fn scope(&self) -> &Scope;
}

/// All of a kind, in the order in which they were loaded, and by the operations they match.
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

    /// Those that match the operation called `id`, each operation's in the order given.
    pub(super) fn of_operation(&self, id: &str) -> &[Arc<T>] {
        self.by_operation.get(id).map_or(&[], Vec::as_slice)
    }
}
