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
