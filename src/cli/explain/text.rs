//! The explanation for people: the conclusion first, lines that fit a terminal.

use super::explanation::{Changes, Evaluated, Explanation, Finding, LimitSaid, PolicySaid, Rules};
use crate::cli::columns::{columns, filled, wrapped};
use std::fmt::Write;

const BOLD: &str = "\u{1b}[1m";
const RED: &str = "\u{1b}[1;31m";
const GREEN: &str = "\u{1b}[1;32m";
const PLAIN: &str = "\u{1b}[0m";

/// Most parts of one expression that are shown; a list can have thousands.
const MOST_PARTS: usize = 32;

pub(super) fn report(told: &Explanation, color: bool) -> String {
    let mut text = String::new();
    conclusion(&mut text, told, color);
    // writing to a `String` cannot fail
    for note in &told.notes {
        let _ = writeln!(text, "{}", filled(0, 2, &format!("note: {note}")));
    }
    if !told.findings.is_empty() {
        heading(&mut text, "found", color);
        for found in &told.findings {
            finding(&mut text, found);
        }
    }
    if let Some(changes) = &told.changes {
        change(&mut text, changes, color);
    }
    if let Some(rules) = &told.rules {
        facts(&mut text, rules);
        policies(&mut text, rules, color);
        limits(&mut text, rules, color);
        kept(&mut text, rules, color);
    }
    text.trim_end().to_owned()
}

fn conclusion(text: &mut String, told: &Explanation, color: bool) {
    let (word, loud) = match told.decision {
        "allow" => ("passes", GREEN),
        "deny" => ("refused", RED),
        "abort" => ("broken off", RED),
        _ => ("failed", RED),
    };
    let (loud, plain) = if color { (loud, PLAIN) } else { ("", "") };
    let reason = told.reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    let status = told.status.map(|status| format!(" ({status})")).unwrap_or_default();
    let _ = writeln!(text, "{loud}{word}{reason}{status}{plain}");
    let _ = writeln!(text, "{}", filled(2, 2, &told.message));
}

fn heading(text: &mut String, title: &str, color: bool) {
    let (bold, plain) = if color { (BOLD, PLAIN) } else { ("", "") };
    let _ = writeln!(text, "\n{bold}{title}{plain}");
}

fn finding(text: &mut String, found: &Finding) {
    let field = found.field.as_ref().filter(|field| !found.message.contains(*field));
    let field = field.map(|field| format!(" (`{field}`)")).unwrap_or_default();
    let waived = found.waived_by.as_ref().map(|waiver| format!(" (waived by {waiver})")).unwrap_or_default();
    let line = format!("{} by {}{waived}: {}{field}", found.action, found.rule, found.message);
    let _ = writeln!(text, "{}", filled(2, 4, &line));
    for (name, value) in [("hint", &found.hint), ("owner", &found.owner)] {
        if let Some(value) = value {
            let _ = writeln!(text, "{}", filled(4, 6, &format!("{name}: {value}")));
        }
    }
}

fn change(text: &mut String, changes: &Changes, color: bool) {
    if changes.tried == 0 {
        return;
    }
    heading(text, "what would let it pass", color);
    match (changes.any.as_slice(), changes.together.as_slice()) {
        ([], []) => {
            let _ = writeln!(text, "  nothing that was tried: {} changes, alone and together", changes.tried);
        }
        ([], together) => {
            let _ = writeln!(text, "  all of these together:");
            for change in together {
                let _ = writeln!(text, "{}", filled(4, 6, change));
            }
        }
        (any, _) => {
            let _ = writeln!(text, "  {}", if any.len() == 1 { "this:" } else { "any one of these:" });
            for enough in any {
                let then = enough.then.iter().filter(|(_, said)| *said != "holds");
                let then = then.map(|(name, said)| format!("{name}: {said}")).collect::<Vec<_>>().join("; ");
                let then = if then.is_empty() { then } else { format!(" ({then})") };
                let _ = writeln!(text, "{}", filled(4, 6, &format!("{}{then}", enough.change)));
            }
        }
    }
}

fn facts(text: &mut String, rules: &Rules) {
    let method = rules.method.as_ref().map(|method| format!("{method} ")).unwrap_or_default();
    let mut rows = vec![("route", format!("{method}{}", rules.route))];
    if let Some(operation) = &rules.operation {
        let parameters =
            if rules.parameters.is_empty() { String::new() } else { format!(", with {}", rules.parameters.join(", ")) };
        rows.push(("operation", format!("{operation}{parameters}")));
    }
    if let Some(version) = &rules.api_version {
        rows.push(("api version", format!("{}: {}", version.value, version.why)));
    }
    rows.push(("environment", format!("{}: {}", rules.environment.value, rules.environment.why)));
    rows.push(("schema", rules.schema.clone()));
    rows.push(("revision", rules.revision.clone()));
    text.push('\n');
    for (name, value) in rows {
        let _ = writeln!(text, "{}", filled(0, 13, &format!("{name:<13}{value}")));
    }
}

fn policies(text: &mut String, rules: &Rules, color: bool) {
    let (others, asked): (Vec<_>, Vec<_>) =
        rules.policies.iter().partition(|policy| policy.outcome == "other_operation");
    if !asked.is_empty() {
        heading(text, "policies", color);
        let row = |policy: &&PolicySaid| vec![policy.name.clone(), policy.action.to_owned(), word(policy)];
        let rows = columns("  ", &asked.iter().map(row).collect::<Vec<_>>());
        for (row, policy) in rows.lines().zip(asked) {
            let _ = writeln!(text, "{row}");
            for why in &policy.because {
                let _ = writeln!(text, "{}", filled(6, 8, why));
            }
            for expression in policy.expressions.iter().filter(|it| !it.parts.is_empty()) {
                part(text, expression, 6);
            }
        }
    }
    if !others.is_empty() {
        let _ = write!(text, "\nnot for this operation\n  ");
        let _ = writeln!(text, "{}", wrapped(2, others.iter().map(|policy| policy.name.as_str())));
    }
}

fn limits(text: &mut String, rules: &Rules, color: bool) {
    if rules.limits.is_empty() {
        return;
    }
    heading(text, "limits", color);
    let row = |limit: &LimitSaid| vec![limit.name.clone(), limit.action.to_owned(), limit.claim.clone()];
    text.push_str(&columns("  ", &rules.limits.iter().map(row).collect::<Vec<_>>()));
}

/// What came of a policy.
fn word(policy: &PolicySaid) -> String {
    if let Some(waiver) = &policy.waived_by {
        return format!("is told to operators only: waived by {waiver}");
    }
    match (policy.outcome, policy.action) {
        ("holds", _) => "holds",
        ("no_match" | "other_environment", _) => "does not apply",
        (_, "deny") => "refuses",
        (_, "warn") => "warns",
        _ => "is told to operators",
    }
    .to_owned()
}

fn part(text: &mut String, evaluated: &Evaluated, indent: usize) {
    let expression = evaluated.expression.split_whitespace().collect::<Vec<_>>().join(" ");
    let role = evaluated.role.map(|role| format!("{role} ")).unwrap_or_default();
    let _ =
        writeln!(text, "{}", filled(indent, indent + 4, &format!("{role}{expression}  =>  {}", came_to(evaluated))));
    for inner in evaluated.parts.iter().take(MOST_PARTS) {
        part(text, inner, (indent + 2).min(40));
    }
    if evaluated.parts.len() > MOST_PARTS {
        let _ = writeln!(text, "{}... and {} more", " ".repeat(indent + 2), evaluated.parts.len() - MOST_PARTS);
    }
}

fn came_to(evaluated: &Evaluated) -> String {
    let secret = if evaluated.from_secret { " (from a secret)" } else { "" };
    let shown = match (&evaluated.value, &evaluated.error, evaluated.size) {
        (Some(value), ..) => value.clone(),
        (None, Some(error), _) => format!("error: {error}"),
        (None, None, Some(size)) => format!("{} of {size}", evaluated.r#type.unwrap_or("value")),
        (None, None, None) => format!("{}, not shown", evaluated.r#type.unwrap_or("value")),
    };
    format!("{shown}{secret}")
}

fn kept(text: &mut String, rules: &Rules, color: bool) {
    if !rules.kept.is_empty() {
        heading(text, "what the log kept of the request", color);
        let rows = rules.kept.iter().map(|(place, shape)| vec![place.clone(), shape.clone()]);
        let _ = writeln!(text, "{}", columns("  ", &rows.collect::<Vec<_>>()));
    }
}
