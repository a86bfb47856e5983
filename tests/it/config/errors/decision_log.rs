//! Mistakes in `decisionLog` and `masks`.

use super::{said_of, with};

#[test]
fn values_and_their_key_belong_together() {
    insta::assert_snapshot!(said_of(&with(
        "decisionLog: { file: nowhere/a.jsonl, fingerprints: { body: [/external_id] } }\n"
    )));
    insta::assert_snapshot!(said_of(&with("decisionLog: { fingerprints: { key: { file: gateway.yaml } } }\n")));
    insta::assert_snapshot!(said_of(&with(
        "decisionLog: { fingerprints: { key: { file: a.key }, params: [user_id] } }\n"
    )));
}

#[test]
fn names_that_cannot_be_are_refused_and_so_is_a_fingerprint_of_what_is_hidden() {
    insta::assert_snapshot!(said_of(&with(
        "masks: { pointers: [ssn, /a~2b], names: [''], headers: ['x y'], query: [''] }\n"
    )));
    insta::assert_snapshot!(said_of(&with(
        "decisionLog:\n  fingerprints:\n    key: { file: gateway.yaml }\n    body: [/a/Tax, /b]\n    params: [tax]\n    headers: [x-Team]\nmasks: { names: [tax], headers: [X-Team] }\n"
    )));
}

#[test]
fn a_share_of_nothing_or_of_more_than_all_is_refused() {
    for share in ["0", "-0.1", "1.5"] {
        let told = said_of(&with(&format!("decisionLog: {{ file: a.jsonl, sampleAllowed: {share} }}\n")));
        assert!(told.contains("`decisionLog.sampleAllowed` must be above 0 and at most 1"), "{share}: {told}");
    }
    let told = said_of(&with("decisionLog: { file: a.jsonl, compression: zip }\n"));
    assert!(told.contains("compression") && told.contains("gzip"), "{told}");
}
