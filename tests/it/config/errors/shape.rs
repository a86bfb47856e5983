//! Keys and values of the wrong shape.

use super::{said_of, with};

#[test]
fn an_unknown_key_is_told_what_was_meant() {
    insta::assert_snapshot!(said_of(&with("lisen: 127.0.0.1:8787\n")), @r"
    error: unknown key `lisen`
     --> gateway.yaml:4:1
      |
    4 | lisen: 127.0.0.1:8787
      | ^^^^^
      |
      = help: did you mean `listen`?
    ");
}

#[test]
fn an_unknown_key_like_no_other_is_told_all_known_ones() {
    insta::assert_snapshot!(said_of(&with("admin: { tls: {} }\n")), @r"
    error: unknown key `tls` in `admin`
     --> gateway.yaml:4:10
      |
    4 | admin: { tls: {} }
      |          ^^^
      |
      = help: the only key here is `listen`
    ");
}

#[test]
fn the_keys_that_must_be_there_are_missed() {
    insta::assert_snapshot!(said_of("listen: 127.0.0.1:8787\n"), @r"
    error: missing key `apiVersion`
     --> gateway.yaml:1:1
      |
    1 | listen: 127.0.0.1:8787
      | ^^^^^^

    error: missing key `kind`
     --> gateway.yaml:1:1
      |
    1 | listen: 127.0.0.1:8787
      | ^^^^^^

    error: missing key `policies`
     --> gateway.yaml:1:1
      |
    1 | listen: 127.0.0.1:8787
      | ^^^^^^
    ");
}

#[test]
fn another_format_or_kind_is_refused() {
    insta::assert_snapshot!(said_of("apiVersion: portcullis/v2\nkind: gateway\npolicies: [policies]\n"), @r"
    error: `apiVersion` must be `portcullis/v1`
     --> gateway.yaml:1:13
      |
    1 | apiVersion: portcullis/v2
      |             ^^^^^^^^^^^^^

    error: `kind` must be `Gateway`
     --> gateway.yaml:2:7
      |
    2 | kind: gateway
      |       ^^^^^^^
    ");
}

#[test]
fn a_number_where_a_time_belongs_is_told_the_form() {
    insta::assert_snapshot!(said_of(&with("limits: { bodyTimeout: 10 }\n")), @r"
    error: `limits.bodyTimeout` must be text, found a number
     --> gateway.yaml:4:24
      |
    4 | limits: { bodyTimeout: 10 }
      |                        ^^
      |
      = help: such as `10s`
    ");
}

#[test]
fn text_where_a_number_belongs_is_refused() {
    insta::assert_snapshot!(said_of(&with("limits:\n  bodyBytes: 256KiB\n")), @r"
    error: `limits.bodyBytes` must be a whole number, found text
     --> gateway.yaml:5:14
      |
    5 |   bodyBytes: 256KiB
      |              ^^^^^^
      |
      = help: write the number of bytes: `262144`
    ");
}

#[test]
fn limits_of_zero_are_refused() {
    insta::assert_snapshot!(said_of(&with("limits: { bodyBytes: 0, connections: 0, inFlight: 0 }\n")), @r"
    error: `limits.bodyBytes` must be at least 1
     --> gateway.yaml:4:22
      |
    4 | limits: { bodyBytes: 0, connections: 0, inFlight: 0 }
      |                      ^

    error: `limits.connections` must be at least 1
     --> gateway.yaml:4:38
      |
    4 | limits: { bodyBytes: 0, connections: 0, inFlight: 0 }
      |                                      ^

    error: `limits.inFlight` must be at least 1
     --> gateway.yaml:4:51
      |
    4 | limits: { bodyBytes: 0, connections: 0, inFlight: 0 }
      |                                                   ^
    ");
}

#[test]
fn a_head_too_small_for_http_is_refused() {
    insta::assert_snapshot!(said_of(&with("limits: { headerBytes: 100 }\n")), @r"
    error: `limits.headerBytes` must be at least 8192
     --> gateway.yaml:4:24
      |
    4 | limits: { headerBytes: 100 }
      |                        ^^^
    ");
}

#[test]
fn a_negative_number_of_workers_is_refused() {
    insta::assert_snapshot!(said_of(&with("workers: -1\n")), @r"
    error: `workers` must be at least 0
     --> gateway.yaml:4:10
      |
    4 | workers: -1
      |          ^^
    ");
}

#[test]
fn a_list_where_a_map_belongs_is_refused() {
    insta::assert_snapshot!(said_of(&with("upstream: [https://api.clerk.com]\n")), @r"
    error: `upstream` must be a map, found a list
     --> gateway.yaml:4:11
      |
    4 | upstream: [https://api.clerk.com]
      |           ^^^^^^^^^^^^^^^^^^^^^^^
    ");
}

#[test]
fn a_value_for_a_key_with_sub_keys_is_refused() {
    insta::assert_snapshot!(said_of(&with("upstream: https://api.clerk.com\n")), @r"
    error: `upstream` must be a map, found text
     --> gateway.yaml:4:11
      |
    4 | upstream: https://api.clerk.com
      |           ^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write `upstream: { url: ... }`
    ");
}

#[test]
fn words_of_a_closed_list_are_told_the_list() {
    insta::assert_snapshot!(said_of(&with("logs: { access: stderr, format: JSON, level: warning }\n")), @r"
    error: `logs.access` must be one of `stdout` or `off`
     --> gateway.yaml:4:17
      |
    4 | logs: { access: stderr, format: JSON, level: warning }
      |                 ^^^^^^

    error: `logs.format` must be one of `auto`, `json` or `human`
     --> gateway.yaml:4:33
      |
    4 | logs: { access: stderr, format: JSON, level: warning }
      |                                 ^^^^
      |
      = help: did you mean `json`?

    error: `logs.level` must be one of `error`, `warn`, `info`, `debug` or `trace`
     --> gateway.yaml:4:46
      |
    4 | logs: { access: stderr, format: JSON, level: warning }
      |                                              ^^^^^^^
      |
      = help: did you mean `warn`?
    ");
}

#[test]
fn true_and_false_are_no_words() {
    insta::assert_snapshot!(said_of(&with("logs: { access: false }\n")), @r"
    error: `logs.access` must be one of `stdout` or `off`
     --> gateway.yaml:4:17
      |
    4 | logs: { access: false }
      |                 ^^^^^
    ");
}

#[test]
fn outcomes_to_export_are_of_a_closed_list() {
    insta::assert_snapshot!(said_of(&with("traces:\n  alwaysExport:\n  - denied\n  - error\n")), @r"
    error: `traces.alwaysExport[1]` must be one of `denied`, `failed` or `slow`
     --> gateway.yaml:7:5
      |
    7 |   - error
      |     ^^^^^
    ");
}

#[test]
fn a_listen_of_no_possible_shape_is_told_both() {
    insta::assert_snapshot!(said_of(&with("listen: 8787\n")), @r"
    error: `listen` must be text or a list, found a number
     --> gateway.yaml:4:9
      |
    4 | listen: 8787
      |         ^^^^
      |
      = help: write `listen: 127.0.0.1:8787`
    ");
}

#[test]
fn a_listener_without_address_is_refused() {
    insta::assert_snapshot!(said_of(&with("listen: [{ port: 8787 }]\n")), @r"
    error: missing key `listen[0].address`
     --> gateway.yaml:4:10
      |
    4 | listen: [{ port: 8787 }]
      |          ^^^^^^^^^^^^^^

    error: unknown key `port` in `listen[0]`
     --> gateway.yaml:4:12
      |
    4 | listen: [{ port: 8787 }]
      |            ^^^^
      |
      = help: the keys here are `address`, `mode`, `plaintext` and `tls`
    ");
}

#[test]
fn an_empty_list_of_listeners_is_refused() {
    insta::assert_snapshot!(said_of(&with("listen: []\n")), @r"
    error: `listen` must not be empty
     --> gateway.yaml:4:9
      |
    4 | listen: []
      |         ^^
    ");
}

#[test]
fn policies_are_a_list() {
    insta::assert_snapshot!(said_of("apiVersion: portcullis/v1\nkind: Gateway\npolicies: policies\n"), @r#"
    error: `policies` must be a list, found text
     --> gateway.yaml:3:11
      |
    3 | policies: policies
      |           ^^^^^^^^
      |
      = help: such as `["../policies"]`
    "#);
}

#[test]
fn an_api_version_is_a_date() {
    insta::assert_snapshot!(said_of(&with("contract: { defaultApiVersion: latest }\n")), @"
    error: `contract.defaultApiVersion` must match the pattern `^(any|[0-9]{4}-[0-9]{2}-[0-9]{2})$`
     --> gateway.yaml:4:32
      |
    4 | contract: { defaultApiVersion: latest }
      |                                ^^^^^^
      |
      = help: such as `any`
    ");
}

#[test]
fn environments_are_of_a_closed_list() {
    insta::assert_snapshot!(said_of(&with("environment: { override: prod }\n")), @r"
    error: `environment.override` must be one of `development` or `production`
     --> gateway.yaml:4:26
      |
    4 | environment: { override: prod }
      |                          ^^^^
      |
      = help: did you mean `production`?
    ");
}

#[test]
fn a_map_in_place_of_a_word_is_checked_as_a_map() {
    insta::assert_snapshot!(said_of(&with("contract: { fallthrough: { reads: audit, write: deny } }\n")), @r"
    error: `contract.fallthrough.reads` must be one of `forward` or `deny`
     --> gateway.yaml:4:35
      |
    4 | contract: { fallthrough: { reads: audit, write: deny } }
      |                                   ^^^^^

    error: unknown key `write` in `contract.fallthrough`
     --> gateway.yaml:4:42
      |
    4 | contract: { fallthrough: { reads: audit, write: deny } }
      |                                          ^^^^^
      |
      = help: did you mean `writes`?
    ");
    insta::assert_snapshot!(said_of(&with("contract: { fallthrough: audit }\n")), @r"
    error: `contract.fallthrough` must be one of `forward` or `deny`
     --> gateway.yaml:4:26
      |
    4 | contract: { fallthrough: audit }
      |                          ^^^^^
    ");
    insta::assert_snapshot!(said_of(&with("contract: { fallthrough: [deny] }\n")), @r"
    error: `contract.fallthrough` must be text or a map, found a list
     --> gateway.yaml:4:26
      |
    4 | contract: { fallthrough: [deny] }
      |                          ^^^^^^
    ");
}
