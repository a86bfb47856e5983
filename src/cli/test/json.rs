//! The report for programs.

use super::TestReport;
use crate::cli::outcome_text::describe_outcome;
use crate::policy_test::{Branch, CaseResult, MutationReport};
use crate::reason::Reason;
use serde_json::{Value, json};

pub(super) fn report(report: &TestReport<'_>) -> String {
    let failed = report.results.iter().filter(|result| !result.passes()).count();
    let (rules, shown) = report.coverage.rules();
    let mut report_json = json!({
        "cases": report.results.iter().map(case).collect::<Vec<_>>(),
        "passed": report.results.len() - failed,
        "failed": failed,
        "coverage": {
            "percent": report.coverage.percent(),
            "rules": { "all": rules, "shown": shown },
            "branches": report.coverage.branches.iter().map(branch).collect::<Vec<_>>(),
        },
    });
    if let (Some(mutation), Some(members)) = (&report.mutation, report_json.as_object_mut()) {
        members.insert("mutation".to_owned(), mutants(mutation));
    }
    format!("{report_json:#}")
}

fn mutants(mutation: &MutationReport) -> Value {
    let survivors = mutation.survivors.iter().map(|survivor| {
        json!({
            "policy": survivor.rule,
            "change": survivor.what,
            "file": survivor.lines.file,
            "line": survivor.lines.line,
            "before": survivor.lines.before,
            "after": survivor.lines.after,
            "request": survivor.request,
        })
    });
    json!({
        "percent": mutation.percent(),
        "killed": mutation.killed,
        "skipped": mutation.skipped,
        "survivors": survivors.collect::<Vec<_>>(),
    })
}

fn case(result: &CaseResult<'_>) -> Value {
    let rules = result.actual.rules.iter().map(|(policy, outcome)| {
        json!({ "policy": policy.name, "action": policy.action.as_str(), "outcome": describe_outcome(policy, outcome) })
    });
    let mismatches = result
        .mismatches
        .iter()
        .map(|mismatch| json!({ "subject": mismatch.subject, "expected": mismatch.expected, "got": mismatch.got }));
    json!({
        "suite": result.suite.name,
        "name": result.case.name,
        "file": result.suite.source.file(),
        "line": result.line(),
        "passed": result.passes(),
        "refused": result.actual.refused.map(Reason::as_str),
        "mismatches": mismatches.collect::<Vec<_>>(),
        "rules": rules.collect::<Vec<_>>(),
    })
}

fn branch(branch: &Branch) -> Value {
    json!({
        "policy": branch.policy,
        "file": branch.file,
        "line": branch.line,
        "expression": branch.expression,
        "outcome": branch.outcome,
        "seen": branch.seen,
    })
}
