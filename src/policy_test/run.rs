//! Runs cases, and tells what is not as expected.

use super::actual::ActualDecision;
use super::load::{Case, Suite};
use super::source::{Decision, Expectation};
use crate::diagnostic::Diagnostic;
use crate::policy::Action;
use crate::reason::Reason;
use std::collections::BTreeSet;

/// What came of a case.
#[derive(Debug)]
pub struct CaseResult<'s> {
    /// The suite that the case is of.
    pub suite: &'s Suite,
    /// The case.
    pub case: &'s Case,
    /// What became of its request.
    pub actual: ActualDecision,
    /// What is not as expected; empty where the case passes.
    pub mismatches: Vec<Mismatch>,
}

/// Something that is not as expected.
#[derive(Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The key of `expect` that it is about.
    pub subject: &'static str,
    /// What the case expects.
    pub expected: String,
    /// What came in its place.
    pub got: String,
}

impl Suite {
    /// Runs the cases whose `SUITE: CASE` name holds `filter`.
    pub fn run(&self, filter: &str) -> Vec<CaseResult<'_>> {
        let wanted = self.cases.iter().filter(|case| format!("{}: {}", self.name, case.name).contains(filter));
        let results = wanted.map(|case| {
            let actual = ActualDecision::of(&case.request, &self.bundle);
            let mismatches = mismatches(&case.expected, &actual);
            CaseResult { suite: self, case, actual, mismatches }
        });
        results.collect()
    }
}

impl CaseResult<'_> {
    /// Whether all is as expected.
    pub fn passed(&self) -> bool {
        self.mismatches.is_empty()
    }

    /// The one-based line on which the case is written.
    pub fn line(&self) -> usize {
        self.suite.source.line(&self.pointer()).unwrap_or(1)
    }

    /// What is not as expected, at the case's place.
    pub fn failure(&self) -> Diagnostic {
        let parts = self
            .mismatches
            .iter()
            .map(|mismatch| format!("`{}` must be {} and is {}", mismatch.subject, mismatch.expected, mismatch.got));
        let message =
            format!("case `{}` fails: {}", self.case.name.escape_debug(), parts.collect::<Vec<_>>().join("; "));
        self.suite.source.at(&self.pointer(), message).with_help("`portcullis test` tells what each policy said")
    }

    fn pointer(&self) -> String {
        format!("/spec/cases/{}/name", self.case.position)
    }
}

fn mismatches(expected: &Expectation, actual: &ActualDecision) -> Vec<Mismatch> {
    let warnings = (&expected.warnings, actual.rules_of(Action::Warn));
    let audits = (&expected.audits, actual.rules_of(Action::Audit));
    let waived = (&expected.waived, actual.waived());
    let mut sets = vec![("warnings", warnings), ("audits", audits), ("waived", waived)];
    sets.extend(expected.policies.as_ref().map(|policies| ("policies", (policies, actual.policies()))));
    sets.extend(expected.fields.as_ref().map(|fields| ("fields", (fields, actual.fields()))));
    let differing = sets.into_iter().filter(|(_, (expected, got))| *expected != got);
    let decision = decision(expected, actual.refused).into_iter();
    decision
        .chain(limits(expected, actual))
        .chain(differing.map(|(subject, (expected, got))| Mismatch {
            subject,
            expected: listed(expected),
            got: listed(&got),
        }))
        .collect()
}

fn decision(expected: &Expectation, refused: Option<Reason>) -> Option<Mismatch> {
    let told = |reason: Option<&str>| reason.map_or("allow".to_owned(), |reason| format!("deny ({reason})"));
    let wanted = match expected.decision {
        Decision::Allow => None,
        Decision::Deny => Some(expected.reason.as_deref().unwrap_or(Reason::PolicyDenied.as_str())),
    };
    let got = refused.map(Reason::as_str);
    (wanted != got).then(|| Mismatch { subject: "decision", expected: told(wanted), got: told(got) })
}

/// Names with keys: the case is of a request that somebody made up, so nothing in it is secret.
fn limits(expected: &Expectation, actual: &ActualDecision) -> Option<Mismatch> {
    let expected: BTreeSet<String> =
        expected.limits.as_ref()?.iter().map(|(name, key)| format!("{name} by {key}")).collect();
    let got = actual.counted().into_iter().map(|(name, key)| format!("{name} by {}", key.to_json())).collect();
    (expected != got).then(|| Mismatch { subject: "limits", expected: listed(&expected), got: listed(&got) })
}

fn listed(names: &BTreeSet<String>) -> String {
    if names.is_empty() { "none".to_owned() } else { names.iter().cloned().collect::<Vec<_>>().join(", ") }
}
