//! The trace of an evaluation: each part of an expression with its value, as far as that may be disclosed.
//!
//! Values are masked when they are recorded, so that no reader of a trace has anything to mask.

use super::activation::{Container, Evaluated, Value};
use super::error::EvaluationError;
use super::function::Function;
use super::ids::{AttributeId, NamespaceId};
use super::kind::Kind;
use super::node::{Node, NodeId, Op};
use super::source_info::SourceInfo;
use super::tracer::Tracer;
use super::unknown::EvaluationFailure;
use std::convert::Infallible;

/// A part of an expression, with its value for one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracePart {
    /// The source of the part, verbatim.
    pub expression: Box<str>,
    /// What the part evaluated to, as far as that may be disclosed.
    pub value: TracedValue,
    /// Whether the value depends on a secret field.
    pub from_secret: bool,
    /// The parts of it that were evaluated, in order. A part of a list's test is repeated for each element it was evaluated for.
    pub parts: Vec<TracePart>,
}

/// As much of a value as may be disclosed.
///
/// Disclosed are literals of the policy, public attributes, and fields of the body that the contract declares as a scalar and not
/// as a secret. Any other value is masked: its type, and its size if that does not come from a secret. Of a value that comes from a
/// secret, `true`, `false` and `null` are disclosed outside of comprehensions, because rules may test secrets and the result of
/// the test decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TracedValue {
    /// The value in CEL notation, truncated if long.
    Value(String),
    /// Only the type and the size.
    Masked {
        /// The name of the type in CEL.
        kind: &'static str,
        /// Characters, elements or members.
        size: Option<usize>,
    },
    /// There is no value.
    Failed(EvaluationError),
}

/// How much of a value may be disclosed. A value made of others is as closed as the most closed of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DisclosureLevel {
    /// Everything, in full.
    Value,
    /// Type and size: it may hold anything.
    Size,
    /// The type: this version of the contract does not declare it, and another may declare it as a secret.
    Type,
    /// The type: it is a secret.
    Secret,
}

/// The host's decision about how much of each value may be disclosed.
pub(crate) trait Disclosure {
    /// How much of the attribute with this id.
    fn attribute(&self, attribute: AttributeId) -> DisclosureLevel;
    /// Of the entry called `name`; `None` for an entry whose name only the request decides.
    fn entry(&self, namespace: NamespaceId, name: Option<&str>) -> DisclosureLevel;
}

/// A part that is being evaluated.
#[derive(Debug)]
struct TraceFrame<'a> {
    node: &'a Node,
    level: DisclosureLevel,
    /// The level of the range of a comprehension, or of what a name is bound to, once it is evaluated.
    over: Option<DisclosureLevel>,
    parts: Vec<TracePart>,
}

/// The trace of one policy's evaluation for one request.
#[derive(Debug)]
pub(crate) struct Trace<'a, D> {
    disclosure: D,
    variable_sources: &'a [SourceInfo],
    /// The source of the expression that is being evaluated.
    current: Option<&'a SourceInfo>,
    frames: Vec<TraceFrame<'a>>,
    /// The levels of the variables that were evaluated.
    variables: Vec<DisclosureLevel>,
    /// The expression that was evaluated last.
    last: Option<TracePart>,
}

impl<'a, D: Disclosure> Trace<'a, D> {
    pub(super) fn new(disclosure: D, variable_sources: &'a [SourceInfo]) -> Self {
        Self {
            disclosure,
            variable_sources,
            current: None,
            frames: Vec::new(),
            // closed until it is evaluated
            variables: vec![DisclosureLevel::Secret; variable_sources.len()],
            last: None,
        }
    }

    /// Begins the trace of the expression with this source.
    pub(super) const fn begin(&mut self, source: &'a SourceInfo) {
        self.current = Some(source);
    }

    /// The trace of the expression that was evaluated last.
    pub(super) fn take(&mut self, source: &SourceInfo) -> TracePart {
        // an expression that is one literal has no text, and so no part
        let unknown = || TracePart {
            expression: source.source().into(),
            value: TracedValue::Masked { kind: "bool", size: None },
            from_secret: false,
            parts: Vec::new(),
        };
        TracePart { expression: source.source().into(), ..self.last.take().unwrap_or_else(unknown) }
    }

    fn text(&self, id: NodeId) -> Option<&'a str> {
        self.current.into_iter().chain(self.variable_sources).find_map(|source| source.text(id))
    }

    /// The level of the part that is being left.
    fn level(&self, frame: &TraceFrame<'a>) -> DisclosureLevel {
        match &frame.node.op {
            Op::Entry(namespace, name) => self.disclosure.entry(*namespace, Some(name)),
            Op::EntryAt(namespace, _) => self.disclosure.entry(*namespace, None).max(frame.level),
            Op::Attribute(attribute) => self.disclosure.attribute(*attribute),
            Op::Variable(position) if frame.parts.is_empty() => {
                self.variables.get(*position).copied().unwrap_or(DisclosureLevel::Secret)
            }
            Op::Local(depth) => self.level_of_local(*depth),
            // a size may be disclosed of a value that may not
            Op::Call(Function::Size | Function::JsonSize, _) if frame.level == DisclosureLevel::Size => {
                DisclosureLevel::Value
            }
            _ => frame.level,
        }
    }

    /// The level of the name in scope at `depth`: that of the range it is an element of, or of what it is bound to.
    fn level_of_local(&self, depth: usize) -> DisclosureLevel {
        // depths count within one variable of the policy, which cannot see the comprehensions around its use
        let variable = self.frames.iter().rposition(|frame| matches!(frame.node.op, Op::Variable(_)));
        let around = self.frames.iter().skip(variable.map_or(0, |at| at + 1));
        let mut names = around.flat_map(|frame| std::iter::repeat_n(frame.over, names_of(frame.node)).flatten());
        names.nth(depth).unwrap_or(DisclosureLevel::Secret)
    }
}

impl<'a, C: Container<'a, Unknown = Infallible>, D: Disclosure> Tracer<'a, C> for Trace<'a, D> {
    const ENABLED: bool = true;

    fn enter(&mut self, node: &'a Node) {
        self.frames.push(TraceFrame { node, level: DisclosureLevel::Value, over: None, parts: Vec::new() });
    }

    fn leave(&mut self, value: Evaluated<'a, C>) -> Evaluated<'a, C> {
        let Some(frame) = self.frames.pop() else { return value };
        let level = match (self.level(&frame), &value) {
            // an absent value holds nothing
            (DisclosureLevel::Size | DisclosureLevel::Type, Ok(Value::Null)) => DisclosureLevel::Value,
            (level, _) => level,
        };
        if let Op::Variable(position) = frame.node.op
            && let Some(known) = self.variables.get_mut(position)
        {
            *known = level;
        }
        let from_secret = level == DisclosureLevel::Secret;
        let is_loop = |around: &TraceFrame<'_>| around.over.is_some() && matches!(around.node.op, Op::Comprehension(_));
        let in_list = self.frames.iter().any(is_loop);
        let parts = match self.text(frame.node.id) {
            Some(text) => vec![TracePart {
                expression: text.into(),
                value: match &value {
                    Ok(value) => disclose(value, level, in_list),
                    Err(EvaluationFailure::Error(error)) => TracedValue::Failed(*error),
                    Err(EvaluationFailure::Unknown(never)) => match *never {},
                },
                from_secret,
                parts: frame.parts,
            }],
            // a part that the checker made has no source, but what is in it may have
            None => frame.parts,
        };
        match self.frames.last_mut() {
            Some(around) => {
                // a value made of a secret is a secret
                around.level = around.level.max(level);
                if matches!(around.node.op, Op::Comprehension(_) | Op::Bind(_)) {
                    // the range is the first part of a comprehension that is evaluated, and so is what a name is bound to
                    around.over.get_or_insert(level);
                }
                around.parts.extend(parts);
            }
            None => self.last = parts.into_iter().next(),
        }
        value
    }
}

/// How many names a part brings into scope.
fn names_of(node: &Node) -> usize {
    match &node.op {
        Op::Comprehension(comprehension) => 1 + usize::from(comprehension.is_keyed),
        _ => 1,
    }
}

/// As much of `value` as `level` permits.
fn disclose<'a, C: Container<'a, Unknown = Infallible>>(
    value: &Value<'a, C>,
    level: DisclosureLevel,
    in_list: bool,
) -> TracedValue {
    let Ok(kind) = value.kind().map(Kind::as_str);
    let is_word = matches!(value, Value::Bool(_) | Value::Null);
    match level {
        DisclosureLevel::Value => TracedValue::Value(value.to_cel()),
        DisclosureLevel::Size | DisclosureLevel::Type if is_word => TracedValue::Value(value.to_cel()),
        // within a list, one bit for each element would spell a secret out
        DisclosureLevel::Secret if is_word && !in_list => TracedValue::Value(value.to_cel()),
        DisclosureLevel::Size => {
            let size = value.as_str().map(|text| text.chars().count()).or_else(|| value.len());
            TracedValue::Masked { kind, size }
        }
        DisclosureLevel::Type | DisclosureLevel::Secret => TracedValue::Masked { kind, size: None },
    }
}
