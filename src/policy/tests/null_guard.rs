//! What is accepted and yet likely a mistake: no guard where something may be absent, and what nothing uses.

use super::{contract, load, operation, text};
use crate::cel::{Assumptions, Literals};
use crate::contract::credential::Environment;
use crate::manifest;
use crate::policy::bindings::{Absence, PartialRequest, UnknownBody};
use crate::policy::{PolicyDocuments, RequestPolicy, compile_limit, compile_policy, lint::null_guard, lint::unused};
use std::collections::BTreeSet;
use std::path::Path;

/// What `lint_guards` says of a policy, each as `line:column what [the cure]`.
fn lints(text: &str) -> Vec<String> {
    let policy = load(text).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    let manifests = manifest::read::<RequestPolicy>(Path::new("rule.yaml"), text).expect("sound");
    let lints = null_guard::lint_policy(&manifests[0], &policy, contract());
    let told = lints.iter().map(|lint| {
        let place = lint.to_string();
        let place = place.strip_prefix("rule.yaml:").unwrap_or(&place);
        format!("{place} [{}]", lint.help.as_deref().unwrap_or_default())
    });
    told.collect()
}

/// The lint of one validation.
fn of(expression: &str) -> String {
    lints(&text("", expression)).join("\n")
}

/// What the lint of a field says.
fn absent(name: &str, taker: &str, cure: &str) -> String {
    format!(
        "8:9: `{name}` reads as null where it is absent, and `{taker}` takes no null: requests without it would be refused as policy_error [write `{cure}`]"
    )
}

#[test]
fn what_takes_no_null_where_a_field_may_be_absent_is_told() {
    for (expression, name, taker, cure) in [
        ("body.first_name.startsWith(\"A\")", "body.first_name", "startsWith", "body.first_name == null || ..."),
        ("body.first_name.matches(\"^A\")", "body.first_name", "matches", "body.first_name == null || ..."),
        ("!body.skip_password_checks", "body.skip_password_checks", "!", "body.skip_password_checks != true"),
        ("body.delete_self_enabled && true", "body.delete_self_enabled", "&&", "body.delete_self_enabled == true"),
        (
            "body.create_organizations_limit < 5",
            "body.create_organizations_limit",
            "<",
            "body.create_organizations_limit == null || ...",
        ),
        (
            "timestamp(body.legal_accepted_at) < request.time",
            "body.legal_accepted_at",
            "timestamp",
            "body.legal_accepted_at == null || ...",
        ),
        ("body.email_address.all(a, a != \"x\")", "body.email_address", "all", "body.email_address == null || ..."),
        ("\"a\" in body.email_address", "body.email_address", "in", "body.email_address == null || ..."),
        ("body.public_metadata.plan == 1", "body.public_metadata", ".plan", "body.public_metadata == null || ..."),
        ("has(body.public_metadata.plan)", "body.public_metadata", ".plan", "body.public_metadata == null || ..."),
        (
            "body.last_name == null || body.first_name.startsWith(\"A\")",
            "body.first_name",
            "startsWith",
            "body.first_name == null || ...",
        ),
        (
            "body.last_name != null || body.first_name.startsWith(\"A\")",
            "body.first_name",
            "startsWith",
            "body.first_name == null || ...",
        ),
        (
            "client.spiffeId == \"spiffe://a/b\" || request.headers[\"x\"] == \"a\" || body.first_name.startsWith(\"A\")",
            "body.first_name",
            "startsWith",
            "body.first_name == null || ...",
        ),
        (
            "request.operation == \"CreateUser\" && body.first_name.startsWith(\"A\")",
            "body.first_name",
            "startsWith",
            "body.first_name == null || ...",
        ),
    ] {
        assert_eq!(of(expression), absent(name, taker, cure), "{expression}");
    }
}

#[test]
fn what_takes_no_null_where_a_caller_may_show_nothing_is_told() {
    for (expression, name, taker, cure) in [
        (
            "request.headers[\"x-ticket\"].startsWith(\"A\")",
            "request.headers[\"x-ticket\"]",
            "startsWith",
            "request.headers[\"x-ticket\"] != null && ...",
        ),
        ("request.query.a.size() > 3", "request.query.a", "size", "request.query.a != null && ..."),
        (
            "client.spiffeId.startsWith(\"spiffe://a/\")",
            "client.spiffeId",
            "startsWith",
            "client.spiffeId != null && ...",
        ),
        (
            "request.headers[\"x-ticket\"].lowerAscii() == \"a\"",
            "request.headers[\"x-ticket\"]",
            "lowerAscii",
            "request.headers[\"x-ticket\"] != null && ...",
        ),
        ("client.unixUid < 1000", "client.unixUid", "<", "client.unixUid != null && ..."),
    ] {
        assert_eq!(of(expression), absent(name, taker, cure), "{expression}");
    }
}

/// A member of an object is absent or null like a field, however it is named.
#[test]
fn a_member_that_may_be_absent_needs_a_guard() {
    let of_map = |rest: &str| lints(&text("", &format!("body.public_metadata == null || {rest}")));
    let role = "body.public_metadata.role";
    let starts = format!("{role}.startsWith(\"a\")");
    let lint = absent(role, "startsWith", &format!("{role} == null || ..."));
    assert_eq!(of_map(&starts), std::slice::from_ref(&lint));
    assert_eq!(of_map(&format!("body.locale == \"en\" || {starts}")), [lint]);
    assert_eq!(of_map(&format!("{role} == null || {starts}")), Vec::<String>::new());
    assert_eq!(of_map(&format!("{role} == \"a\" || {role} in [\"b\"]")), Vec::<String>::new());
    assert_eq!(of_map(&format!("!has({role}) || {role} == null || {starts}")), Vec::<String>::new());
    // `has` says nothing of a null that was sent
    let sent = of_map(&format!("!has({role}) || {starts}"));
    assert!(sent.len() == 1 && sent[0].contains("is null where null is sent"), "{sent:?}");
    let by_key = "body.public_metadata[\"a b\"]";
    assert_eq!(
        of_map(&format!("{by_key}.startsWith(\"a\")")),
        [absent(by_key, "startsWith", &format!("{by_key} == null || ..."))]
    );
    let deeper = of_map(&format!("{role}.name == \"a\""));
    assert_eq!(deeper, [absent(role, ".name", &format!("{role} == null || ..."))]);
    let variable = "  variables:\n    - { name: role, expression: 'body.public_metadata == null ? null : body.public_metadata.role' }\n";
    assert_eq!(lints(&text(variable, "variables.role.startsWith(\"a\")")).len(), 1);
}

#[test]
fn what_is_guarded_is_not_told() {
    for expression in [
        "body.first_name == null || body.first_name.startsWith(\"A\")",
        "body.first_name != null && body.first_name.startsWith(\"A\")",
        "body.skip_password_checks != true",
        "body.first_name == \"a\" || body.first_name in [\"b\"]",
        "body.email_address == null || body.email_address.all(a, a.startsWith(\"x\"))",
        "body.public_metadata == null || !has(body.public_metadata.plan) || body.public_metadata.plan == 1",
        "body.first_name == null ? true : body.first_name.startsWith(\"A\")",
        "json.size(body.public_metadata) < 100",
        "client.ip.startsWith(\"10.\") || client.spiffeId == \"spiffe://a/b\"",
        "client.spiffeId == null || client.certSha256.startsWith(\"a\")",
        "size(client.dnsNames) > 0 && client.certSha256.startsWith(\"a\") || client.certSha256 == null",
        "request.headers[\"x-ticket\"] != null && request.headers[\"x-ticket\"].startsWith(\"A\")",
        "request.operation != \"CreateUser\" || body.first_name == null || body.first_name.size() > 1",
    ] {
        assert_eq!(of(expression), "", "{expression}");
    }
}

/// F7: the path to the call depends on another part of the request, which may be either way.
#[test]
fn each_path_to_what_takes_no_null_is_tried() {
    let starts = "body.first_name.startsWith(\"A\")";
    let lint = absent("body.first_name", "startsWith", "body.first_name == null || ...");
    for template in [
        "body.skip_password_checks != true || CALL",
        "body.skip_password_checks == false || CALL",
        "!(body.skip_password_checks == true && !CALL)",
        "body.skip_password_checks == true ? CALL : true",
        "body.locale == \"en\" || body.last_name in [\"a\", \"b\"] || CALL",
        "body.locale in params.locales || CALL",
        "body.locale.matches(\"^e\") || CALL",
        "body.locale == null || body.locale.startsWith(\"e\") || CALL",
        "body.create_organizations_limit > 5 || CALL",
        "size(body.locale) > 3 || CALL",
        "request.path.contains(\"x\") || CALL",
        "request.time < timestamp(\"2031-01-01T00:00:00Z\") || CALL",
        "request.headers[\"x-ticket\"] == \"a\" || CALL",
        "body.email_address == null || body.email_address.exists(a, a == \"x\" || CALL)",
        "body.locale != \"en\" || body.last_name != \"a\" || client.ip != \"10.0.0.1\" || CALL",
        "body.locale == body.last_name || CALL",
    ] {
        let params = "  params: { locales: [a, b, c, d, e, f, g, h, i, j] }\n";
        let found = lints(&text(params, &template.replace("CALL", starts)));
        assert!(found.contains(&lint.replace("8:9", "9:9")), "{template}: {found:?}");
    }
}

#[test]
fn a_path_that_no_request_takes_needs_no_guard() {
    let starts = "body.first_name.startsWith(\"A\")";
    for template in [
        "body.skip_password_checks != true || body.skip_password_checks == true || CALL",
        "body.locale == \"en\" && body.locale == \"de\" && CALL || body.first_name == null",
        "body.locale == \"en\" || body.locale != \"en\" || CALL",
        "body.locale in [\"en\", \"de\"] || body.locale != \"en\" || CALL",
        "body.skip_password_checks != true || body.first_name != null && CALL",
        "body.skip_password_checks != true ? true : body.first_name == null || CALL",
        "body.create_organizations_limit == null || body.create_organizations_limit > 5 || body.create_organizations_limit < 9 || CALL",
        "body.email_address == null || body.email_address.all(a, a == \"x\" || body.first_name == null || CALL)",
    ] {
        assert_eq!(of(&template.replace("CALL", starts)), "", "{template}");
    }
    // a condition and another validation guard on the same path only
    let condition = "  matchConditions:\n    - { name: a, expression: 'body.locale == \"en\"' }\n";
    let only_others = format!("body.locale == \"en\" || {starts}");
    assert_eq!(lints(&text(condition, &only_others)), Vec::<String>::new());
    let guarded = |guard: &str| {
        let guard = format!("    - {{ expression: '{guard}', message: no }}\n  actions");
        lints(&text("", &format!("body.skip_password_checks != true || {starts}")).replace("  actions", &guard))
    };
    assert_eq!(guarded("body.skip_password_checks != true || body.first_name != null"), Vec::<String>::new());
    assert_eq!(guarded("body.locale != \"en\" || body.first_name != null").len(), 1);
}

/// Loading takes as long as paths are tried: a policy without a fault must not be tried 64 times.
#[test]
fn what_is_guarded_on_every_path_is_tried_once() {
    let chain =
        "body.locale == \"a\" ? true : (body.last_name == \"b\" ? body.first_name == null : body.username == \"c\")";
    for (expression, is_one) in [(chain, true), ("body.locale == \"a\" || size(body.first_name) > 3", false)] {
        let policy = load(&text("", expression)).expect("sound");
        let request = PartialRequest {
            operation: &operation(),
            environment: Environment::Production,
            required: &BTreeSet::new(),
            absence: Absence::Field("first_name"),
        };
        let (literals, variables) = (Literals::default(), &policy.scope.variables);
        let mut paths = 0;
        Assumptions::none(&literals).for_each_path(|assumptions| {
            paths += 1;
            policy.validations[0].expression.absence_outcome::<UnknownBody>(variables, &request, assumptions).1
        });
        assert_eq!(paths == 1, is_one, "{expression}: {paths}");
    }
}

#[test]
fn null_that_is_sent_has_its_own_lint() {
    assert_eq!(
        of("!has(body.first_name) || body.first_name.startsWith(\"A\")"),
        "8:9: `body.first_name` is null where null is sent, and `startsWith` takes no null: requests that send it so would be refused as policy_error [write `body.first_name == null || ...`]"
    );
}

#[test]
fn conditions_guard_validations_and_are_told_themselves() {
    let with = |condition: &str| format!("  matchConditions:\n    - {{ name: a, expression: '{condition}' }}\n");
    let unguarded = "body.first_name.startsWith(\"A\")";
    for guard in ["body.first_name != null", "body.first_name != null && size(body.first_name) > 3"] {
        assert_eq!(lints(&text(&with(guard), unguarded)), Vec::<String>::new(), "{guard}");
    }
    let found = lints(&text(&with("size(body.first_name) > 3"), unguarded));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("7:30: `body.first_name`"), "{found:?}");
    assert!(found[0].ends_with("[write `body.first_name != null && ...`]"), "{found:?}");
    // what the request decides on does not guard
    let found = lints(&text(&with("request.headers[\"x\"] == \"a\""), unguarded));
    assert_eq!(
        found,
        [absent("body.first_name", "startsWith", "body.first_name == null || ...").replace("8:9", "10:9")]
    );
}

#[test]
fn variables_are_looked_into_and_other_validations_guard() {
    let variable = "  variables:\n    - { name: short, expression: 'size(body.first_name) < 3' }\n";
    let found = lints(&text(variable, "variables.short"));
    assert_eq!(found, [absent("body.first_name", "size", "body.first_name == null || ...").replace("8:9", "10:9")]);
    let both = text("", "body.first_name != null")
        .replace("  actions", "    - { expression: 'size(body.first_name) < 3', message: no }\n  actions");
    assert_eq!(lints(&both), Vec::<String>::new());
}

#[test]
fn what_the_contract_demands_needs_no_guard() {
    let verify = |expression: &str| text("", expression).replace("CreateUser, UpdateUser", "VerifyPassword");
    assert_eq!(lints(&verify("size(body.password) > 3")), Vec::<String>::new());
    let schema = "  schema: { required: [first_name] }\n";
    assert_eq!(lints(&text(schema, "size(body.first_name) > 3")).len(), 1, "null fits that");
    assert_eq!(lints(&text(schema, "has(body.first_name) && body.locale == null")), Vec::<String>::new());
}

#[test]
fn the_action_says_what_becomes_of_the_request() {
    for (action, done) in [("Warn", "warned of as policy_error"), ("Audit", "audited as policy_error")] {
        let found = lints(&text("", "size(body.first_name) < 3").replace("Deny", action));
        assert!(found.len() == 1 && found[0].contains(done), "{found:?}");
    }
}

/// What is said of the limit with this condition, variable and key.
fn of_limit(condition: &str, variable: &str, key: &str) -> Vec<String> {
    let text = format!(
        "apiVersion: portcullis/v1\nkind: RequestLimit\nmetadata: {{ name: l }}\nspec:\n  match: {{ operations: [UpdateUser] }}\n  \
         matchConditions: [{{ name: a, expression: '{condition}' }}]\n  variables: [{{ name: v, expression: '{variable}' }}]\n  \
         key: '{key}'\n  events: 3\n  period: 1m\n  message: no\n  actions: [Deny]\n"
    );
    let mut manifests = PolicyDocuments::default();
    assert_eq!(manifests.read(Path::new("limit.yaml"), &text), []);
    let limit = compile_limit(&manifests.limits[0], contract()).expect("sound");
    let lints = null_guard::lint_limit(&manifests.limits[0], &limit, contract()).into_iter();
    lints.chain(unused::lint_limit(&manifests.limits[0])).map(|lint| lint.to_string()).collect()
}

#[test]
fn limits_are_looked_at_too() {
    assert_eq!(of_limit("body.locale == null", "client.ip", "variables.v"), Vec::<String>::new());
    let found = of_limit("body.locale == null", "client.ip", "string(size(request.headers[\"x\"]))");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("limit.yaml:8:8: `request.headers[\"x\"]` reads as null"), "{found:?}");
    assert!(found[1].starts_with("limit.yaml:7:23: no expression uses `variables.v`"), "{found:?}");
    let found = of_limit("size(body.locale) > 3", "client.ip", "variables.v");
    assert!(found.len() == 1 && found[0].starts_with("limit.yaml:6:44: `body.locale` reads as null"), "{found:?}");
}

#[test]
fn what_no_expression_uses_is_told() {
    let unused = |spec: &str, expression: &str| {
        let manifests =
            manifest::read::<RequestPolicy>(Path::new("rule.yaml"), &text(spec, expression)).expect("sound");
        unused::lint_policy(&manifests[0]).iter().map(|lint| lint.message.clone()).collect::<Vec<_>>()
    };
    let spec = "  params: { a: 1, b: 2 }\n  variables: [{ name: c, expression: params.a == 1 }]\n";
    assert_eq!(
        unused(spec, "body.locale == \"params.b\""),
        ["no expression uses `params.b`", "no expression uses `variables.c`"]
    );
    assert_eq!(unused(spec, "variables.c && params[\"b\"] == 2"), Vec::<String>::new());
    assert_eq!(unused(spec, "variables.c && params.all(name, name != \"\")"), Vec::<String>::new());
}

#[test]
fn nothing_is_said_of_the_policies_that_ship() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let files = std::fs::read_dir(folder).expect("the policies").map(|entry| entry.expect("an entry").path());
    let files = files.filter(|file| file.to_string_lossy().ends_with(".yaml"));
    let mut manifests = PolicyDocuments::default();
    for file in files.filter(|file| !file.to_string_lossy().ends_with(".test.yaml")) {
        assert_eq!(manifests.read(&file, &std::fs::read_to_string(&file).expect("a text")), []);
    }
    assert!(manifests.policies.len() > 10 && manifests.limits.len() > 1);
    for manifest in &manifests.policies {
        let policy = compile_policy(manifest, contract()).expect("sound");
        assert_eq!(null_guard::lint_policy(manifest, &policy, contract()), []);
        assert_eq!(unused::lint_policy(manifest), []);
    }
    for manifest in &manifests.limits {
        let limit = compile_limit(manifest, contract()).expect("sound");
        assert_eq!(null_guard::lint_limit(manifest, &limit, contract()), []);
        assert_eq!(unused::lint_limit(manifest), []);
    }
}
