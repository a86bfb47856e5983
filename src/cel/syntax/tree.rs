//! What an expression says, part by part, each with its place in the source.

use super::super::value::Value;
use std::ops::Range;

/// A part of an expression.
#[derive(Debug)]
pub(in super::super) struct Tree {
    /// Its bytes in the source.
    pub(in super::super) span: Range<usize>,
    /// How many levels it has.
    pub(in super::super) depth: usize,
    /// What it says.
    pub(in super::super) syntax: Syntax,
}

/// What a part of an expression says.
#[derive(Debug)]
pub(in super::super) enum Syntax {
    /// A number, string, `true`, ...
    Literal(Value<'static>),
    /// `name`
    Name(Box<str>),
    /// `of.name`
    Select { of: Box<Tree>, name: Box<str>, at: Range<usize> },
    /// `has(of.name)`
    Has { of: Box<Tree>, name: Box<str>, at: Range<usize> },
    /// `of[key]`
    Index(Box<[Tree; 2]>),
    /// `function(arguments)` or `receiver.function(arguments)`
    Call { function: Box<str>, at: Range<usize>, receiver: Option<Box<Tree>>, arguments: Vec<Tree> },
    /// `!operand`
    Not(Box<Tree>),
    /// `-operand`
    Negate(Box<Tree>),
    /// `left operator right`
    Infix(Infix, Box<[Tree; 2]>),
    /// Two or more parts joined by `&&`
    And(Vec<Tree>),
    /// Two or more parts joined by `||`
    Or(Vec<Tree>),
    /// `condition ? then : otherwise`
    Conditional(Box<[Tree; 3]>),
    /// `[elements]`
    List(Vec<Tree>),
    /// `{key: value}`
    Map(Vec<(Tree, Tree)>),
    /// `over.all(variable, test)` and its like; `each` is what `map` makes of an element.
    Comprehension {
        r#macro: Macro,
        over: Box<Tree>,
        variable: Box<str>,
        at: Range<usize>,
        test: Option<Box<Tree>>,
        each: Option<Box<Tree>>,
    },
}

impl Syntax {
    /// `over.macro(variable, ...)`; none where the arguments are not those of the macro.
    pub(super) fn comprehension(r#macro: Macro, over: Tree, arguments: Vec<Tree>) -> Option<Self> {
        let mut arguments = arguments.into_iter();
        let Tree { syntax: Self::Name(variable), span: at, .. } = arguments.next()? else { return None };
        let (first, second) = (arguments.next()?, arguments.next());
        let (test, each) = match (r#macro, second) {
            (Macro::Map, None) => (None, Some(first)),
            (Macro::Map, Some(each)) => (Some(first), Some(each)),
            (_, None) => (Some(first), None),
            (_, Some(_)) => return None,
        };
        let (over, test, each) = (Box::new(over), test.map(Box::new), each.map(Box::new));
        arguments.next().is_none().then_some(Self::Comprehension { r#macro, over, variable, at, test, each })
    }
}

/// An operator between two operands that are both needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Infix {
    /// `==`, or `!=` where `negated`
    Equal { negated: bool },
    /// `<`, `<=`, `>`, `>=`
    Compare(Comparison),
    /// `in`
    In,
    /// `+`, `-`, `*`, `/`, `%`
    Calculate(Operator),
}

/// An order between two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// An operator of arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// What is done with each element of a list or key of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Macro {
    All,
    Exists,
    ExistsOne,
    Map,
    Filter,
}

impl Infix {
    /// As it is written.
    pub(in super::super) const fn as_str(self) -> &'static str {
        match self {
            Self::Equal { negated: false } => "==",
            Self::Equal { negated: true } => "!=",
            Self::Compare(Comparison::Less) => "<",
            Self::Compare(Comparison::LessOrEqual) => "<=",
            Self::Compare(Comparison::Greater) => ">",
            Self::Compare(Comparison::GreaterOrEqual) => ">=",
            Self::In => "in",
            Self::Calculate(Operator::Add) => "+",
            Self::Calculate(Operator::Subtract) => "-",
            Self::Calculate(Operator::Multiply) => "*",
            Self::Calculate(Operator::Divide) => "/",
            Self::Calculate(Operator::Remainder) => "%",
        }
    }
}

impl Macro {
    /// As it is written.
    pub(in super::super) const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Exists => "exists",
            Self::ExistsOne => "exists_one",
            Self::Map => "map",
            Self::Filter => "filter",
        }
    }

    /// The macro called `name`.
    pub(in super::super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "all" => Self::All,
            "exists" => Self::Exists,
            "exists_one" | "existsOne" => Self::ExistsOne,
            "map" => Self::Map,
            "filter" => Self::Filter,
            _ => return None,
        })
    }
}
