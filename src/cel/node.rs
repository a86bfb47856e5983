//! A compiled expression: names resolved, constants folded, patterns compiled.

use super::bindings::{Attribute, Namespace};
use super::function::Function;
use super::pattern::Pattern;
use super::syntax::{Comparison, Macro, Operator};
use super::value::Value;

/// A part of a compiled expression. As deep as the tree that it was made of, which is bounded.
#[derive(Debug)]
pub(crate) enum Node {
    /// What does not depend on the request.
    Constant(Value<'static>),
    /// A attribute about the request.
    Attribute(Attribute),
    /// The value under a name in a namespace; `null` where there is none.
    Entry(Namespace, Box<str>),
    /// The same, by a name that is only known during evaluation.
    EntryAt(Namespace, Box<Node>),
    /// Whether a namespace has a name.
    HasEntry(Namespace, Box<Node>),
    /// The variable at this position among those of the policy, evaluated when first asked for.
    Variable(usize),
    /// The variable of the comprehension at this depth, counted from the outermost.
    Local(usize),
    /// A member of a map.
    Member(Box<Node>, Value<'static>),
    /// Whether a map has a member.
    HasMember(Box<Node>, Value<'static>),
    /// An element of a list or a member of a map.
    Index(Box<[Node; 2]>),
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
    List(Box<[Node]>),
    Map(Box<[(Node, Node)]>),
    Comprehension(Box<Comprehension>),
}

/// What is done with each element of a list or key of a map.
#[derive(Debug)]
pub(crate) struct Comprehension {
    pub(super) r#macro: Macro,
    pub(super) over: Node,
    /// What is asked of each; none where all are taken.
    pub(super) test: Option<Node>,
    /// What `map` makes of each.
    pub(super) each: Option<Node>,
}
