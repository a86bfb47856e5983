//! `portcullis contract add`: from a write that is refused to an operation that policies can name.

use crate::support::client::Client;
use crate::support::gateway::json;
use crate::support::program::Program;
use crate::support::recorder::Recorder;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A gateway in front of `upstream` whose contract is a folder with the shipped files.
fn folder(upstream: SocketAddr) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nadmin: {{ listen: 127.0.0.1:0 }}\n\
         upstream: {{ url: \"http://{upstream}\" }}\npolicies: []\nworkers: 1\ncontract: {{ folder: contract }}\n"
    );
    fs::write(folder.path().join("gateway.yaml"), text).unwrap();
    fs::create_dir(folder.path().join("contract")).unwrap();
    for name in ["2025-11-10.json", "2026-05-12.json", "overlay.yaml"] {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/contract/clerk").join(name);
        fs::copy(shipped, folder.path().join("contract").join(name)).unwrap();
    }
    folder
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(arguments).args(["--config", "gateway.yaml"]).current_dir(folder).env_clear().output().unwrap()
}

fn add(folder: &Path, arguments: &[&str]) -> Output {
    run(folder, &[&["contract", "add"], arguments, &["--evidence", "the reporting job calls it"]].concat())
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

async fn status(program: &Program, line: &str) -> u16 {
    let mut client = Client::connect(program.listen).await;
    client.send(json(line, "", "{}")).await;
    client.answer().await.expect("a response").status()
}

#[tokio::test]
async fn a_write_that_was_refused_passes_once_it_is_added() {
    let upstream = Recorder::answering(200, "{}").await;
    let folder = folder(upstream.address());
    let mut program = Program::start(&folder.path().join("gateway.yaml"), &[]).await;
    let write = "POST /v1/reports/rep_8f14e45f/shares?email=ada@example.com";
    for _ in 0..3 {
        assert_eq!(status(&program, write).await, 403);
    }
    let line = program.stderr.line("no operation of the contract has its method and path").await;
    let event: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&event["path"], &event["method"]), (&"/v1/*/*/*".into(), &"POST".into()), "{event}");
    assert!(line.contains("portcullis contract add"), "{line}");

    let output = add(folder.path(), &["POST", "/v1/reports/{report_id}/shares"]);
    assert!(output.status.success() && printed(&output).contains("`PostReportsShares`"), "{}", printed(&output));
    program.signal("HUP");
    let mut next = program.stderr.line("").await;
    while !next.contains("policies reloaded") {
        assert!(!next.contains("no operation of the contract"), "more than one line a minute: {next}");
        next = program.stderr.line("").await;
    }
    assert_eq!(status(&program, write).await, 200);
    assert_eq!(upstream.request().await.line(), format!("{write} HTTP/1.1"));
}

#[test]
fn what_cannot_be_added_leaves_the_overlay_as_it_is() {
    let folder = folder(([127, 0, 0, 1], 1).into());
    let overlay = folder.path().join("contract/overlay.yaml");
    let before = fs::read_to_string(&overlay).unwrap();
    for (arguments, expected) in [
        (&["POST", "/v1/users"][..], "has no effect"),
        (&["post", "/v1/reports"], "method"),
        (&["POST", "/v1/Reports"], "a path is segments"),
        (&["POST", "/v1/reports/{a}{b}"], "a path is segments"),
        (&["PUT", "/v1/reports", "--id", "no id"], "id"),
        (&["PUT", "/v1/reports", "--id", "UpdateUser"], "has no effect"),
        (&["PATCH", "/v1/users/me"], "hides `UpdateUser`"),
    ] {
        let output = add(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {}", printed(&output));
        assert!(printed(&output).contains(expected), "{arguments:?}: {}", printed(&output));
        assert_eq!(fs::read_to_string(&overlay).unwrap(), before, "{arguments:?}");
    }
    fs::write(folder.path().join("gateway.yaml"), "apiVersion: portcullis/v1\nkind: Gateway\npolicies: []\n").unwrap();
    let output = add(folder.path(), &["POST", "/v1/reports"]);
    assert_eq!(output.status.code(), Some(2), "{}", printed(&output));
    assert!(printed(&output).contains("set `contract.folder`"), "{}", printed(&output));
}

#[test]
fn an_operation_is_added_to_a_folder_without_an_overlay() {
    let folder = folder(([127, 0, 0, 1], 1).into());
    fs::remove_file(folder.path().join("contract/overlay.yaml")).unwrap();
    let output = add(folder.path(), &["PUT", "/v1/reports/{report_id}", "--id", "UpdateReport"]);
    assert!(output.status.success(), "{}", printed(&output));
    let output = run(folder.path(), &["contract", "show", "UpdateReport"]);
    assert!(printed(&output).contains("PUT /v1/reports/{report_id}"), "{}", printed(&output));
}

#[test]
fn a_folder_of_an_older_release_takes_the_shipped_policies() {
    let folder = folder(([127, 0, 0, 1], 1).into());
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/no-skip-password-checks.yaml");
    let gateway = folder.path().join("gateway.yaml");
    let text = fs::read_to_string(&gateway).unwrap();
    let text = text.replace("policies: []", &format!("policies: [{}]", shipped.display()));
    // as such a configuration may have it, so that only the policy refuses
    fs::write(&gateway, text.replace("folder: contract", "folder: contract, fallthrough: forward")).unwrap();
    let path = "/v1/platform/applications/a/instances/i/users";
    let explain = ["explain", "--method", "POST", "--path", path, "--body", r#"{"skip_password_checks":true}"#];
    let output = run(folder.path(), &explain);
    assert!(printed(&output).contains("refused: policy_denied"), "{}", printed(&output));
}
