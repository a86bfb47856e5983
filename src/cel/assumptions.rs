//! Assumptions about values of which only the type is known, so that every path through an expression can be tried.

use super::activation::Value;
use super::expression::{Expression, ValueExpression, Variables};
use super::kind::Kinds;
use super::member_reads::MemberRead;
use super::node::{Node, Op};
use super::types::Type;
use super::unknown::Unknown;
use super::value_domain::values;

/// Most paths through the expressions of one policy that are tried for one request. Bounds the time that loading takes.
const MAX_PATHS: usize = 64;
/// Most values that are tried for one part. A list of many literals is compared as a whole instead: the part that reads it is true or
/// false.
const MAX_VALUES: usize = 16;

/// The literals of a policy: what its expressions compare with.
#[derive(Debug, Default)]
pub(crate) struct Literals(Vec<Value<'static>>);

impl Literals {
    /// Those of `variables`.
    pub(crate) fn of(variables: &Variables) -> Self {
        let mut literals = Self::default();
        variables.nodes.iter().for_each(|node| literals.add_node(node));
        literals
    }

    /// Adds those of `expression`.
    pub(crate) fn add(&mut self, expression: &Expression) {
        self.add_node(&expression.node);
    }

    /// Adds those of `expression`.
    pub(crate) fn add_value(&mut self, expression: &ValueExpression) {
        self.add_node(&expression.node);
    }

    /// The values, those in lists on their own, too.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Value<'static>> {
        self.0.iter()
    }

    fn add_node(&mut self, node: &Node) {
        if let Op::Constant(value) = &node.op {
            self.0.extend(value.items().into_iter().flatten().cloned());
            self.0.push(value.clone());
        }
        node.for_each_operand(&mut |operand| self.add_node(operand));
    }

    /// The values to try for a part of which `unknown` is known; `None` if they cannot stand for all of its values.
    fn values_of(&self, unknown: Unknown) -> Option<Vec<Value<'static>>> {
        // of a map nothing says which members it may have
        let values = values(&Type::of(unknown.kinds), None, &self.0).filter(|_| !unknown.kinds.meets(Kinds::MAP))?;
        (values.len() <= MAX_VALUES).then_some(values)
    }
}

/// A part of an expression, and the values to try for it.
#[derive(Debug)]
pub(crate) struct OpenChoice {
    subject: Box<str>,
    values: Vec<Value<'static>>,
}

/// What is assumed of the parts of expressions that are unknown, by their source text: the same text has the same value everywhere.
#[derive(Clone, Debug)]
pub(crate) struct Assumptions<'l> {
    literals: &'l Literals,
    values: Vec<(Box<str>, Value<'static>)>,
}

impl<'l> Assumptions<'l> {
    /// None yet.
    pub(crate) const fn none(literals: &'l Literals) -> Self {
        Self { literals, values: Vec::new() }
    }

    /// The requests that lack `member`, or have it with `null` if `is_sent`.
    pub(crate) fn without(literals: &'l Literals, member: MemberRead<'_>, is_sent: bool) -> Self {
        let null = member.reads.iter().map(|read| (read.clone(), Value::Null));
        let tests = member.tests.into_iter().flatten().map(|test| (test.clone(), Value::Bool(is_sent)));
        Self { literals, values: null.chain(tests).collect() }
    }

    /// Calls `visit` with these assumptions, then with each value for the choice that it returned besides, and so on. Each leads down
    /// another path through the expressions. At most 64 are tried.
    pub(crate) fn for_each_path(self, mut visit: impl FnMut(&Self) -> Option<OpenChoice>) {
        let mut open = vec![self];
        for _ in 0..MAX_PATHS {
            let Some(assumptions) = open.pop() else { return };
            let Some(OpenChoice { subject, values }) = visit(&assumptions) else { continue };
            open.extend(values.into_iter().map(|value| {
                let mut more = assumptions.clone();
                more.values.push((subject.clone(), value));
                more
            }));
        }
    }

    /// What is assumed of the part with the source `subject`.
    pub(super) fn get(&self, subject: &str) -> Option<&Value<'static>> {
        self.values.iter().find(|(known, _)| known.as_ref() == subject).map(|(_, value)| value)
    }

    /// The choice between the values of the part `subject`; `None` if they cannot be enumerated.
    pub(super) fn choose_value(&self, subject: &str, unknown: Unknown) -> Option<OpenChoice> {
        Some(OpenChoice { subject: subject.into(), values: self.literals.values_of(unknown)? })
    }

    /// The choice between `true` and `false` for the part `subject`.
    pub(super) fn choose_truth(subject: &str) -> OpenChoice {
        OpenChoice { subject: subject.into(), values: [true, false].map(Value::Bool).into() }
    }
}
