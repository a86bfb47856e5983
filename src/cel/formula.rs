//! What of an expression decides its value, over terms whose values are enumerated.

use super::activation::Value;
use super::budget::Budget;
use super::equality::{contains, equal, order};
use super::syntax::Comparison;
use std::cmp::Ordering;

/// The value of a term in one combination.
#[derive(Clone, Debug)]
pub(super) enum TermValue {
    /// The entry is not there, and reads as null.
    Absent,
    /// The term has no value, because its evaluation fails.
    Failed,
    Known(Value<'static>),
}

/// An expression over terms.
#[derive(Clone, Debug)]
pub(super) enum Formula {
    Constant(Value<'static>),
    /// The value of the term at this position.
    Term(usize),
    /// Whether the entry that is the term at this position is there.
    Present(usize),
    Not(Box<Self>),
    And(Vec<Self>),
    Or(Vec<Self>),
    /// The condition, and what is the value if it is true, and if it is not.
    Conditional(Box<[Self; 3]>),
    Equal {
        sides: Box<[Self; 2]>,
        negated: bool,
    },
    Compare(Comparison, Box<[Self; 2]>),
    In(Box<[Self; 2]>),
    /// A comparison of two parts whose order is the term at this position: see [`Formula::order_values`].
    Ordered(usize, OrderTest),
}

/// A test of the order of two parts.
#[derive(Clone, Copy, Debug)]
pub(super) enum OrderTest {
    Equal { negated: bool },
    Compare(Comparison),
}

impl Formula {
    /// The values of a term that is the order of two parts: less, equal, greater, of types that have no order, or none.
    pub(super) fn order_values() -> Vec<TermValue> {
        let known = [Value::Int(-1), Value::Int(0), Value::Int(1), Value::Null].map(TermValue::Known);
        known.into_iter().chain([TermValue::Failed]).collect()
    }

    /// Whether it is true in the combination `terms`. `None` if it has no value, or one that is not a `bool`.
    pub(super) fn truth(&self, terms: &[&TermValue]) -> Option<bool> {
        match self.value(terms)? {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// Its value in the combination `terms`; `None` if it has none.
    fn value(&self, terms: &[&TermValue]) -> Option<Value<'static>> {
        // a fresh budget: each value is one comparison of literals
        let budget = &mut Budget::new();
        Some(match self {
            Self::Constant(value) => value.clone(),
            Self::Term(term) => match terms.get(*term)? {
                TermValue::Absent => Value::Null,
                TermValue::Failed => return None,
                TermValue::Known(value) => value.clone(),
            },
            Self::Present(term) => Value::Bool(!matches!(terms.get(*term)?, TermValue::Absent)),
            Self::Not(operand) => Value::Bool(!operand.truth(terms)?),
            Self::And(parts) => Value::Bool(all_of(parts, false, terms)?),
            Self::Or(parts) => Value::Bool(all_of(parts, true, terms)?),
            Self::Conditional(parts) => {
                let [condition, then, otherwise] = parts.as_ref();
                let chosen = if condition.truth(terms)? { then } else { otherwise };
                return chosen.value(terms);
            }
            Self::Equal { sides, negated } => {
                let [left, right] = pair_of(sides, terms)?;
                Value::Bool(equal(&left, &right, budget).ok()? != *negated)
            }
            Self::Compare(comparison, sides) => {
                let [left, right] = pair_of(sides, terms)?;
                Value::Bool(holds(*comparison, order(&left, &right, budget).ok()?))
            }
            Self::In(sides) => {
                let [wanted, container] = pair_of(sides, terms)?;
                Value::Bool(contains(&container, &wanted, budget).ok()?)
            }
            Self::Ordered(term, test) => {
                let order = match terms.get(*term)? {
                    TermValue::Known(Value::Int(sign)) => Some(sign.cmp(&0)),
                    TermValue::Known(_) => None,
                    TermValue::Absent | TermValue::Failed => return None,
                };
                Value::Bool(match test {
                    OrderTest::Equal { negated } => (order == Some(Ordering::Equal)) != *negated,
                    OrderTest::Compare(comparison) => holds(*comparison, order?),
                })
            }
        })
    }
}

fn pair_of(sides: &[Formula; 2], terms: &[&TermValue]) -> Option<[Value<'static>; 2]> {
    let [left, right] = sides;
    Some([left.value(terms)?, right.value(terms)?])
}

/// `&&` and `||`: `decisive` on any side decides, whatever the others are or fail with.
fn all_of(parts: &[Formula], decisive: bool, terms: &[&TermValue]) -> Option<bool> {
    let mut is_known = true;
    for part in parts {
        match part.truth(terms) {
            Some(value) if value == decisive => return Some(decisive),
            truth => is_known &= truth.is_some(),
        }
    }
    is_known.then_some(!decisive)
}

const fn holds(comparison: Comparison, order: Ordering) -> bool {
    match comparison {
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }
}
