//! Finds the part of an expression that has no value, for the message of the failure.

use super::activation::{Container, Evaluated};
use super::evaluation::Evaluation;
use super::expression::{Expression, ValueExpression, Variables};
use super::node::{Node, NodeId};
use super::source_info::SourceInfo;
use super::tracer::Tracer;
use super::unknown::EvaluationFailure;
use std::convert::Infallible;

/// The parts that are being evaluated, each with the smallest part in it that failed and was not made up for.
#[derive(Default)]
struct FailureFinder<'a> {
    parts: Vec<(&'a Node, Option<NodeId>)>,
    /// That of the whole expression.
    found: Option<NodeId>,
}

impl<'a, C: Container<'a, Unknown = Infallible>> Tracer<'a, C> for FailureFinder<'a> {
    const ENABLED: bool = true;

    fn enter(&mut self, node: &'a Node) {
        self.parts.push((node, None));
    }

    fn leave(&mut self, value: Evaluated<'a, C>) -> Evaluated<'a, C> {
        let Some((node, within)) = self.parts.pop() else { return value };
        if let Err(EvaluationFailure::Error(_)) = &value {
            // a part that the checker made up has no source
            let own = (node.id != NodeId::NONE).then_some(node.id);
            let around = self.parts.last_mut().map_or(&mut self.found, |(_, within)| within);
            *around = around.or(within).or(own);
        }
        value
    }
}

impl Expression {
    /// The source of the smallest part that has no value for a request; `None` if the expression has a value. Evaluates it again, which
    /// only a failure is worth.
    pub(crate) fn failed_part<'a, C: Container<'a, Unknown = Infallible>>(
        &'a self,
        variables: &'a Variables,
        activation: C::Activation,
    ) -> Option<&'a str> {
        find::<C>((&self.node, &self.source), variables, activation)
    }
}

impl ValueExpression {
    /// As [`Expression::failed_part`].
    pub(crate) fn failed_part<'a, C: Container<'a, Unknown = Infallible>>(
        &'a self,
        variables: &'a Variables,
        activation: C::Activation,
    ) -> Option<&'a str> {
        find::<C>((&self.node, &self.source), variables, activation)
    }
}

fn find<'a, C: Container<'a, Unknown = Infallible>>(
    (node, source): (&'a Node, &'a SourceInfo),
    variables: &'a Variables,
    activation: C::Activation,
) -> Option<&'a str> {
    let mut evaluation: Evaluation<'a, C, _> =
        Evaluation::with_tracer(Some(activation), &variables.nodes, FailureFinder::default());
    // only what it passes matters
    let _ = evaluation.value(node);
    let id = evaluation.tracer.found?;
    std::iter::once(source).chain(&variables.sources).find_map(|source| source.text(id))
}
