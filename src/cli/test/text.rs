//! The report for people.

use super::TestReport;
use crate::cli::outcome_text::{describe_claim, describe_outcome, rule_with_waiver};
use crate::cli::page::Page;
use crate::policy_test::{Branch, CaseResult, MutationReport, PolicyCoverage, Survivor};
use std::fmt::Write;

pub(super) fn report(report: &TestReport<'_>, width: usize) -> String {
    let mut page = Page::new(width);
    let failed: Vec<_> = report.results.iter().filter(|result| !result.passes()).collect();
    for result in &failed {
        failure(&mut page, result);
    }
    let (cases, failed) = (report.results.len(), failed.len());
    let noun = if cases == 1 { "case" } else { "cases" };
    let _ = writeln!(page, "{cases} {noun}: {} passed, {failed} failed", cases - failed);
    coverage(&mut page, &report.coverage);
    if let Some(mutation) = &report.mutation {
        mutants(&mut page, mutation);
    }
    page.into_text()
}

/// What was expected and what happened instead, with the outcome of each policy.
fn failure(page: &mut Page, result: &CaseResult<'_>) {
    let suite = result.suite;
    let _ = writeln!(page, "FAIL {}: {}", suite.name, result.case.name);
    let _ = writeln!(page, "  {}:{}", suite.source.file().display(), result.line());
    let rows = result.mismatches.iter().map(|mismatch| {
        let cells = [mismatch.subject, "expected", &mismatch.expected, "got", &mismatch.got];
        cells.map(str::to_owned).to_vec()
    });
    page.table(2, &rows.collect::<Vec<_>>());
    let rules = result.actual.rules.iter().map(|(policy, outcome)| {
        vec![policy.name.to_string(), policy.action.as_str().to_owned(), describe_outcome(policy, outcome)]
    });
    let limits = result.actual.limits.iter().map(|(limit, claim)| {
        vec![limit.name.to_string(), limit.action.as_str().to_owned(), describe_claim(limit, claim)]
    });
    let rules: Vec<_> = rules.chain(limits).collect();
    if rules.is_empty() {
        let _ = writeln!(page, "  why: no policy matched");
    } else {
        let _ = writeln!(page, "  why:");
        page.table(4, &rules);
    }
    for violation in &result.actual.violations {
        let (action, rule) = (violation.action.as_str(), rule_with_waiver(violation));
        page.paragraph(4, 6, &format!("{action} by {rule}: {}", violation.message));
    }
    let _ = writeln!(page);
}

fn coverage(page: &mut Page, coverage: &PolicyCoverage) {
    let (seen, all, percent) = (coverage.count_reached(), coverage.branches.len(), coverage.percent());
    let (rules, covered) = coverage.rules();
    let _ = writeln!(page, "coverage: {covered} of {rules} rules, {seen} of {all} branches ({percent} %)");
    let unseen = coverage.branches.iter().filter(|branch| !branch.seen).map(row).collect::<Vec<_>>();
    if !unseen.is_empty() {
        page.table(2, &unseen);
    }
}

fn mutants(page: &mut Page, mutation: &MutationReport) {
    let (judged, killed, percent) = (mutation.count_judged(), mutation.killed, mutation.percent());
    let _ = writeln!(page, "mutants: {killed} of {judged} killed ({percent} %), {} skipped", mutation.skipped);
    for Survivor { rule, what, lines, request } in &mutation.survivors {
        let _ = writeln!(page, "\nSURVIVED {rule}: {what}\n  {}:{}", lines.file.display(), lines.line);
        for (sign, lines) in [('-', &lines.before), ('+', &lines.after)] {
            for line in lines {
                let _ = writeln!(page, "  {sign} {line}");
            }
        }
        match request {
            Some(request) => page.paragraph(2, 4, &format!("differs for {request}")),
            None => page.paragraph(2, 4, "no variation of a case differs"),
        }
    }
}

fn row(branch: &Branch) -> Vec<String> {
    let place = format!("{}:{}", branch.file.display(), branch.line);
    vec![format!("never {}", branch.outcome), place, branch.expression.clone()]
}
