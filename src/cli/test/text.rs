//! The report for people.

use super::Report;
use crate::cli::columns::columns;
use crate::cli::explain::{by, claimed, said};
use crate::policy_test::{Branch, CaseResult, PolicyCoverage};
use std::fmt::Write;

pub(super) fn report(report: &Report<'_>) -> String {
    let mut text = String::new();
    let failed: Vec<_> = report.results.iter().filter(|result| !result.passes()).collect();
    for result in &failed {
        failure(&mut text, result);
    }
    let (cases, failed) = (report.results.len(), failed.len());
    // writing to a `String` cannot fail
    let noun = if cases == 1 { "case" } else { "cases" };
    let _ = writeln!(text, "{cases} {noun}: {} passed, {failed} failed", cases - failed);
    coverage(&mut text, &report.coverage);
    text.trim_end().to_owned()
}

/// What was expected, what came in its place, and what each policy said.
fn failure(text: &mut String, result: &CaseResult<'_>) {
    let suite = result.suite;
    let _ = writeln!(text, "FAIL {}: {}", suite.name, result.case.name);
    let _ = writeln!(text, "  {}:{}", suite.source.file().display(), result.line());
    let rows = result.mismatches.iter().map(|mismatch| {
        let cells = [mismatch.subject, "expected", &mismatch.expected, "got", &mismatch.got];
        cells.map(str::to_owned).to_vec()
    });
    let _ = writeln!(text, "{}", columns("  ", &rows.collect::<Vec<_>>()));
    let rules = result.actual.rules.iter().map(|(policy, outcome)| {
        vec![policy.name.to_string(), policy.action.as_str().to_owned(), said(policy, outcome)]
    });
    let claims =
        result.actual.limits.iter().map(|(limit, claim)| {
            vec![limit.name.to_string(), limit.action.as_str().to_owned(), claimed(limit, claim)]
        });
    let rules: Vec<_> = rules.chain(claims).collect();
    if rules.is_empty() {
        let _ = writeln!(text, "  why: no policy was asked");
    } else {
        let _ = writeln!(text, "  why:\n{}", columns("    ", &rules));
    }
    for violation in &result.actual.violations {
        let _ = writeln!(text, "    {} by {}: {}", violation.action.as_str(), by(violation), violation.message);
    }
    text.push('\n');
}

fn coverage(text: &mut String, coverage: &PolicyCoverage) {
    let (seen, all, percent) = (coverage.count_reached(), coverage.branches.len(), coverage.percent());
    let (rules, shown) = coverage.rules();
    let _ = writeln!(text, "coverage: {shown} of {rules} rules, {seen} of {all} branches ({percent} %)");
    let unseen = coverage.branches.iter().filter(|branch| !branch.seen).map(row).collect::<Vec<_>>();
    if !unseen.is_empty() {
        let _ = writeln!(text, "{}", columns("  ", &unseen));
    }
}

fn row(branch: &Branch) -> Vec<String> {
    let place = format!("{}:{}", branch.file.display(), branch.line);
    vec![format!("never {}", branch.outcome), place, branch.expression.clone()]
}
