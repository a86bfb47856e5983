//! A compiled expression: names resolved, constants folded, patterns compiled.

use super::activation::Value;
use super::finder::Finder;
use super::function::Function;
use super::ids::{AttributeId, NamespaceId};
use super::pattern::Pattern;
use super::syntax::{Comparison, Macro, Operator};

/// Identifies a node among those of one environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodeId(pub(super) u32);

impl NodeId {
    /// Of a node without a source, which the checker made up.
    pub(super) const NONE: Self = Self(u32::MAX);
}

/// A part of a compiled expression. As deep as its tree, which is bounded.
#[derive(Debug)]
pub(crate) struct Node {
    pub(super) id: NodeId,
    pub(super) op: Op,
}

// a node is read for each step of an evaluation: with its id it still fits a cache line
const _: () = assert!(size_of::<Node>() <= 48);

impl From<Op> for Node {
    fn from(op: Op) -> Self {
        Self { id: NodeId::NONE, op }
    }
}

/// What a node evaluates.
#[derive(Debug)]
pub(super) enum Op {
    /// A value that does not depend on the request.
    Constant(Value<'static>),
    Attribute(AttributeId),
    /// An entry of a namespace; `null` if there is none.
    Entry(NamespaceId, Box<str>),
    /// An entry whose name is known during evaluation only.
    EntryAt(NamespaceId, Box<Node>),
    /// Whether a namespace has an entry.
    HasEntry(NamespaceId, Box<Node>),
    /// The policy's variable at this position, evaluated on first use.
    Variable(usize),
    /// The name in scope at this position, counted from the outermost.
    Local(usize),
    /// The second, for which the first is in scope under a name.
    Bind(Box<[Node; 2]>),
    /// A member of a map.
    Member(Box<Node>, Value<'static>),
    /// Whether a map has a member.
    HasMember(Box<Node>, Value<'static>),
    /// An element of a list or a member of a map.
    Index(Box<[Node; 2]>),
    /// As [`Op::Index`]; `null` if there is none.
    Optional(Box<[Node; 2]>),
    Not(Box<Node>),
    Negate(Box<Node>),
    And(Box<[Node]>),
    Or(Box<[Node]>),
    Conditional(Box<[Node; 3]>),
    Equal {
        sides: Box<[Node; 2]>,
        negated: bool,
    },
    Compare(Comparison, Box<[Node; 2]>),
    Calculate(Operator, Box<[Node; 2]>),
    /// Whether the first is an element or key of the second.
    In(Box<[Node; 2]>),
    Call(Function, Box<[Node]>),
    Matches(Box<Node>, Box<Pattern>),
    Find(Box<Find>),
    List(Box<[Node]>),
    Map(Box<[(Node, Node)]>),
    Comprehension(Box<Comprehension>),
}

/// `find` and `findAll`: what a pattern finds in a text.
#[derive(Debug)]
pub(crate) struct Find {
    pub(super) text: Node,
    pub(super) finder: Finder,
    /// Whether all that is found is the value, as a list, and not the first, as a text.
    pub(super) all: bool,
    /// How many are found at most.
    pub(super) most: Option<Node>,
}

/// A macro that visits each element of a list or key of a map.
#[derive(Debug)]
pub(crate) struct Comprehension {
    pub(super) r#macro: Macro,
    pub(super) over: Node,
    /// Whether the position or key is in scope, too, before the element or value.
    pub(super) is_keyed: bool,
    /// The predicate; `None` if every element is taken.
    pub(super) test: Option<Node>,
    /// The transformation of `map` and its like.
    pub(super) each: Option<Node>,
}

impl Node {
    /// Calls `visit` for each node that it is made of, from left to right.
    pub(super) fn for_each_operand<'n>(&'n self, visit: &mut impl FnMut(&'n Self)) {
        match &self.op {
            Op::Constant(_) | Op::Attribute(_) | Op::Entry(..) | Op::Variable(_) | Op::Local(_) => {}
            Op::EntryAt(_, of)
            | Op::HasEntry(_, of)
            | Op::Member(of, _)
            | Op::HasMember(of, _)
            | Op::Not(of)
            | Op::Negate(of)
            | Op::Matches(of, _) => visit(of),
            Op::Index(sides)
            | Op::Optional(sides)
            | Op::Bind(sides)
            | Op::Equal { sides, .. }
            | Op::Compare(_, sides)
            | Op::Calculate(_, sides)
            | Op::In(sides) => sides.iter().for_each(visit),
            Op::And(parts) | Op::Or(parts) | Op::Call(_, parts) | Op::List(parts) => parts.iter().for_each(visit),
            Op::Conditional(parts) => parts.iter().for_each(visit),
            Op::Map(entries) => {
                for (key, value) in entries {
                    visit(key);
                    visit(value);
                }
            }
            Op::Find(find) => {
                visit(&find.text);
                find.most.iter().for_each(visit);
            }
            Op::Comprehension(comprehension) => {
                visit(&comprehension.over);
                comprehension.test.iter().chain(&comprehension.each).for_each(visit);
            }
        }
    }
}
