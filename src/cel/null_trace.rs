//! Why an expression has no value for a request that lacks something: which of its parts got a null that it does not take.

use super::activation::{Container, Evaluated, Value};
use super::evaluation::Evaluation;
use super::expression::{Expression, ValueExpression, Variables};
use super::function::FUNCTIONS;
use super::node::{Node, Op};
use super::source_info::SourceInfo;
use super::syntax::Infix;
use super::tracer::Tracer;
use super::unknown::EvaluationFailure;

/// The result of an expression for every request that lacks a certain thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AbsenceOutcome {
    /// True or false, whatever else is in the request.
    Decided(bool),
    /// Depends on what else is in the request.
    Undetermined,
    /// No value, whatever else is in the request, because of a null.
    Unguarded(UnguardedNull),
}

/// A null in a place that takes none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnguardedNull {
    /// The source of the part that is null.
    pub(crate) name: String,
    /// The operator or function that does not take it.
    pub(crate) taker: String,
    /// Whether the operator takes a `bool` only.
    pub(crate) takes_bool: bool,
}

impl Expression {
    /// The result for `activation`, which stands for every request that lacks something.
    pub(crate) fn absence_outcome<'a, C: Container<'a>>(
        &'a self,
        variables: &'a Variables,
        activation: C::Activation,
    ) -> AbsenceOutcome {
        let (value, tracer) = evaluate::<C>(&self.node, variables, activation);
        match value {
            Ok(Value::Bool(value)) => AbsenceOutcome::Decided(value),
            Ok(Value::Null) => {
                let culprit = tracer.null.map(|null| Culprit { taker: &self.node, null });
                describe(&self.source, variables, culprit)
            }
            Err(EvaluationFailure::Error(_)) => describe(&self.source, variables, tracer.culprit),
            _ => AbsenceOutcome::Undetermined,
        }
    }
}

impl ValueExpression {
    /// The result for `activation`, which stands for every request that lacks something.
    pub(crate) fn absence_outcome<'a, C: Container<'a>>(
        &'a self,
        variables: &'a Variables,
        activation: C::Activation,
    ) -> AbsenceOutcome {
        let (value, tracer) = evaluate::<C>(&self.node, variables, activation);
        match value {
            Err(EvaluationFailure::Error(_)) => describe(&self.source, variables, tracer.culprit),
            _ => AbsenceOutcome::Undetermined,
        }
    }
}

/// Variables are evaluated anew for each expression: each reports the nulls of those that it uses.
fn evaluate<'a, C: Container<'a>>(
    node: &'a Node,
    variables: &'a Variables,
    activation: C::Activation,
) -> (Evaluated<'a, C>, NullTracer<'a>) {
    let mut evaluation = Evaluation::with_tracer(Some(activation), &variables.nodes, NullTracer::default());
    let value = evaluation.value(node);
    (value, evaluation.tracer)
}

/// A part of an expression that got a null, and the part that is null.
#[derive(Clone, Copy, Debug)]
struct Culprit<'a> {
    taker: &'a Node,
    null: &'a Node,
}

fn describe(source: &SourceInfo, variables: &Variables, culprit: Option<Culprit<'_>>) -> AbsenceOutcome {
    let unguarded = culprit.and_then(|Culprit { taker, null }| {
        let mut sources = std::iter::once(source).chain(&variables.sources);
        // a literal `null` has no text: it is deliberate
        let name = sources.find_map(|source| source.text(null.id))?.to_owned();
        let takes_bool = matches!(taker.op, Op::Not(_) | Op::And(_) | Op::Or(_) | Op::Conditional(_));
        Some(UnguardedNull { name, taker: sign(&taker.op), takes_bool })
    });
    unguarded.map_or(AbsenceOutcome::Undetermined, AbsenceOutcome::Unguarded)
}

/// The operator or function of a node, for a message.
fn sign(op: &Op) -> String {
    let sign = match op {
        Op::Not(_) => "!",
        Op::Negate(_) => "-",
        Op::And(_) => "&&",
        Op::Or(_) => "||",
        Op::Conditional(_) => "?",
        Op::Compare(comparison, _) => Infix::Compare(*comparison).as_str(),
        Op::Calculate(operator, _) => Infix::Calculate(*operator).as_str(),
        Op::In(_) => "in",
        Op::Index(_) => "[...]",
        Op::Matches(..) => "matches",
        Op::Comprehension(comprehension) => comprehension.r#macro.as_str(),
        Op::Call(function, _) => {
            FUNCTIONS.iter().find(|known| known.function == *function).map_or("the function", |known| known.name)
        }
        // a member of null: the dot does not take it
        Op::Member(_, name) | Op::HasMember(_, name) => return format!(".{}", name.as_str().unwrap_or_default()),
        _ => "the policy",
    };
    sign.to_owned()
}

/// A part that is being evaluated.
#[derive(Debug)]
struct NullFrame<'a> {
    node: &'a Node,
    /// The first part of it whose null it passed on.
    null: Option<&'a Node>,
    /// The first of its parts that did not take a null.
    culprit: Option<Culprit<'a>>,
}

/// Finds the innermost part that got a null and has no value for that reason.
#[derive(Debug, Default)]
struct NullTracer<'a> {
    frames: Vec<NullFrame<'a>>,
    /// Of the whole expression.
    culprit: Option<Culprit<'a>>,
    /// The part whose null the whole expression passed on.
    null: Option<&'a Node>,
}

impl<'a, C: Container<'a>> Tracer<'a, C> for NullTracer<'a> {
    const ENABLED: bool = true;

    fn enter(&mut self, node: &'a Node) {
        self.frames.push(NullFrame { node, null: None, culprit: None });
    }

    fn leave(&mut self, value: &Evaluated<'a, C>) {
        let Some(frame) = self.frames.pop() else { return };
        let (null, culprit) = match value {
            Ok(Value::Null) => (frame.null.or(Some(frame.node)), None),
            Err(EvaluationFailure::Error(_)) => {
                (None, frame.culprit.or_else(|| Some(Culprit { taker: frame.node, null: frame.null? })))
            }
            // an error inside did not matter: another operand of `&&` or `||` decided
            _ => (None, None),
        };
        let (outer_null, outer_culprit) = match self.frames.last_mut() {
            Some(around) => (&mut around.null, &mut around.culprit),
            None => (&mut self.null, &mut self.culprit),
        };
        *outer_null = outer_null.or(null);
        *outer_culprit = outer_culprit.or(culprit);
    }
}
