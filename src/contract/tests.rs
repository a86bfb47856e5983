//! Which operation of the contract a request is for.

use super::{Contract, INSPECTED, Routed, UnknownVersion};

fn route(method: &str, path: &str) -> String {
    let contract = Contract::built_in("2026-05-12").expect("the built-in contract is valid");
    let guard = contract.guard(|operation| INSPECTED.contains(&operation.id.as_ref()));
    match contract.route(method, path, None, &guard) {
        Routed::Operation(operation, _) => operation.id.to_string(),
        Routed::Ambiguous => "ambiguous".into(),
        Routed::MethodUnknown => "method unknown".into(),
        Routed::Unknown => "unknown".into(),
    }
}

#[test]
fn operations_are_found_by_their_canonical_path() {
    for (method, path, operation) in [
        ("PATCH", "/v1/users/user_1", "UpdateUser"),
        ("GET", "/v1/users/user_1", "GetUser"),
        ("POST", "/v1/users", "CreateUser"),
        ("PATCH", "/v1/users/user_1/metadata", "UpdateUserMetadata"),
        ("PUT", "/v1/users/user_1/metadata", "ReplaceUserMetadata"),
        ("PATCH", "/v1/users/count", "UpdateUser"),
        ("GET", "/v1/users/some.one", "GetUser"),
        ("GET", "/v1/no/such/thing", "unknown"),
    ] {
        assert_eq!(route(method, path), operation, "{method} {path}");
    }
}

#[test]
fn an_inspected_path_in_another_spelling_is_ambiguous() {
    for path in [
        "/v1/users/user_1/",
        "/v1/%75sers/user_1",
        "/v1/users/user%5f1",
        "/v1/users/user_1;v=1",
        "/v1/users/x/%2e%2e/user_2",
        "/v1/users/x/../user_2",
        "/v1/users/us.er",
        "/V1/USERS/user_1",
        "//v1/users/user_1",
        "/v1/users/user_1%2f",
        "/v1/users/u%2fbilling",
        "/v1/users/u%252fbilling",
        "/users/user_1",
        "v1/users/user_1",
    ] {
        assert_eq!(route("PATCH", path), "ambiguous", "{path}");
    }
}

#[test]
fn an_inspected_path_below_a_prefix_is_ambiguous() {
    let deep = format!("{}/users", "/a".repeat(5_000));
    for path in ["/api/v1/users", "/v1/v1/users", "/proxy/users", "/v2/Users", "/v1beta/users", "/v1/x/users", &deep] {
        assert_eq!(route("POST", path), "ambiguous", "{path}");
    }
    for path in ["/v1/users/u/x", "/v2/superusers", "/v1/organizations/o/x"] {
        assert_eq!(route("POST", path), "unknown", "{path}");
    }
}

#[test]
fn no_more_of_a_path_is_searched_than_the_longest_route() {
    let contract = Contract::built_in("2026-05-12").expect("the built-in contract is valid");
    let longest = contract.operations().iter().map(|operation| operation.path.split('/').count() - 1).max();
    assert_eq!(Some(contract.depth), longest);
}

#[test]
fn a_method_that_an_inspected_path_does_not_have_is_told_apart() {
    assert_eq!(route("PUT", "/v1/users/user_1"), "method unknown");
    assert_eq!(route("PUT", "/v1/users/user_1/"), "ambiguous");
    assert_eq!(route("GET", "/v1/users/user_1/"), "unknown");
}

#[test]
fn the_version_asked_for_judges_and_an_unknown_one_does_not_open_a_door() {
    let contract = Contract::built_in("2026-05-12").expect("the built-in contract is valid");
    let guard = contract.guard(|_| true);
    let version = |asked: Option<&str>| match contract.route("PATCH", "/v1/users/u", asked, &guard) {
        Routed::Operation(operation, _) => operation.api_version.to_string(),
        other => format!("{other:?}"),
    };
    assert_eq!(version(None), "2026-05-12");
    assert_eq!((contract.versions().len(), contract.families().len()), (6, 1));
    for known in contract.versions() {
        assert_eq!(version(Some(known)), known.as_ref());
    }
    assert_eq!(
        version(Some("1999-01-01")),
        "2021-02-05",
        "the oldest: SDKs older than our contract send what it takes"
    );
    assert_eq!(version(Some("2026-01-01")), "2025-11-10");
    assert_eq!(version(Some("2099-01-01")), "2026-05-12");
    assert_eq!(version(Some("latest")), "2026-05-12");
    assert!(Contract::built_in("1999-01-01").is_err());
    let unknown = |asked| contract.unknown_version(asked);
    assert_eq!((unknown(None), unknown(Some("2025-11-10"))), (None, None));
    assert_eq!(unknown(Some("2099-01-01")), Some(UnknownVersion::Newer));
    for other in ["1999-01-01", "2026-01-01", "latest", ""] {
        assert_eq!(unknown(Some(other)), Some(UnknownVersion::Other), "{other}");
    }
}
