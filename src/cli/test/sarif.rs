//! The cases that fail and the changes that none notices, for code review.

use super::TestReport;
use crate::cli::exit::CommandError;
use crate::cli::sarif::{FindingRule, SarifLog};
use crate::policy_test::Survivor;

pub(super) fn log(report: &TestReport<'_>) -> Result<SarifLog, CommandError> {
    let mut log = SarifLog::new()?;
    for result in report.results.iter().filter(|result| !result.passes()) {
        log.add(FindingRule::FailedCase, &result.failure());
    }
    for survivor in report.mutation.iter().flat_map(|mutation| &mutation.survivors) {
        log.add_at_line(FindingRule::UntestedChange, &survivor.lines.file, survivor.lines.line, &describe(survivor));
    }
    Ok(log)
}

fn describe(survivor: &Survivor) -> String {
    let (before, after) = (survivor.lines.before.join(" "), survivor.lines.after.join(" "));
    let replaced = if before.is_empty() { String::new() } else { format!(" in place of `{}`", before.trim()) };
    let request = survivor.request.as_ref();
    let request = request.map(|request| format!("\na case with this request would: {request}")).unwrap_or_default();
    let (rule, what) = (&survivor.rule, survivor.what);
    format!("no case of `{rule}` fails by this change ({what}): `{}`{replaced}{request}", after.trim())
}
