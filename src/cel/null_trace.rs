//! Why an expression has no value for a request that lacks something: which of its parts got a null that it does not take.
//!
//! What else is in the request is unknown. A part that depends on it is a choice: the caller evaluates once for each value of it.

use super::activation::{Container, Evaluated, Value};
use super::assumptions::{Assumptions, OpenChoice};
use super::evaluation::Evaluation;
use super::expression::{Expression, ValueExpression, Variables};
use super::function::{FUNCTIONS, Function};
use super::kind::Kinds;
use super::node::{Node, Op};
use super::source_info::SourceInfo;
use super::syntax::Infix;
use super::tracer::Tracer;
use super::unknown::{EvaluationFailure, Unknown};

/// The result of an expression for every request that lacks a certain thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AbsenceOutcome {
    /// True or false, whatever is not assumed of the request.
    Decided(bool),
    /// Depends on what else is in the request.
    Undetermined,
    /// No value, whatever is not assumed of the request, because of a null.
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
    /// The result for `activation`, which stands for every request that lacks something, with `assumptions` about what it has.
    ///
    /// Returns also what to assume next, if another part of the request decides whether a null gets where none is taken.
    pub(crate) fn absence_outcome<'a, C: Container<'a, Unknown = Unknown>>(
        &'a self,
        variables: &'a Variables,
        activation: C::Activation,
        assumptions: &'a Assumptions<'a>,
    ) -> (AbsenceOutcome, Option<OpenChoice>) {
        let tracer = NullTracer::new(&self.source, variables, assumptions);
        let (value, tracer) = evaluate::<C>(&self.node, variables, activation, tracer);
        let outcome = match value {
            Ok(Value::Bool(value)) => AbsenceOutcome::Decided(value),
            Ok(Value::Null) => {
                let culprit = tracer.null.map(|null| Culprit { taker: &self.node, null });
                tracer.describe(culprit)
            }
            Err(EvaluationFailure::Error(_)) => tracer.describe(tracer.culprit),
            _ => return (AbsenceOutcome::Undetermined, tracer.next_choice()),
        };
        (outcome, None)
    }
}

impl ValueExpression {
    /// As [`Expression::absence_outcome`]; never decided.
    pub(crate) fn absence_outcome<'a, C: Container<'a, Unknown = Unknown>>(
        &'a self,
        variables: &'a Variables,
        activation: C::Activation,
        assumptions: &'a Assumptions<'a>,
    ) -> (AbsenceOutcome, Option<OpenChoice>) {
        let tracer = NullTracer::new(&self.source, variables, assumptions);
        let (value, tracer) = evaluate::<C>(&self.node, variables, activation, tracer);
        match value {
            Err(EvaluationFailure::Error(_)) => (tracer.describe(tracer.culprit), None),
            _ => (AbsenceOutcome::Undetermined, tracer.next_choice()),
        }
    }
}

/// Variables are evaluated anew for each expression: each reports the nulls of those that it uses.
fn evaluate<'a, C: Container<'a, Unknown = Unknown>>(
    node: &'a Node,
    variables: &'a Variables,
    activation: C::Activation,
    tracer: NullTracer<'a>,
) -> (Evaluated<'a, C>, NullTracer<'a>) {
    let mut evaluation = Evaluation::with_tracer(Some(activation), &variables.nodes, tracer);
    let value = evaluation.value(node);
    (value, evaluation.tracer)
}

/// A part of an expression that got a null, and the part that is null.
#[derive(Clone, Copy, Debug)]
struct Culprit<'a> {
    taker: &'a Node,
    null: &'a Node,
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
        Op::Index(_) | Op::Optional(_) => "[...]",
        Op::Matches(..) => "matches",
        Op::Find(find) => {
            if find.all {
                "findAll"
            } else {
                "find"
            }
        }
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
    /// The first of its parts of which only the type is known.
    unknown: Option<(&'a Node, Unknown)>,
}

/// Finds the innermost part that got a null and has no value for that reason.
#[derive(Debug)]
struct NullTracer<'a> {
    sources: Vec<&'a SourceInfo>,
    assumptions: &'a Assumptions<'a>,
    frames: Vec<NullFrame<'a>>,
    /// Of the whole expression.
    culprit: Option<Culprit<'a>>,
    /// The part whose null the whole expression passed on.
    null: Option<&'a Node>,
    /// The first choice that would decide a part of the expression.
    choice: Option<OpenChoice>,
    /// Whether a null got where none is taken on some path: else no choice matters.
    may_fail: bool,
}

impl<'a> NullTracer<'a> {
    fn new(source: &'a SourceInfo, variables: &'a Variables, assumptions: &'a Assumptions<'a>) -> Self {
        Self {
            sources: std::iter::once(source).chain(&variables.sources).collect(),
            assumptions,
            frames: Vec::new(),
            culprit: None,
            null: None,
            choice: None,
            may_fail: false,
        }
    }

    /// The source of a part; `None` for a literal.
    fn text(&self, node: &Node) -> Option<&'a str> {
        self.sources.iter().find_map(|source| source.text(node.id))
    }

    fn next_choice(self) -> Option<OpenChoice> {
        self.choice.filter(|_| self.may_fail)
    }

    fn describe(&self, culprit: Option<Culprit<'_>>) -> AbsenceOutcome {
        let unguarded = culprit.and_then(|Culprit { taker, null }| {
            // a literal `null` has no text: it is deliberate
            let name = self.text(null)?.to_owned();
            let takes_bool = matches!(taker.op, Op::Not(_) | Op::And(_) | Op::Or(_) | Op::Conditional(_));
            Some(UnguardedNull { name, taker: sign(&taker.op), takes_bool })
        });
        unguarded.map_or(AbsenceOutcome::Undetermined, AbsenceOutcome::Unguarded)
    }

    /// The choice that decides a part whose value depends on an unknown one.
    fn choice_for(&self, frame: &NullFrame<'a>) -> Option<OpenChoice> {
        let by_value = || {
            let (part, unknown) = frame.unknown.filter(|_| compares(&frame.node.op))?;
            self.assumptions.choose_value(self.text(part)?, unknown)
        };
        let by_truth =
            || Some(Assumptions::choose_truth(self.text(frame.node).filter(|_| is_predicate(&frame.node.op))?));
        by_value().or_else(by_truth)
    }
}

/// Whether the values of an operand are literals, or what lies between them, to the operation.
const fn compares(op: &Op) -> bool {
    matches!(
        op,
        Op::Not(_)
            | Op::And(_)
            | Op::Or(_)
            | Op::Conditional(_)
            | Op::Equal { .. }
            | Op::Compare(..)
            | Op::In(_)
            | Op::Comprehension(_)
            | Op::Call(Function::Contains | Function::StartsWith | Function::EndsWith, _)
    )
}

/// Whether the operation has a value of its own that is true or false. What joins others depends on them alone.
fn is_predicate(op: &Op) -> bool {
    match op {
        Op::Equal { .. } | Op::Compare(..) | Op::In(_) | Op::Matches(..) | Op::HasEntry(..) | Op::HasMember(..) => true,
        Op::Comprehension(comprehension) => comprehension.r#macro.gives_truth(),
        Op::Call(function, _) => {
            FUNCTIONS.iter().any(|known| known.function == *function && known.gives == Kinds::BOOL)
        }
        _ => false,
    }
}

impl<'a, C: Container<'a, Unknown = Unknown>> Tracer<'a, C> for NullTracer<'a> {
    const ENABLED: bool = true;

    fn enter(&mut self, node: &'a Node) {
        self.frames.push(NullFrame { node, null: None, culprit: None, unknown: None });
    }

    fn leave(&mut self, value: Evaluated<'a, C>) -> Evaluated<'a, C> {
        let Some(frame) = self.frames.pop() else { return value };
        let is_unknown = matches!(value, Ok(Value::Unknown(_)) | Err(EvaluationFailure::Unknown(_)));
        let assumed = self.text(frame.node).filter(|_| is_unknown).and_then(|text| self.assumptions.get(text));
        let value = assumed.map_or(value, |assumed| Ok(assumed.to_borrowed()));
        let (mut null, mut culprit, mut unknown) = (None, None, None);
        match &value {
            Ok(Value::Null) => null = frame.null.or(Some(frame.node)),
            Ok(Value::Unknown(known)) => unknown = Some((frame.node, *known)),
            Err(EvaluationFailure::Error(_)) => {
                culprit = frame.culprit.or_else(|| Some(Culprit { taker: frame.node, null: frame.null? }));
                self.may_fail |= culprit.is_some();
            }
            Err(EvaluationFailure::Unknown(_)) => {
                if self.choice.is_none() {
                    self.choice = self.choice_for(&frame);
                }
                // the test is not evaluated until the elements are known
                self.may_fail |= matches!(frame.node.op, Op::Comprehension(_));
            }
            // an error inside did not matter: another operand of `&&` or `||` decided
            Ok(_) => {}
        }
        let (outer_null, outer_culprit) = match self.frames.last_mut() {
            Some(around) => {
                around.unknown = around.unknown.or(unknown);
                (&mut around.null, &mut around.culprit)
            }
            None => (&mut self.null, &mut self.culprit),
        };
        *outer_null = outer_null.or(null);
        *outer_culprit = outer_culprit.or(culprit);
        match value {
            // caused by a value that was assumed, which need not be one that the part takes
            Err(EvaluationFailure::Error(_)) if culprit.is_none() => Err(EvaluationFailure::Unknown(Unknown::ANYTHING)),
            value => value,
        }
    }
}
