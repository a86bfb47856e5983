//! What would let a request pass was tried: what is told does, and what would not is not told.

use super::{explain, folder};
use serde_json::Value;

fn changes(arguments: &[&str], body: &str) -> Value {
    let folder = folder();
    let arguments = [arguments, &["--body", body, "--json", "--level", "decision"]].concat();
    let (stdout, stderr, _) = explain(folder.path(), &arguments, "");
    let told: Value = serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{stderr}"));
    told["changes"].clone()
}

/// What is enough alone.
fn any(path: &str, body: &str) -> Vec<String> {
    let changes = changes(&["--path", path], body);
    let any = changes["any"].as_array().unwrap().iter();
    any.map(|enough| enough["change"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_field_an_environment_or_a_version() {
    let update = "/v1/users/user_1";
    let skip = any(update, r#"{"skip_password_checks":true}"#);
    let development = "use a key of a development instance (sk_test)";
    assert_eq!(skip, ["leave out `skip_password_checks`", "set `skip_password_checks` to false", development]);
    assert_eq!(any(update, r#"{"external_id":"4711"}"#), ["leave out `external_id`"]);
    let rename = any(update, r#"{"frist_name":"Ada"}"#);
    assert_eq!(rename, ["rename `frist_name` to `first_name`", "leave out `frist_name`"]);
    let named = ["--path", update, "--header", "Clerk-API-Version: 2026-05-12"];
    let metadata = changes(&named, r#"{"public_metadata":{}}"#);
    let change = |at: usize| metadata["any"][at]["change"].as_str().unwrap();
    assert_eq!([change(0), change(1)], ["leave out `public_metadata`", "ask for `Clerk-API-Version: 2025-11-10`"]);
    assert_eq!(
        any(update, r#"{"public_metadata":{}}"#),
        [""; 0],
        "without a version, one that has the field is enough"
    );
    assert_eq!(any(update, r#"{"first_name":"a","first_name":"b"}"#), ["give each field once"]);
    assert_eq!(any(update, r#"{"first_name":}"#), [""; 0]);
}

#[test]
fn a_path_a_method_or_a_header() {
    assert_eq!(any("/v1/users/user_1/", "{}"), ["write the path plainly, as `/v1/users/{user_id}` has it"]);
    assert_eq!(any("/v1/users/user_1?notify=true", "{}"), ["leave out the query"]);
    let put = changes(&["--path", "/v1/users/user_1", "--method", "PUT"], "{}");
    assert_eq!(put["any"][0]["change"], "use the method PATCH");
    let typed = changes(&["--path", "/v1/users/user_1", "-H", "content-type: text/plain"], "{}");
    assert_eq!(
        typed["any"][0]["change"],
        "send the body as `Content-Type: application/json`, with `charset=utf-8` or none"
    );
    let twice = ["--path", "/v1/users/user_1", "-H", "x-http-method: PUT"];
    assert_eq!(changes(&twice, "{}")["any"][0]["change"], "leave out the header `x-http-method`");
}

#[test]
fn what_only_helps_together_is_told_together_and_no_more_than_that() {
    let body = r#"{"frist_name":"Ada","skip_password_checks":true,"external_id":"4711","last_name":"Lovelace"}"#;
    let told = changes(&["--path", "/v1/users/user_1"], body);
    assert_eq!(told["any"], serde_json::json!([]));
    let expected =
        ["rename `frist_name` to `first_name`", "leave out `skip_password_checks`", "leave out `external_id`"];
    let mut together: Vec<_> = told["together"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    together.sort_by_key(|change| expected.iter().position(|known| known == change));
    assert_eq!(together, expected);
}

#[test]
fn it_is_told_what_the_refusing_policy_then_says() {
    let told = changes(&["--path", "/v1/users/user_1"], r#"{"skip_password_checks":true}"#);
    assert_eq!(told["any"][0]["then"]["no-skip"], "holds");
    assert_eq!(told["any"][2]["then"]["no-skip"], "not for this environment");
}
