//! What a set of policies refuses and the set after it would not, by which a reload is refused.

use crate::support::gateway::{bundle, text};
use portcullis::judge::PolicyText;

const POLICY: &str = "\
apiVersion: portcullis/v1
kind: RequestPolicy
metadata: { name: guard }
spec:
  match: { operations: [CreateUser, UpdateUser] }
  matchConditions: [{ name: known, expression: request.path != '/v1/users/a' }]
  validations:
    - { expression: body.skip_password_checks != true, message: no }
    - { expression: body.skip_legal_checks != true, message: no }
  schema: { properties: { first_name: { maxLength: 9 } } }
  actions: [Deny]
";

const LIMIT: &str = "\
apiVersion: portcullis/v1
kind: RequestLimit
metadata: { name: few }
spec:
  match: { operations: [DeleteUser] }
  events: 3
  period: 1m
  inFlight: 2
  message: more than 3 a minute
  actions: [Deny]
";

fn both(policy: &str, limit: &str) -> Vec<PolicyText> {
    vec![text("guard.yaml", policy), text("few.yaml", limit)]
}

/// The losses of a reload from policy and limit to `after`.
fn losses(after: &[PolicyText]) -> Vec<String> {
    let removals = bundle(&both(POLICY, LIMIT)).removals(&bundle(after));
    removals.iter().map(ToString::to_string).collect()
}

#[track_caller]
fn changed(document: &str, from: &str, to: &str) -> String {
    assert!(document.contains(from), "{from}");
    document.replace(from, to)
}

#[test]
fn every_way_to_weaken_a_rule_that_denies_is_a_removal() {
    for (from, to, loss) in [
        ("[Deny]", "[Audit]", "`guard` no longer denies: its action is `Audit`"),
        ("[Deny]", "[Warn]", "`guard` no longer denies: its action is `Warn`"),
        ("name: guard", "name: gaurd", "`guard`, which denies, is no longer in the files"),
        ("[CreateUser, UpdateUser]", "[CreateUser]", "`guard` no longer matches `UpdateUser`"),
        (
            "UpdateUser]",
            "UpdateUser], environments: [development]",
            "`guard` no longer matches the environment `production`",
        ),
        (
            "UpdateUser]",
            "UpdateUser], environments: [production]",
            "`guard` no longer matches the environment `development`",
        ),
        (
            "request.path != '/v1/users/a' }",
            "request.path != '/v1/users/a' }, { name: more, expression: request.path == '/x' }",
            "`guard` may match fewer requests: it has the new match condition `more`",
        ),
        (
            "request.path != '/v1/users/a'",
            "request.time < timestamp('1970-01-02T00:00:00Z')",
            "`guard` may match fewer requests: it has the new match condition `known`",
        ),
        (
            "    - { expression: body.skip_legal_checks != true, message: no }\n",
            "",
            "`guard` checks less: it has fewer validations, or no schema",
        ),
        (
            "  schema: { properties: { first_name: { maxLength: 9 } } }\n",
            "",
            "`guard` checks less: it has fewer validations, or no schema",
        ),
    ] {
        assert_eq!(losses(&both(&changed(POLICY, from, to), LIMIT)), [loss], "{to}");
    }
    for (from, to, loss) in [
        ("[Deny]", "[Audit]", "`few` no longer denies: its action is `Audit`"),
        ("[DeleteUser]", "[BanUser]", "`few` no longer matches `DeleteUser`"),
        ("  inFlight: 2\n", "", "`few` no longer limits what it limited: a rate, or requests in flight"),
        ("  events: 3\n  period: 1m\n", "", "`few` no longer limits what it limited: a rate, or requests in flight"),
    ] {
        assert_eq!(losses(&both(POLICY, &changed(LIMIT, from, to))), [loss], "{to}");
    }
    assert_eq!(losses(&[]).len(), 2);
}

#[test]
fn a_waiver_of_everything_is_a_removal() {
    let waiver = |condition: &str| {
        let waiver = format!(
            "apiVersion: portcullis/v1\nkind: Waiver\nmetadata: {{ name: all }}\nspec:\n  policy: guard\n  \
             matchConditions: [{{ name: it, expression: \"{condition}\" }}]\n  owner: me\n  ticket: T-1\n  \
             reason: none\n  expires: 2027-01-01\n"
        );
        losses(&[both(POLICY, LIMIT), vec![text("waiver.yaml", &waiver)]].concat())
    };
    assert_eq!(waiver("true"), ["the waiver `all` exempts every request from `guard`"]);
    assert_eq!(waiver("client.spiffeId == 'spiffe://example.org/a'"), Vec::<String>::new());
}

#[test]
fn an_edit_or_a_stricter_rule_is_no_removal() {
    for (from, to) in [
        ("message: no", "message: not in production"),
        ("skip_legal_checks != true", "skip_legal_checks == null"),
        ("[CreateUser, UpdateUser]", "[UpdateUser, CreateUser]"),
        ("  matchConditions: [{ name: known, expression: request.path != '/v1/users/a' }]\n", ""),
        ("maxLength: 9", "maxLength: 99"),
    ] {
        let to = changed(POLICY, from, to);
        assert_eq!(losses(&both(&to, &changed(LIMIT, "events: 3", "events: 4"))), Vec::<String>::new(), "{to}");
    }
    let shadow = both(&changed(POLICY, "[Deny]", "[Audit]"), LIMIT);
    let removals = bundle(&shadow).removals(&bundle(&shadow[1..]));
    assert!(removals.is_empty(), "a rule in shadow mode refuses nothing: {removals:?}");
}
