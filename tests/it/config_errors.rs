//! Broken configurations and what is said of them: each mistake at its place, all of a file at once.

use portcullis::config::load::load;
use portcullis::config::overrides::{Override, Overrides};
use std::fs;

/// What is said of a configuration with this text. Beside the file is an empty folder `policies`; the variable `PASSWORD`
/// is set and must never be seen.
fn said_of(text: &str) -> String {
    said_with(text, &Overrides::default())
}

fn said_with(text: &str, overrides: &Overrides) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.yaml");
    fs::create_dir(folder.path().join("policies")).unwrap();
    fs::write(&file, text).unwrap();
    let variables = |name: &str| (name == "PASSWORD").then(|| "canary-0451".to_owned());
    let mistakes = load(&file, overrides, &variables).expect_err("a mistake");
    let rendered: Vec<_> = mistakes.iter().map(|mistake| mistake.render(false)).collect();
    let said = rendered.join("\n\n").replace(&format!("{}/", folder.path().display()), "");
    assert!(!said.contains("canary"), "{said}");
    said
}

/// The keys that must be there, and `rest` from line 4 on.
fn with(rest: &str) -> String {
    format!("apiVersion: portcullis/v1\nkind: Gateway\npolicies: [policies]\n{rest}")
}

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
      = help: known keys are `listen`
    ");
}

#[test]
fn tls_keys_of_a_listener_are_unknown_as_yet() {
    insta::assert_snapshot!(said_of(&with("listen:\n- address: 127.0.0.1:8787\n  tls: { certificateFile: a.pem }\n")), @r"
    error: unknown key `tls` in `listen[0]`
     --> gateway.yaml:6:3
      |
    6 |   tls: { certificateFile: a.pem }
      |   ^^^
      |
      = help: known keys are `address`
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
fn a_key_that_is_there_twice_is_refused() {
    insta::assert_snapshot!(said_of(&with("workers: 1\nlogs: { level: info, level: warn }\nworkers: 2\n")), @r"
    error: key `level` is here twice, first on line 5
     --> gateway.yaml:5:22
      |
    5 | logs: { level: info, level: warn }
      |                      ^^^^^

    error: key `workers` is here twice, first on line 4
     --> gateway.yaml:6:1
      |
    6 | workers: 2
      | ^^^^^^^
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
    error: `logs.access` must be text or text, found true or false
     --> gateway.yaml:4:17
      |
    4 | logs: { access: false }
      |                 ^^^^^
    ");
}

#[test]
fn outcomes_to_export_are_of_a_closed_list() {
    insta::assert_snapshot!(said_of(&with("traces:\n  alwaysExport:\n  - denied\n  - error\n")), @r"
    error: `traces.alwaysExport[1]` must be one of `denied` or `failed`
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
      = help: known keys are `address`
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
    insta::assert_snapshot!(said_of(&with("contract: { defaultApiVersion: latest }\n")), @r"
    error: `contract.defaultApiVersion` must match the pattern `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`
     --> gateway.yaml:4:32
      |
    4 | contract: { defaultApiVersion: latest }
      |                                ^^^^^^
      |
      = help: such as `2026-05-12`
    ");
}

#[test]
fn a_tab_is_told_where() {
    insta::assert_snapshot!(said_of(&with("limits:\n\tbodyBytes: 1\n")), @r"
    error: not valid YAML: tabs disallowed within this context (block indentation)
     --> gateway.yaml:5:2
      |
    5 |     bodyBytes: 1
      |     ^
    ");
}

#[test]
fn a_quote_that_never_ends_is_told_where_it_begins() {
    insta::assert_snapshot!(said_of(&with("listen: \"127.0.0.1:8787\n")), @r#"
    error: not valid YAML: unclosed quote
     --> gateway.yaml:4:9
      |
    4 | listen: "127.0.0.1:8787
      |         ^
    "#);
}

#[test]
fn a_colon_too_many_is_told_where() {
    insta::assert_snapshot!(said_of(&with("upstream: url: embedded\n")), @r"
    error: not valid YAML: mapping values are not allowed in this context
     --> gateway.yaml:4:14
      |
    4 | upstream: url: embedded
      |              ^
    ");
}

#[test]
fn an_empty_file_is_refused() {
    insta::assert_snapshot!(said_of("# nothing yet\n"), @r"
    error: the file says nothing
    --> gateway.yaml
    ");
}

#[test]
fn a_second_document_is_refused() {
    insta::assert_snapshot!(said_of(&with("---\napiVersion: portcullis/v1\nkind: Gateway\npolicies: [policies]\n")), @r"
    error: the configuration must be one document
     --> gateway.yaml:5:1
      |
    5 | apiVersion: portcullis/v1
      | ^^^^^^^^^^
    ");
}

#[test]
fn names_and_bare_ports_are_no_addresses() {
    insta::assert_snapshot!(said_of(&with("listen:\n- address: localhost:8787\n- address: :8788\n- address: 127.0.0.1\n")), @r"
    error: `listen[0].address` must be an IP address and a port
     --> gateway.yaml:5:12
      |
    5 | - address: localhost:8787
      |            ^^^^^^^^^^^^^^
      |
      = help: write an IP address and a port, such as `127.0.0.1:8787` or `[::1]:8787`

    error: `listen[1].address` must be an IP address and a port
     --> gateway.yaml:6:12
      |
    6 | - address: :8788
      |            ^^^^^
      |
      = help: write an IP address and a port, such as `127.0.0.1:8787` or `[::1]:8787`

    error: `listen[2].address` must be an IP address and a port
     --> gateway.yaml:7:12
      |
    7 | - address: 127.0.0.1
      |            ^^^^^^^^^
      |
      = help: write an IP address and a port, such as `127.0.0.1:8787` or `[::1]:8787`
    ");
}

#[test]
fn an_address_listened_on_twice_is_refused() {
    insta::assert_snapshot!(said_of(&with("listen: [{ address: 127.0.0.1:8787 }, { address: 127.0.0.1:8787 }]\nadmin: { listen: 127.0.0.1:8787 }\n")), @r"
    error: `listen[1].address` is an address that the gateway listens on already
     --> gateway.yaml:4:50
      |
    4 | listen: [{ address: 127.0.0.1:8787 }, { address: 127.0.0.1:8787 }]
      |                                                  ^^^^^^^^^^^^^^
      |
      = help: use another port

    error: `admin.listen` is an address that the gateway listens on already
     --> gateway.yaml:5:18
      |
    5 | admin: { listen: 127.0.0.1:8787 }
      |                  ^^^^^^^^^^^^^^
      |
      = help: use another port
    ");
}

#[test]
fn the_stand_in_answers_only_loopback() {
    insta::assert_snapshot!(said_of(&with("listen: 0.0.0.0:8787\nupstream:\n  url: embedded\n")), @r"
    error: `listen` must be a loopback address where the upstream is `embedded`
     --> gateway.yaml:4:9
      |
    4 | listen: 0.0.0.0:8787
      |         ^^^^^^^^^^^^
      |
      = help: the built-in stand-in answers only loopback, such as `127.0.0.1:8787`
    ");
}

#[test]
fn an_upstream_with_a_path_is_refused() {
    insta::assert_snapshot!(said_of(&with("upstream: { url: https://api.clerk.com/v1 }\n")), @r"
    error: `upstream.url` must have no path, query or fragment
     --> gateway.yaml:4:18
      |
    4 | upstream: { url: https://api.clerk.com/v1 }
      |                  ^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: requests keep the path they came with, so leave out what follows the host, such as `/v1`
    ");
}

#[test]
fn an_upstream_without_scheme_is_refused() {
    insta::assert_snapshot!(said_of(&with("upstream: { url: api.clerk.com }\n")), @r"
    error: `upstream.url` must be a URL with a scheme, or `embedded`
     --> gateway.yaml:4:18
      |
    4 | upstream: { url: api.clerk.com }
      |                  ^^^^^^^^^^^^^
      |
      = help: write `https://` and a host, such as `https://api.clerk.com`, or `embedded`
    ");
}

#[test]
fn an_upstream_of_another_scheme_is_refused() {
    insta::assert_snapshot!(said_of(&with("upstream: { url: \"ftp://api.clerk.com\" }\n")), @r#"
    error: `upstream.url` must be an http or https URL
     --> gateway.yaml:4:18
      |
    4 | upstream: { url: "ftp://api.clerk.com" }
      |                  ^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write `https://` and a host, such as `https://api.clerk.com`, or `embedded`
    "#);
}

#[test]
fn an_upstream_with_a_password_is_refused() {
    insta::assert_snapshot!(said_of(&with("upstream: { url: \"https://me:${PASSWORD}@api.clerk.com\" }\n")), @r#"
    error: `upstream.url` must not hold a user name or password
     --> gateway.yaml:4:18
      |
    4 | upstream: { url: "https://me:${PASSWORD}@api.clerk.com" }
      |                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: callers bring their own credentials
    "#);
}

#[test]
fn a_ca_file_without_tls_is_refused() {
    insta::assert_snapshot!(said_of(&with("upstream: { url: \"http://127.0.0.1:1\", caFile: ca.pem }\n")), @r#"
    error: `upstream.caFile` is of no use where the upstream is reached without TLS
     --> gateway.yaml:4:48
      |
    4 | upstream: { url: "http://127.0.0.1:1", caFile: ca.pem }
      |                                                ^^^^^^
      |
      = help: use an https URL
    "#);
}

#[test]
fn times_without_sense_are_told_why() {
    insta::assert_snapshot!(said_of(&with("upstream: { connectTimeout: 5, responseTimeout: 0s }\nlimits: { bodyTimeout: soon, headerTimeout: 2d }\n")), @r"
    error: `upstream.connectTimeout` must be text, found a number
     --> gateway.yaml:4:29
      |
    4 | upstream: { connectTimeout: 5, responseTimeout: 0s }
      |                             ^
      |
      = help: such as `5s`
    ");
}

#[test]
fn times_without_sense_are_told_why_once_their_shape_is_right() {
    insta::assert_snapshot!(said_of(&with("upstream: { connectTimeout: \"5\", responseTimeout: 0s }\nlimits: { bodyTimeout: soon, headerTimeout: 48h }\n")), @r#"
    error: `upstream.connectTimeout` must have a unit
     --> gateway.yaml:4:29
      |
    4 | upstream: { connectTimeout: "5", responseTimeout: 0s }
      |                             ^^^
      |
      = help: write a whole number and `ms`, `s`, `m` or `h`, such as `500ms` or `10s`

    error: `upstream.responseTimeout` must be longer than nothing
     --> gateway.yaml:4:51
      |
    4 | upstream: { connectTimeout: "5", responseTimeout: 0s }
      |                                                   ^^
      |
      = help: write a whole number and `ms`, `s`, `m` or `h`, such as `500ms` or `10s`

    error: `limits.bodyTimeout` must be a time
     --> gateway.yaml:5:24
      |
    5 | limits: { bodyTimeout: soon, headerTimeout: 48h }
      |                        ^^^^
      |
      = help: write a whole number and `ms`, `s`, `m` or `h`, such as `500ms` or `10s`

    error: `limits.headerTimeout` must be at most `24h`
     --> gateway.yaml:5:45
      |
    5 | limits: { bodyTimeout: soon, headerTimeout: 48h }
      |                                             ^^^
      |
      = help: write a whole number and `ms`, `s`, `m` or `h`, such as `500ms` or `10s`
    "#);
}

#[test]
fn a_budget_smaller_than_one_body_is_refused() {
    insta::assert_snapshot!(said_of(&with("limits:\n  bodyBytes: 2000\n  bodyBudgetBytes: 1000\n")), @r"
    error: `limits.bodyBudgetBytes` must be at least `limits.bodyBytes`
     --> gateway.yaml:6:20
      |
    6 |   bodyBudgetBytes: 1000
      |                    ^^^^
      |
      = help: a body that fits the limit would never fit the budget
    ");
}

#[test]
fn a_less_strict_environment_must_be_forced() {
    insta::assert_snapshot!(said_of(&with("environment: { override: development }\n")), @r"
    error: `environment.override` would judge production credentials less strictly
     --> gateway.yaml:4:26
      |
    4 | environment: { override: development }
      |                          ^^^^^^^^^^^
      |
      = help: add `force: true` where that is what you want
    ");
}

#[test]
fn force_without_an_override_is_refused() {
    insta::assert_snapshot!(said_of(&with("environment:\n  force: true\n")), @r"
    error: `environment.force` has nothing to force
     --> gateway.yaml:5:10
      |
    5 |   force: true
      |          ^^^^
      |
      = help: say which environment in `environment.override`
    ");
}

#[test]
fn samplers_are_told_their_form() {
    insta::assert_snapshot!(said_of(&with("traces: { sampler: sometimes }\n")), @r"
    error: `traces.sampler` must be a sampler
     --> gateway.yaml:4:20
      |
    4 | traces: { sampler: sometimes }
      |                    ^^^^^^^^^
      |
      = help: one of `always_on`, `always_off`, `traceidratio:<ratio>`, `parentbased_always_on`, `parentbased_always_off` or `parentbased_traceidratio:<ratio>`
    ");
}

#[test]
fn a_ratio_is_from_0_to_1() {
    insta::assert_snapshot!(said_of(&with("traces:\n  sampler: traceidratio:10\n")), @r"
    error: `traces.sampler` must have a ratio from 0 to 1
     --> gateway.yaml:5:12
      |
    5 |   sampler: traceidratio:10
      |            ^^^^^^^^^^^^^^^
      |
      = help: one of `always_on`, `always_off`, `traceidratio:<ratio>`, `parentbased_always_on`, `parentbased_always_off` or `parentbased_traceidratio:<ratio>`
    ");
}

#[test]
fn policies_that_are_not_there_are_refused() {
    insta::assert_snapshot!(said_of("apiVersion: portcullis/v1\nkind: Gateway\npolicies:\n- policies\n- policy\n"), @r"
    error: `policies[1]` cannot be read: there is no such file or folder
     --> gateway.yaml:5:3
      |
    5 | - policy
      |   ^^^^^^
      |
      = help: paths are relative to the file they are written in
    ");
}

#[test]
fn a_variable_that_is_not_set_is_told_where() {
    insta::assert_snapshot!(said_of(&with("listen: 127.0.0.1:${PORT}\nworkers: ${WORKERS:-2}\nadmin: { listen: \"${ADMIN}\" }\n")), @r#"
    error: the variable `PORT` is not set
     --> gateway.yaml:4:19
      |
    4 | listen: 127.0.0.1:${PORT}
      |                   ^^^^^^^

    error: the variable `ADMIN` is not set
     --> gateway.yaml:6:19
      |
    6 | admin: { listen: "${ADMIN}" }
      |                   ^^^^^^^^
    "#);
}

#[test]
fn a_variable_with_a_wrong_value_is_told_at_its_place() {
    insta::assert_snapshot!(said_of(&with("workers: ${PASSWORD}\n")), @r"
    error: `workers` must be a whole number, found text
     --> gateway.yaml:4:10
      |
    4 | workers: ${PASSWORD}
      |          ^^^^^^^^^^^
    ");
}

#[test]
fn mistakes_all_over_the_file_are_told_together() {
    insta::assert_snapshot!(said_of(&with("listen: nowhere\nupstream: { url: https://api.clerk.com/v1 }\nlimits: { bodyTimeout: 0s }\nadmin: { listen: on }\ntraces: { sampler: no }\n")), @r"
    error: `listen` must be an IP address and a port
     --> gateway.yaml:4:9
      |
    4 | listen: nowhere
      |         ^^^^^^^
      |
      = help: write an IP address and a port, such as `127.0.0.1:8787` or `[::1]:8787`

    error: `upstream.url` must have no path, query or fragment
     --> gateway.yaml:5:18
      |
    5 | upstream: { url: https://api.clerk.com/v1 }
      |                  ^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: requests keep the path they came with, so leave out what follows the host, such as `/v1`

    error: `limits.bodyTimeout` must be longer than nothing
     --> gateway.yaml:6:24
      |
    6 | limits: { bodyTimeout: 0s }
      |                        ^^
      |
      = help: write a whole number and `ms`, `s`, `m` or `h`, such as `500ms` or `10s`

    error: `admin.listen` must be an IP address and a port
     --> gateway.yaml:7:18
      |
    7 | admin: { listen: on }
      |                  ^^
      |
      = help: write an IP address and a port, such as `127.0.0.1:9465`, or `off`

    error: `traces.sampler` must be a sampler
     --> gateway.yaml:8:20
      |
    8 | traces: { sampler: no }
      |                    ^^
      |
      = help: one of `always_on`, `always_off`, `traceidratio:<ratio>`, `parentbased_always_on`, `parentbased_always_off` or `parentbased_traceidratio:<ratio>`
    ");
}

#[test]
fn what_a_flag_or_variable_got_wrong_is_told_by_its_name() {
    let over = |origin: &'static str, value: &str| Some(Override { origin: origin.into(), value: value.to_owned() });
    let overrides = Overrides {
        listen: over("--listen", "8787"),
        upstream: over("PORTCULLIS_UPSTREAM", "https://api.clerk.com/v1"),
        admin_listen: over("--admin-listen", "none"),
    };
    insta::assert_snapshot!(said_with(&with(""), &overrides), @r"
    error: `PORTCULLIS_UPSTREAM` must have no path, query or fragment
    --> PORTCULLIS_UPSTREAM
     = help: requests keep the path they came with, so leave out what follows the host, such as `/v1`

    error: `--listen` must be an IP address and a port
    --> --listen
     = help: write an IP address and a port, such as `127.0.0.1:8787` or `[::1]:8787`

    error: `--admin-listen` must be an IP address and a port
    --> --admin-listen
     = help: write an IP address and a port, such as `127.0.0.1:9465`, or `off`
    ");
}

#[test]
fn the_stand_in_given_by_a_flag_answers_only_loopback_too() {
    let upstream = Some(Override { origin: "--upstream".into(), value: "embedded".to_owned() });
    let overrides = Overrides { upstream, ..Overrides::default() };
    insta::assert_snapshot!(said_with(&with("listen: 0.0.0.0:8787\n"), &overrides), @r"
    error: `listen` must be a loopback address where the upstream is `embedded`
     --> gateway.yaml:4:9
      |
    4 | listen: 0.0.0.0:8787
      |         ^^^^^^^^^^^^
      |
      = help: the built-in stand-in answers only loopback, such as `127.0.0.1:8787`
    ");
}
