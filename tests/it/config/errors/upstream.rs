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
