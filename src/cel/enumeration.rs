//! Enumerates the combinations of the values that the terms of expressions can have.

use super::abstraction::{Abstraction, Domain, Term};
use super::activation::Value;
use super::canonical::{NodeScope, canonical};
use super::declarations::Declarations;
use super::expression::{Expression, ValueExpression, Variables};
use super::formula::{Formula, TermValue};
use super::value_domain::Atom;
use std::ops::ControlFlow;

/// The expressions of one or several rules, by the same names.
pub(crate) struct Enumeration<'d> {
    abstraction: Abstraction<'d>,
}

/// A part of a rule that is true or false of a request, or fails.
#[derive(Clone, Debug)]
pub(crate) struct Predicate(Formula);

/// The combinations of the values of all terms.
#[derive(Debug)]
pub(crate) struct Combinations(Vec<Domain>);

/// One combination of values.
#[derive(Clone, Copy)]
pub(crate) struct Combination<'c> {
    domains: &'c [Domain],
    values: &'c [&'c TermValue],
}

impl<'d> Enumeration<'d> {
    pub(crate) const fn new(declarations: &'d dyn Declarations) -> Self {
        Self { abstraction: Abstraction::open(declarations) }
    }

    /// What `expression` of a rule with `variables` is.
    pub(crate) fn predicate(&mut self, variables: &Variables, expression: &Expression) -> Predicate {
        let nodes: Vec<_> = variables.nodes.iter().map(Some).collect();
        let formula = self.abstraction.formula(&expression.node, &nodes);
        // an open abstraction understands everything; what it does not fails in every combination
        Predicate(formula.unwrap_or(Formula::Constant(Value::Null)))
    }

    /// Something besides expressions that is true or false of a request. It is the same wherever `name` is.
    pub(crate) fn fact(&mut self, name: &str) -> Predicate {
        Predicate(self.abstraction.fact(name))
    }

    /// What is false of every request.
    pub(crate) const fn never() -> Predicate {
        Predicate(Formula::Constant(Value::Bool(false)))
    }

    /// What the parts read that are not understood, with the constants that may decide their values.
    pub(crate) fn hints(&self) -> impl Iterator<Item = (&Atom, Vec<&Value<'static>>)> {
        let terms = self.abstraction.terms.iter();
        terms.flat_map(|used| used.reads.iter().map(|atom| (atom, used.all_constants().collect())))
    }

    /// All combinations; `None` if there are more than `most`, or a term has too many values.
    pub(crate) fn combinations(&self, most: usize) -> Option<Combinations> {
        Combinations::of(self.abstraction.domains()?, most)
    }
}

impl Combinations {
    /// `None` if there are more than `most`.
    pub(super) fn of(domains: Vec<Domain>, most: usize) -> Option<Self> {
        let count = domains.iter().try_fold(1_usize, |product, (_, values)| product.checked_mul(values.len()))?;
        (count <= most).then_some(Self(domains))
    }

    pub(super) const fn count_terms(&self) -> usize {
        self.0.len()
    }

    /// Calls `visit` with the values of each combination, in the order of the terms, until it breaks.
    pub(super) fn for_each<'c>(&'c self, mut visit: impl FnMut(&[&'c TermValue]) -> ControlFlow<()>) {
        let count: usize = self.0.iter().map(|(_, values)| values.len()).product();
        let mut values = Vec::with_capacity(self.0.len());
        for combination in 0..count {
            // the combination as a number whose digits are positions in the domains
            let mut rest = combination;
            values.clear();
            values.extend(self.0.iter().filter_map(|(_, domain)| {
                let position = rest % domain.len();
                rest /= domain.len();
                domain.get(position)
            }));
            if visit(&values).is_break() {
                return;
            }
        }
    }

    /// Calls `visit` with each combination, until it breaks.
    pub(crate) fn visit(&self, mut visit: impl FnMut(Combination<'_>) -> ControlFlow<()>) {
        self.for_each(|values| visit(Combination { domains: &self.0, values }));
    }
}

impl Combination<'_> {
    /// Whether the predicate is true; `None` if it fails.
    pub(crate) fn truth(&self, predicate: &Predicate) -> Option<bool> {
        predicate.0.truth(self.values)
    }

    /// The values of names; `None` for one that is absent. Of the other terms nothing is known but what they evaluate to.
    pub(crate) fn atom_values(&self) -> impl Iterator<Item = (&Atom, Option<&Value<'static>>)> {
        self.domains.iter().zip(self.values).filter_map(|((term, _), value)| match (term, value) {
            (Term::Atom(atom), TermValue::Known(value)) => Some((atom, Some(value))),
            (Term::Atom(atom), TermValue::Absent) => Some((atom, None)),
            _ => None,
        })
    }
}

impl Expression {
    /// A text that is equal for expressions that have the same value for every request.
    pub(crate) fn canonical(&self, variables: &Variables) -> String {
        let nodes: Vec<_> = variables.nodes.iter().map(Some).collect();
        canonical(&self.node, NodeScope { variables: &nodes, locals: &[] })
    }
}

impl ValueExpression {
    /// As [`Expression::canonical`].
    pub(crate) fn canonical(&self, variables: &Variables) -> String {
        let nodes: Vec<_> = variables.nodes.iter().map(Some).collect();
        canonical(&self.node, NodeScope { variables: &nodes, locals: &[] })
    }
}
