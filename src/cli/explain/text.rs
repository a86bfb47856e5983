//! The explanation for people: the conclusion first, lines that fit the terminal.

use super::explanation::{
    ExplainedFinding, ExplainedLimit, ExplainedPolicy, Explanation, ExpressionResult, RuleDetails, Suggestions,
};
use crate::cli::page::Page;
use anstyle::{AnsiColor, Effects, Style};
use std::fmt::Write;

const BAD: Style = AnsiColor::Red.on_default().effects(Effects::BOLD);
const GOOD: Style = AnsiColor::Green.on_default().effects(Effects::BOLD);

/// Most parts of one expression that are shown: a list in a request can have thousands of elements.
const MOST_PARTS: usize = 32;
/// Deepest indentation of a part, in columns: deeper ones would leave no room for text.
const DEEPEST: usize = 40;

pub(super) fn report(explanation: &Explanation, width: usize) -> String {
    let mut page = Page::new(width);
    conclusion(&mut page, explanation);
    for note in &explanation.notes {
        page.paragraph(0, 2, &format!("note: {note}"));
    }
    if !explanation.findings.is_empty() {
        page.heading("found");
        for found in &explanation.findings {
            finding(&mut page, found);
        }
    }
    if let Some(changes) = &explanation.changes {
        suggestions(&mut page, changes);
    }
    if let Some(rules) = &explanation.rules {
        facts(&mut page, rules);
        policies(&mut page, rules);
        limits(&mut page, rules);
        record(&mut page, rules);
    }
    page.into_text()
}

fn conclusion(page: &mut Page, explanation: &Explanation) {
    let (word, style) = match explanation.decision {
        "allow" => ("passes", GOOD),
        "deny" => ("refused", BAD),
        "abort" => ("aborted", BAD),
        _ => ("failed", BAD),
    };
    let reason = explanation.reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    let status = explanation.status.map(|status| format!(" ({status})")).unwrap_or_default();
    let _ = writeln!(page, "{style}{word}{reason}{status}{style:#}");
    page.paragraph(2, 2, &explanation.message);
}

fn finding(page: &mut Page, found: &ExplainedFinding) {
    // most messages name the field themselves
    let field = found.field.as_ref().filter(|field| !found.message.contains(*field));
    let field = field.map(|field| format!(" (`{field}`)")).unwrap_or_default();
    let waiver = found.waived_by.as_ref().map(|waiver| format!(" (waived by {waiver})")).unwrap_or_default();
    page.paragraph(2, 4, &format!("{} by {}{waiver}: {}{field}", found.action, found.rule, found.message));
    for (name, value) in [("hint", &found.hint), ("owner", &found.owner)] {
        if let Some(value) = value {
            page.paragraph(4, 6, &format!("{name}: {value}"));
        }
    }
    if let Some(judged_by) = &found.judged_by {
        page.paragraph(4, 6, judged_by);
    }
}

fn suggestions(page: &mut Page, changes: &Suggestions) {
    if changes.tried == 0 {
        return;
    }
    page.heading("what would let it pass");
    match (changes.any.as_slice(), changes.together.as_slice()) {
        ([], []) => {
            let _ = writeln!(page, "  none of the {} changes that were tried, alone or together", changes.tried);
        }
        ([], together) => {
            let _ = writeln!(page, "  all of these together:");
            for change in together {
                page.paragraph(4, 6, change);
            }
        }
        (any, _) => {
            let _ = writeln!(page, "  {}", if any.len() == 1 { "this:" } else { "any one of these:" });
            for sufficient in any {
                let outcomes = sufficient.then.iter().filter(|(_, outcome)| *outcome != "holds");
                let outcomes = outcomes.map(|(name, outcome)| format!("{name}: {outcome}")).collect::<Vec<_>>();
                let outcomes = if outcomes.is_empty() { String::new() } else { format!(" ({})", outcomes.join("; ")) };
                page.paragraph(4, 6, &format!("{}{outcomes}", sufficient.change));
            }
        }
    }
}

fn facts(page: &mut Page, rules: &RuleDetails) {
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
    let _ = writeln!(page);
    for (name, value) in rows {
        page.paragraph(0, 13, &format!("{name:<13}{value}"));
    }
}

fn policies(page: &mut Page, rules: &RuleDetails) {
    let (others, matched): (Vec<_>, Vec<_>) =
        rules.policies.iter().partition(|policy| policy.outcome == "other_operation");
    if !matched.is_empty() {
        page.heading("policies");
        let row = |policy: &&ExplainedPolicy| vec![policy.name.clone(), policy.action.to_owned(), effect(policy)];
        let rows = page.rows(2, &matched.iter().map(row).collect::<Vec<_>>());
        for (row, policy) in rows.into_iter().zip(matched) {
            let _ = writeln!(page, "{row}");
            for why in &policy.because {
                page.paragraph(6, 8, why);
            }
            for expression in policy.expressions.iter().filter(|it| !it.parts.is_empty()) {
                part(page, expression, 6);
            }
        }
    }
    if !others.is_empty() {
        let names = page.list(2, others.iter().map(|policy| policy.name.as_str()));
        let _ = writeln!(page, "\nnot for this operation\n  {names}");
    }
}

fn limits(page: &mut Page, rules: &RuleDetails) {
    if rules.limits.is_empty() {
        return;
    }
    page.heading("limits");
    let row = |limit: &ExplainedLimit| vec![limit.name.clone(), limit.action.to_owned(), limit.claim.clone()];
    page.table(2, &rules.limits.iter().map(row).collect::<Vec<_>>());
}

/// What a policy does to the request.
fn effect(policy: &ExplainedPolicy) -> String {
    if let Some(waiver) = &policy.waived_by {
        return format!("is only logged: waived by {waiver}");
    }
    match (policy.outcome, policy.action) {
        ("holds", _) => "holds",
        ("no_match" | "other_environment", _) => "does not apply",
        (_, "deny") => "refuses",
        (_, "warn") => "warns",
        _ => "is only logged",
    }
    .to_owned()
}

fn part(page: &mut Page, result: &ExpressionResult, indent: usize) {
    let expression = result.expression.split_whitespace().collect::<Vec<_>>().join(" ");
    let role = result.role.map(|role| format!("{role} ")).unwrap_or_default();
    page.paragraph(indent, indent + 4, &format!("{role}{expression}  =>  {}", value(result)));
    for inner in result.parts.iter().take(MOST_PARTS) {
        part(page, inner, (indent + 2).min(DEEPEST));
    }
    if result.parts.len() > MOST_PARTS {
        let _ = writeln!(page, "{}... and {} more", " ".repeat(indent + 2), result.parts.len() - MOST_PARTS);
    }
}

fn value(result: &ExpressionResult) -> String {
    let secret = if result.from_secret { " (from a secret)" } else { "" };
    let value = match (&result.value, &result.error, result.size) {
        (Some(value), ..) => value.clone(),
        (None, Some(error), _) => format!("error: {error}"),
        (None, None, Some(size)) => format!("{} of {size}", result.r#type.unwrap_or("value")),
        (None, None, None) => format!("{}, not shown", result.r#type.unwrap_or("value")),
    };
    format!("{value}{secret}")
}

fn record(page: &mut Page, rules: &RuleDetails) {
    if !rules.kept.is_empty() {
        page.heading("what the log recorded of the request");
        let rows = rules.kept.iter().map(|(place, shape)| vec![place.clone(), shape.clone()]);
        page.table(2, &rows.collect::<Vec<_>>());
    }
}
