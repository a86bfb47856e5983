//! The record of an evaluation: each part of an expression with what it came to, as far as that may be shown.
//!
//! What is kept is masked when it is recorded, so that whoever shows a record has nothing to hide.

use super::error::EvaluationError;
use super::evaluation::Evaluated;
use super::function::Function;
use super::kind::Kind;
use super::node::Node;
use super::places::Places;
use super::record::{Fact, Record};
use super::sight::Structure;
use super::value::Value;
use crate::contract::declared::Declared;
use crate::contract::{BodySchema, Operation};
use crate::document::NodeRef;

/// Who hears of each part of an expression that is evaluated.
pub(crate) trait Recorder<'a, S: Structure<'a>> {
    /// Whether anyone listens; where not, the compiler leaves out the calls.
    const LISTENS: bool;
    /// `node` is about to be evaluated.
    fn enter(&mut self, node: &'a Node);
    /// What was entered last came to this.
    fn leave(&mut self, value: &Evaluated<'a, S>);
}

/// Nobody.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unrecorded;

impl<'a, S: Structure<'a>> Recorder<'a, S> for Unrecorded {
    const LISTENS: bool = false;

    fn enter(&mut self, _: &'a Node) {}

    fn leave(&mut self, _: &Evaluated<'a, S>) {}
}

/// A part of an expression, with what it came to for one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// As it was written.
    pub expression: Box<str>,
    /// What it came to.
    pub seen: Seen,
    /// Whether that depends on a secret field.
    pub from_secret: bool,
    /// The parts of it that were evaluated, in order; a part of a list's test is there for each element that was looked at.
    pub parts: Vec<Part>,
}

/// What of a value may be shown.
///
/// Shown are numbers and texts of the policy itself, facts that are no secret, and fields of the body that the contract
/// declares as one number, text or such and not as a secret. Of everything else there is the type, and the size where it does
/// not come from a secret. Of what comes from a secret, `true`, `false` and `null` are shown where no list is gone through:
/// rules may test secrets, and what they make of them is what people must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
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
    parts: Vec<Part>,
}

/// The record of one policy's evaluation for one request.
#[derive(Debug)]
pub(crate) struct Recording<'a> {
    places: Places<'a>,
    /// What the contract says of the body.
    declared: Option<&'a Declared>,
    frames: Vec<Frame<'a>>,
    /// How much may be shown of the variables that were evaluated.
    variables: Vec<Openness>,
    /// The expression that was evaluated last.
    last: Option<Part>,
}

impl<'a> Recording<'a> {
    pub(super) fn new(operation: &'a Operation, variables: usize) -> Self {
        Self {
            places: Places::default(),
            declared: operation.body.as_ref().map(BodySchema::declared),
            frames: Vec::new(),
            variables: vec![Openness::Secret; variables],
            last: None,
        }
    }

    /// Learns what `node` and the nodes in it are made of.
    pub(super) fn learn(&mut self, source: &'a str, node: &'a Node) {
        self.places.learn(source, node);
    }

    /// The expression that was evaluated last, which is `source`.
    pub(super) fn take(&mut self, source: &str) -> Part {
        let unknown = || Part {
            expression: source.into(),
            seen: Seen::Masked { kind: "bool", size: None },
            from_secret: false,
            parts: Vec::new(),
        };
        Part { expression: source.into(), ..self.last.take().unwrap_or_else(unknown) }
    }

    /// How much may be shown of what the part that is being left came to.
    fn openness(&self, frame: &Frame<'a>) -> Openness {
        match frame.node {
            Node::Entry(record, name) => self.of_entry(*record, Some(name)),
            Node::EntryAt(record, _) => self.of_entry(*record, None).max(frame.openness),
            Node::Fact(Fact::Path) => Openness::Sized,
            Node::Variable(position) if frame.parts.is_empty() => {
                self.variables.get(*position).copied().unwrap_or(Openness::Secret)
            }
            Node::Local(depth) => self.of_local(*depth),
            // how large something is may be shown where what it holds may not
            Node::Call(Function::Size | Function::JsonSize, _) if frame.openness == Openness::Sized => Openness::Open,
            _ => frame.openness,
        }
    }

    fn of_entry(&self, record: Record, name: Option<&str>) -> Openness {
        match (record, name) {
            (Record::Body, Some(name)) => match self.declared.and_then(|body| body.member(name)) {
                Some(field) if holds_secret(field) => Openness::Secret,
                Some(field) if is_scalar(field) => Openness::Open,
                Some(_) => Openness::Sized,
                None => Openness::Typed,
            },
            // which field it is only the request knows
            (Record::Body, None) => Openness::Secret,
            (Record::Headers | Record::Query | Record::Parameters, _) => Openness::Sized,
        }
    }

    /// The variable of the comprehension at `depth` is an element of what that goes through.
    fn of_local(&self, depth: usize) -> Openness {
        let variable = self.frames.iter().rposition(|frame| matches!(frame.node, Node::Variable(_)));
        let around = self.frames.iter().skip(variable.map_or(0, |at| at + 1));
        around.filter_map(|frame| frame.over).nth(depth).unwrap_or(Openness::Secret)
    }
}

impl<'a> Recorder<'a, NodeRef<'a>> for Recording<'a> {
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
        let part = self.places.of(frame.node).map(|text| Part {
            expression: text.into(),
            seen: value
                .as_ref()
                .map_or_else(|failure| Seen::Failed(failure.error()), |value| seen(value, openness, in_list)),
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
fn seen<'a>(value: &Value<'a, NodeRef<'a>>, openness: Openness, in_list: bool) -> Seen {
    let Ok(kind) = value.kind().map(Kind::as_str);
    let is_word = matches!(value, Value::Bool(_) | Value::Null);
    match openness {
        Openness::Open => Seen::Value(value.written()),
        Openness::Sized | Openness::Typed if is_word => Seen::Value(value.written()),
        Openness::Secret if is_word && !in_list => Seen::Value(value.written()),
        Openness::Sized => {
            let size = value.as_str().map(|text| text.chars().count()).or_else(|| value.len());
            Seen::Masked { kind, size }
        }
        Openness::Typed | Openness::Secret => Seen::Masked { kind, size: None },
    }
}

fn holds_secret(declared: &Declared) -> bool {
    let mut members = declared.names().filter_map(|name| declared.member(name));
    declared.is_secret() || members.any(holds_secret) || declared.elements().is_some_and(holds_secret)
}

/// Whether the contract says that it is one text, number or such, in which nothing else can hide.
fn is_scalar(declared: &Declared) -> bool {
    let types = declared.types();
    !types.is_empty() && types.iter().all(|name| !matches!(name.as_ref(), "object" | "array"))
}
