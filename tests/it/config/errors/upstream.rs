//! Keys of `upstream`: the way to it.

use super::{said_by, said_of, with};
use portcullis::config::overrides::Overrides;

#[test]
fn a_proxy_that_cannot_be_used_is_an_error_without_its_password() {
    insta::assert_snapshot!(said_of(&with("upstream: { proxy: 'https://user:${PASSWORD}@proxy:3128' }\n")), @r"
    error: `upstream.proxy` must be an http URL: TLS to the proxy itself is not supported
     --> gateway.yaml:4:20
      |
    4 | upstream: { proxy: 'https://****************@proxy:3128' }
      |                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write `http://HOST:PORT`, or `http://USER:PASSWORD@HOST:PORT` with `%` codes for special characters
    ");
    for proxy in ["socks5://proxy", "'http://user:canary#1@proxy:3128'", "http://proxy:0", "http://proxy/path", "''"] {
        let said = said_of(&with(&format!("upstream:\n  proxy: {proxy}\n")));
        assert!(said.starts_with("error: `upstream.proxy` "), "{proxy}: {said}");
    }
}

#[test]
fn a_proxy_of_the_environment_is_named_by_its_variable() {
    let variables = [("HTTPS_PROXY", "socks5://user:canary@proxy")];
    insta::assert_snapshot!(said_by(&with(""), &Overrides::default(), &variables), @r"
    error: `HTTPS_PROXY` must be the URL of an http proxy
    --> HTTPS_PROXY
     = help: write `http://HOST:PORT`, or `http://USER:PASSWORD@HOST:PORT` with `%` codes for special characters; or `upstream.proxy: none` to use no proxy
    ");
}

#[test]
fn a_proxy_must_not_see_credentials_in_plain_text() {
    insta::assert_snapshot!(said_of(&with("upstream: { url: 'http://localhost:8080', proxy: 'http://proxy:3128' }\n")), @r"
    error: `upstream.url` would send credentials in plain text through the proxy of `upstream.proxy`
     --> gateway.yaml:4:18
      |
    4 | upstream: { url: 'http://localhost:8080', proxy: 'http://proxy:3128' }
      |                  ^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: use an https URL; or `upstream.plaintext: allowed` if the network is trusted
    ");
}

#[test]
fn addresses_are_addresses_and_have_an_effect() {
    insta::assert_snapshot!(said_of(&with("upstream: { resolve: [10.0.0.5, '10.0.0.6:443'] }\n")), @r"
    error: `upstream.resolve[1]` must be an IP address
     --> gateway.yaml:4:33
      |
    4 | upstream: { resolve: [10.0.0.5, '10.0.0.6:443'] }
      |                                 ^^^^^^^^^^^^^^
      |
      = help: write it without a port: that of `upstream.url` is used
    ");
    let variables = [("HTTPS_PROXY", "http://user:canary@proxy:3128")];
    insta::assert_snapshot!(said_by(&with("upstream: { resolve: [10.0.0.5] }\n"), &Overrides::default(), &variables), @r"
    error: `upstream.resolve` has no effect, because the proxy resolves the name: http://proxy:3128 (HTTPS_PROXY)
     --> gateway.yaml:4:22
      |
    4 | upstream: { resolve: [10.0.0.5] }
      |                      ^^^^^^^^^^
      |
      = help: remove it, or use no proxy by `upstream.proxy: none`
    ");
    let said = said_of(&with("upstream: { url: embedded, resolve: [10.0.0.5] }\n"));
    assert!(said.starts_with("error: `upstream.resolve` has no effect"), "{said}");
}

#[test]
fn a_name_of_this_machine_that_leads_elsewhere_is_not_this_machine() {
    let said = said_of(&with("upstream: { url: 'http://localhost:8080', resolve: [127.0.0.1, 10.0.0.5] }\n"));
    assert!(said.starts_with("error: `upstream.url` would send credentials in plain text"), "{said}");
}

#[test]
fn a_certificate_needs_its_key_and_tls() {
    insta::assert_snapshot!(said_of(&with("upstream: { clientCertificateFile: client.crt }\n")), @r"
    error: `upstream.clientCertificateFile` has no effect without `clientPrivateKeyFile`
     --> gateway.yaml:4:36
      |
    4 | upstream: { clientCertificateFile: client.crt }
      |                                    ^^^^^^^^^^
      |
      = help: name both files, or none
    ");
    let said = said_of(&with("upstream: { clientPrivateKeyFile: client.key }\n"));
    assert!(said.starts_with("error: `upstream.clientPrivateKeyFile` has no effect without"), "{said}");
    let files = "clientCertificateFile: client.crt, clientPrivateKeyFile: client.key";
    let said = said_of(&with(&format!("upstream: {{ url: 'http://localhost:1', {files} }}\n")));
    assert!(said.starts_with("error: `upstream.clientCertificateFile` has no effect if the upstream"), "{said}");
}

#[test]
fn a_socket_has_no_keys_of_hosts_and_is_not_the_gateways() {
    for (keys, error) in [
        ("url: 'unix:egress.sock'", "`upstream.url` must be `unix:` and an absolute path"),
        ("url: 'unix:/run/a.sock', proxy: 'http://proxy:3128'", "`upstream.proxy` has no effect"),
        ("url: 'unix:/run/a.sock', resolve: [10.0.0.5]", "`upstream.resolve` has no effect"),
        ("url: 'unix:/run/a.sock', caFile: ca.pem", "`upstream.caFile` has no effect"),
        ("url: 'unix:/run/own.sock'", "`upstream.url` is a listener of this gateway"),
    ] {
        let said = said_of(&with(&format!("listen: 'unix:/run/own.sock'\nupstream: {{ {keys} }}\n")));
        assert!(said.starts_with(&format!("error: {error}")), "{keys}: {said}");
    }
}
