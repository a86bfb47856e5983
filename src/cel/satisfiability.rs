//! Finds expressions that have the same value for every request, although they read it.
//!
//! An expression that only compares a few names with literals is evaluated for every order in which the names and literals can be. The
//! result is a proof: for any other expression there is none.

use super::abstraction::Abstraction;
use super::enumeration::Combinations;
use super::env::Env;
use super::expression::Expression;
use super::formula::Formula;
use super::node::Node;
use std::ops::ControlFlow;

/// Most atoms of one question.
const MAX_ATOMS: usize = 3;
/// Most combinations of their values. Both bound the time that loading takes.
const MAX_COMBINATIONS: usize = 1_000;

impl Env<'_> {
    /// Whether `asked` are all true of every request for which `given` are true (`true`), or of none (`false`). `None` if that depends
    /// on the request, or cannot be proven.
    pub(crate) fn constant_truth(&self, given: &[&Expression], asked: &[&Expression]) -> Option<bool> {
        let [given, asked] = [given, asked].map(|all| all.iter().map(|it| &it.node).collect::<Vec<_>>());
        self.constant_truth_of_nodes(&given, &asked)
    }

    pub(super) fn constant_truth_of_nodes(&self, given: &[&Node], asked: &[&Node]) -> Option<bool> {
        let mut abstraction = Abstraction::exact(self.declarations);
        let variables: Vec<_> = self.variables.iter().map(|it| (!it.is_broken).then_some(&it.node)).collect();
        let mut formulas = |nodes: &[&Node]| {
            let formulas = nodes.iter().map(|node| abstraction.formula(node, &variables));
            formulas.collect::<Option<Vec<_>>>()
        };
        let (given, asked) = (formulas(given)?, formulas(asked)?);
        let combinations = Combinations::of(abstraction.domains()?, MAX_COMBINATIONS)?;
        if combinations.count_terms() == 0 || combinations.count_terms() > MAX_ATOMS {
            return None;
        }
        let (mut always, mut never, mut any) = (true, true, false);
        combinations.for_each(|terms| {
            let is_true = |formula: &Formula| formula.truth(terms) == Some(true);
            // combinations that the conditions exclude do not count
            if given.iter().all(is_true) {
                any = true;
                let outcome = asked.iter().all(is_true);
                always &= outcome;
                never &= !outcome;
            }
            ControlFlow::Continue(())
        });
        // without any combination the conditions contradict each other, which is reported on its own
        match (any, always, never) {
            (true, true, false) => Some(true),
            (true, false, true) => Some(false),
            _ => None,
        }
    }
}
