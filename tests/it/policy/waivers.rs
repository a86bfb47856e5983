//! Waivers: who gets past a policy, until when, and what can never be waived.

use crate::support::gateway::{bundle, contract, text};
use http::HeaderMap;
use portcullis::contract::credential::Environment;
use portcullis::contract::strictness::Strictness;
use portcullis::contract::{Contract, Routed};
use portcullis::judge::violation::Action;
use portcullis::judge::{Bundle, Judgement, PolicyText, decide};
use portcullis::peer::{Client, ClientCertificate};
use portcullis::policy::{Attributes, Instance, ProvableIdentity};
use portcullis::reason::Reason;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const SKIP: &str = r#"{"skip_password_checks":true}"#;
const MIGRATION: &str = "spiffe://example.org/migration";

/// 2026-03-01T00:00:00Z, when [`waiver`] ends.
fn expiry() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_772_323_200)
}

fn policy(name: &str, expression: &str, action: &str) -> PolicyText {
    let file = format!(
        "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: {name} }}\nspec:\n  match: {{ operations: [UpdateUser] }}\n  \
         validations: [{{ expression: {expression}, message: no, hint: do not }}]\n  actions: [{action}]\n"
    );
    text(format!("{name}.yaml"), &file)
}

fn no_skip(action: &str) -> PolicyText {
    policy("no-skip", "body.skip_password_checks != true", action)
}

/// A waiver of `no-skip` for whom the condition is true, which ends at [`expiry`].
fn waiver(name: &str, condition: &str) -> PolicyText {
    let file = format!(
        "apiVersion: portcullis/v1\nkind: Waiver\nmetadata: {{ name: {name} }}\nspec:\n  policy: no-skip\n  \
         matchConditions: [{{ name: whom, expression: '{condition}' }}]\n  owner: identity\n  ticket: MIG-42\n  \
         reason: users come with their old passwords\n  expires: 2026-03-01\n"
    );
    text(format!("{name}.yaml"), &file)
}

fn for_migration() -> PolicyText {
    waiver("migration", &format!("client.spiffeId == \"{MIGRATION}\""))
}

/// What becomes of `body`, sent by who has the SPIFFE ID `caller`, a second before the waiver ends.
fn judged(texts: &[PolicyText], caller: Option<&str>, body: &str) -> Judgement {
    judged_at(texts, caller, body, expiry() - Duration::from_secs(1))
}

fn judged_at(texts: &[PolicyText], caller: Option<&str>, body: &str, time: SystemTime) -> Judgement {
    let bundle = bundle(texts);
    let Routed::Operation(operation, parameters) = bundle.route("PATCH", "/v1/users/user_1", None) else {
        panic!("UpdateUser is in the contract")
    };
    let spiffe_id = caller.map(str::to_owned);
    let attributes = Attributes {
        method: "PATCH",
        path: "/v1/users/user_1",
        parameters: &parameters,
        query: "",
        headers: &HeaderMap::new(),
        environment: Environment::Production,
        key_fingerprint: None,
        instance: &Instance::UNNAMED,
        client: &Client {
            certificate: Some(ClientCertificate { spiffe_id, ..ClientCertificate::default() }),
            ..Client::default()
        },
        time,
    };
    decide(&bundle, &operation, &attributes, body.to_owned().into(), &mut ())
}

/// Action and waiver of each violation.
fn found(judgement: &Judgement) -> Vec<(Action, Option<&str>)> {
    judgement.violations.iter().map(|violation| (violation.action, violation.waived_by.as_deref())).collect()
}

fn refused(judgement: &Judgement) -> Option<Reason> {
    judgement.verdict.as_ref().err().copied()
}

#[test]
fn whom_it_is_for_gets_past_the_policy_and_nobody_else() {
    for action in ["Deny", "Warn"] {
        let texts = [no_skip(action), for_migration()];
        let waived = judged(&texts, Some(MIGRATION), SKIP);
        assert_eq!((refused(&waived), found(&waived)), (None, vec![(Action::Audit, Some("migration"))]));
    }
    let texts = [no_skip("Deny"), for_migration()];
    for other in [None, Some("spiffe://example.org/migration2"), Some("")] {
        let judgement = judged(&texts, other, SKIP);
        assert_eq!(refused(&judgement), Some(Reason::PolicyDenied), "{other:?}");
        assert_eq!(found(&judgement), [(Action::Deny, None)]);
    }
    let idle = judged(&[no_skip("Audit"), for_migration()], Some(MIGRATION), SKIP);
    assert_eq!(found(&idle), [(Action::Audit, None)], "there is nothing to waive");
    assert!(judged(&texts, Some(MIGRATION), "{}").waivers.is_empty(), "nobody asks where the policy holds");
}

#[test]
fn it_ends_by_itself_at_its_moment_and_says_so_to_whom_it_was_for() {
    let texts = [no_skip("Deny"), for_migration()];
    let at = |time| judged_at(&texts, Some(MIGRATION), SKIP, time);
    assert_eq!(refused(&at(expiry() - Duration::from_nanos(1))), None);
    for past in [expiry(), expiry() + Duration::from_secs(1)] {
        let judgement = at(past);
        assert_eq!(refused(&judgement), Some(Reason::PolicyDenied));
        assert_eq!(
            judgement.violations[0].hint.as_deref(),
            Some("do not; waiver `migration` (MIG-42, identity) expired on 2026-03-01T00:00:00Z")
        );
    }
    let other = judged_at(&texts, None, SKIP, expiry());
    assert_eq!(other.violations[0].hint.as_deref(), Some("do not"));
}

#[test]
fn what_has_no_meaning_or_does_not_fit_the_contract_is_never_waived() {
    let texts = [no_skip("Deny"), waiver("all", "true")];
    for (body, reason) in [
        (r#"{"skip_password_checks":"true"}"#, Reason::SchemaViolation),
        (r#"{"skip_password_checks":true,"nickname":1}"#, Reason::SchemaViolation),
        (r#"{"skip_password_checks":true,"skip_password_checks":false}"#, Reason::AmbiguousJson),
        (r#"{"skip_password_checks":true,"SKIP_PASSWORD_CHECKS":true}"#, Reason::AmbiguousJson),
        (r#"{"skip_password_checks":true"#, Reason::MalformedJson),
    ] {
        assert_eq!(refused(&judged(&texts, None, body)), Some(reason), "{body}");
    }
}

#[test]
fn a_policy_that_could_not_be_evaluated_is_never_waived() {
    let failing = policy("no-skip", "int(body.first_name) > 0 && body.username == null", "Deny");
    let judgement = judged(&[failing, waiver("all", "true")], None, r#"{"first_name":"x"}"#);
    assert_eq!(refused(&judgement), Some(Reason::PolicyError));
    assert_eq!(found(&judgement), [(Action::Deny, None)]);
    let failing = policy("no-skip", "true == (int(body.first_name) > 0)", "Warn");
    assert_eq!(
        found(&judged(&[failing, waiver("all", "true")], None, r#"{"first_name":"x"}"#)),
        [(Action::Warn, None)]
    );
}

#[test]
fn one_that_cannot_be_evaluated_does_not_apply_and_operators_are_told() {
    let failing = waiver("failing", "int(request.headers[\"x-ticket\"]) == 1");
    let judgement = judged(&[no_skip("Deny"), failing.clone()], None, SKIP);
    assert_eq!(refused(&judgement), Some(Reason::PolicyDenied));
    assert_eq!(found(&judgement), [(Action::Deny, None), (Action::Audit, None)]);
    let told = &judgement.violations[1];
    assert_eq!(told.reason, Reason::PolicyError);
    assert_eq!(
        told.message.as_ref(),
        "waiver `failing` could not be evaluated: match condition `whom`: operator or function not for values of these types; what is absent is null"
    );
    // it stands in nobody's way
    let other = judged(&[no_skip("Deny"), failing, for_migration()], Some(MIGRATION), SKIP);
    assert_eq!(refused(&other), None);
    assert_eq!(found(&other), [(Action::Audit, Some("migration")), (Action::Audit, None)]);
}

#[test]
fn another_policy_still_refuses() {
    let texts = [no_skip("Deny"), policy("other", "body.skip_password_checks == null", "Deny"), for_migration()];
    let judgement = judged(&texts, Some(MIGRATION), SKIP);
    assert_eq!(refused(&judgement), Some(Reason::PolicyDenied));
    assert_eq!(found(&judgement), [(Action::Audit, Some("migration")), (Action::Deny, None)]);
}

#[test]
fn a_waiver_is_part_of_the_revision_and_its_headers_are_relied_upon() {
    let by_header = waiver("by-header", "request.headers[\"x-migration-ticket\"] == \"MIG-42\"");
    let (without, with) = (bundle(&[no_skip("Deny")]), bundle(&[no_skip("Deny"), by_header]));
    assert_ne!(without.revision, with.revision);
    assert!(
        with.policies.rely_on_header("x-migration-ticket") && !without.policies.rely_on_header("x-migration-ticket")
    );
}

/// Everything that is wrong with a waiver in which `written` stands in place of `replaced`.
fn mistakes(replaced: &str, written: &str) -> Vec<String> {
    let mut waiver = for_migration();
    assert!(waiver.text.contains(replaced), "{replaced}");
    waiver.text = waiver.text.replace(replaced, written);
    let loaded = Bundle::compile(contract(), &[no_skip("Deny"), waiver], Strictness::default());
    let told = loaded.err().map(|error| error.0).unwrap_or_default().into_iter();
    told.map(|it| it.help.as_ref().map_or(it.to_string(), |help| format!("{it} ({help})"))).collect()
}

#[test]
fn each_mistake_is_told_with_place_and_cure() {
    let cure = "such as 2027-06-30, which means its first moment in UTC";
    for (replaced, written, told) in [
        ("\n  expires: 2026-03-01", "", vec!["migration.yaml:4:1: missing key `spec.expires`".to_owned()]),
        ("2026-03-01", "soon", vec![format!("migration.yaml:10:12: `expires` is neither a date nor a time (RFC 3339) ({cure})")]),
        (
            "policy: no-skip",
            "policy: no-skipp",
            vec!["migration.yaml:5:11: `no-skipp` is not a policy or limit that was loaded (did you mean `no-skip`?)".to_owned()],
        ),
        (
            "spiffeId ",
            "spiffe ",
            vec!["migration.yaml:6:55: `spiffe` is not a member of `client` (did you mean `spiffeId`?)".to_owned()],
        ),
        (
            "client.spiffeId",
            "body.usernam",
            vec!["migration.yaml:6:53: `usernam` is not a field of any operation that this policy matches (did you mean `username`?)".to_owned()],
        ),
        (
            "ticket: MIG-42",
            "ticket: ''",
            vec!["migration.yaml:8:11: `ticket` is empty; a waiver must be accounted for".to_owned()],
        ),
        ("name: migration }", "name: Migration }", vec!["migration.yaml:3:19: `name` must be 1 to 63 lower-case letters, digits and `-`".to_owned()]),
    ] {
        assert_eq!(mistakes(replaced, written), told, "{written}");
    }
    let told = mistakes("matchConditions:", "matchConditions: []\n  reason2:");
    assert!(told[0].starts_with("migration.yaml:6:20: `spec.matchConditions` must not be empty"), "{told:?}");
    let twice =
        Bundle::compile(contract(), &[no_skip("Deny"), for_migration(), for_migration()], Strictness::default());
    assert_eq!(
        twice.unwrap_err().0[0].to_string(),
        "migration.yaml:3:19: `migration` is the name of another waiver, in migration.yaml"
    );
}

#[test]
fn what_is_likely_a_mistake_is_told_and_loads() {
    let lints = |texts: &[PolicyText], now| {
        let bundle = Bundle::compile(Contract::built_in("2026-05-12").unwrap(), texts, Strictness::default()).unwrap();
        let of_waivers = bundle
            .lints(now, ProvableIdentity::ALL)
            .into_iter()
            .filter(|lint| !lint.message.contains("does not match"));
        of_waivers.map(|lint| format!("{lint} ({})", lint.help.as_deref().unwrap_or_default())).collect::<Vec<_>>()
    };
    let (sound, day) = ([no_skip("Deny"), for_migration()], Duration::from_secs(86_400));
    assert_eq!(lints(&sound, expiry() - day * 366), Vec::<String>::new());
    assert_eq!(
        lints(&sound, expiry() - day * 367),
        [
            "migration.yaml:10:12: `expires` is more than a year away, and the waiver likely outlives its reason (choose an earlier date, and renew the waiver if it is still needed)"
        ]
    );
    assert_eq!(
        lints(&sound, expiry()),
        [
            "migration.yaml:10:12: the waiver expired on 2026-03-01T00:00:00Z: `no-skip` is in force again (remove it, or have identity extend it)"
        ]
    );
    assert_eq!(
        lints(&[no_skip("Audit"), waiver("all", "true")], expiry() - day),
        [
            "all.yaml:6:20: the conditions are always true, so `no-skip` is waived for every request (if that is meant, give it `actions: [Audit]`)",
            "all.yaml:5:11: `no-skip` only audits, so there is nothing to waive ()",
        ]
    );
}
