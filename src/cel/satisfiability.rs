//! Expressions that come to the same for every request, although they ask about it: where one does no more than compare a few
//! names with literals, it is evaluated for every way in which those names can stand to those literals.
//!
//! What is said is proven: where an expression asks for more, nothing is said.

use super::budget::Budget;
use super::env::Env;
use super::equality::{contains, equal, order};
use super::expression::Expression;
use super::node::Node;
use super::syntax::Comparison;
use super::value::Value;
use super::value_domain::{Atom, Domains};
use std::cmp::Ordering;

/// Most names that are looked at together.
const MOST_ATOMS: usize = 3;
/// Most requests that are made up for one question.
const MOST_REQUESTS: usize = 1_000;

/// What one of the names stands for in a made up request; none where it is not there.
type Assigned<'d> = [(&'d Atom, Option<&'d Value<'static>>)];

impl Env<'_> {
    /// Whether `asked` are all true of every request of which `given` are (true), or never (false). None where a request
    /// decides, or where that cannot be proven.
    pub(crate) fn decided(&self, given: &[&Expression], asked: &[&Expression]) -> Option<bool> {
        let [given, asked] = [given, asked].map(|all| all.iter().map(|it| it.node()).collect::<Vec<_>>());
        self.decided_nodes(&given, &asked)
    }

    pub(super) fn decided_nodes(&self, given: &[&Node], asked: &[&Node]) -> Option<bool> {
        let mut domains = Domains::default();
        given.iter().chain(asked).try_for_each(|node| domains.read(self, node))?;
        let domains = domains.finish(self)?;
        let requests = domains.iter().try_fold(1_usize, |product, (_, values)| product.checked_mul(values.len()))?;
        if domains.is_empty() || domains.len() > MOST_ATOMS || requests > MOST_REQUESTS {
            return None;
        }
        let (mut always, mut never, mut any) = (true, true, false);
        for request in 0..requests {
            let mut rest = request;
            let assigned = domains.iter().filter_map(|(atom, values)| {
                let position = rest % values.len();
                rest /= values.len();
                Some((atom, values.get(position)?.as_ref()))
            });
            let assigned: Vec<_> = assigned.collect();
            let are_true = |nodes: &[&Node]| nodes.iter().all(|node| self.is_true(node, &assigned));
            if are_true(given) {
                any = true;
                let outcome = are_true(asked);
                always &= outcome;
                never &= !outcome;
            }
        }
        match (any, always, never) {
            (true, true, false) => Some(true),
            (true, false, true) => Some(false),
            _ => None,
        }
    }

    fn is_true(&self, node: &Node, assigned: &Assigned<'_>) -> bool {
        matches!(self.value_of(node, assigned), Some(Value::Bool(true)))
    }

    fn truth_of(&self, node: &Node, assigned: &Assigned<'_>) -> Option<bool> {
        match self.value_of(node, assigned)? {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// What `node` comes to; none where it has no value.
    fn value_of(&self, node: &Node, assigned: &Assigned<'_>) -> Option<Value<'static>> {
        if let Some(atom) = Atom::of(node) {
            let (_, value) = assigned.iter().find(|(known, _)| **known == atom)?;
            return Some(match node {
                Node::HasEntry(..) => Value::Bool(value.is_some()),
                _ => value.cloned().unwrap_or(Value::Null),
            });
        }
        let budget = &mut Budget::new();
        Some(match node {
            Node::Constant(value) => value.clone(),
            Node::Variable(position) => return self.value_of(&self.variables.get(*position)?.node, assigned),
            Node::Not(operand) => Value::Bool(!self.truth_of(operand, assigned)?),
            Node::And(parts) => Value::Bool(self.all_of(parts, false, assigned)?),
            Node::Or(parts) => Value::Bool(self.all_of(parts, true, assigned)?),
            Node::Conditional(parts) => {
                let [condition, then, otherwise] = parts.as_ref();
                let chosen = if self.truth_of(condition, assigned)? { then } else { otherwise };
                return self.value_of(chosen, assigned);
            }
            Node::Equal { sides, negated } => {
                let [left, right] = self.pair_of(sides, assigned)?;
                Value::Bool(equal(&left, &right, budget).ok()? != *negated)
            }
            Node::Compare(comparison, sides) => {
                let [left, right] = self.pair_of(sides, assigned)?;
                Value::Bool(holds(*comparison, order(&left, &right, budget).ok()?))
            }
            Node::In(sides) => {
                let [wanted, container] = self.pair_of(sides, assigned)?;
                Value::Bool(contains(&container, &wanted, budget).ok()?)
            }
            _ => return None,
        })
    }

    fn pair_of(&self, sides: &[Node; 2], assigned: &Assigned<'_>) -> Option<[Value<'static>; 2]> {
        let [left, right] = sides;
        Some([self.value_of(left, assigned)?, self.value_of(right, assigned)?])
    }

    /// `&&` and `||`: `decisive` on any side decides, whatever the others are or fail with.
    fn all_of(&self, parts: &[Node], decisive: bool, assigned: &Assigned<'_>) -> Option<bool> {
        let mut is_known = true;
        for part in parts {
            match self.truth_of(part, assigned) {
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
