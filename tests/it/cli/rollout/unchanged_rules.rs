//! The outcomes of rules that did not change are known in a replay, whatever else changed.

use super::log::lines;
use super::policies::{RULE, Rule, folder, written};
use super::{REPLAY, sent, told};
use crate::support::gateway::bundle;
use portcullis::decision_log::LogEntry;
use portcullis::judge::{Bundle, PolicyText};
use portcullis::rollout::{Accumulator, Replay};
use std::fs;

/// Three rules that deny. `crm-ids` compares a value that the log does not have.
const ENFORCED: [Rule; 3] = [
    Rule { name: "no-skips", action: "Deny", expression: "body.skip_password_checks != true", ..RULE },
    Rule {
        name: "crm-ids",
        action: "Deny",
        expression: "body.external_id == null || body.external_id.startsWith('crm_')",
        ..RULE
    },
    Rule { name: "names", action: "Deny", expression: "body.first_name == null || size(body.first_name) <= 8", ..RULE },
];

/// A waiver of `no-skips` for the requests of `expression`.
fn waiver(expression: &str) -> PolicyText {
    let text = format!(
        "apiVersion: portcullis/v1\nkind: Waiver\nmetadata: {{ name: import }}\nspec:\n  policy: no-skips\n  \
         matchConditions: [{{ name: who, expression: \"{expression}\" }}]\n  owner: a\n  ticket: B-1\n  reason: c\n  \
         expires: 2027-06-30\n"
    );
    PolicyText { file: "policies/waiver.yaml".into(), text }
}

const BILLING: &str = "client.spiffeId == 'spiffe://example.org/billing'";

fn bundle_with(waivers: &[&str]) -> Bundle {
    let mut texts = written(&ENFORCED);
    texts.extend(waivers.iter().copied().map(waiver));
    bundle(&texts)
}

/// The requests that are newly refused, newly allowed and undetermined.
fn replayed(log: &str, new: &Bundle, in_force: Option<&Bundle>) -> [u64; 3] {
    let mut replay = Replay::new(new, in_force);
    log.lines().for_each(|line| replay.take(&LogEntry::read(line).unwrap()));
    assert_eq!(replay.decisions, 27);
    [replay.refused.count, replay.allowed.count, replay.undetermined.count]
}

/// The log as a version without hashes wrote it.
pub(super) fn without_hashes(log: &str) -> String {
    let lines = log.lines().map(|line| {
        let mut entry = LogEntry::read(line).unwrap();
        for policy in &mut entry.policies {
            assert!(policy.hash.is_some());
            (policy.hash, policy.waivers_hash) = (None, None);
        }
        serde_json::to_string(&entry).unwrap() + "\n"
    });
    lines.collect()
}

#[test]
fn a_waiver_changes_only_the_requests_that_it_permits() {
    let (before, after) = (bundle_with(&[]), bundle_with(&[BILLING]));
    let log = lines(&before, &sent());
    assert_eq!(replayed(&log, &before, None), [0, 0, 0]);
    assert_eq!(replayed(&log, &after, None), [0, 1, 0]);
    // the bundle in force is the new one already, whose revision no line has
    assert_eq!(replayed(&log, &after, Some(&after)), [0, 1, 0]);
    // without hashes: two requests that `crm-ids` refused, although it did not change
    assert_eq!(replayed(&without_hashes(&log), &after, Some(&after)), [0, 0, 2]);
}

#[test]
fn a_waiver_that_ends_refuses_what_it_permitted() {
    let (with, without) = (bundle_with(&[BILLING]), bundle_with(&[]));
    let log = lines(&with, &sent());
    assert_eq!(replayed(&log, &with, None), [0, 0, 0]);
    assert_eq!(replayed(&log, &without, None), [1, 0, 0]);
    let other = bundle_with(&["client.spiffeId == 'spiffe://example.org/support'"]);
    assert_eq!(replayed(&log, &other, None), [1, 1, 0]);
}

#[test]
fn a_waiver_that_reads_a_hidden_value_is_undetermined_where_it_counts() {
    let (before, after) = (bundle_with(&[]), bundle_with(&["body.external_id == 'crm_2'"]));
    // of the two requests that `no-skips` refused, one has no external id
    assert_eq!(replayed(&lines(&before, &sent()), &after, None), [0, 0, 1]);
}

#[test]
fn a_rule_that_changed_is_judged_again_and_the_others_are_not() {
    let log = lines(&bundle_with(&[]), &sent());
    let change = |name: &str, from: &str, to: &str| {
        let mut texts = written(&ENFORCED);
        let changed = texts.iter_mut().find(|text| text.file.ends_with(format!("{name}.yaml"))).unwrap();
        assert!(changed.text.contains(from), "{}", changed.text);
        changed.text = changed.text.replace(from, to);
        bundle(&texts)
    };
    assert_eq!(replayed(&log, &change("names", "<= 8", "<= 12"), None), [0, 0, 0], "`crm-ids` refuses it, too");
    assert_eq!(replayed(&log, &change("names", "message: no", "message: too long"), None), [0, 0, 0]);
    assert_eq!(replayed(&log, &change("crm-ids", "crm_", "erp_"), None), [0, 0, 2]);
    assert_eq!(replayed(&log, &change("no-skips", "[Deny]", "[Audit]"), None), [0, 2, 0]);
}

#[test]
fn a_promotion_needs_no_bundle_in_force() {
    let audited = ENFORCED.map(|rule| Rule { action: "Audit", ..rule });
    let log = lines(&bundle(&written(&audited)), &sent());
    assert_eq!(replayed(&log, &bundle_with(&[]), None), [5, 0, 0]);
    // an audited rule evaluates no waivers, so they are evaluated now
    assert_eq!(replayed(&log, &bundle_with(&[BILLING]), None), [4, 0, 0]);
}

#[test]
fn the_command_names_what_a_waiver_allows() {
    let folder = folder(&ENFORCED);
    fs::write(folder.path().join("decisions.jsonl"), lines(&bundle_with(&[]), &sent())).unwrap();
    // as an operator has it after the reload: the files in force have the waiver, too
    fs::write(folder.path().join("policies/waiver.yaml"), waiver(BILLING).text).unwrap();
    let text = told(&folder, &[&REPLAY[..6], &["policies", "--json"]].concat(), 0);
    let outcome: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(outcome["newly_allowed"], serde_json::json!({ "count": 1, "decisions": ["0000000000000000"] }));
    assert_eq!((&outcome["newly_refused"]["count"], &outcome["undetermined"]["count"]), (&0.into(), &0.into()));
}
