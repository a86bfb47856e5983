//! What holds whatever is sent: here for what proptest comes up with, in tests/fuzz for what a fuzzer does.

pub(crate) mod body;
pub(crate) mod document;
pub(crate) mod head;
pub(crate) mod path;
pub(crate) mod reload;

use crate::support::gateway::{bundle, shipped};
use portcullis::judge::Bundle;
use proptest::prelude::*;
use std::sync::OnceLock;

fn judged_by() -> &'static Bundle {
    static BUNDLE: OnceLock<Bundle> = OnceLock::new();
    BUNDLE.get_or_init(|| bundle(&shipped()))
}

/// JSON and what is nearly JSON: pieces that parsers differ about, one after another.
fn nearly_json() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&[u8]> = vec![
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b" ",
        b"\n",
        b"null",
        b"true",
        b"false",
        b"0",
        b"-0",
        b"1.0",
        b"1e400",
        b"12345678901234567890",
        b"\"skip_password_checks\"",
        b"\"SKIP_PASSWORD_CHECKS\"",
        "\"\u{17f}kip_password_checks\"".as_bytes(),
        b"\"skipPasswordChecks\"",
        b"\"\\u0073kip_password_checks\"",
        b"\"first_name\"",
        b"\"a\"",
        b"\"\\u0061\"",
        b"\"\\ud800\"",
        b"\"$serde_json::private::Number\"",
        b"\"",
        b"\\",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\0",
        b"//",
        b"'",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..24).prop_map(|pieces| pieces.concat())
}

/// A body with the forbidden field in some spelling, among others.
fn forbidden() -> impl Strategy<Value = Vec<u8>> {
    let name = prop::sample::select(vec![
        "skip_password_checks",
        "Skip_Password_Checks",
        "skip-password-checks",
        "skipPasswordChecks",
        "\\u0073kip_password_checks",
        "\u{17f}kip_password_checks",
        "s\u{212a}ip_password_checks",
        "SKIPPASSWORDCHECKS",
        "skip_password_checks ",
        "skip_password_check",
    ]);
    let value = prop::sample::select(vec!["true", "false", "null", "1", "\"true\"", "[true]", "{\"a\":true}"]);
    let member = (name, value).prop_map(|(name, value)| format!("\"{name}\":{value}"));
    let other = prop::sample::select(vec![
        "\"first_name\":\"a\"".to_owned(),
        "\"locale\":null".to_owned(),
        "\"unknown\":1".to_owned(),
    ]);
    let after = prop::sample::select(vec!["", " ", "{}", "garbage", "\0"]);
    (prop::collection::vec(prop_oneof![member, other], 0..5), after)
        .prop_map(|(members, after)| format!("{{{}}}{after}", members.join(",")).into_bytes())
}

fn nearly_path() -> impl Strategy<Value = String> {
    let pieces = vec![
        "/", "//", "v1", "V1", "users", "Users", "user_1", "metadata", "%2f", "%2F", "%5c", "\\", ".", "..", "%2e",
        "%2e%2e", "%252e", ";a=b", ";", "%3b", "%75", "%2575", "?", "#", "%3f", "%23", "%00", "%20", ".json", "u",
        "count", "x", "%u0075", "%c0%af", "\u{e9}",
    ];
    let begin = prop::sample::select(vec![
        "/v1/users/user_1",
        "/v1/users/",
        "/v1/",
        "/",
        "/v1/users/user_1/metadata",
        "/v1/%75sers/",
        "//authority/v1/users/",
        "/users//../",
    ]);
    let rest = prop::collection::vec(prop::sample::select(pieces), 0..8);
    (begin, rest).prop_map(|(begin, rest)| format!("{begin}{}", rest.concat()))
}

fn nearly_head() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&[u8]> = vec![
        b"Content-Length: 5",
        b"content-length: 05",
        b"Content-Length: +5",
        b"Content-Length: 5, 5",
        b"Content_Length: 5",
        b"Content-Length : 5",
        b"Transfer-Encoding: chunked",
        b"TRANSFER-ENCODING: CHUNKED",
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding:\tchunked",
        b"Transfer-Encoding: identity",
        b"Host: a",
        b"X: y\nTransfer-Encoding: chunked",
        b" folded",
        b"X:",
        b"\0: x",
    ];
    let line = prop::sample::select(vec![
        "PATCH /v1/users/u HTTP/1.1",
        "PATCH / HTTP/1.0",
        "GET /#f HTTP/1.1",
        "PATCH / HTTP/1.2",
    ]);
    let end = prop::sample::select(vec!["\r\n", "\r\n", "\r\n", "\n", "\r"]);
    let field = (prop::sample::select(pieces), end).prop_map(|(piece, end)| [piece, end.as_bytes()].concat());
    (line, prop::collection::vec(field, 0..5)).prop_map(|(line, fields)| {
        [line.as_bytes(), b"\r\n", &fields.concat(), b"\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n"].concat()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_accepted_has_one_meaning(bytes in nearly_json()) {
        document::holds(&bytes);
    }

    #[test]
    fn a_head_that_is_read_has_one_framing(bytes in prop_oneof![nearly_head(), prop::collection::vec(any::<u8>(), 0..200)]) {
        head::holds(&bytes);
    }

    #[test]
    fn a_head_passes_where_it_is_plain(length in 0_u64..100_000) {
        let plain = format!("PATCH /v1/users/u HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
        let read = portcullis::head::examine(plain.as_bytes(), 32_768);
        prop_assert_eq!(read.ok().flatten().map(|head| head.framing), Some(portcullis::head::BodyFraming::Length(length)));
    }

    #[test]
    fn what_a_lenient_decoder_forbids_does_not_pass(body in prop_oneof![forbidden(), nearly_json()]) {
        body::holds(judged_by(), &body);
    }

    #[test]
    fn what_a_lenient_router_inspects_does_not_pass(path in nearly_path()) {
        path::holds(judged_by(), &path);
    }
}

proptest! {
    // each step may compile policies
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_reload_takes_one_complete_version(steps in prop::collection::vec(any::<u8>(), 1..16)) {
        reload::holds(&steps);
    }
}
