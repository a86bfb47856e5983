//! Mutants that policies and limits have in common: of their scope and of their expressions.

use super::change::ChangedLines;
use super::mutant::{Mutant, MutatedDocument};
use crate::cel::mutations;
use crate::manifest::Source;
use crate::policy::MatchedEnvironment;
use crate::policy::{Action, NamedExpression};

/// Collects the mutants of one document.
pub(super) struct Mutants<'s, D> {
    pub(super) source: &'s Source,
    /// The document that each mutant is a changed copy of.
    pub(super) original: &'s D,
    /// Makes a document for a mutant of a changed copy.
    pub(super) wrap: fn(D) -> MutatedDocument,
    pub(super) found: Vec<Mutant>,
}

impl<D: Clone> Mutants<'_, D> {
    /// Adds the mutant that `change` makes of a copy.
    pub(super) fn add(&mut self, what: &'static str, lines: ChangedLines, change: impl FnOnce(&mut D)) {
        let mut document = self.original.clone();
        change(&mut document);
        self.found.push(Mutant { what, lines, document: (self.wrap)(document) });
    }

    /// Adds a mutant for each change of the expression at `pointer`, which `set` replaces in a copy.
    pub(super) fn expression(&mut self, pointer: &str, expression: &str, set: impl Fn(&mut D, String)) {
        for mutation in mutations(expression) {
            let lines = ChangedLines::within(self.source, pointer, mutation.span.clone(), &mutation.replacement);
            self.add(mutation.what, lines, |document| set(document, mutation.apply(expression)));
        }
    }

    /// Adds the mutants of the match conditions.
    pub(super) fn conditions(
        &mut self,
        conditions: &[NamedExpression],
        list: impl Fn(&mut D) -> &mut Vec<NamedExpression>,
    ) {
        for (position, condition) in conditions.iter().enumerate() {
            let pointer = format!("/spec/matchConditions/{position}/expression");
            self.add("condition removed", ChangedLines::remove_lines(self.source, &pointer), |document| {
                list(document).remove(position);
            });
            self.named_expression(&pointer, condition, position, &list);
        }
    }

    /// Adds the mutants of the variables.
    pub(super) fn variables(
        &mut self,
        variables: &[NamedExpression],
        list: impl Fn(&mut D) -> &mut Vec<NamedExpression>,
    ) {
        for (position, variable) in variables.iter().enumerate() {
            self.named_expression(&format!("/spec/variables/{position}/expression"), variable, position, &list);
        }
    }

    fn named_expression(
        &mut self,
        pointer: &str,
        named: &NamedExpression,
        position: usize,
        list: impl Fn(&mut D) -> &mut Vec<NamedExpression>,
    ) {
        self.expression(pointer, &named.expression, |document, text| {
            if let Some(named) = list(document).get_mut(position) {
                named.expression = text;
            }
        });
    }

    /// Adds the mutant with a milder action, if there is one.
    // only milder: a case that has `violates` is the same after a promotion on purpose
    pub(super) fn actions(&mut self, actions: &[Action], set: impl Fn(&mut D) -> &mut Vec<Action>) {
        if actions.contains(&Action::Deny) {
            let lines = ChangedLines::replace_value(self.source, "/spec/actions", "[Audit]");
            self.add("another action", lines, |document| *set(document) = vec![Action::Audit]);
        }
    }

    /// Adds a mutant without each of the operations, if there are several.
    pub(super) fn operations(&mut self, operations: &[String], set: impl Fn(&mut D) -> &mut Vec<String>) {
        for position in (0..operations.len()).filter(|_| operations.len() > 1) {
            let lines = ChangedLines::without_element(self.source, &format!("/spec/match/operations/{position}"));
            self.add("operation removed", lines, |document| {
                set(document).remove(position);
            });
        }
    }

    /// Adds the mutants for other environments.
    pub(super) fn environments(
        &mut self,
        environments: &[MatchedEnvironment],
        set: impl Fn(&mut D) -> &mut Vec<MatchedEnvironment>,
    ) {
        const ALL: [MatchedEnvironment; 2] = MatchedEnvironment::OF_CREDENTIALS;
        const POINTER: &str = "/spec/match/environments";
        let is_all = environments.is_empty() || environments.len() == ALL.len();
        let mut others: Vec<Vec<MatchedEnvironment>> = ALL
            .into_iter()
            .filter(|one| is_all || *environments != std::slice::from_ref(one)[..])
            .map(|one| vec![one])
            .collect();
        if !is_all {
            others.push(ALL.to_vec());
        }
        for other in others {
            let text = format!("[{}]", other.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
            let lines = if self.source.line(POINTER).is_some() {
                ChangedLines::replace_value(self.source, POINTER, &text)
            } else {
                ChangedLines::add_line(self.source, "/spec/match/operations", &format!("environments: {text}"))
            };
            self.add("other environments", lines, |document| *set(document) = other);
        }
    }
}
