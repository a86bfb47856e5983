//! Why an expression has no value for a request that lacks something: which part of it was given a null that it does not take.

use super::absence::{PartialRequest, UnknownBody};
use super::activation::Failure;
use super::evaluation::{Evaluated, Evaluation};
use super::expression::{Expression, KeyExpression, Variables};
use super::function::FUNCTIONS;
use super::node::Node;
use super::source_info::SourceInfo;
use super::syntax::Infix;
use super::trace::Tracer;
use super::value::Value;

/// What an expression comes to for a request that lacks something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AbsenceOutcome {
    /// True or false, whatever else the request is.
    Decided(bool),
    /// What else the request is decides.
    Undetermined,
    /// It has no value, whatever else the request is, and a null is the reason.
    Unguarded(UnguardedNull),
}

/// A null where none is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnguardedNull {
    /// What reads as null, as it was written.
    pub(crate) name: String,
    /// What does not take it.
    pub(crate) taker: String,
    /// Whether that takes nothing but true and false.
    pub(crate) takes_bool: bool,
}

impl Expression {
    /// What the expression comes to for a request that lacks something.
    pub(crate) fn without<'a>(&'a self, variables: &'a Variables, request: &'a PartialRequest<'a>) -> AbsenceOutcome {
        let (node, value, tracer) = evaluated(self.node(), variables, request);
        match value {
            Ok(Value::Bool(value)) => AbsenceOutcome::Decided(value),
            Ok(Value::Null) => told(self.source(), node, variables, tracer.null.map(|null| (node, null))),
            Err(Failure::Error(_)) => told(self.source(), node, variables, tracer.found),
            _ => AbsenceOutcome::Undetermined,
        }
    }
}

impl KeyExpression {
    /// What the key comes to for a request that lacks something; `source` is what it was made of.
    pub(crate) fn without<'a>(
        &'a self,
        source: &'a str,
        variables: &'a Variables,
        request: &'a PartialRequest<'a>,
    ) -> AbsenceOutcome {
        let (node, value, tracer) = evaluated(self.node(), variables, request);
        match value {
            Err(Failure::Error(_)) => told(source, node, variables, tracer.found),
            _ => AbsenceOutcome::Undetermined,
        }
    }
}

/// The variables are evaluated anew for each expression, so that each is told what is wrong in them.
fn evaluated<'a>(
    node: &'a Node,
    variables: &'a Variables,
    request: &'a PartialRequest<'a>,
) -> (&'a Node, Evaluated<'a, UnknownBody>, NullTracer<'a>) {
    let mut evaluation = Evaluation::recorded(Some(request), variables.nodes(), NullTracer::default());
    let value = evaluation.value(node);
    (node, value, evaluation.tracer)
}

/// A part of an expression that was given a null, and the part that reads as null.
type Blamed<'a> = (&'a Node, &'a Node);

fn told<'a>(source: &'a str, node: &'a Node, variables: &'a Variables, blamed: Option<Blamed<'a>>) -> AbsenceOutcome {
    let mut source_info = SourceInfo::default();
    source_info.learn(source, node);
    variables.each().for_each(|(source, node)| source_info.learn(source, node));
    let unguarded = blamed.and_then(|(taker, null)| {
        let takes_bool = matches!(taker, Node::Not(_) | Node::And(_) | Node::Or(_) | Node::Conditional(_));
        Some(UnguardedNull { name: source_info.of(null)?.to_owned(), taker: named(taker), takes_bool })
    });
    unguarded.map_or(AbsenceOutcome::Undetermined, AbsenceOutcome::Unguarded)
}

/// As people know it.
fn named(taker: &Node) -> String {
    let sign = match taker {
        Node::Not(_) => "!",
        Node::Negate(_) => "-",
        Node::And(_) => "&&",
        Node::Or(_) => "||",
        Node::Conditional(_) => "?",
        Node::Compare(comparison, _) => Infix::Compare(*comparison).as_str(),
        Node::Calculate(operator, _) => Infix::Calculate(*operator).as_str(),
        Node::In(_) => "in",
        Node::Index(_) => "[...]",
        Node::Matches(..) => "matches",
        Node::Comprehension(comprehension) => comprehension.r#macro.as_str(),
        Node::Call(function, _) => {
            FUNCTIONS.iter().find(|known| known.function == *function).map_or("the function", |known| known.name)
        }
        Node::Member(_, name) | Node::HasMember(_, name) => return format!(".{}", name.as_str().unwrap_or_default()),
        _ => "the policy",
    };
    sign.to_owned()
}

/// A part that is being evaluated.
#[derive(Debug)]
struct Frame<'a> {
    node: &'a Node,
    /// The first part in it that read as null, if its value was handed on.
    null: Option<&'a Node>,
    /// The first of the parts in it that took no null.
    found: Option<Blamed<'a>>,
}

/// Finds the innermost part that was given a null and so has no value.
#[derive(Debug, Default)]
struct NullTracer<'a> {
    frames: Vec<Frame<'a>>,
    /// Of the whole expression.
    found: Option<Blamed<'a>>,
    /// What the whole expression handed on as null.
    null: Option<&'a Node>,
}

impl<'a> Tracer<'a, UnknownBody> for NullTracer<'a> {
    const LISTENS: bool = true;

    fn enter(&mut self, node: &'a Node) {
        self.frames.push(Frame { node, null: None, found: None });
    }

    fn leave(&mut self, value: &Evaluated<'a, UnknownBody>) {
        let Some(frame) = self.frames.pop() else { return };
        let (null, found) = match value {
            Ok(Value::Null) => (frame.null.or(Some(frame.node)), None),
            Err(Failure::Error(_)) => (None, frame.found.or_else(|| Some((frame.node, frame.null?)))),
            // what went wrong inside did not matter
            _ => (None, None),
        };
        let (outer_null, outer_found) = match self.frames.last_mut() {
            Some(around) => (&mut around.null, &mut around.found),
            None => (&mut self.null, &mut self.found),
        };
        *outer_null = outer_null.or(null);
        *outer_found = outer_found.or(found);
    }
}
