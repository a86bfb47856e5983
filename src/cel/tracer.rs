//! The observer of an evaluation.

use super::activation::{Container, Evaluated};
use super::node::Node;

/// Observes each node of an expression as it is evaluated.
pub(crate) trait Tracer<'a, C: Container<'a>> {
    /// Whether it observes at all. The compiler removes the calls if not, so that the request path pays nothing for tracing.
    const ENABLED: bool;
    /// `node` is about to be evaluated.
    fn enter(&mut self, node: &'a Node);
    /// The node entered last was evaluated to `value`. Returns the value that the evaluation goes on with.
    fn leave(&mut self, value: Evaluated<'a, C>) -> Evaluated<'a, C>;
}

/// Observes nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Untraced;

impl<'a, C: Container<'a>> Tracer<'a, C> for Untraced {
    const ENABLED: bool = false;

    fn enter(&mut self, _: &'a Node) {}

    fn leave(&mut self, value: Evaluated<'a, C>) -> Evaluated<'a, C> {
        value
    }
}
