//! Compiled expressions of a policy, evaluated for each request.

use super::activation::{Container, Value};
use super::error::EvaluationError;
use super::evaluation::Evaluation;
use super::key::Key;
use super::node::{Node, Op};
use super::source_info::SourceInfo;
use super::trace::{Disclosure, Trace, TracePart};
use super::tracer::Tracer;
use super::unknown::EvaluationFailure;
use std::convert::Infallible;

/// A condition or validation: an expression that is true or false of a request.
#[derive(Debug)]
pub(crate) struct Expression {
    pub(super) node: Node,
    pub(super) source: SourceInfo,
}

/// An expression whose value is used, and not only whether it is true: a key that groups requests, or a whole number.
#[derive(Debug)]
pub(crate) struct ValueExpression {
    pub(super) node: Node,
    pub(super) source: SourceInfo,
}

/// The variables of a policy, in the order of their declaration.
#[derive(Debug)]
pub(crate) struct Variables {
    pub(super) nodes: Box<[Node]>,
    pub(super) sources: Box<[SourceInfo]>,
}

impl Variables {
    /// The first variable.
    #[cfg(test)]
    pub(crate) fn first(&self) -> Option<&Node> {
        self.nodes.first()
    }

    /// An evaluation of the policy's expressions for one request.
    pub(crate) const fn evaluation<'a, C: Container<'a>>(&'a self, activation: C::Activation) -> Evaluation<'a, C> {
        Evaluation::new(Some(activation), &self.nodes)
    }

    /// An evaluation that is traced, with as much of each value as `disclosure` permits.
    pub(crate) fn traced_evaluation<'a, C: Container<'a>, D: Disclosure>(
        &'a self,
        activation: C::Activation,
        disclosure: D,
    ) -> Evaluation<'a, C, Trace<'a, D>> {
        Evaluation::with_tracer(Some(activation), &self.nodes, Trace::new(disclosure, &self.sources))
    }
}

impl ValueExpression {
    /// The key of the request.
    ///
    /// # Errors
    ///
    /// The expression has no value, or one that cannot be a key.
    pub(crate) fn key<'a, C: Container<'a, Unknown = Infallible>>(
        &'a self,
        evaluation: &mut Evaluation<'a, C>,
    ) -> Result<Key, EvaluationError> {
        let value = evaluation.value(&self.node).map_err(EvaluationFailure::error)?;
        Key::of(&value).ok_or(EvaluationError::NoSuchOverload)
    }

    /// The number of the request.
    ///
    /// # Errors
    ///
    /// The expression has no value, or one that is not a whole number.
    pub(crate) fn integer<'a, C: Container<'a, Unknown = Infallible>>(
        &'a self,
        evaluation: &mut Evaluation<'a, C>,
    ) -> Result<i128, EvaluationError> {
        match evaluation.value(&self.node).map_err(EvaluationFailure::error)? {
            Value::Int(value) => Ok(value.into()),
            Value::Uint(value) => Ok(value.into()),
            _ => Err(EvaluationError::NoSuchOverload),
        }
    }

    /// The number, if it does not depend on the request.
    pub(crate) fn constant_integer(&self) -> Option<i128> {
        match self.node.op {
            Op::Constant(Value::Int(value)) => Some(value.into()),
            Op::Constant(Value::Uint(value)) => Some(value.into()),
            _ => None,
        }
    }

    /// The source verbatim.
    pub(crate) fn source(&self) -> &str {
        self.source.source()
    }
}

impl Expression {
    /// The value, if it does not depend on the request.
    pub(crate) const fn constant(&self) -> Option<bool> {
        match self.node.op {
            Op::Constant(Value::Bool(value)) => Some(value),
            _ => None,
        }
    }

    /// Whether the expression is true.
    ///
    /// # Errors
    ///
    /// It has no value, or one that is not a `bool`, or its value is unknown.
    pub(crate) fn is_true<'a, C: Container<'a>, T: Tracer<'a, C>>(
        &'a self,
        evaluation: &mut Evaluation<'a, C, T>,
    ) -> Result<bool, EvaluationFailure<C::Unknown>> {
        match evaluation.value(&self.node)?.require_known()? {
            Value::Bool(value) => Ok(value),
            _ => Err(EvaluationError::WrongType.into()),
        }
    }

    /// Whether the expression is true, and the trace of its evaluation.
    pub(crate) fn is_true_traced<'a, C: Container<'a, Unknown = Infallible>, D: Disclosure>(
        &'a self,
        evaluation: &mut Evaluation<'a, C, Trace<'a, D>>,
    ) -> (Result<bool, EvaluationError>, TracePart) {
        evaluation.tracer.begin(&self.source);
        let truth = self.is_true(evaluation).map_err(EvaluationFailure::error);
        (truth, evaluation.tracer.take(&self.source))
    }

    /// The source verbatim.
    pub(crate) fn source(&self) -> &str {
        self.source.source()
    }
}
