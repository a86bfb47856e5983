//! The syntax tree, with the span of each part.

use super::operator::{Infix, Macro};
use crate::cel::activation::Value;
use std::ops::Range;

/// A part of an expression.
#[derive(Debug)]
pub(in crate::cel) struct Tree {
    /// In bytes of the source.
    pub(in crate::cel) span: Range<usize>,
    /// How many levels it has.
    pub(in crate::cel) depth: usize,
    pub(in crate::cel) syntax: Syntax,
}

/// The form of a part of an expression.
#[derive(Debug)]
pub(in crate::cel) enum Syntax {
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
    /// `over.all(variable, test)` and the other macros; `each` is the transformation of `map`.
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
    /// `over.macro(variable, ...)`; `None` if the arguments are not those of the macro.
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
