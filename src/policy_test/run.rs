//! Runs cases, and compares the actual decision with the expected one.

use super::actual::ActualDecision;
use super::load::{Suite, TestCase};
use super::source::{ExpectedDecision, TestExpectation};
use crate::diagnostic::Diagnostic;
use crate::policy::Action;
use crate::reason::Reason;
use serde_json::Value;
use std::collections::BTreeSet;

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

/// Something that is not as expected.
#[derive(Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The key of `expect`.
    pub subject: &'static str,
    /// The expected value.
    pub expected: String,
    /// The actual value.
    pub got: String,
}

impl Suite {
    /// Runs the cases whose name, as `SUITE: CASE`, contains `filter`.
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

fn mismatches(expected: &TestExpectation, actual: &ActualDecision) -> Vec<Mismatch> {
    let warnings = (&expected.warnings, actual.rules_of(Action::Warn));
    let audits = (&expected.audits, actual.rules_of(Action::Audit));
    let waived = (&expected.waived, actual.applied_waivers());
    let mut sets = vec![("warnings", warnings), ("audits", audits), ("waived", waived)];
    sets.extend(expected.policies.as_ref().map(|policies| ("policies", (policies, actual.policies()))));
    sets.extend(expected.fields.as_ref().map(|fields| ("fields", (fields, actual.fields()))));
    let differing = sets.into_iter().filter(|(_, (expected, got))| *expected != got);
    let decision = decision(expected, actual.refused).into_iter();
    decision
        .chain(limits(expected, actual))
        .chain(differing.map(|(subject, (expected, got))| Mismatch {
            subject,
            expected: join_names(expected),
            got: join_names(&got),
        }))
        .collect()
}

fn decision(expected: &TestExpectation, refused: Option<Reason>) -> Option<Mismatch> {
    let describe = |reason: Option<&str>| reason.map_or("allow".to_owned(), |reason| format!("deny ({reason})"));
    let wanted = match expected.decision {
        ExpectedDecision::Allow => None,
        // In a test of policies, a refusal without a reason is one by a policy.
        ExpectedDecision::Deny => Some(expected.reason.as_deref().unwrap_or(Reason::PolicyDenied.as_str())),
    };
    let got = refused.map(Reason::as_str);
    (wanted != got).then(|| Mismatch { subject: "decision", expected: describe(wanted), got: describe(got) })
}

/// Compares the limits that count the request.
//
// Keys are shown, unlike anywhere else: the request was made up by the author of the test, so nothing in it is secret.
fn limits(expected: &TestExpectation, actual: &ActualDecision) -> Option<Mismatch> {
    let limits = expected.limits.as_ref()?;
    let text = |name: &str, key: &Value, cost: Option<u32>| {
        format!("{name} by {key}{}", cost.map(|cost| format!(" as {cost}")).unwrap_or_default())
    };
    let expected: BTreeSet<String> = limits.iter().map(|(name, count)| text(name, count.key(), count.cost())).collect();
    let got = actual.counting_limits().into_iter().map(|(name, (key, cost))| {
        // without a cost where none is expected, so that only what differs is shown
        let asked = limits.get(&name).is_none_or(|count| count.cost().is_some());
        text(&name, &key.to_json(), asked.then_some(cost))
    });
    let got = got.collect();
    (expected != got).then(|| Mismatch { subject: "limits", expected: join_names(&expected), got: join_names(&got) })
}

fn join_names(names: &BTreeSet<String>) -> String {
    if names.is_empty() { "none".to_owned() } else { names.iter().cloned().collect::<Vec<_>>().join(", ") }
}
