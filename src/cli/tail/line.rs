//! A decision on one line, and its violations and ids below.

use crate::redact::Escaped;
use crate::telemetry::logs::ShortLine;
use crate::telemetry::watch::DecisionKind;
use serde::Deserialize;
use std::time::Duration;

/// Before the lines below a decision.
const INDENT: &str = "         ";

/// A line of the gateway: a decision, or the number of lost ones.
#[derive(Debug, Default, Deserialize)]
// a gateway of another version may leave fields out
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
    clerk_trace_id: Option<String>,
    cf_ray: Option<String>,
    revision: String,
    shadow_decision: Option<String>,
}

#[derive(Debug, Deserialize)]
struct NamedPolicy {
    name: String,
}

/// A violation.
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
    /// The decision on one line, in the form of the access log for people. With colours; the console strips them.
    pub(super) fn line(&self) -> String {
        if self.lost > 0 {
            return format!("{} decisions were lost: they came faster than they could be shown", self.lost);
        }
        let refuses = |detail: &&Detail| detail.action == "deny";
        // the line has room for one: what refused, or else what was audited
        let detail = self.details.iter().find(refuses).or_else(|| self.details.first());
        let short = ShortLine {
            // the time of day in RFC 3339
            time: self.timestamp.get(11..19).unwrap_or_default(),
            kind: self.kind(),
            method: &self.method,
            route: &self.route,
            status: self.status,
            elapsed: Duration::from_micros(self.duration_us),
            rule: detail.map(|detail| self.rule_or_reason(detail)).or(self.reason.as_deref()),
            others: self.violations.saturating_sub(1),
            field: detail.and_then(|detail| Some(detail.field.as_deref()?.into())),
            shadow: self.shadow_decision.as_deref(),
            sample_rate: None,
            color: true,
        };
        short.to_string()
    }

    /// The outcome, or the action of a rule that did not refuse.
    fn kind(&self) -> Option<DecisionKind> {
        let took = |action: DecisionKind| self.details.iter().any(|detail| detail.action == action.as_str());
        match DecisionKind::by_name(&self.decision) {
            Some(DecisionKind::Allow) if took(DecisionKind::Warn) => Some(DecisionKind::Warn),
            Some(DecisionKind::Allow) if took(DecisionKind::Audit) => Some(DecisionKind::Audit),
            kind => kind,
        }
    }

    /// The name of a policy, or the reason for which the contract or the gateway refused.
    fn rule_or_reason<'a>(&self, detail: &'a Detail) -> &'a str {
        let is_policy = self.policies.iter().any(|policy| policy.name == detail.rule);
        if is_policy { &detail.rule } else { &detail.reason }
    }

    /// The violations and the ids of the request.
    pub(super) fn details(&self) -> Vec<String> {
        if self.lost > 0 {
            return Vec::new();
        }
        let mut lines: Vec<String> = self.details.iter().flat_map(Detail::lines).collect();
        let key = self.key_fingerprint.as_deref().map(|print| format!(" {print}")).unwrap_or_default();
        let version = self.api_version.as_deref().map(|version| format!("  api {version}")).unwrap_or_default();
        lines.push(format!("{}{version}  key {}{key}  policies {}", self.environment, self.key, self.revision));
        lines.extend(self.client_address.as_deref().map(|address| format!("client {address}")));
        lines.push(format!("decision {}  trace {}", self.decision_id, self.trace_id));
        let ids = [("clerk trace", &self.clerk_trace_id), ("cf-ray", &self.cf_ray)];
        let ids = ids.into_iter().filter_map(|(name, id)| Some(format!("{name} {}", id.as_deref()?)));
        let ids = ids.collect::<Vec<_>>().join("  ");
        lines.extend((!ids.is_empty()).then_some(ids));
        // it comes from another process, and may hold what a terminal would obey
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

#[cfg(test)]
mod tests {
    use super::DecisionLine;

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
            "clerk_trace_id":"4bf92f","cf_ray":"9a1b-FRA",
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
            "08:30:00 DENY   PATCH /v1/users/{user_id} 422  1.2ms no-skip-password-checks +1"
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
         client 127.0.0.1
         decision abc  trace 11
         clerk trace 4bf92f  cf-ray 9a1b-FRA"
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
        assert!(plain(&odd).chars().count() <= 120, "{}", plain(&odd));
        assert!(
            [vec![plain(&odd)], odd.details()]
                .concat()
                .iter()
                .all(|line| !line.chars().any(crate::redact::needs_escape))
        );
        assert!(plain(&decision("{}")).contains(" ? "));
    }
}
