//! Finds expressions that have the same value for every request, although they read it.
//!
//! An expression that only compares a few names with literals is evaluated for every order in which the names and literals can be. The
//! result is a proof: for any other expression there is none.

use super::activation::Value;
use super::budget::Budget;
use super::env::Env;
use super::equality::{contains, equal, order};
use super::expression::Expression;
use super::node::{Node, Op};
use super::syntax::Comparison;
use super::value_domain::{Atom, Domains};
use std::cmp::Ordering;

/// Most atoms of one question.
const MAX_ATOMS: usize = 3;
/// Most combinations of their values. Both bound the time that loading takes.
const MAX_COMBINATIONS: usize = 1_000;

/// The value of each atom in one combination; `None` for an absent one.
type Assignment<'d> = [(&'d Atom, Option<&'d Value<'static>>)];

impl Env<'_> {
    /// Whether `asked` are all true of every request for which `given` are true (`true`), or of none (`false`). `None` if that depends
    /// on the request, or cannot be proven.
    pub(crate) fn constant_truth(&self, given: &[&Expression], asked: &[&Expression]) -> Option<bool> {
        let [given, asked] = [given, asked].map(|all| all.iter().map(|it| &it.node).collect::<Vec<_>>());
        self.constant_truth_of_nodes(&given, &asked)
    }

    pub(super) fn constant_truth_of_nodes(&self, given: &[&Node], asked: &[&Node]) -> Option<bool> {
        let mut domains = Domains::default();
        given.iter().chain(asked).try_for_each(|node| domains.add(self, node))?;
        let domains = domains.finish(self)?;
        let combinations =
            domains.iter().try_fold(1_usize, |product, (_, values)| product.checked_mul(values.len()))?;
        if domains.is_empty() || domains.len() > MAX_ATOMS || combinations > MAX_COMBINATIONS {
            return None;
        }
        let (mut always, mut never, mut any) = (true, true, false);
        for combination in 0..combinations {
            // the combination as a number whose digits are positions in the domains
            let mut rest = combination;
            let assignment = domains.iter().filter_map(|(atom, values)| {
                let position = rest % values.len();
                rest /= values.len();
                Some((atom, values.get(position)?.as_ref()))
            });
            let assignment: Vec<_> = assignment.collect();
            let are_true = |nodes: &[&Node]| nodes.iter().all(|node| self.is_true(node, &assignment));
            // combinations that the conditions exclude do not count
            if are_true(given) {
                any = true;
                let outcome = are_true(asked);
                always &= outcome;
                never &= !outcome;
            }
        }
        // without any combination the conditions contradict each other, which is reported on its own
        match (any, always, never) {
            (true, true, false) => Some(true),
            (true, false, true) => Some(false),
            _ => None,
        }
    }

    fn is_true(&self, node: &Node, assignment: &Assignment<'_>) -> bool {
        matches!(self.value_of(node, assignment), Some(Value::Bool(true)))
    }

    fn truth_of(&self, node: &Node, assignment: &Assignment<'_>) -> Option<bool> {
        match self.value_of(node, assignment)? {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// The value of `node`; `None` if it has none.
    fn value_of(&self, node: &Node, assignment: &Assignment<'_>) -> Option<Value<'static>> {
        if let Some(atom) = Atom::of(self.declarations, node) {
            let (_, value) = assignment.iter().find(|(known, _)| **known == atom)?;
            return Some(match node.op {
                Op::HasEntry(..) => Value::Bool(value.is_some()),
                _ => value.cloned().unwrap_or(Value::Null),
            });
        }
        // a fresh budget: each value is one comparison of literals
        let budget = &mut Budget::new();
        Some(match &node.op {
            Op::Constant(value) => value.clone(),
            Op::Variable(position) => return self.value_of(&self.variables.get(*position)?.node, assignment),
            Op::Not(operand) => Value::Bool(!self.truth_of(operand, assignment)?),
            Op::And(parts) => Value::Bool(self.all_of(parts, false, assignment)?),
            Op::Or(parts) => Value::Bool(self.all_of(parts, true, assignment)?),
            Op::Conditional(parts) => {
                let [condition, then, otherwise] = parts.as_ref();
                let chosen = if self.truth_of(condition, assignment)? { then } else { otherwise };
                return self.value_of(chosen, assignment);
            }
            Op::Equal { sides, negated } => {
                let [left, right] = self.pair_of(sides, assignment)?;
                Value::Bool(equal(&left, &right, budget).ok()? != *negated)
            }
            Op::Compare(comparison, sides) => {
                let [left, right] = self.pair_of(sides, assignment)?;
                Value::Bool(holds(*comparison, order(&left, &right, budget).ok()?))
            }
            Op::In(sides) => {
                let [wanted, container] = self.pair_of(sides, assignment)?;
                Value::Bool(contains(&container, &wanted, budget).ok()?)
            }
            _ => return None,
        })
    }

    fn pair_of(&self, sides: &[Node; 2], assignment: &Assignment<'_>) -> Option<[Value<'static>; 2]> {
        let [left, right] = sides;
        Some([self.value_of(left, assignment)?, self.value_of(right, assignment)?])
    }

    /// `&&` and `||`: `decisive` on any side decides, whatever the others are or fail with.
    fn all_of(&self, parts: &[Node], decisive: bool, assignment: &Assignment<'_>) -> Option<bool> {
        let mut is_known = true;
        for part in parts {
            match self.truth_of(part, assignment) {
                Some(value) if value == decisive => return Some(decisive),
                truth => is_known &= truth.is_some(),
            }
        }
        is_known.then_some(!decisive)
    }
}

const fn holds(comparison: Comparison, order: Ordering) -> bool {
    match comparison {
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }
}
