//! Listeners that contradict themselves, or would let other machines read what they must not.

use super::{said_of, said_with, with};
use portcullis::config::overrides::{Override, Overrides};

#[test]
fn tls_needs_both_of_its_files() {
    insta::assert_snapshot!(said_of(&with("listen:\n- address: 127.0.0.1:8787\n  tls: { certificateFile: a.pem }\n")), @r"
    error: missing key `listen[0].tls.privateKeyFile`
     --> gateway.yaml:6:3
      |
    6 |   tls: { certificateFile: a.pem }
      |   ^^^
    ");
}

#[test]
fn other_machines_are_not_listened_to_without_tls_unless_told_so() {
    insta::assert_snapshot!(said_of(&with("listen:\n- address: 0.0.0.0:8787\n- { address: '[::]:1', plaintext: allowed }\n")), @r"
    error: `listen[0].address` would let other machines send credentials in plain text
     --> gateway.yaml:5:12
      |
    5 | - address: 0.0.0.0:8787
      |            ^^^^^^^^^^^^
      |
      = help: give the listener `tls`; or `plaintext: allowed` if the network is trusted; or use a loopback address
    ");
    let listen = Some(Override { origin: "PORTCULLIS_LISTEN".into(), value: "10.0.0.1:8787".to_owned() });
    insta::assert_snapshot!(said_with(&with(""), &Overrides { listen, ..Overrides::default() }), @r"
    error: `PORTCULLIS_LISTEN` would let other machines send credentials in plain text
    --> PORTCULLIS_LISTEN
     = help: give the listener `tls`; or `plaintext: allowed` if the network is trusted; or use a loopback address
    ");
}

#[test]
fn plaintext_is_allowed_or_not_said() {
    insta::assert_snapshot!(said_of(&with("listen: [{ address: 0.0.0.0:8787, plaintext: yes }]\n")), @r"
    error: `listen[0].plaintext` must be `allowed`
     --> gateway.yaml:4:46
      |
    4 | listen: [{ address: 0.0.0.0:8787, plaintext: yes }]
      |                                              ^^^
    ");
}

#[test]
fn keys_that_contradict_each_other_are_told() {
    let tls = "tls: { certificateFile: a, privateKeyFile: b }";
    insta::assert_snapshot!(said_of(&with(&format!("listen:\n- address: unix:/run/a.sock\n  {tls}\n- address: 127.0.0.1:1\n  plaintext: allowed\n  {tls}\n- address: 127.0.0.1:2\n  mode: '0600'\n"))), @r"
    error: `listen[0].tls` has no effect on a Unix socket
     --> gateway.yaml:6:8
      |
    6 |   tls: { certificateFile: a, privateKeyFile: b }
      |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: its data never leaves this machine; remove the key

    error: `listen[1].plaintext` contradicts `tls`
     --> gateway.yaml:8:14
      |
    8 |   plaintext: allowed
      |              ^^^^^^^
      |
      = help: remove one of them

    error: `listen[2].mode` has no effect without a Unix socket
      --> gateway.yaml:11:9
       |
    11 |   mode: '0600'
       |         ^^^^^^
       |
       = help: remove the key
    ");
}

#[test]
fn a_unix_socket_has_an_absolute_path_that_the_system_takes() {
    let long = format!("/{}", "a".repeat(107));
    let said = said_of(&with(&format!("listen:\n- address: unix:run/a.sock\n- address: unix:{long}\n")));
    insta::assert_snapshot!(said.replace(&long, "LONG").replace(&"^".repeat(long.len()), "^"), @r"
    error: `listen[0].address` must be `unix:` and an absolute path
     --> gateway.yaml:5:12
      |
    5 | - address: unix:run/a.sock
      |            ^^^^^^^^^^^^^^^
      |
      = help: write an IP address and a port, such as `127.0.0.1:8787`, or `unix:` and an absolute path

    error: `listen[1].address` is longer than the 107 bytes that a Unix socket may have
     --> gateway.yaml:6:12
      |
    6 | - address: unix:LONG
      |            ^^^^^^
      |
      = help: write an IP address and a port, such as `127.0.0.1:8787`, or `unix:` and an absolute path
    ");
}

#[test]
fn one_socket_is_listened_on_once_and_its_mode_is_octal() {
    insta::assert_snapshot!(said_of(&with("listen:\n- address: unix:/run/a.sock\n- { address: 'unix:/run/a.sock', mode: '0600' }\n")), @r"
    error: `listen[1].address` is the address of another listener already
     --> gateway.yaml:6:14
      |
    6 | - { address: 'unix:/run/a.sock', mode: '0600' }
      |              ^^^^^^^^^^^^^^^^^^
      |
      = help: use another address
    ");
    insta::assert_snapshot!(said_of(&with("listen: [{ address: 'unix:/run/a.sock', mode: '0699' }]\n")), @r"
    error: `listen[0].mode` must match the pattern `^0?[0-7]{3}$`
     --> gateway.yaml:4:47
      |
    4 | listen: [{ address: 'unix:/run/a.sock', mode: '0699' }]
      |                                               ^^^^^^
      |
      = help: such as `0660`
    ");
}

#[test]
fn addresses_that_share_a_port_in_part_are_refused() {
    insta::assert_snapshot!(said_of(&with("listen:\n- address: 127.0.0.1:8787\n- { address: '[::]:8787', plaintext: allowed }\n")), @r"
    error: `listen[1].address` is a part of the address of another listener, or the other way round
     --> gateway.yaml:6:14
      |
    6 | - { address: '[::]:8787', plaintext: allowed }
      |              ^^^^^^^^^^^
      |
      = help: use another port; `0.0.0.0` has all IPv4 addresses, and `[::]` all of both families
    ");
}
