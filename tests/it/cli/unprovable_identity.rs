//! Rules that depend on an identity which no listener can prove: a warning of `check`.

use std::fs;
use std::process::Command;

const POLICY: &str = "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: { name: only-one-user }\nspec:\n  \
    match: { operations: [BanUser] }\n  validations:\n    - expression: client.unixUid == 1000\n      message: not this user\n  \
    actions: [Deny]\n";

/// What `check` writes to standard error with a listener at `listen`.
fn warnings(listen: &str, paths: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let settings = format!(
        "apiVersion: portcullis/v1\nkind: Gateway\nlisten: {listen}\nupstream: {{ url: embedded }}\nadmin: {{ listen: \"off\" }}\n\
         policies: [policy.yaml]\n"
    );
    fs::write(folder.path().join("gateway.yaml"), settings).unwrap();
    fs::write(folder.path().join("policy.yaml"), POLICY).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.env_clear().current_dir(folder.path());
    let output = command.args(["check", "--config", "gateway.yaml"]).args(paths).output().unwrap();
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn check_warns_where_no_listener_can_prove_who_calls() {
    let found = warnings("127.0.0.1:0", &[]);
    assert!(found.contains("no listener is a Unix socket") && found.contains("policy.yaml:7:19"), "{found}");
    for silent in [warnings("unix:gateway.sock", &[]), warnings("127.0.0.1:0", &["policy.yaml"])] {
        assert!(!silent.contains("no listener"), "{silent}");
    }
}
