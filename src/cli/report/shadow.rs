//! What the shadow bundle would have changed.

use crate::cli::page::Page;
use crate::rollout::{ExampleDecisions, ShadowRuleUse, ShadowUse};
use serde_json::{Value, json};
use std::fmt::Write;

/// Appends it to the report for people, if the log has any difference.
pub(super) fn text(page: &mut Page, shadow: &ShadowUse) {
    if shadow.is_empty() {
        return;
    }
    let (refused, allowed) = (requests(shadow.would_refuse), requests(shadow.would_allow));
    let _ = writeln!(
        page,
        "\nthe shadow bundle would refuse {refused} that passed, and let {allowed} pass that were refused"
    );
    let revisions = shadow.revisions.by_name().len();
    if revisions > 1 {
        let _ = writeln!(page, "it changed meanwhile: {revisions} revisions");
    }
    let header = ["rule", "would refuse", "would allow", "other effect", "such as"].map(str::to_owned).to_vec();
    let rows = shadow.rules.iter().map(|(name, rule)| {
        let counts = [&rule.would_refuse, &rule.would_allow, &rule.others].map(|it| it.count.to_string());
        let decisions: Vec<&str> = examples(rule).map(String::as_str).take(3).collect();
        [name.to_string()].into_iter().chain(counts).chain([decisions.join(", ")]).collect()
    });
    page.table(2, &std::iter::once(header).chain(rows).collect::<Vec<_>>());
    if shadow.more_rules > 0 {
        let _ = writeln!(page, "{} differences are by further rules, which are left out", shadow.more_rules);
    }
}

/// The decisions that are named, those that would change first.
fn examples(rule: &ShadowRuleUse) -> impl Iterator<Item = &String> {
    [&rule.would_refuse, &rule.would_allow, &rule.others].into_iter().flat_map(|examples| &examples.decisions)
}

fn requests(count: u64) -> String {
    if count == 1 { "1 request".to_owned() } else { format!("{count} requests") }
}

/// The same for programs; `null` if the log has no difference.
pub(super) fn json(shadow: &ShadowUse) -> Value {
    if shadow.is_empty() {
        return Value::Null;
    }
    let counted = |of: &ExampleDecisions| json!({ "count": of.count, "decisions": of.decisions });
    let rules = shadow.rules.iter().map(|(name, rule)| {
        json!({
            "name": name,
            "would_refuse": counted(&rule.would_refuse),
            "would_allow": counted(&rule.would_allow),
            "others": counted(&rule.others),
        })
    });
    json!({
        "would_refuse": shadow.would_refuse,
        "would_allow": shadow.would_allow,
        "revisions": super::json::tally(&shadow.revisions),
        "rules": rules.collect::<Vec<_>>(),
        "further_differences": shadow.more_rules,
    })
}
