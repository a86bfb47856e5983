//! An upstream that is the gateway itself.

use super::{said_of, said_with, with};
use portcullis::config::overrides::{Override, Overrides};

#[test]
fn an_upstream_that_is_a_listener_is_an_error() {
    insta::assert_snapshot!(said_of(&with("listen: 127.0.0.1:8787\nupstream: { url: 'http://localhost:8787' }\n")), @r"
    error: `upstream.url` is a listener of this gateway: requests would go round in a loop
     --> gateway.yaml:5:18
      |
    5 | upstream: { url: 'http://localhost:8787' }
      |                  ^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: name the server to which requests are to go, such as `https://api.clerk.com`, or use another port
    ");
    for (listen, url) in [
        ("127.0.0.1:8787", "http://127.0.0.1:8787"),
        ("'[::1]:8787'", "http://[::1]:8787"),
        ("127.0.0.1:443", "https://localhost"),
        ("127.0.0.1:80", "http://gateway.localhost"),
        ("[{ address: '0.0.0.0:8787', plaintext: allowed }]", "http://127.0.0.5:8787"),
        ("[{ address: '[::]:8787', plaintext: allowed }]", "http://127.0.0.1:8787"),
        ("[127.0.0.1:1, 127.0.0.1:8787]", "http://0.0.0.0:8787"),
    ] {
        let listen =
            listen.replace("[127.0.0.1:1, 127.0.0.1:8787]", "[{ address: 127.0.0.1:1 }, { address: 127.0.0.1:8787 }]");
        let told = said_of(&with(&format!("listen: {listen}\nupstream: {{ url: '{url}', plaintext: allowed }}\n")));
        assert!(told.contains("error: `upstream.url` is a listener of this gateway"), "{listen} {url}: {told}");
    }
    let told = said_of(&with("admin: { listen: 127.0.0.1:9000 }\nupstream: { url: 'http://localhost:9000' }\n"));
    assert!(told.contains("error: `upstream.url` is the admin listener of this gateway"), "{told}");
}

#[test]
fn a_flag_that_makes_it_one_is_named() {
    let upstream = Some(Override { origin: "--upstream".into(), value: "http://localhost:8787".to_owned() });
    let told = said_with(&with(""), &Overrides { upstream, ..Overrides::default() });
    assert!(told.contains("error: `--upstream` is a listener of this gateway"), "{told}");
    let listen = Some(Override { origin: "--listen".into(), value: "127.0.0.1:9000".to_owned() });
    let overrides = Overrides { listen, ..Overrides::default() };
    let told = said_with(&with("upstream: { url: 'http://127.0.0.1:9000' }\n"), &overrides);
    assert!(told.contains("error: `upstream.url` is a listener of this gateway"), "{told}");
}
