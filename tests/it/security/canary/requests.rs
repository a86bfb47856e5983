//! Requests with a canary in every place that a client can fill.

use super::{NAME, SECRET};
use std::fmt::Write as _;

const FIELDS: [&str; 16] = [
    "password",
    "password_digest",
    "password_hasher",
    "totp_secret",
    "external_id",
    "first_name",
    "last_name",
    "locale",
    "username",
    "created_at",
    "legal_accepted_at",
    "primary_email_address_id",
    "primary_phone_number_id",
    "primary_web3_wallet_id",
    "profile_image_id",
    "timezone",
];

/// Requests, each with a word for what is odd about it.
pub(super) struct Cases(pub(super) Vec<(String, Vec<u8>)>);

impl Cases {
    fn add(&mut self, what: &str, bytes: impl Into<Vec<u8>>) {
        self.0.push((what.to_owned(), bytes.into()));
    }

    /// A request with `body`, framed by its length, and canaries in every header that a client may send.
    fn body(&mut self, what: &str, line: &str, key: &str, headers: &str, body: impl AsRef<[u8]>) {
        let body = body.as_ref();
        let length = format!("content-type: application/json\r\ncontent-length: {}\r\n{headers}", body.len());
        let mut bytes = head(line, &format!("authorization: Bearer {key}{SECRET}\r\n{length}")).into_bytes();
        bytes.extend(body);
        self.add(what, bytes);
    }

    /// A request without a body.
    fn bare(&mut self, what: &str, line: &str, headers: &str) {
        self.add(what, head(line, headers));
    }
}

/// A head with a canary in every header that a client may send.
pub(super) fn head(line: &str, headers: &str) -> String {
    format!(
        "{line} HTTP/1.1\r\nhost: {SECRET}.example\r\ncookie: __session={SECRET}\r\nx-api-key: {SECRET}\r\n\
         x-forwarded-for: {SECRET}\r\nuser-agent: {SECRET}\r\nx-{SECRET}: {SECRET}\r\nproxy-authorization: {SECRET}\r\n\
         traceparent: 00-{SECRET}-{SECRET}-01\r\ntracestate: {SECRET}={SECRET}\r\nbaggage: {SECRET}={SECRET}\r\n\
         x-request-id: {SECRET}\r\nreferer: http://{SECRET}/?{SECRET}\r\n{headers}\r\n"
    )
}

/// Every string field, and secrets in every nested place.
fn full(more: &str) -> String {
    let mut body = String::from("{");
    for field in FIELDS {
        let _ = write!(body, "\"{field}\":\"{SECRET}\",");
    }
    for kind in ["public", "private", "unsafe"] {
        let _ =
            write!(body, "\"{kind}_metadata\":{{\"{NAME}\":[{{\"{NAME}\":\"{SECRET}\"}}],\"plain\":\"{SECRET}\"}},");
    }
    body + &format!("\"backup_codes\":[\"{SECRET}\"]{more}}}")
}

const OLD: &str = "clerk-api-version: 2025-11-10\r\n";
pub(super) const PATCH: &str = "PATCH /v1/users/user_canary7f3a";

/// Every request, with canaries in every place.
pub(super) fn requests() -> Cases {
    let mut cases = Cases(Vec::new());
    passed(&mut cases);
    judged(&mut cases);
    unreadable(&mut cases);
    framed(&mut cases);
    heads(&mut cases);
    failed(&mut cases);
    cases
}

fn passed(cases: &mut Cases) {
    let digest = full("").replace(&format!("\"password_hasher\":\"{SECRET}\""), "\"password_hasher\":\"bcrypt\"");
    cases.body("passed", PATCH, "sk_test_", OLD, &digest);
    cases.body("audited", PATCH, "sk_live_", OLD, &digest);
    let padded = format!(r#"{{"private_metadata":{{"a":"{}"}}}}"#, SECRET.repeat(500));
    cases.body("warned", &format!("{PATCH}/metadata"), "sk_test_", "", padded);
    cases.bare("empty", PATCH, &format!("authorization: {SECRET}\r\n"));
    cases.bare("listed", &format!("GET /v1/users?query={SECRET}&{SECRET}=1"), "");
    cases.bare("token in a path", &format!("GET /v1/sign_in_tokens/{SECRET}?{SECRET}"), "");
    cases.bare("unknown path", &format!("GET /{SECRET}/{SECRET}%20x;{SECRET}"), "");
}

fn judged(cases: &mut Cases) {
    cases.body("denied", PATCH, "sk_live_", OLD, full(",\"skip_password_checks\":true"));
    cases.body("denied for its hasher", PATCH, "sk_test_", OLD, full(""));
    cases.body("metadata in the new version", PATCH, "sk_live_", "", full(""));
    for field in FIELDS.iter().chain(&["backup_codes", "skip_password_checks", "create_organizations_limit"]) {
        for value in [format!("[\"{SECRET}\"]"), format!("{{\"{SECRET}\":\"{SECRET}\"}}"), format!("[[\"{SECRET}\"]]")]
        {
            cases.body("wrong type", PATCH, "sk_test_", OLD, format!(r#"{{"{field}":{value}}}"#));
        }
    }
    let typed =
        format!(r#"{{"skip_password_checks":"{SECRET}","public_metadata":"{SECRET}","backup_codes":"{SECRET}"}}"#);
    cases.body("string for a boolean", PATCH, "sk_test_", OLD, typed);
    cases.body("undeclared", PATCH, "sk_test_", "", format!(r#"{{"pasword":"{SECRET}","x":{{"y":["{SECRET}"]}}}}"#));
    cases.body("undeclared name", PATCH, "sk_test_", "", format!(r#"{{"{NAME}":"{SECRET}"}}"#));
    cases.body("root", PATCH, "sk_test_", "", format!(r#"["{SECRET}"]"#));
    cases.body("root string", PATCH, "sk_test_", "", format!(r#""{SECRET}""#));
    cases.body("policy error", "POST /v1/users", "sk_test_", "", format!(r#"{{"first_name":"{SECRET}"}}"#));
    let enumerated = format!(r#"{{"email_address":["{SECRET}"],"email_address_identification_status":["{SECRET}"]}}"#);
    cases.body("enum", "POST /v1/users", "sk_test_", "x-number: canary7f3a\r\n", enumerated);
    cases.body(
        "put",
        &format!("PUT /v1/users/{SECRET}/metadata"),
        "sk_live_",
        "",
        format!(r#"{{"private_metadata":"{SECRET}"}}"#),
    );
}

fn unreadable(cases: &mut Cases) {
    for body in [
        format!(r#"{{"password":{SECRET}}}"#),
        format!(r#"{{"password":"{SECRET}"#),
        format!(r#"{{"password":"{SECRET}"}}{SECRET}"#),
        format!(r#"{{"password":"{SECRET}\ud800"}}"#),
        format!("\u{feff}{{\"password\":\"{SECRET}\"}}"),
        format!("{{{SECRET}:1}}"),
        format!("{}\"{SECRET}\"{}", "[".repeat(80), "]".repeat(80)),
        format!(r#"{{"password":"{SECRET}","password":"{SECRET}"}}"#),
        format!(r#"{{"public_metadata":{{"{NAME}":"{SECRET}","{NAME}":"{SECRET}"}}}}"#),
        format!(r#"{{"public_metadata":{{"{NAME}":[{{"b":"{SECRET}","b":"{SECRET}"}}]}}}}"#),
        format!(r#"{{"PASSWORD":"{SECRET}"}}"#),
        format!("password={SECRET}"),
    ] {
        cases.body("unreadable", PATCH, "sk_live_", OLD, body);
    }
    cases.body("not UTF-8", PATCH, "sk_live_", "", b"{\"password\":\"canary7f3a\xff\"}");
    cases.body("too large", PATCH, "sk_live_", "", format!(r#"{{"password":"{}"}}"#, SECRET.repeat(2_000)));
    for kind in ["text/canary7f3a", "application/json; charset=canary7f3a", "application/json; canary7f3a=1"] {
        let headers = format!("content-type: {kind}\r\ncontent-length: 14\r\n");
        cases.bare("media type", PATCH, &format!("{headers}\r\n\"{SECRET}\"\r\n"));
    }
    let coded = format!("content-type: application/json\r\ncontent-encoding: {SECRET}\r\ncontent-length: 12\r\n");
    cases.bare("coded", PATCH, &format!("{coded}\r\n\"{SECRET}\""));
}

fn framed(cases: &mut Cases) {
    let chunked = "content-type: application/json\r\ntransfer-encoding: chunked\r\n";
    let long = format!("\"{}\"", SECRET.repeat(2_000));
    for body in [
        format!("c;{SECRET}=\"{SECRET}\"\r\n\"{SECRET}\"\r\n0\r\nx-{SECRET}: {SECRET}\r\n\r\n"),
        format!("{SECRET}\r\n\"{SECRET}\"\r\n0\r\n\r\n"),
        format!("{:x}\r\n{long}\r\n0\r\n\r\n", long.len()),
    ] {
        cases.add("chunked", head(PATCH, chunked) + &body);
    }
    let slow = "content-type: application/json\r\ncontent-length: 500\r\n";
    cases.add("slow", head(PATCH, slow) + &format!("\"{SECRET}\""));
    for framing in [
        format!("transfer-encoding: {SECRET}"),
        format!("content-length: {SECRET}"),
        "content-length: 12\r\ntransfer-encoding: chunked".to_owned(),
        SECRET.to_owned(),
        format!("content length: {SECRET}"),
        format!("connection: {SECRET}, authorization"),
        format!("expect: {SECRET}"),
        format!("authorization: {SECRET}\r\nauthorization: {SECRET}"),
    ] {
        cases.add("framing", head(PATCH, &format!("{framing}\r\n")) + &format!("\"{SECRET}\""));
    }
    cases.body("body on GET", &format!("GET /v1/users/{SECRET}"), "sk_live_", "", format!("\"{SECRET}\""));
}

fn heads(cases: &mut Cases) {
    for target in [
        "/v1/users/canary7f3a/",
        "/v1/%75sers/canary7f3a",
        "/v1/users/canary7f3a%2f",
        "/v1/users/x/..%2fcanary7f3a",
        "/v1/users/canary7f3a;canary7f3a=1",
        "/v1/users/canary7f3a?token=canary7f3a",
        "/v1/users/canary7f3a?__clerk_api_version=canary7f3a",
        "/v1/users/canary7f3a?__clerk_api_version=canary7f3a&__clerk_api_version=x",
        "http://canary7f3a/v1/users/canary7f3a",
        "canary7f3a",
        "*",
        "/canary7f3a\u{e9}",
        "/canary7f3a canary7f3a",
    ] {
        cases.bare("target", &format!("PATCH {target}"), &format!("authorization: {SECRET}\r\n"));
    }
    for method in ["canary7f3a", "CANARY7F3A", "CONNECT", "TRACE", "PUT"] {
        cases.bare("method", &format!("{method} /v1/users/{SECRET}"), "");
    }
    for header in [
        "x-http-method-override: canary7f3a",
        "clerk-api-version: canary7f3a",
        "clerk-api-version: canary7f3a\r\nclerk-api-version: canary7f3a",
        "authorization: Bearer canary7f3a\u{1}",
        "connection: canary7f3a, x-canary7f3a",
        "upgrade: canary7f3a\r\nconnection: upgrade",
    ] {
        cases.bare("header", PATCH, &format!("{header}\r\n"));
    }
    cases.add("host", format!("GET / HTTP/1.1\r\nhost: {SECRET}@{SECRET}\r\n\r\n"));
    cases.add("version", format!("GET /{SECRET} HTTP/9.{SECRET}\r\n\r\n"));
    cases.add("no HTTP", format!("{SECRET}\r\n\r\n"));
    cases.bare("long head", PATCH, &format!("x-long: {}\r\n", SECRET.repeat(2_000)));
}

fn failed(cases: &mut Cases) {
    for what in ["reset", "close", "garbage", "hang", "broken-off", "switch"] {
        let body = format!(r#"{{"password":"{SECRET}","totp_secret":"{SECRET}"}}"#);
        cases.body("failed", &format!("PATCH /v1/users/{what}"), "sk_test_", "", body);
        cases.bare("failed", &format!("GET /v1/users/{what}?token={SECRET}"), "");
    }
}
