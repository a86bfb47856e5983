//! Runs cases.

use super::actual::ActualDecision;
use super::compare::{Mismatch, mismatches};
use super::counters::Counters;
use super::load::{Suite, TestCase};
use crate::diagnostic::Diagnostic;
use crate::judge::Bundle;

/// A case that was run: the actual decision, compared with the expected one.
#[derive(Debug)]
pub struct CaseResult<'s> {
    /// The test file that the case is in.
    pub suite: &'s Suite,
    /// What was run, and what it expects.
    pub case: &'s TestCase,
    /// What the judge decided, with the outcome of each rule.
    pub actual: ActualDecision,
    /// What is not as expected. Empty if the case passes.
    pub mismatches: Vec<Mismatch>,
}

impl Suite {
    /// Runs the cases whose name, as `SUITE: CASE`, contains `filter`.
    pub fn run(&self, filter: &str) -> Vec<CaseResult<'_>> {
        let is_wanted = |case: &TestCase| format!("{}: {}", self.name, case.name).contains(filter);
        let results = self.decisions(&self.bundle).filter(|(case, _)| is_wanted(case)).map(|(case, actual)| {
            let mismatches = mismatches(&case.expected, &actual);
            CaseResult { suite: self, case, actual, mismatches }
        });
        results.collect()
    }

    /// Each case with the decision of `bundle`.
    //
    // In order, and those that nobody asked for too: a case can follow the one above it, whose requests count.
    pub(super) fn decisions<'s>(
        &'s self,
        bundle: &'s Bundle,
    ) -> impl Iterator<Item = (&'s TestCase, ActualDecision)> + 's {
        let mut counters = Counters::default();
        self.cases.iter().map(move |case| {
            match case.after {
                Some(time) => counters.wait(time),
                None => counters = Counters::default(),
            }
            (case, counters.decide(&case.request, case.repeat, bundle))
        })
    }
}

impl CaseResult<'_> {
    /// Whether the case passes.
    pub fn passes(&self) -> bool {
        self.mismatches.is_empty()
    }

    /// The one-based line of the case in its file.
    pub fn line(&self) -> usize {
        self.suite.source.line(&self.pointer()).unwrap_or(1)
    }

    /// The mismatches as an error at the place of the case.
    pub fn failure(&self) -> Diagnostic {
        let parts = self
            .mismatches
            .iter()
            .map(|mismatch| format!("`{}` must be {} and is {}", mismatch.subject, mismatch.expected, mismatch.got));
        let message =
            format!("case `{}` fails: {}", self.case.name.escape_debug(), parts.collect::<Vec<_>>().join("; "));
        self.suite.source.at(&self.pointer(), message).with_help("`portcullis test` shows the outcome of each policy")
    }

    fn pointer(&self) -> String {
        format!("/spec/cases/{}/name", self.case.position)
    }
}
