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
    let none = BTreeSet::new();
    let [by_action, free] = if expected.is_action_free() { [None, Some(&none)] } else { [Some(&none), None] };
    let wanted = |names: &'_ Option<BTreeSet<String>>| names.clone();
    let sets = [
        ("violates", wanted(&expected.violates).or(free.cloned()), actual.violated_rules(with_failures)),
        ("limited", wanted(&expected.limited).or(free.cloned()), actual.exceeded_limits()),
        ("warnings", wanted(&expected.warnings).or(by_action.cloned()), actual.rules_of(Action::Warn, with_failures)),
        ("audits", wanted(&expected.audits).or(by_action.cloned()), actual.rules_of(Action::Audit, with_failures)),
        ("waived", wanted(&expected.waived).or(by_action.cloned()), actual.applied_waivers()),
        ("policies", wanted(&expected.policies), actual.policies(with_failures)),
        ("fields", wanted(&expected.fields), actual.fields()),
    ];
    let differing = sets.into_iter().filter_map(|(subject, wanted, got)| {
        let wanted = wanted.filter(|wanted| *wanted != got)?;
        Some(Mismatch { subject, expected: join_names(&wanted), got: join_names(&got) })
    });
    let decision = decision(expected, actual.refused).into_iter();
    decision
        .chain(failures(expected, actual))
        .chain(limits(expected, actual))
        .chain(retry_after(expected, actual))
        .chain(differing)
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
    let (got, reason) = (refused.map(Reason::as_str), expected.reason_of_refusal());
    let (is_expected, wanted) = match expected.decision {
        Some(ExpectedDecision::Allow) => (got.is_none(), describe(None)),
        Some(ExpectedDecision::Deny) => (got == Some(reason), describe(Some(reason))),
        // the actions decide, but a refusal must be one that follows from what is expected
        None => (got.is_none_or(|got| got == reason), format!("allow, or {}", describe(Some(reason)))),
    };
    (!is_expected).then(|| Mismatch { subject: "decision", expected: wanted, got: describe(got) })
}

fn retry_after(expected: &TestExpectation, actual: &ActualDecision) -> Option<Mismatch> {
    let (wanted, got) = (expected.retry_after?, actual.retry_after());
    let describe = |seconds: Option<u64>| seconds.map_or("none".to_owned(), |seconds| format!("{seconds} s"));
    (Some(wanted) != got).then(|| Mismatch {
        subject: "retryAfter",
        expected: describe(Some(wanted)),
        got: describe(got),
    })
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
