//! Which expressions may have no value although nothing that they read is absent.

use super::expression::{Expression, ValueExpression, Variables};
use super::function::Function;
use super::library::strings::StringFunction;
use super::node::{Node, Op};

impl Expression {
    /// Whether it does more than compare fields, and texts with texts. What does no more has a value for all that a contract permits.
    pub(crate) fn is_partial(&self) -> bool {
        is_partial(&self.node)
    }
}

impl ValueExpression {
    /// As [`Expression::is_partial`].
    pub(crate) fn is_partial(&self) -> bool {
        is_partial(&self.node)
    }
}

impl Variables {
    /// Whether one of them is, as [`Expression::is_partial`] has it.
    pub(crate) fn are_partial(&self) -> bool {
        self.nodes.iter().any(is_partial)
    }
}

fn is_partial(node: &Node) -> bool {
    let mut partial = match &node.op {
        Op::Constant(_)
        | Op::Attribute(_)
        | Op::Entry(..)
        | Op::HasEntry(..)
        | Op::Variable(_)
        | Op::Not(_)
        | Op::And(_)
        | Op::Or(_)
        | Op::Conditional(_)
        | Op::Equal { .. }
        | Op::Compare(..)
        | Op::Matches(..) => false,
        // a header or parameter, which is a text
        Op::EntryAt(_, key) => !matches!(key.op, Op::Constant(_)),
        Op::In(sides) => {
            let [_, container] = sides.as_ref();
            !matches!(container.op, Op::Constant(_))
        }
        Op::Call(function, _) => !is_total(*function),
        Op::Local(_)
        | Op::Bind(_)
        | Op::Member(..)
        | Op::HasMember(..)
        | Op::Index(_)
        | Op::Optional(_)
        | Op::Negate(_)
        | Op::Calculate(..)
        | Op::Find(_)
        | Op::List(_)
        | Op::Map(_)
        | Op::Comprehension(_) => true,
    };
    node.for_each_operand(&mut |operand| partial |= is_partial(operand));
    partial
}

/// Whether a function has a value for all arguments of the types that it takes.
const fn is_total(function: Function) -> bool {
    matches!(
        function,
        Function::Size
            | Function::JsonSize
            | Function::Contains
            | Function::StartsWith
            | Function::EndsWith
            | Function::Type
            | Function::Field(_)
            | Function::Strings(StringFunction::LowerAscii | StringFunction::UpperAscii | StringFunction::Trim)
    )
}
