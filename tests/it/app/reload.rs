//! A reload of the running program can't open the gate.

use crate::support::client::Client;
use crate::support::gateway::patch;
use crate::support::program::{Program, command};
use crate::support::recorder::Recorder;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const GUARD: &str = include_str!("../../../policies/no-skip-password-checks.yaml");
const GUARD_TEST: &str = include_str!("../../../policies/no-skip-password-checks.test.yaml");
const OTHER: &str = include_str!("../../../policies/no-skip-legal-checks.yaml");
/// Reloads come from the signals of the test alone.
const BY_SIGNAL: &str = "reload: { watch: false }\n";
const LOST: &str = "`no-skip-password-checks`, which denies, is no longer in the files";

/// A folder with a gateway in front of `upstream` that has two policies.
fn folder(upstream: SocketAddr) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("policies")).unwrap();
    for (name, text) in [("guard.yaml", GUARD), ("guard.test.yaml", GUARD_TEST), ("other.yaml", OTHER)] {
        fs::write(folder.path().join("policies").join(name), text).unwrap();
    }
    let configuration = folder.path().join("gateway.yaml");
    fs::write(&configuration, gateway(upstream, BY_SIGNAL)).unwrap();
    (folder, configuration)
}

fn gateway(upstream: SocketAddr, more: &str) -> String {
    format!(
        "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nadmin: {{ listen: 127.0.0.1:0 }}\n\
         upstream: {{ url: \"http://{upstream}\" }}\npolicies: [policies]\nworkers: 1\n{more}"
    )
}

fn remove_guard(folder: &TempDir) {
    for name in ["guard.yaml", "guard.test.yaml"] {
        fs::remove_file(folder.path().join("policies").join(name)).unwrap();
    }
}

async fn forbidden(program: &Program) -> u16 {
    let mut client = Client::connect(program.listen).await;
    client.send(patch(r#"{"skip_password_checks":true}"#)).await;
    client.answer().await.expect("a response").status()
}

async fn metrics(program: &Program) -> String {
    Client::connect(program.admin).await.get("/metrics").await.text().to_owned()
}

#[tokio::test]
async fn a_reload_that_loses_a_rule_is_refused_until_it_is_named() {
    let upstream = Recorder::answering(200, "{}").await;
    let (folder, configuration) = folder(upstream.address());
    let mut program = Program::start(&configuration, &[]).await;
    remove_guard(&folder);
    program.signal("HUP");
    let event: serde_json::Value = serde_json::from_str(&program.stderr.line(LOST).await).unwrap();
    assert_eq!(event["level"], "ERROR");
    assert!(event["help"].as_str().unwrap().contains("`removed`"), "{event}");
    assert_eq!(forbidden(&program).await, 422);
    assert!(metrics(&program).await.contains("portcullis_reloads_total{outcome=\"refused\"} 1\n"));

    fs::write(&configuration, gateway(upstream.address(), &format!("{BY_SIGNAL}removed: [no-skip-password-checks]\n")))
        .unwrap();
    program.signal("HUP");
    program.stderr.line("policies reloaded").await;
    assert_eq!(forbidden(&program).await, 200);
}

/// The digest of a spec that no shipped file was made from.
const DIGEST: &str = "abababababababababababababababababababababababababababababababab";

/// Adds a field to `UpdateUser` in every version of the contract in `folder`, as a newer spec would.
fn add_field(folder: &Path, name: &str) {
    for file in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let mut contract: serde_json::Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let operations = contract["operations"].as_array_mut().unwrap().iter_mut();
        for operation in operations.filter(|operation| operation["id"] == "UpdateUser") {
            operation["body"]["schema"]["properties"][name] = serde_json::json!({ "type": "string" });
        }
        contract["source"]["sha256"] = DIGEST.into();
        fs::write(file, contract.to_string()).unwrap();
    }
}

#[tokio::test]
async fn a_contract_folder_is_loaded_anew_without_a_restart() {
    let upstream = Recorder::answering(200, "{}").await;
    let (folder, configuration) = folder(upstream.address());
    let contract = folder.path().join("contract");
    fs::create_dir(&contract).unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/contract/clerk");
    for file in fs::read_dir(shipped).unwrap().map(|entry| entry.unwrap()) {
        fs::copy(file.path(), contract.join(file.file_name())).unwrap();
    }
    fs::write(&configuration, gateway(upstream.address(), &format!("{BY_SIGNAL}contract: {{ folder: contract }}\n")))
        .unwrap();
    let mut program = Program::start(&configuration, &[]).await;
    let nickname = async |program: &Program| {
        let mut client = Client::connect(program.listen).await;
        client.send(patch(r#"{"nickname":"ada"}"#)).await;
        client.answer().await.expect("a response").status()
    };
    assert_eq!(nickname(&program).await, 422);
    add_field(&contract, "nickname");
    program.signal("HUP");
    program.stderr.line("policies reloaded").await;
    assert_eq!(nickname(&program).await, 200);
    let metrics = metrics(&program).await;
    let info = format!("portcullis_contract_info{{version=\"2026-05-12\",family=\"backend\",digest=\"{DIGEST}\"}} 1\n");
    assert!(metrics.contains(&info), "{metrics}");
    // what cannot be read leaves the contract in force
    fs::write(contract.join("2026-05-12.json"), "{").unwrap();
    program.signal("HUP");
    program.stderr.line("ERROR").await;
    assert_eq!(nickname(&program).await, 200);
}

#[tokio::test]
async fn a_pipeline_that_guards_removals_may_allow_them() {
    let upstream = Recorder::answering(200, "{}").await;
    let (folder, configuration) = folder(upstream.address());
    fs::write(&configuration, gateway(upstream.address(), "reload: { watch: false, removals: allow }\n")).unwrap();
    let mut program = Program::start(&configuration, &[]).await;
    remove_guard(&folder);
    program.signal("HUP");
    program.stderr.line("policies reloaded").await;
    assert_eq!(forbidden(&program).await, 200);
}

#[tokio::test]
async fn a_folder_that_was_emptied_is_rejected_with_its_name() {
    let upstream = Recorder::answering(200, "{}").await;
    let (folder, configuration) = folder(upstream.address());
    fs::write(&configuration, gateway(upstream.address(), "reload: { watch: false, removals: allow }\n")).unwrap();
    let mut program = Program::start(&configuration, &[]).await;
    remove_guard(&folder);
    fs::remove_file(folder.path().join("policies/other.yaml")).unwrap();
    program.signal("HUP");
    let line = program.stderr.line("there is no policy in it").await;
    assert!(line.contains("policies"), "{line}");
    assert_eq!(forbidden(&program).await, 422);
    assert!(metrics(&program).await.contains("portcullis_reloads_total{outcome=\"rejected\"} 1\n"));
}

fn check(configuration: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_portcullis")).arg("check").arg("--config").arg(configuration).output().unwrap()
}

#[test]
fn a_folder_without_a_policy_starts_nothing() {
    let (folder, configuration) = folder(([127, 0, 0, 1], 1).into());
    let policies = folder.path().join("policies");
    let waiver = "apiVersion: portcullis/v1\nkind: ContractOverlay\noverlays: []\n";
    for files in
        [&[][..], &[("README.md", "x")], &[("a.test.yaml", "")], &[("overlay.yaml", waiver)], &[(".a.yaml", OTHER)]]
    {
        fs::remove_dir_all(&policies).unwrap();
        fs::create_dir(&policies).unwrap();
        for (name, text) in files {
            fs::write(policies.join(name), text).unwrap();
        }
        for output in [check(&configuration), command(&configuration, &[]).output().unwrap()] {
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(3), "{files:?}: {stderr}");
            assert!(stderr.contains("there is no policy in it"), "{files:?}: {stderr}");
        }
    }
}

#[tokio::test]
async fn signals_during_a_reload_ask_for_one_more() {
    let upstream = Recorder::answering(200, "{}").await;
    let (folder, configuration) = folder(upstream.address());
    let mut program = Program::start(&configuration, &[]).await;
    for number in 0..60 {
        let name = format!("copy-{number}");
        let text = OTHER.replace("no-skip-legal-checks", &name);
        fs::write(folder.path().join("policies").join(format!("{name}.yaml")), text).unwrap();
    }
    for _ in 0..40 {
        program.signal("HUP");
        // the thread that takes signals answers probes as well
        assert_eq!(Client::connect(program.admin).await.get("/livez").await.status(), 200);
    }
    program.stderr.line("policies reloaded").await;
    program.signal("TERM");
    let ended = program.ended().await;
    let reloads = ended.stderr.matches("policies reloaded").count();
    assert!((1..40).contains(&reloads), "{reloads} reloads:\n{}", ended.stderr);
}

/// A policy that is in a folder of any name is in force.
#[tokio::test]
async fn what_is_no_policy_is_told_by_content() {
    let (folder, configuration) = folder(([127, 0, 0, 1], 1).into());
    let contract = folder.path().join("policies/contract");
    fs::create_dir(&contract).unwrap();
    fs::rename(folder.path().join("policies/guard.yaml"), contract.join("guard.yaml")).unwrap();
    fs::rename(folder.path().join("policies/guard.test.yaml"), contract.join("guard.test.yaml")).unwrap();
    fs::write(contract.join("x.json"), "{}").unwrap();
    let version = r#"{"apiVersion":"2026-05-12","operations":[]}"#;
    fs::write(contract.join("2026-05-12.json"), version).unwrap();
    fs::copy("policies/contract/clerk/2024-10-01.json", contract.join("2024-10-01.json")).unwrap();
    fs::copy("policies/contract/clerk/overlay.yaml", contract.join("overlay.yaml")).unwrap();
    let output = check(&configuration);
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(stdout.contains("no-skip-password-checks"), "{stdout}{stderr}");
    assert!(stderr.contains("x.json") && stderr.contains("policies end in"), "{stderr}");
    assert!(stderr.contains("2026-05-12.json") && stderr.contains("belongs to a contract"), "{stderr}");
    assert!(
        !stderr.contains("2024-10-01.json") && !stderr.contains("overlay.yaml"),
        "that is the one in force: {stderr}"
    );
    let hidden = "---\napiVersion: portcullis/v1\nkind: ContractOverlay\noverlays: []\n";
    fs::write(contract.join("mixed.yaml"), format!("{GUARD}{hidden}")).unwrap();
    let output = check(&configuration);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(3) && stderr.contains("mixed.yaml"), "{stderr}");
}
