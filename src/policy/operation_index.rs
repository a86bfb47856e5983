//! Policies or limits, indexed by operation and environment.

use super::scope::Scope;
use crate::contract::credential::Environment;
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
    by_operation: ByOperation<T>,
}

// ids are those of the contract, not of requests, so that the hash needs no secret
type ByOperation<T> = HashMap<Arc<str>, OfOperation<T>, foldhash::fast::FixedState>;

/// Those that match one operation.
#[derive(Debug)]
struct OfOperation<T> {
    all: Vec<Arc<T>>,
    /// Those that may be for requests of an environment, so that the others cost a request nothing.
    development: Vec<Arc<T>>,
    production: Vec<Arc<T>>,
}

impl<T> Default for OfOperation<T> {
    fn default() -> Self {
        Self { all: Vec::new(), development: Vec::new(), production: Vec::new() }
    }
}

impl<T> Default for OperationIndex<T> {
    fn default() -> Self {
        Self { all: Vec::new(), by_operation: ByOperation::default() }
    }
}

impl<T: Scoped> OperationIndex<T> {
    pub(super) fn new(all: Vec<Arc<T>>) -> Self {
        let mut by_operation = ByOperation::<T>::default();
        for one in &all {
            let scope = one.scope();
            for operation in &scope.operations {
                let known = by_operation.entry(operation.clone()).or_default();
                known.all.push(one.clone());
                known.development.extend(scope.may_be_for(Environment::Development).then(|| one.clone()));
                known.production.extend(scope.may_be_for(Environment::Production).then(|| one.clone()));
            }
        }
        Self { all, by_operation }
    }

    pub(super) fn all(&self) -> &[Arc<T>] {
        &self.all
    }

    /// Those that match the operation `id`, in the order in which they were loaded.
    pub(super) fn of_operation(&self, id: &str) -> &[Arc<T>] {
        self.by_operation.get(id).map_or(&[], |known| &known.all)
    }

    /// Those of them that may be for requests of `environment`: whether they are may depend on the gateway's name for its own.
    pub(super) fn of_environment(&self, id: &str, environment: Environment) -> &[Arc<T>] {
        self.by_operation.get(id).map_or(&[], |known| match environment {
            Environment::Development => &known.development,
            Environment::Production => &known.production,
        })
    }
}
