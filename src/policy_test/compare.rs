//! Compares the actual decision for a case with the expected one.

use super::actual::ActualDecision;
use super::source::{ExpectedDecision, TestExpectation};
use crate::policy::Action;
use crate::reason::Reason;
use serde_json::Value;
use std::collections::BTreeSet;

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

/// What of `actual` is not as expected.
pub(super) fn mismatches(expected: &TestExpectation, actual: &ActualDecision) -> Vec<Mismatch> {
    // A rule that could not be evaluated is not known to be false, so it does not do for one that is expected to be.
    let with_failures = expected.expects_failure();
    let warnings = (&expected.warnings, actual.rules_of(Action::Warn, with_failures));
    let audits = (&expected.audits, actual.rules_of(Action::Audit, with_failures));
    let waived = (&expected.waived, actual.applied_waivers());
    let mut sets = vec![("warnings", warnings), ("audits", audits), ("waived", waived)];
    sets.extend(expected.policies.as_ref().map(|policies| ("policies", (policies, actual.policies(with_failures)))));
    sets.extend(expected.fields.as_ref().map(|fields| ("fields", (fields, actual.fields()))));
    let differing = sets.into_iter().filter(|(_, (expected, got))| *expected != got);
    let decision = decision(expected, actual.refused).into_iter();
    decision
        .chain(failures(expected, actual))
        .chain(limits(expected, actual))
        .chain(differing.map(|(subject, (expected, got))| Mismatch {
            subject,
            expected: join_names(expected),
            got: join_names(&got),
        }))
        .collect()
}

/// Compares whether rules could not be evaluated.
fn failures(expected: &TestExpectation, actual: &ActualDecision) -> Option<Mismatch> {
    let (is_expected, failed) = (expected.expects_failure(), actual.failed_rules());
    let wanted = if is_expected { "a rule that cannot be evaluated" } else { "none" };
    (is_expected == failed.is_empty()).then(|| Mismatch {
        subject: "errors",
        expected: wanted.to_owned(),
        got: join_names(&failed),
    })
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
