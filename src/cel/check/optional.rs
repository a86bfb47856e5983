//! Optional values: `a.?b`, `a[?k]` and what is asked of them. A value that is not there is `null`, as everything that is absent.

use super::checked::{Checked, Depends};
use super::checker::Checker;
use super::local::Local;
use crate::cel::activation::Value;
use crate::cel::issue::Issue;
use crate::cel::kind::Kinds;
use crate::cel::node::{Node, Op};
use crate::cel::syntax::{Syntax, Tree};
use crate::cel::types::Type;
use std::ops::Range;

impl<'c> Checker<'_, 'c> {
    /// `of.?name` or `of[?key]`
    pub(super) fn optional(&mut self, inner: &Tree) -> Checked<'c> {
        let of = match &inner.syntax {
            Syntax::Select { of, .. } => of.as_ref(),
            Syntax::Index(sides) => sides.first().unwrap_or(inner),
            _ => inner,
        };
        // a namespace or root is no value by itself
        let of_part = (self.namespace(of).is_none() && self.root(of).is_none()).then(|| self.check(of));
        if let Some(of_part) = of_part.as_ref().filter(|of_part| of_part.r#type.kinds == Kinds::NULL) {
            return Checked {
                r#type: Type::of(Kinds::NULL),
                depends: of_part.depends,
                ..Checked::constant(Value::Null)
            };
        }
        let part = match (&inner.syntax, of_part) {
            (Syntax::Select { name, at, .. }, Some(of_part)) => self.member(of, of_part, name, at),
            (Syntax::Select { name, at, .. }, None) => self.select(of, name, at),
            (Syntax::Index(sides), Some(of_part)) => self.item(sides, of_part),
            (Syntax::Index(sides), None) => self.index(sides),
            _ => self.check(inner),
        };
        let Checked { node: Node { id, op }, r#type, depends } = part;
        let op = match op {
            Op::Member(of, name) => Op::Optional(Box::new([*of, Op::Constant(name).into()])),
            Op::Index(sides) => Op::Optional(sides),
            // an entry of the request reads as null already
            op => op,
        };
        Checked { node: Node { id, op }, r#type: r#type.or_null(), depends }
    }

    /// A call on an optional value; `None` if the function is another.
    pub(super) fn optional_call(&mut self, name: &str, receiver: &Tree, arguments: &[Tree]) -> Option<Checked<'c>> {
        if let (Syntax::Name(library), "none", []) = (&receiver.syntax, name, arguments)
            && **library == *"optional"
        {
            return Some(Checked::constant(Value::Null));
        }
        match (name, arguments) {
            ("hasValue", []) => {
                let part = self.check(receiver);
                Some(Checked::new(is_present(part.node), Type::of(Kinds::BOOL), part.depends))
            }
            ("orValue" | "or", [other]) => {
                let part = self.check(receiver);
                Some(self.or_else(receiver, part, other))
            }
            ("optMap" | "optFlatMap", [Tree { syntax: Syntax::Name(variable), span, .. }, each]) => {
                let part = self.check(receiver);
                // where it is evaluated there is a value
                let r#type = Some(part.r#type.clone().without_null()).filter(|it| it.kinds != Kinds::NONE);
                let local = Local {
                    name: variable.clone(),
                    r#type: r#type.unwrap_or(Type::ANY),
                    constant: part.as_constant().filter(|value| !matches!(value, Value::Null)).cloned(),
                    is_loop: false,
                };
                Some(self.bind(local, span, part, |checker, depth| {
                    let each = checker.check(each);
                    let present = is_present(Op::Local(depth).into());
                    let nothing = Op::Constant(Value::Null).into();
                    let r#type = each.r#type.clone().or_null();
                    let op = Op::Conditional(Box::new([present.into(), each.node, nothing]));
                    Checked::new(op, r#type, each.depends.or(Depends { request: false, locals: 1 << depth }))
                }))
            }
            _ => None,
        }
    }

    /// The value, or the other if it is `null`.
    fn or_else(&mut self, receiver: &Tree, part: Checked<'c>, other: &Tree) -> Checked<'c> {
        let without_null = part.r#type.clone().without_null();
        // a name that no expression can use
        let local = Local { name: "".into(), r#type: Type::ANY, constant: None, is_loop: false };
        self.bind(local, &receiver.span, part, |checker, depth| {
            let other = checker.check(other);
            let present = is_present(Op::Local(depth).into());
            let r#type = without_null.or(other.r#type);
            let op = Op::Conditional(Box::new([present.into(), Op::Local(depth).into(), other.node]));
            Checked::new(op, r#type, other.depends.or(Depends { request: false, locals: 1 << depth }))
        })
    }

    /// `inside`, with a value in scope under a name.
    pub(super) fn bind(
        &mut self,
        local: Local<'c>,
        at: &Range<usize>,
        value: Checked<'c>,
        inside: impl FnOnce(&mut Self, usize) -> Checked<'c>,
    ) -> Checked<'c> {
        let Some(depth) = self.enter_scope(local, at) else {
            return Checked::unknown();
        };
        let part = inside(self, depth);
        self.locals.truncate(depth);
        // bound here: what is around does not depend on it
        let depends = value.depends.or(part.depends.without_locals_from(depth));
        Checked::new(Op::Bind(Box::new([value.node, part.node])), part.r#type, depends)
    }

    /// `cel.bind(name, value, inside)`
    pub(super) fn bind_call(&mut self, tree: &Tree, arguments: &[Tree]) -> Checked<'c> {
        let [Tree { syntax: Syntax::Name(name), span, .. }, value, inside] = arguments else {
            let issue = Issue::new(&tree.span, "`cel.bind` takes a name, a value and an expression");
            return self.reject(issue.with_help("as in `cel.bind(name, body.first_name, name != null)`"));
        };
        let value = self.check(value);
        let (r#type, constant) = (value.r#type.clone(), value.as_constant().cloned());
        let local = Local { name: name.clone(), r#type, constant, is_loop: false };
        self.bind(local, span, value, |checker, _| checker.check(inside))
    }
}

fn is_present(node: Node) -> Op {
    Op::Equal { sides: Box::new([node, Op::Constant(Value::Null).into()]), negated: true }
}
