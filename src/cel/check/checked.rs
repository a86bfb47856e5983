//! A checked part of an expression.

use crate::cel::activation::Value;
use crate::cel::node::{Node, Op};
use crate::cel::types::Type;

/// A compiled part, and what is known of it.
#[derive(Debug)]
pub(in crate::cel) struct Checked<'c> {
    pub(in crate::cel) node: Node,
    pub(in crate::cel) r#type: Type<'c>,
    /// What its value depends on; a constant depends on nothing.
    pub(super) depends: Depends,
}

/// What a value depends on: the request, and the names in scope, a bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Depends {
    pub(super) request: bool,
    pub(super) locals: u8,
}

impl Depends {
    pub(super) const REQUEST: Self = Self { request: true, locals: 0 };

    /// Without the names in scope from the one at `depth` on.
    pub(super) const fn without_locals_from(self, depth: usize) -> Self {
        Self { request: self.request, locals: self.locals & ((1 << depth) - 1) }
    }

    pub(super) const fn or(self, other: Self) -> Self {
        Self { request: self.request || other.request, locals: self.locals | other.locals }
    }
}

impl<'c> Checked<'c> {
    pub(super) fn new(op: Op, r#type: Type<'c>, depends: Depends) -> Self {
        Self { node: op.into(), r#type, depends }
    }

    pub(super) fn constant(value: Value<'static>) -> Self {
        Self { r#type: Type::of_constant(&value), node: Op::Constant(value).into(), depends: Depends::default() }
    }

    /// The result for a part with an error, which is reported already. It has any type, so that it causes no other error.
    pub(in crate::cel) fn unknown() -> Self {
        Self::new(Op::Constant(Value::Null), Type::ANY, Depends::REQUEST)
    }

    pub(super) fn of_request(op: Op, r#type: Type<'c>) -> Self {
        Self::new(op, r#type, Depends::REQUEST)
    }

    pub(in crate::cel) const fn as_constant(&self) -> Option<&Value<'static>> {
        match &self.node.op {
            // the placeholder for a part with an error is a constant node too, but depends on the request
            Op::Constant(value) if !self.depends.request => Some(value),
            _ => None,
        }
    }

    /// The nodes and types of several parts, and what they depend on together.
    pub(super) fn gather(parts: Vec<Self>) -> (Box<[Node]>, Vec<Type<'c>>, Depends) {
        let depends = parts.iter().fold(Depends::default(), |depends, part| depends.or(part.depends));
        let (nodes, types): (Vec<Node>, Vec<Type<'c>>) = parts.into_iter().map(|part| (part.node, part.r#type)).unzip();
        (nodes.into(), types, depends)
    }
}
