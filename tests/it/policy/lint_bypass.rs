//! A policy that another operation can walk around: what `check` says of it.

use std::fs;
use std::process::{Command, Output};

/// `portcullis check` with one policy that reads `field` on `operations`.
fn check(operations: &str, field: &str, conditions: &str, flags: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let gateway = "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nupstream: { url: embedded }\npolicies: [rule.yaml]\n";
    let policy = format!(
        "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: rule }}\nspec:\n  match:\n    operations: [{operations}]\n  matchConditions: [{conditions}]\n  validations:\n  - expression: body.{field} == null\n    message: it must not be set\n  actions: [Deny]\n"
    );
    fs::write(folder.path().join("gateway.yaml"), gateway).unwrap();
    fs::write(folder.path().join("rule.yaml"), policy).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(["check", "--config", "gateway.yaml"]).args(flags).current_dir(folder.path()).env_clear();
    command.output().unwrap()
}

fn said(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

#[test]
fn a_door_that_a_policy_leaves_open_is_told_with_the_cure() {
    let output = check("PlatformCreateInstanceUser, UpdateUser", "skip_password_checks", "", &[]);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("valid:"));
    let (before, after) = said(&output).split_once(" --> ").expect("a place");
    let (_, after) = after.split_once("rule.yaml").expect("the file");
    insta::assert_snapshot!(format!("{before} --> rule.yaml{after}"), @r#"
    warning: `CreateUser` takes `skip_password_checks` too, and `rule` does not match it
     --> rule.yaml:6:17
      |
    6 |     operations: [PlatformCreateInstanceUser, UpdateUser]
      |                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: add `CreateUser` to `operations`; if it is left out on purpose, add it to `match.except` with a `reason`

    1 warning; `--strict` makes it an error
    "#);
}

#[test]
fn strict_takes_it_for_an_error() {
    let output = check("UpdateUser", "skip_password_checks", "", &["--strict"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(output.stdout.is_empty());
    let error = "error: `CreateUser`, `PlatformCreateInstanceUser` take `skip_password_checks` too, and `rule` does not match them";
    assert!(said(&output).starts_with(error) && said(&output).contains("1 error\n"), "{}", said(&output));
}

#[test]
fn every_door_in_every_version_is_told() {
    let output = check("ReplaceUserMetadata", "public_metadata", "", &[]);
    let said = said(&output);
    // one warning: of the whole contract, and of what takes it in the items of lists
    let (warning, _) = said.split_once(" take `public_metadata` too, and `rule` does not match them").expect("it");
    let ids = ["CreateUser", "UpdateUser", "UpdateUserMetadata"].into_iter();
    for id in ids.chain(["CreateInvitation", "CreateBulkInvitations", "MergeOrganizationMetadata"]) {
        assert!(warning.contains(&format!("`{id}`")), "{said}");
    }
}

#[test]
fn what_is_another_matter_is_not_told() {
    for (operations, field) in [
        ("CreateUser, PlatformCreateInstanceUser, UpdateUser", "skip_password_checks"),
        // CreateUser does not take it
        ("UpdateUser, RemoveUserPassword", "sign_out_of_other_sessions"),
        (
            "CreateUser, PlatformCreateInstanceUser, UpdateUser, UpdateUserMetadata, ReplaceUserMetadata",
            "unsafe_metadata",
        ),
    ] {
        let output = check(operations, field, "", &["--strict"]);
        assert_eq!(output.status.code(), Some(0), "{operations}: {}", said(&output));
        assert!(output.stderr.is_empty(), "{}", said(&output));
    }
}

#[test]
fn a_door_that_is_meant_to_be_open_can_be_said_so() {
    let condition = "{ name: only-updates, expression: 'request.operation in [\"UpdateUser\"]' }";
    let output = check("CreateUser, PlatformCreateInstanceUser, UpdateUser", "username", condition, &["--strict"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[test]
fn an_expression_that_takes_no_null_is_told_and_refused_where_checks_are_strict() {
    let condition = "{ name: long, expression: size(body.first_name) > 3 }";
    let all = "CreateUser, PlatformCreateInstanceUser, UpdateUser";
    let output = check(all, "skip_password_checks", condition, &[]);
    assert_eq!(output.status.code(), Some(0));
    let warning = "warning: `body.first_name` reads as null where it is absent, and `size` takes no null: requests without it would be refused as policy_error";
    assert!(said(&output).starts_with(warning), "{}", said(&output));
    assert!(said(&output).contains("rule.yaml:7:47"), "{}", said(&output));
    assert!(said(&output).contains("= help: write `body.first_name != null && ...`"), "{}", said(&output));
    assert_eq!(check(all, "skip_password_checks", condition, &["--strict"]).status.code(), Some(3));
    let guarded = "{ name: long, expression: body.first_name != null && size(body.first_name) > 3 }";
    assert_eq!(check(all, "skip_password_checks", guarded, &["--strict"]).status.code(), Some(0));
}

#[test]
fn a_field_that_does_the_same_harm_is_a_bypass() {
    let output = check("CreateUser, UpdateUser", "password", "", &[]);
    let said = said(&output);
    for id in ["CreateUser", "UpdateUser"] {
        let harm = "take `password_digest`, which does the same harm (`sets_password`), and `rule` does not read it";
        assert!(said.lines().any(|line| line.contains(harm) && line.contains(&format!("`{id}`"))), "{said}");
    }
    assert!(said.contains("`VerifyPassword` take `password` too"), "{said}");
    for (operations, field, id, harm) in [
        ("CreateActorToken", "user_id", "createSession", "signs_in_as_user"),
        ("CreateEmailAddress", "verified", "ReplaceUserPhoneNumber", "claims_verification"),
        ("CreateUser, UpdateUser", "totp_secret", "UpdatePhoneNumber", "sets_second_factor"),
    ] {
        let output = check(operations, field, "", &[]);
        let said = self::said(&output);
        assert!(said.contains(&format!("`{id}`")) && said.contains(harm), "{field}: {said}");
    }
}

#[test]
fn the_same_operation_of_another_api_is_a_bypass() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nupstream: { url: embedded }\npolicies: [rule.yaml]\n";
    fs::write(folder.path().join("gateway.yaml"), gateway).unwrap();
    let check = |matched: &str| {
        let rule = format!(
            "apiVersion: portcullis/v1\nkind: RequestLimit\nmetadata: {{ name: rule }}\nspec:\n  match: {{ {matched} }}\n  key: client.ip\n  events: 2\n  period: 1m\n  message: no\n  actions: [Deny]\n"
        );
        fs::write(folder.path().join("rule.yaml"), rule).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.args(["check", "--config", "gateway.yaml", "--strict"]).current_dir(folder.path()).env_clear();
        command.output().unwrap()
    };
    let output = check("operations: [BanUser]");
    let warning = "`PlatformBanUser` is `BanUser` in another API on the same host, and `rule` does not match it";
    assert!(said(&output).contains(warning), "{}", said(&output));
    for matched in [
        "operations: [BanUser, PlatformBanUser]",
        "operations: [BanUser], except: [{ operations: [Platform*], reason: no caller has its token }]",
        // reads do no harm, and no other API has the last one
        "operations: [GetUserList, LockUser]",
    ] {
        assert_eq!(check(matched).status.code(), Some(0), "{matched}: {}", said(&check(matched)));
    }
}

/// The exceptions of a match, to put behind the list of its operations.
fn except(exceptions: &[&str]) -> String {
    format!("CreateUser, PlatformCreateInstanceUser, UpdateUser]\n    except: [{}", exceptions.join(", "))
}

#[test]
fn an_exception_with_a_reason_silences_a_bypass() {
    let verify = "{ operations: [Verify*], reason: it compares }";
    let digest = "{ operations: ['*'], fields: [password_digest], reason: for the migration }";
    let output = check(&except(&[verify, digest]), "password", "", &["--strict"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    // each is for what it names, and no more
    for left in [verify, digest] {
        let output = check(&except(&[left]), "password", "", &["--strict"]);
        assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    }
}

#[test]
fn an_exception_has_a_reason_and_a_use() {
    for (exception, error) in [
        ("{ operations: [VerifyPassword], reason: ' ' }", "`reason` is empty"),
        ("{ operations: [VerifyPasswort], reason: typo }", "`VerifyPasswort` is not an operation of the contract"),
        ("{ operations: [BanUser], reason: none }", "it excepts nothing"),
        ("{ operations: [VerifyPassword] }", "reason"),
    ] {
        let output = check(&except(&[exception]), "skip_password_checks", "", &["--strict"]);
        assert_eq!(output.status.code(), Some(3), "{exception}: {}", said(&output));
        assert!(said(&output).contains(error), "{exception}: {}", said(&output));
    }
}
