//! Environments that the configuration names: rules for them apply besides those for the environment of the credential.

use std::fs;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A folder with a gateway whose configuration has `environment`, and a policy that refuses everything in `environments`.
fn folder(environment: &str, environments: &str, condition: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let settings = format!(
        "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nadmin: {{ listen: \"off\" }}\n\
         upstream: {{ url: embedded }}\npolicies: [policy.yaml]\nenvironment: {environment}\n"
    );
    fs::write(folder.path().join("gateway.yaml"), settings).unwrap();
    let policy = format!(
        "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: frozen }}\nspec:\n  \
         match: {{ operations: [UpdateUser], environments: {environments} }}\n{condition}  \
         validations: [{{ expression: \"false\", message: no }}]\n  actions: [Deny]\n"
    );
    fs::write(folder.path().join("policy.yaml"), policy).unwrap();
    folder
}

fn run(folder: &TempDir, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(arguments).args(["--config", "gateway.yaml"]).current_dir(folder.path()).env_clear().output().unwrap()
}

/// Whether a request with a key of this kind is refused.
#[track_caller]
fn is_refused(folder: &TempDir, key: &str) -> bool {
    let authorization = format!("Authorization: Bearer {key}_portcullis");
    let output = run(folder, &["explain", "--path", "/v1/users/user_1", "--body", "{}", "-H", &authorization]);
    match output.status.code() {
        Some(0) => false,
        Some(4) => true,
        _ => panic!("{}", String::from_utf8_lossy(&output.stderr)),
    }
}

#[test]
fn a_named_environment_adds_rules_and_takes_none_away() {
    let keys = ["sk_live", "sk_test"];
    for (environment, environments, refused) in [
        // rules for the name, with keys of both kinds
        ("{ name: staging }", "[staging]", [true, true]),
        ("{ name: staging }", "[staging, production]", [true, true]),
        // no name takes a request away from the rules for its credential
        ("{ name: staging }", "[production]", [true, false]),
        ("{ name: staging }", "[development]", [false, true]),
        ("{ name: staging, override: production }", "[production]", [true, true]),
        // rules for another name
        ("{ name: staging, names: [preview] }", "[preview]", [false, false]),
        ("{ names: [staging] }", "[staging]", [false, false]),
        ("{ names: [staging] }", "[staging, development]", [false, true]),
    ] {
        let folder = folder(environment, environments, "");
        let found = keys.map(|key| is_refused(&folder, key));
        assert_eq!(found, refused, "{environment} {environments}");
    }
}

#[test]
fn only_a_policy_excepts_an_environment_from_its_rule() {
    let except =
        "  matchConditions: [{ name: not-in-staging, expression: 'instance.environmentName != \"staging\"' }]\n";
    assert!(!is_refused(&folder("{ name: staging }", "[production]", except), "sk_live"));
    // without a name the rule applies
    assert!(is_refused(&folder("{ force: false }", "[production]", except), "sk_live"));
    assert!(is_refused(&folder("{ name: preview }", "[production]", except), "sk_live"));
}

#[test]
fn a_name_that_the_configuration_does_not_list_is_an_error() {
    for (environment, environments, expected) in [
        ("{ force: false }", "[staging]", "list it in `environment.names` of the configuration"),
        ("{ name: staging }", "[stagin]", "did you mean `staging`?"),
        ("{ name: staging }", "[prodution]", "did you mean `production`?"),
        ("{ names: [staging] }", "[staging, prod]", "`prod` is not an environment"),
    ] {
        let output = run(&folder(environment, environments, ""), &["check"]);
        let found = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{found}");
        assert!(found.contains(expected) && found.contains("policy.yaml:5:"), "{found}");
    }
}

#[test]
fn a_name_that_a_credential_decides_is_refused() {
    for (environment, expected) in [
        ("{ name: production }", "`environment.name` is an environment that the credential of a request decides"),
        ("{ names: [development] }", "`environment.names[0]` is an environment that the credential"),
        ("{ name: Staging }", "`environment.name` must"),
    ] {
        let output = run(&folder(environment, "[production]", ""), &["check"]);
        let found = String::from_utf8(output.stderr).unwrap();
        assert!(found.contains(expected) && found.contains("gateway.yaml:7:"), "{found}");
    }
}
