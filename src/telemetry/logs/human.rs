//! A decision on one line, for people: the access log of a terminal and `portcullis tail` share it.
//!
//! In a terminal of 80 columns, a line stays one row unless names are unusually long. What a line has no room for is in the
//! JSON form of the log and in `tail -v`.

use super::sampling::Rate;
use crate::judge::ShadowDecision;
use crate::judge::violation::{Action, Rule, Violation};
use crate::reason::Reason;
use crate::redact::Escaped;
use crate::telemetry::format::Rfc3339;
use crate::telemetry::record::RequestRecord;
use crate::telemetry::watch::DecisionKind;
use anstyle::{AnsiColor, Effects, Style};
use std::borrow::Cow;
use std::fmt;
use std::io::Write as _;
use std::time::Duration;

/// Columns of a terminal by default.
const COLUMNS: usize = 80;
/// Longest line in columns, for a rule or route of any length.
const LONGEST: usize = 120;
/// Columns of method and route: those of `PATCH /v1/users/{user_id}`.
const ROUTE: usize = 25;

const DIM: Style = Style::new().effects(Effects::DIMMED);

/// The short form of a decision. Its `Display` is the line without a line feed. Any text may be in the fields: what could
/// steer a terminal is escaped.
#[derive(Clone, Debug, Default)]
pub struct ShortLine<'a> {
    /// The time of day, such as `08:30:00`.
    pub time: &'a str,
    /// `None` if it is unknown to this version.
    pub kind: Option<DecisionKind>,
    /// The request's method.
    pub method: &'a str,
    /// The route template.
    pub route: &'a str,
    /// The status of the response. 0 if there was none.
    pub status: u16,
    /// From the request's head to the last byte of the response.
    pub elapsed: Duration,
    /// The policy that decided, or the reason. `None` if nothing was found.
    pub rule: Option<&'a str>,
    /// How many violations there are beside the rule's.
    pub others: usize,
    /// The place in the body that the rule is about.
    pub field: Option<Cow<'a, str>>,
    /// How the decision of the shadow bundle differs. `None` if it is the same.
    pub shadow: Option<&'a str>,
    /// The share of such requests that are logged, if not all are.
    pub sample_rate: Option<f64>,
    /// Whether to add colours, as ANSI escape sequences.
    pub color: bool,
}

impl<'a> ShortLine<'a> {
    /// The line of a finished request.
    fn of(record: &'a RequestRecord, time: &'a str, sample_rate: Rate, color: bool) -> Self {
        let found = deciding(&record.violations);
        let reason = record.reason.map(Reason::as_str);
        Self {
            time,
            kind: Some(DecisionKind::of(record)),
            method: record.method,
            route: record.route(),
            status: record.status,
            elapsed: record.elapsed,
            rule: found.map(rule_or_reason).or(reason),
            others: record.violations.len().saturating_sub(1),
            field: found.and_then(|violation| Some(violation.field.as_ref()?.for_log().into())),
            shadow: record.shadow.as_ref().and_then(|shadow| shadow.decision()).map(ShadowDecision::as_str),
            sample_rate,
            color,
        }
    }

    /// The words after the fixed columns, in the order of their use to a reader.
    fn words(&self) -> impl Iterator<Item = String> {
        let others = Some(self.others).filter(|others| *others > 0);
        [
            self.rule.map(|rule| Escaped(rule).to_string()),
            self.shadow.map(|decision| format!("shadow={}", Escaped(decision))),
            self.sample_rate.map(|rate| format!("sample_rate={rate}")),
            others.map(|others| format!("+{others}")),
            self.field.as_deref().map(|field| Escaped(field).to_string()),
        ]
        .into_iter()
        .flatten()
    }
}

impl fmt::Display for ShortLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // a style without effects writes nothing
        let (dim, style) = if self.color { (DIM, style(self.kind)) } else { (Style::new(), Style::new()) };
        let word = self.kind.map_or_else(|| "?".to_owned(), |kind| kind.as_str().to_ascii_uppercase());
        let time = cut(self.time, 8);
        let route = cut(&format!("{} {}", self.method, self.route), LONGEST - ROUTE - 30);
        let fixed = format!("{route:<ROUTE$} {} {:>6}", Status(self.status), Elapsed(self.elapsed));
        write!(f, "{dim}{time:<8}{dim:#} {style}{word:<6}{style:#} {fixed}")?;
        let mut columns = "08:30:00 EXEMPT ".len() + fixed.chars().count();
        // the rule is always there, other words only if they leave the line on one row
        for (position, word) in self.words().enumerate() {
            let word = cut(&word, LONGEST.saturating_sub(columns + 1));
            let after = columns + 1 + word.chars().count();
            if position == 0 || after <= COLUMNS {
                write!(f, " {word}")?;
                columns = after;
            }
        }
        Ok(())
    }
}

/// Appends the line of `record`, with its line feed.
pub(super) fn write(line: &mut Vec<u8>, record: &RequestRecord, rate: Rate, color: bool) {
    let timestamp = Rfc3339(record.started).to_ascii();
    let time = std::str::from_utf8(timestamp.get(11..19).unwrap_or_default()).unwrap_or_default();
    // writing to a Vec can't fail
    let _ = writeln!(line, "{}", ShortLine::of(record, time, rate, color));
}

/// The violation that refused, or else the first one.
fn deciding(violations: &[Violation]) -> Option<&Violation> {
    violations.iter().find(|violation| violation.action == Action::Deny).or_else(|| violations.first())
}

/// A policy has a name that an operator gave; what the contract or the gateway found is better known by its reason.
fn rule_or_reason(violation: &Violation) -> &str {
    match &violation.rule {
        Rule::Policy(name) => name,
        Rule::Keyword(_) | Rule::Gateway => violation.reason.as_str(),
    }
}

const fn style(kind: Option<DecisionKind>) -> Style {
    match kind {
        Some(DecisionKind::Allow) => AnsiColor::Green.on_default(),
        Some(DecisionKind::Exempt) => AnsiColor::Cyan.on_default(),
        Some(DecisionKind::Deny) => AnsiColor::Red.on_default().effects(Effects::BOLD),
        Some(DecisionKind::Fail) => AnsiColor::Magenta.on_default().effects(Effects::BOLD),
        Some(DecisionKind::Abort | DecisionKind::Warn | DecisionKind::Audit) | None => AnsiColor::Yellow.on_default(),
    }
}

/// The status in three columns, or a dash for a request that got no response.
struct Status(u16);

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("  -"),
            status => write!(f, "{status:>3}"),
        }
    }
}

/// A duration in at most six columns.
struct Elapsed(Duration);

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        f.pad(&match seconds {
            ..0.1 => format!("{:.1}ms", seconds * 1e3),
            0.1..10.0 => format!("{:.0}ms", seconds * 1e3),
            _ => format!("{seconds:.1}s"),
        })
    }
}

/// At most `columns` characters of `text`, escaped.
fn cut(text: &str, columns: usize) -> String {
    let text = Escaped(text).to_string();
    if text.chars().count() <= columns {
        return text;
    }
    let start: String = text.chars().take(columns.saturating_sub(1)).collect();
    start + "\u{2026}"
}

#[cfg(test)]
mod tests {
    use super::{COLUMNS, LONGEST, ShortLine, write};
    use crate::redact::needs_escape;
    use crate::telemetry::record::{RequestRecord, samples};
    use std::time::Duration;

    fn line(record: &RequestRecord) -> String {
        let mut line = Vec::new();
        write(&mut line, record, None, false);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn a_forwarded_request() {
        assert_eq!(line(&samples::allowed_request()), "08:30:00 ALLOW  PATCH /v1/users/{user_id} 200  1.2ms\n");
    }

    #[test]
    fn a_refusal_names_the_policy_and_how_many_others_on_one_row() {
        let line = line(&samples::denied_request());
        assert_eq!(line, "08:30:00 DENY   PATCH /v1/users/{user_id} 422  1.2ms no-skip-password-checks +1\n");
        assert!(line.trim_end().len() <= COLUMNS);
    }

    #[test]
    fn a_field_is_shown_where_it_has_room() {
        let mut record = samples::denied_request();
        record.violations.remove(0);
        let expected = "08:30:00 DENY   PATCH /v1/users/{user_id} 422  1.2ms schema_violation /*\n";
        assert_eq!(line(&record), expected);
    }

    #[test]
    fn a_failure_gives_its_reason() {
        let expected = "08:30:00 FAIL   PATCH /v1/users/{user_id} 504  1.2ms upstream_timeout\n";
        assert_eq!(line(&samples::failed_request()), expected);
    }

    #[test]
    fn a_request_without_response_has_no_status() {
        let mut record = samples::failed_request();
        record.status = 0;
        assert_eq!(line(&record), "08:30:00 FAIL   PATCH /v1/users/{user_id}   -  1.2ms upstream_timeout\n");
    }

    #[test]
    fn a_request_that_passed_by_a_waiver_is_an_audit() {
        let expected = "08:30:00 AUDIT  PATCH /v1/users/{user_id} 200  1.2ms no-skip-password-checks\n";
        assert_eq!(line(&samples::waived_request()), expected);
    }

    #[test]
    fn a_line_that_stands_for_others_gives_the_rate() {
        let mut line = Vec::new();
        write(&mut line, &samples::allowed_request(), Some(0.25), false);
        assert!(String::from_utf8(line).unwrap().ends_with(" 1.2ms sample_rate=0.25\n"));
    }

    #[test]
    fn a_duration_has_six_columns() {
        for (micros, expected) in
            [(1_234, " 1.2ms"), (123_400, " 123ms"), (9_999_000, "9999ms"), (61_000_000, " 61.0s")]
        {
            let elapsed = super::Elapsed(Duration::from_micros(micros));
            assert_eq!(format!("{elapsed:>6}"), expected);
        }
    }

    #[test]
    fn no_line_is_long_or_steers_the_terminal() {
        let text = "\u{1b}[2J\n\u{202e}é".repeat(50);
        let odd = ShortLine {
            time: &text,
            method: &text,
            route: &text,
            rule: Some(&text),
            others: 3,
            field: Some(text.as_str().into()),
            ..ShortLine::default()
        };
        let line = odd.to_string();
        assert_eq!(line.chars().count(), LONGEST, "{line}");
        assert!(!line.chars().any(needs_escape), "{line}");
    }

    #[test]
    fn colors_are_added_only_if_asked_for() {
        let mut colored = Vec::new();
        write(&mut colored, &samples::denied_request(), None, true);
        assert!(String::from_utf8(colored).unwrap().contains("\u{1b}[1m\u{1b}[31mDENY"));
        assert!(!line(&samples::denied_request()).contains('\u{1b}'));
    }
}
