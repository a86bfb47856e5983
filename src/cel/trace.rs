//! The namespace of an evaluation: each part of an expression with what it came to, as far as that may be shown.
//!
//! What is kept is masked when it is recorded, so that whoever shows a namespace has nothing to hide.

use super::activation::Container;
use super::bindings::{Attribute, Namespace};
use super::error::EvaluationError;
use super::evaluation::Evaluated;
use super::function::Function;
use super::kind::Kind;
use super::node::Node;
use super::source_info::SourceInfo;
use super::value::Value;
use crate::contract::field_tree::FieldTree;
use crate::contract::{BodySchema, Operation};
use crate::document::NodeRef;

/// Who hears of each part of an expression that is evaluated.
pub(crate) trait Tracer<'a, S: Container<'a>> {
    /// Whether anyone listens; where not, the compiler leaves out the calls.
    const LISTENS: bool;
    /// `node` is about to be evaluated.
    fn enter(&mut self, node: &'a Node);
    /// What was entered last came to this.
    fn leave(&mut self, value: &Evaluated<'a, S>);
}

/// Nobody.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Untraced;

impl<'a, S: Container<'a>> Tracer<'a, S> for Untraced {
    const LISTENS: bool = false;

    fn enter(&mut self, _: &'a Node) {}

    fn leave(&mut self, _: &Evaluated<'a, S>) {}
}

/// A part of an expression, with what it came to for one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracePart {
    /// As it was written.
    pub expression: Box<str>,
    /// What it came to.
    pub value: TracedValue,
    /// Whether that depends on a secret field.
    pub from_secret: bool,
    /// The parts of it that were evaluated, in order; a part of a list's test is there for each element that was looked at.
    pub parts: Vec<TracePart>,
}

/// What of a value may be shown.
///
/// Shown are numbers and texts of the policy itself, facts that are no secret, and fields of the body that the contract
/// declares as one number, text or such and not as a secret. Of everything else there is the type, and the size where it does
/// not come from a secret. Of what comes from a secret, `true`, `false` and `null` are shown where no list is gone through:
/// rules may test secrets, and what they make of them is what people must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TracedValue {
    /// The value as CEL writes it, cut where it is long.
    Value(String),
    /// No more than its type, and how many characters, elements or members it has.
    Masked {
        /// The type's name in CEL.
        kind: &'static str,
        /// How many characters, elements or members.
        size: Option<usize>,
    },
    /// It has no value.
    Failed(EvaluationError),
}

/// How much of a value may be shown; a value that is made of others is as closed as the most closed of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Openness {
    /// All of it.
    Open,
    /// Its type and size: nobody says what it holds.
    Sized,
    /// Its type: the contract does not know it in this version, and may take it for a secret in another.
    Typed,
    /// Its type.
    Secret,
}

/// A part that is being evaluated.
#[derive(Debug)]
struct Frame<'a> {
    node: &'a Node,
    openness: Openness,
    /// What a comprehension goes through, once that is known.
    over: Option<Openness>,
    parts: Vec<TracePart>,
}

/// The namespace of one policy's evaluation for one request.
#[derive(Debug)]
pub(crate) struct Trace<'a> {
    source_info: SourceInfo<'a>,
    /// What the contract says of the body.
    declared: Option<&'a FieldTree>,
    frames: Vec<Frame<'a>>,
    /// How much may be shown of the variables that were evaluated.
    variables: Vec<Openness>,
    /// The expression that was evaluated last.
    last: Option<TracePart>,
}

impl<'a> Trace<'a> {
    pub(super) fn new(operation: &'a Operation, variables: usize) -> Self {
        Self {
            source_info: SourceInfo::default(),
            declared: operation.body.as_ref().map(BodySchema::field_tree),
            frames: Vec::new(),
            variables: vec![Openness::Secret; variables],
            last: None,
        }
    }

    /// Learns what `node` and the nodes in it are made of.
    pub(super) fn learn(&mut self, source: &'a str, node: &'a Node) {
        self.source_info.learn(source, node);
    }

    /// The expression that was evaluated last, which is `source`.
    pub(super) fn take(&mut self, source: &str) -> TracePart {
        let unknown = || TracePart {
            expression: source.into(),
            value: TracedValue::Masked { kind: "bool", size: None },
            from_secret: false,
            parts: Vec::new(),
        };
        TracePart { expression: source.into(), ..self.last.take().unwrap_or_else(unknown) }
    }

    /// How much may be shown of what the part that is being left came to.
    fn openness(&self, frame: &Frame<'a>) -> Openness {
        match frame.node {
            Node::Entry(namespace, name) => self.of_entry(*namespace, Some(name)),
            Node::EntryAt(namespace, _) => self.of_entry(*namespace, None).max(frame.openness),
            Node::Attribute(Attribute::Path) => Openness::Sized,
            Node::Variable(position) if frame.parts.is_empty() => {
                self.variables.get(*position).copied().unwrap_or(Openness::Secret)
            }
            Node::Local(depth) => self.of_local(*depth),
            // how large something is may be shown where what it holds may not
            Node::Call(Function::Size | Function::JsonSize, _) if frame.openness == Openness::Sized => Openness::Open,
            _ => frame.openness,
        }
    }

    fn of_entry(&self, namespace: Namespace, name: Option<&str>) -> Openness {
        match (namespace, name) {
            (Namespace::Body, Some(name)) => match self.declared.and_then(|body| body.member(name)) {
                Some(field) if holds_secret(field) => Openness::Secret,
                Some(field) if is_scalar(field) => Openness::Open,
                Some(_) => Openness::Sized,
                None => Openness::Typed,
            },
            // which field it is only the request knows
            (Namespace::Body, None) => Openness::Secret,
            (Namespace::Headers | Namespace::Query | Namespace::Parameters, _) => Openness::Sized,
        }
    }

    /// The variable of the comprehension at `depth` is an element of what that goes through.
    fn of_local(&self, depth: usize) -> Openness {
        let variable = self.frames.iter().rposition(|frame| matches!(frame.node, Node::Variable(_)));
        let around = self.frames.iter().skip(variable.map_or(0, |at| at + 1));
        around.filter_map(|frame| frame.over).nth(depth).unwrap_or(Openness::Secret)
    }
}

impl<'a> Tracer<'a, NodeRef<'a>> for Trace<'a> {
    const LISTENS: bool = true;

    fn enter(&mut self, node: &'a Node) {
        self.frames.push(Frame { node, openness: Openness::Open, over: None, parts: Vec::new() });
    }

    fn leave(&mut self, value: &Evaluated<'a, NodeRef<'a>>) {
        let Some(frame) = self.frames.pop() else { return };
        let openness = match (self.openness(&frame), value) {
            // what is not there holds nothing
            (Openness::Sized | Openness::Typed, Ok(Value::Null)) => Openness::Open,
            (openness, _) => openness,
        };
        if let Node::Variable(position) = frame.node
            && let Some(known) = self.variables.get_mut(*position)
        {
            *known = openness;
        }
        let from_secret = openness == Openness::Secret;
        let in_list = self.frames.iter().any(|around| around.over.is_some());
        let part = self.source_info.of(frame.node).map(|text| TracePart {
            expression: text.into(),
            value: value
                .as_ref()
                .map_or_else(|failure| TracedValue::Failed(failure.error()), |value| seen(value, openness, in_list)),
            from_secret,
            parts: frame.parts,
        });
        match self.frames.last_mut() {
            Some(around) => {
                around.openness = around.openness.max(openness);
                if matches!(around.node, Node::Comprehension(_)) {
                    around.over.get_or_insert(openness);
                }
                around.parts.extend(part);
            }
            None => self.last = part,
        }
    }
}

/// What may be shown of `value`.
fn seen<'a>(value: &Value<'a, NodeRef<'a>>, openness: Openness, in_list: bool) -> TracedValue {
    let Ok(kind) = value.kind().map(Kind::as_str);
    let is_word = matches!(value, Value::Bool(_) | Value::Null);
    match openness {
        Openness::Open => TracedValue::Value(value.written()),
        Openness::Sized | Openness::Typed if is_word => TracedValue::Value(value.written()),
        Openness::Secret if is_word && !in_list => TracedValue::Value(value.written()),
        Openness::Sized => {
            let size = value.as_str().map(|text| text.chars().count()).or_else(|| value.len());
            TracedValue::Masked { kind, size }
        }
        Openness::Typed | Openness::Secret => TracedValue::Masked { kind, size: None },
    }
}

fn holds_secret(declared: &FieldTree) -> bool {
    let mut members = declared.names().filter_map(|name| declared.member(name));
    declared.is_secret() || members.any(holds_secret) || declared.elements().is_some_and(holds_secret)
}

/// Whether the contract says that it is one text, number or such, in which nothing else can hide.
fn is_scalar(declared: &FieldTree) -> bool {
    let types = declared.types();
    !types.is_empty() && types.iter().all(|name| !matches!(name.as_ref(), "object" | "array"))
}
