//! The report for CI systems, in the XML of `JUnit`.

use super::TestReport;
use crate::policy_test::{CaseResult, MutationReport};
use std::fmt::Write;

pub(super) fn report(report: &TestReport<'_>) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // writing to a `String` cannot fail
    let _ = writeln!(text, "<testsuites{}>", counts(&report.results, report.mutation.as_ref()));
    // results are in the order of their suites, which need not have different names
    for results in report.results.chunk_by(|one, next| std::ptr::eq(one.suite, next.suite)) {
        let name = results.first().map_or_else(String::new, |result| escape(&result.suite.name));
        let _ = writeln!(text, "  <testsuite name=\"{name}\"{}>", counts(results, None));
        for result in results {
            case(&mut text, result);
        }
        text.push_str("  </testsuite>\n");
    }
    if let Some(mutation) = &report.mutation {
        mutants(&mut text, mutation);
    }
    text.push_str("</testsuites>");
    text
}

fn counts(results: &[CaseResult<'_>], mutation: Option<&MutationReport>) -> String {
    let (judged, survived) = mutation.map_or((0, 0), |it| (it.count_judged(), it.survivors.len()));
    let failed = results.iter().filter(|result| !result.passes()).count() + survived;
    format!(" tests=\"{}\" failures=\"{failed}\"", results.len() + judged)
}

/// The mutants as a suite of their own: one that survived is a failure.
fn mutants(text: &mut String, mutation: &MutationReport) {
    let _ = writeln!(text, "  <testsuite name=\"mutants\"{}>", counts(&[], Some(mutation)));
    for survivor in &mutation.survivors {
        let (rule, lines) = (escape(&survivor.rule), &survivor.lines);
        let (file, line) = (escape(&lines.file.display().to_string()), lines.line);
        let name = escape(&format!("line {line}: {}", survivor.what));
        let _ = writeln!(text, "    <testcase classname=\"{rule}\" name=\"{name}\" file=\"{file}\" line=\"{line}\">");
        let change = format!("no case fails if `{}` is `{}`", lines.before.join(" "), lines.after.join(" "));
        let _ = writeln!(text, "      <failure message=\"{}\"/>\n    </testcase>", escape(&change));
    }
    text.push_str("  </testsuite>\n");
}

fn case(text: &mut String, result: &CaseResult<'_>) {
    let (suite, name) = (escape(&result.suite.name), escape(&result.case.name));
    let file = escape(&result.suite.source.file().display().to_string());
    let line = result.line();
    let _ = write!(text, "    <testcase classname=\"{suite}\" name=\"{name}\" file=\"{file}\" line=\"{line}\"");
    if result.passes() {
        text.push_str("/>\n");
    } else {
        let message = escape(&result.failure().message);
        let _ = writeln!(text, ">\n      <failure message=\"{message}\"/>\n    </testcase>");
    }
}

/// `text` in an attribute; what XML cannot hold is shown as an escape of ours.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => out.extend(letter.escape_debug()),
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn no_name_breaks_out_of_its_attribute() {
        assert_eq!(escape("a \"b\" <c> & d\u{0}\n"), "a &quot;b&quot; &lt;c&gt; &amp; d\\0\\n");
    }
}
