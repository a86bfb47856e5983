//! Values of the right shape that make no sense, alone or together.

use super::{said_of, said_with, with};
use portcullis::config::overrides::{Override, Overrides};

#[test]
fn names_and_bare_ports_are_no_addresses() {
    insta::assert_snapshot!(said_of(&with("listen:\n- address: localhost:8787\n- address: :8788\n- address: 127.0.0.1\n")), @r"
    error: `listen[0].address` must be an IP address and a port, or a Unix socket
     --> gateway.yaml:5:12
      |
    5 | - address: localhost:8787
      |            ^^^^^^^^^^^^^^
      |
      = help: write an IP address and a port, such as `127.0.0.1:8787`, or `unix:` and an absolute path

    error: `listen[1].address` must be an IP address and a port, or a Unix socket
     --> gateway.yaml:6:12
      |
    6 | - address: :8788
      |            ^^^^^
      |
      = help: write an IP address and a port, such as `127.0.0.1:8787`, or `unix:` and an absolute path

    error: `listen[2].address` must be an IP address and a port, or a Unix socket
     --> gateway.yaml:7:12
      |
    7 | - address: 127.0.0.1
      |            ^^^^^^^^^
      |
      = help: write an IP address and a port, such as `127.0.0.1:8787`, or `unix:` and an absolute path
    ");
}

#[test]
fn an_address_listened_on_twice_is_refused() {
    insta::assert_snapshot!(said_of(&with("listen: [{ address: 127.0.0.1:8787 }, { address: 127.0.0.1:8787 }]\nadmin: { listen: 127.0.0.1:8787 }\n")), @r"
    error: `listen[1].address` is the address of another listener already
     --> gateway.yaml:4:50
      |
    4 | listen: [{ address: 127.0.0.1:8787 }, { address: 127.0.0.1:8787 }]
      |                                                  ^^^^^^^^^^^^^^
      |
      = help: use another address

    error: `admin.listen` is the address of another listener already
     --> gateway.yaml:5:18
      |
    5 | admin: { listen: 127.0.0.1:8787 }
      |                  ^^^^^^^^^^^^^^
      |
      = help: use another address
    ");
}

#[test]
fn the_stand_in_answers_only_loopback() {
    insta::assert_snapshot!(said_of(&with("listen: 0.0.0.0:8787\nupstream:\n  url: embedded\n")), @r"
    error: `listen` must be a loopback address if the upstream is `embedded`
     --> gateway.yaml:4:9
      |
    4 | listen: 0.0.0.0:8787
      |         ^^^^^^^^^^^^
      |
      = help: the built-in stand-in is for this machine only; use for example `127.0.0.1:8787`
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
      = help: requests keep their own path, so remove what follows the host, such as `/v1`
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
    4 | upstream: { url: "https://**************@api.clerk.com" }
      |                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: the callers send their own credentials
    "#);
}

#[test]
fn a_ca_file_without_tls_is_refused() {
    insta::assert_snapshot!(said_of(&with("upstream: { url: \"http://127.0.0.1:1\", caFile: ca.pem }\n")), @r#"
    error: `upstream.caFile` has no effect if the upstream is reached without TLS
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
fn a_connection_must_outlive_what_sdks_think_it_does() {
    insta::assert_snapshot!(said_of(&with("limits: { idleTimeout: 5s }\n")), @r"
    error: `limits.idleTimeout` must be at least `6s`
     --> gateway.yaml:4:24
      |
    4 | limits: { idleTimeout: 5s }
      |                        ^^
      |
      = help: the SDKs reuse connections that were idle for up to 5 s
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

    error: `upstream.responseTimeout` must be longer than zero
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
    insta::assert_snapshot!(said_of(&with("limits:\n  bodyBytes: 5000000\n  memoryBytes: 16777216\n")), @r"
    error: `limits.memoryBytes` must be at least four times `limits.bodyBytes`
     --> gateway.yaml:6:16
      |
    6 |   memoryBytes: 16777216
      |                ^^^^^^^^
      |
      = help: a body within the limit would not fit into the memory that one client can have
    ");
}

#[test]
fn a_request_has_time_for_its_parts() {
    insta::assert_snapshot!(said_of(&with("limits:\n  requestTimeout: 1m\n")), @r"
    error: `limits.requestTimeout` is shorter than the sum of its parts
     --> gateway.yaml:5:19
      |
    5 |   requestTimeout: 1m
      |                   ^^
      |
      = help: use at least 365s: `upstream.connectTimeout`, `upstream.responseTimeout`, and the longer of `limits.bodyTimeout` and `upstream.uploadTimeout`
    ");
    insta::assert_snapshot!(said_of(&with("upstream: { responseTimeout: 20m }\n")), @r"
    error: `limits.requestTimeout` is shorter than the sum of its parts
     --> gateway.yaml:1:1
      |
    1 | apiVersion: portcullis/v1
      | ^^^^^^^^^^
      |
      = help: use at least 1505s: `upstream.connectTimeout`, `upstream.responseTimeout`, and the longer of `limits.bodyTimeout` and `upstream.uploadTimeout`
    ");
}

#[test]
fn a_less_strict_environment_must_be_forced() {
    insta::assert_snapshot!(said_of(&with("environment: { override: development }\n")), @r"
    error: `environment.override` would apply weaker policies to production credentials
     --> gateway.yaml:4:26
      |
    4 | environment: { override: development }
      |                          ^^^^^^^^^^^
      |
      = help: add `force: true` if you want that
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
      = help: name the environment in `environment.override`
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
fn mistakes_all_over_the_file_are_told_together() {
    insta::assert_snapshot!(said_of(&with("listen: nowhere\nupstream: { url: https://api.clerk.com/v1 }\nlimits: { bodyTimeout: 0s }\nadmin: { listen: on }\ntraces: { sampler: no }\n")), @r"
    error: `listen` must be an IP address and a port, or a Unix socket
     --> gateway.yaml:4:9
      |
    4 | listen: nowhere
      |         ^^^^^^^
      |
      = help: write an IP address and a port, such as `127.0.0.1:8787`, or `unix:` and an absolute path

    error: `upstream.url` must have no path, query or fragment
     --> gateway.yaml:5:18
      |
    5 | upstream: { url: https://api.clerk.com/v1 }
      |                  ^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: requests keep their own path, so remove what follows the host, such as `/v1`

    error: `limits.bodyTimeout` must be longer than zero
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
     = help: requests keep their own path, so remove what follows the host, such as `/v1`

    error: `--listen` must be an IP address and a port, or a Unix socket
    --> --listen
     = help: write an IP address and a port, such as `127.0.0.1:8787`, or `unix:` and an absolute path

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
    error: `listen` must be a loopback address if the upstream is `embedded`
     --> gateway.yaml:4:9
      |
    4 | listen: 0.0.0.0:8787
      |         ^^^^^^^^^^^^
      |
      = help: the built-in stand-in is for this machine only; use for example `127.0.0.1:8787`
    ");
}
