//! Rules that depend on an identity which no listener can prove.

use super::{contract, load, text};
use crate::manifest;
use crate::policy::{ProvableIdentity, RequestPolicy, lint_identity};
use std::path::Path;

const NEITHER: ProvableIdentity = ProvableIdentity { certificate: false, unix_user: false };

/// The messages of the lint, for the only validation of a policy.
fn lints(text: &str, provable: ProvableIdentity) -> Vec<String> {
    let manifests = manifest::read::<RequestPolicy>(Path::new("rule.yaml"), text).expect("a valid policy");
    let policy = load(text).expect("a valid policy");
    lint_identity(&manifests[0], &policy, contract(), provable).into_iter().map(|lint| lint.message).collect()
}

#[test]
fn a_rule_that_no_client_can_meet_is_reported() {
    for expression in [
        "client.spiffeId == \"spiffe://example.org/a\"",
        "client.spiffeId != null",
        "\"a.example.org\" in client.dnsNames",
        "body.locale == null || client.certSha256 in [\"a\", \"b\"]",
        "!has(body.locale) || client.spiffeId == \"spiffe://example.org/a\"",
    ] {
        let text = text("", expression);
        let found = lints(&text, NEITHER);
        assert!(found.len() == 1 && found[0].contains("client certificates"), "{expression}: {found:?}");
        let only_user = ProvableIdentity { certificate: false, unix_user: true };
        assert_eq!(lints(&text, only_user), found, "{expression}");
        assert_eq!(lints(&text, ProvableIdentity::ALL), Vec::<String>::new(), "{expression}");
        // one that is only tried out refuses nobody
        assert_eq!(lints(&text.replace("[Deny]", "[Audit]"), NEITHER), Vec::<String>::new(), "{expression}");
    }
    let found = lints(&text("", "client.unixUid == 1000"), NEITHER);
    assert!(found.len() == 1 && found[0].contains("Unix socket"), "{found:?}");
}

#[test]
fn a_rule_that_some_request_meets_without_it_is_not_reported() {
    for expression in [
        "client.spiffeId == null || client.spiffeId.startsWith(\"spiffe://example.org/\")",
        "client.spiffeId != \"spiffe://example.org/a\"",
        "body.locale == null",
        "body.locale == \"en\" || body.first_name == null",
        "size(client.dnsNames) == 0 || client.spiffeId != null",
    ] {
        assert_eq!(lints(&text("", expression), NEITHER), Vec::<String>::new(), "{expression}");
    }
    let condition = "  matchConditions:\n    - { name: a, expression: client.spiffeId != null }\n";
    assert_eq!(lints(&text(condition, "client.spiffeId == \"spiffe://example.org/a\""), NEITHER), Vec::<String>::new());
}
