//! A decision on one line, and what there is to tell of it below.

use crate::redact::Escaped;
use anstyle::{AnsiColor, Effects, Style};
use serde::Deserialize;

/// Longest line, in characters.
const WIDTH: usize = 120;
/// Width of method and route.
const ROUTE: usize = 34;
/// Before what is told below a line.
const INDENT: &str = "         ";

const DIM: Style = Style::new().effects(Effects::DIMMED);

/// What the gateway tells: a decision, or how many were lost.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DecisionLine {
    lost: u64,
    timestamp: String,
    decision: String,
    method: String,
    route: String,
    status: u16,
    duration_us: u64,
    client_address: Option<String>,
    reason: Option<String>,
    policies: Vec<NamedPolicy>,
    violations: usize,
    details: Vec<Detail>,
    environment: String,
    api_version: Option<String>,
    key: String,
    key_fingerprint: Option<String>,
    decision_id: String,
    trace_id: String,
    revision: String,
}

#[derive(Debug, Deserialize)]
struct NamedPolicy {
    name: String,
}

/// What a rule found.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Detail {
    rule: String,
    action: String,
    reason: String,
    waived_by: Option<String>,
    field: Option<String>,
    message: Option<String>,
    hint: Option<String>,
    owner: Option<String>,
}

impl DecisionLine {
    /// One line of at most 120 characters.
    pub(super) fn line(&self) -> String {
        if self.lost > 0 {
            return format!("{} decisions were lost: they came faster than they could be shown", self.lost);
        }
        let time = self.timestamp.get(11..19).unwrap_or_default();
        let word = self.word();
        let style = style(word);
        let route = cut(&format!("{} {}", self.method, self.route), ROUTE);
        let status = if self.status == 0 { "-".to_owned() } else { self.status.to_string() };
        let caller = self.client_address.as_deref().unwrap_or("-");
        let middle = cut(&format!("{route:<ROUTE$} {status:>3} {:>7} {caller:<9}", self.milliseconds()), WIDTH - 16);
        let why = cut(&self.why(), WIDTH.saturating_sub(17 + middle.chars().count()));
        let line = format!("{DIM}{}{DIM:#} {style}{word:<6}{style:#} {middle} {why}", Escaped(time));
        line.trim_end().to_owned()
    }

    /// What became of it, or what a rule did that refused nothing.
    fn word(&self) -> &'static str {
        let took = |action: &str| self.details.iter().any(|detail| detail.action == action);
        match self.decision.as_str() {
            "allow" if took("warn") => "WARN",
            "allow" if took("audit") => "AUDIT",
            "allow" => "ALLOW",
            "exempt" => "EXEMPT",
            "deny" => "DENY",
            "fail" => "FAIL",
            "abort" => "ABORT",
            _ => "?",
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "nobody reads so many digits")]
    fn milliseconds(&self) -> String {
        let milliseconds = self.duration_us as f64 / 1e3;
        if milliseconds < 1e3 { format!("{milliseconds:.1}ms") } else { format!("{milliseconds:.0}ms") }
    }

    /// The policy that decided, or the reason; how many rules more found something; the field.
    fn why(&self) -> String {
        let decides = |detail: &&Detail| detail.action == "deny";
        let detail = self.details.iter().find(decides).or_else(|| self.details.first());
        let mut words: Vec<String> = match detail {
            Some(detail) if self.policies.iter().any(|policy| policy.name == detail.rule) => vec![detail.rule.clone()],
            Some(detail) => vec![detail.reason.clone()],
            None => self.reason.iter().cloned().collect(),
        };
        if self.violations > 1 {
            words.push(format!("+{}", self.violations - 1));
        }
        words.extend(detail.and_then(|detail| detail.field.clone()));
        words.join(" ")
    }

    /// What every rule found, and the ids of the request.
    pub(super) fn details(&self) -> Vec<String> {
        if self.lost > 0 {
            return Vec::new();
        }
        let mut lines: Vec<String> = self.details.iter().flat_map(Detail::lines).collect();
        let key = self.key_fingerprint.as_deref().map(|print| format!(" {print}")).unwrap_or_default();
        let version = self.api_version.as_deref().map(|version| format!("  api {version}")).unwrap_or_default();
        lines.push(format!("{}{version}  key {}{key}  policies {}", self.environment, self.key, self.revision));
        lines.push(format!("decision {}  trace {}", self.decision_id, self.trace_id));
        lines.iter().map(|line| format!("{INDENT}{}", Escaped(line))).collect()
    }
}

impl Detail {
    fn lines(&self) -> Vec<String> {
        let field = self.field.as_deref().map(|field| format!(" {field}")).unwrap_or_default();
        let message = self.message.as_deref().map(|message| format!(": {message}")).unwrap_or_default();
        let waiver = self.waived_by.as_deref().map(|waiver| format!(" (waived by {waiver})")).unwrap_or_default();
        let mut lines = vec![format!("{} {}{waiver}{field}{message}", self.action, self.rule)];
        lines.extend(self.hint.as_deref().map(|hint| format!("  hint: {hint}")));
        lines.extend(self.owner.as_deref().map(|owner| format!("  owner: {owner}")));
        lines
    }
}

fn style(word: &str) -> Style {
    match word {
        "ALLOW" => AnsiColor::Green.on_default(),
        "EXEMPT" => AnsiColor::Cyan.on_default(),
        "DENY" => AnsiColor::Red.on_default().effects(Effects::BOLD),
        "FAIL" => AnsiColor::Magenta.on_default().effects(Effects::BOLD),
        _ => AnsiColor::Yellow.on_default(),
    }
}

/// At most `width` characters, none of which steers the terminal.
fn cut(text: &str, width: usize) -> String {
    let text = Escaped(text).to_string();
    if text.chars().count() <= width {
        return text;
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    kept + "\u{2026}"
}

#[cfg(test)]
mod tests {
    use super::{DecisionLine, WIDTH};

    fn decision(json: &str) -> DecisionLine {
        serde_json::from_str(json).unwrap()
    }

    fn plain(line: &DecisionLine) -> String {
        anstream::adapter::strip_str(&line.line()).to_string()
    }

    fn refused() -> DecisionLine {
        decision(
            r#"{"timestamp":"2026-05-12T08:30:00.125Z","method":"PATCH","route":"/v1/users/{user_id}",
            "status":422,"decision":"deny","reason":"policy_denied","violations":2,"duration_us":1234,
            "policies":[{"name":"no-skip-password-checks","action":"deny"}],"environment":"production",
            "api_version":"2026-05-12","key":"sk_live","key_fingerprint":"feed","decision_id":"abc","trace_id":"11",
            "revision":"0123","client_address":"127.0.0.1","details":[
            {"rule":"no-skip-password-checks","action":"deny","reason":"policy_denied","field":"skip_password_checks",
             "waived_by":"migration","message":"not allowed","hint":"use a waiver","owner":"security"},
            {"rule":"additionalProperties","action":"deny","reason":"schema_violation","field":"/*"}]}"#,
        )
    }

    #[test]
    fn a_refusal_on_one_line() {
        assert_eq!(
            plain(&refused()),
            "08:30:00 DENY   PATCH /v1/users/{user_id}          422   1.2ms 127.0.0.1 \
             no-skip-password-checks +1 skip_password_checks"
        );
        assert!(refused().line().contains("\u{1b}[1m\u{1b}[31mDENY"), "{:?}", refused().line());
    }

    #[test]
    fn what_every_rule_found_below_it() {
        assert_eq!(
            refused().details().join("\n"),
            "         deny no-skip-password-checks (waived by migration) skip_password_checks: not allowed
           hint: use a waiver
           owner: security
         deny additionalProperties /*
         production  api 2026-05-12  key sk_live feed  policies 0123
         decision abc  trace 11"
        );
    }

    #[test]
    fn what_passed_with_a_finding_says_which() {
        let mut warned = refused();
        warned.decision = "allow".to_owned();
        warned.details.truncate(1);
        for (action, word) in [("audit", "AUDIT"), ("warn", "WARN"), ("other", "ALLOW")] {
            warned.details[0].action = action.to_owned();
            assert!(plain(&warned).contains(&format!(" {word} ")), "{}", plain(&warned));
        }
    }

    #[test]
    fn what_is_lost_is_said() {
        let lost = decision(r#"{"lost":3}"#);
        assert!(plain(&lost).starts_with("3 decisions were lost") && lost.details().is_empty());
    }

    #[test]
    fn no_line_is_long_or_steers_the_terminal_whatever_comes() {
        let mut odd = refused();
        let text = "\u{1b}[2J\n\u{202e}é".repeat(50);
        odd.route.clone_from(&text);
        odd.client_address = Some(text.clone());
        odd.details[0].field = Some(text.clone());
        odd.timestamp.clone_from(&text);
        odd.revision.clone_from(&text);
        assert!((WIDTH - 8..=WIDTH).contains(&plain(&odd).chars().count()));
        assert!(
            [vec![plain(&odd)], odd.details()]
                .concat()
                .iter()
                .all(|line| !line.chars().any(crate::redact::needs_escape))
        );
        let empty = decision("{}");
        assert!(plain(&empty).chars().count() <= WIDTH);
    }
}
