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

impl Tree {
    /// The same part, which reads as `null` where it is not there, if `is_optional`.
    pub(super) fn into_optional(self, is_optional: bool) -> Self {
        if !is_optional {
            return self;
        }
        Self { span: self.span.clone(), depth: self.depth, syntax: Syntax::Optional(Box::new(self)) }
    }
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
    /// `of.?name` or `of[?key]`: a [`Syntax::Select`] or [`Syntax::Index`] that reads as `null` where there is none.
    Optional(Box<Tree>),
    /// `over.all(variable, test)` and the other macros; `each` is the transformation of `map`.
    Comprehension {
        r#macro: Macro,
        over: Box<Tree>,
        /// One for the element or key, or two: for the position or key, and for the element or value.
        variables: Vec<(Box<str>, Range<usize>)>,
        test: Option<Box<Tree>>,
        each: Option<Box<Tree>>,
    },
}

impl Syntax {
    /// `over.macro(variable, ...)`; `None` if the arguments are not those of the macro.
    pub(super) fn comprehension(r#macro: Macro, over: Tree, arguments: Vec<Tree>) -> Option<Self> {
        let is_keyed = match r#macro {
            Macro::TransformList | Macro::TransformMap => true,
            Macro::All | Macro::Exists | Macro::ExistsOne => arguments.len() == 3,
            Macro::Map | Macro::Filter => false,
        };
        let mut arguments = arguments.into_iter();
        let mut variables = Vec::new();
        for _ in 0..=usize::from(is_keyed) {
            let Tree { syntax: Self::Name(variable), span, .. } = arguments.next()? else { return None };
            variables.push((variable, span));
        }
        let (first, second) = (arguments.next()?, arguments.next());
        let (test, each) = match (r#macro, second) {
            (Macro::Map | Macro::TransformList | Macro::TransformMap, None) => (None, Some(first)),
            (Macro::Map | Macro::TransformList | Macro::TransformMap, Some(each)) => (Some(first), Some(each)),
            (_, None) => (Some(first), None),
            (_, Some(_)) => return None,
        };
        let (over, test, each) = (Box::new(over), test.map(Box::new), each.map(Box::new));
        arguments.next().is_none().then_some(Self::Comprehension { r#macro, over, variables, test, each })
    }

    /// Whether it may be an optional value without one, so that its members are optional, too.
    pub(super) fn is_optional(&self) -> bool {
        match self {
            Self::Optional(_) => true,
            Self::Call { function, receiver: Some(receiver), .. } => {
                let is_library = matches!(&receiver.syntax, Self::Name(name) if **name == *"optional");
                is_library || matches!(&**function, "or" | "optMap" | "optFlatMap")
            }
            _ => false,
        }
    }
}
