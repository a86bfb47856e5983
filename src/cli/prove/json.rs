//! The proof for programs.

use crate::policy::Action;
use crate::policy_proof::{BundleProof, Finding, RuleKind, RuleProof};
use serde_json::{Value, json};

pub(super) fn proof(proof: &BundleProof) -> String {
    let json = json!({
        "verdict": proof.verdict().as_str(),
        "stricter": finding(&proof.stricter),
        "looser": finding(&proof.looser),
        "rules": proof.rules.iter().map(rule).collect::<Vec<_>>(),
    });
    format!("{json:#}")
}

fn rule(rule: &RuleProof) -> Value {
    json!({
        "name": rule.name,
        "kind": match rule.kind {
            RuleKind::Policy => "policy",
            RuleKind::Limit => "limit",
        },
        "old_action": rule.old.map(Action::as_str),
        "new_action": rule.new.map(Action::as_str),
        "verdict": rule.verdict().as_str(),
        "stricter": finding(&rule.stricter),
        "looser": finding(&rule.looser),
    })
}

fn finding(finding: &Finding) -> Value {
    match finding {
        Finding::Never => json!({ "is": false }),
        Finding::Shown(difference) => json!({
            "is": true,
            "before": difference.old.as_str(),
            "now": difference.new.as_str(),
            "curl": difference.to_curl().join("\n"),
            "cases": difference.to_cases("difference").join("\n"),
        }),
        Finding::NotFound { judged, why } => json!({ "is": null, "judged": judged, "why": why }),
    }
}
