//! The line of a request for people: what became of it, which request, how long, and for a refusal why.

use super::sampling::Rate;
use crate::judge::violation::{Field, Rule, Violation};
use crate::redact::Escaped;
use crate::telemetry::format::Timestamp;
use crate::telemetry::record::{Outcome, RequestRecord};
use std::fmt;
use std::io::Write as _;

const DIM: &str = "\u{1b}[2m";
const PLAIN: &str = "\u{1b}[0m";

/// Appends the line of `record`, with its line feed.
pub(in crate::telemetry) fn write(line: &mut Vec<u8>, record: &RequestRecord, rate: Rate, colour: bool) {
    let (dim, plain) = if colour { (DIM, PLAIN) } else { ("", "") };
    let (word, shade) = word(record.outcome);
    let shade = if colour { shade } else { "" };
    let timestamp = Timestamp(record.started).to_ascii();
    let time = std::str::from_utf8(timestamp.get(11..23).unwrap_or_default()).unwrap_or_default();
    // writing to a Vec can't fail
    let _ = writeln!(
        line,
        "{dim}{time}{plain} {shade}{word:<6}{plain} {:<6} {:<34} {} {:>9} {}{}{dim}{}{plain}",
        record.method,
        record.route(),
        Status(record.status),
        Milliseconds(record.elapsed.as_secs_f64()),
        Why(record),
        Sampled(rate),
        record.decision_id,
    );
}

const fn word(outcome: Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Allowed => ("ALLOW", "\u{1b}[32m"),
        Outcome::Exempt => ("EXEMPT", "\u{1b}[36m"),
        Outcome::Denied => ("DENY", "\u{1b}[1;31m"),
        Outcome::Failed => ("FAIL", "\u{1b}[1;35m"),
        Outcome::Aborted => ("ABORT", "\u{1b}[33m"),
    }
}

/// The status, or a dash for a request that got no answer.
struct Status(u16);

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("  -"),
            status => write!(f, "{status:>3}"),
        }
    }
}

/// A duration in seconds, shown in milliseconds to the microsecond.
struct Milliseconds(f64);

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:.3}ms", self.0 * 1e3))
    }
}

/// Why it was refused, or what rules found though it passed; each part ends with two spaces.
struct Why<'a>(&'a RequestRecord);

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(record) = self;
        if let Some(reason) = record.reason {
            write!(f, "{}  ", reason.as_str())?;
        }
        record.shown_violations().try_for_each(|violation| write_violation(f, violation))?;
        match record.violations.len() - record.shown_violations().count() {
            0 => Ok(()),
            more => write!(f, "and {more} more  "),
        }
    }
}

/// That the line stands for others.
struct Sampled(Rate);

impl fmt::Display for Sampled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |rate| write!(f, "sample_rate={rate}  "))
    }
}

/// One violation. The message about an undeclared field may hold its name, which only the request knows: not shown.
fn write_violation(f: &mut fmt::Formatter<'_>, violation: &Violation) -> fmt::Result {
    write!(f, "{} ", violation.action.as_str())?;
    match &violation.rule {
        Rule::Gateway => {}
        Rule::Policy(_) | Rule::Keyword(_) => write!(f, "{}", Escaped(&violation.rule.label()))?,
    }
    if let Some(waiver) = &violation.waived_by {
        write!(f, " (waived by {})", Escaped(waiver))?;
    }
    if violation.rule != Rule::Gateway {
        f.write_str(": ")?;
    }
    match &violation.field {
        Some(field @ Field::Undeclared { .. }) => write!(f, "{}  ", field.for_log()),
        Some(field @ Field::Declared(_)) => {
            write!(f, "{}: {}  ", Escaped(&field.for_caller()), Escaped(&violation.message))
        }
        None => write!(f, "{}  ", Escaped(&violation.message)),
    }
}

#[cfg(test)]
mod tests {
    use super::write;
    use crate::telemetry::record::{RequestRecord, samples};

    fn line(record: &RequestRecord) -> String {
        let mut line = Vec::new();
        write(&mut line, record, None, false);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn a_forwarded_request() {
        let expected = "08:30:00.125 ALLOW  PATCH  /v1/users/{user_id}                200   1.234ms 0000000000000abc\n";
        assert_eq!(line(&samples::allowed()), expected);
    }

    #[test]
    fn a_refusal_says_why_without_a_word_of_the_request() {
        let expected = "08:30:00.125 DENY   PATCH  /v1/users/{user_id}                422   1.234ms policy_denied  \
            deny no-skip-password-checks: skip_password_checks: skip_password_checks is not allowed in production  \
            deny additionalProperties: /*  0000000000000abc\n";
        assert_eq!(line(&samples::denied()), expected);
    }

    #[test]
    fn a_message_over_several_lines_is_still_one_line() {
        let mut record = samples::denied();
        record.violations[0].message = "first\nsecond\u{1b}[2J".into();
        assert_eq!(line(&record).lines().count(), 1);
        assert!(line(&record).contains(r"first\u{a}second\u{1b}[2J"));
    }

    #[test]
    fn a_line_that_stands_for_others_says_so() {
        let mut line = Vec::new();
        write(&mut line, &samples::allowed(), Some(0.25), false);
        assert!(String::from_utf8(line).unwrap().ends_with("1.234ms sample_rate=0.25  0000000000000abc\n"));
    }

    #[test]
    fn a_policy_that_was_waived_names_the_waiver() {
        let expected =
            "audit no-skip-password-checks (waived by migration): skip_password_checks: skip_password_checks is not";
        let line = line(&samples::waived());
        assert!(line.contains(" ALLOW ") && line.contains(expected), "{line}");
    }

    #[test]
    fn a_request_without_answer_has_no_status() {
        let mut record = samples::failed();
        record.status = 0;
        assert!(line(&record).contains("  -   1.234ms upstream_timeout"));
    }

    #[test]
    fn colour_only_where_asked_for() {
        let mut coloured = Vec::new();
        write(&mut coloured, &samples::denied(), None, true);
        assert!(String::from_utf8(coloured).unwrap().contains("\u{1b}[1;31mDENY"));
        assert!(!line(&samples::denied()).contains('\u{1b}'));
    }
}
