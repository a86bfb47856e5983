//! The running program loads what changed without a signal.

use crate::support::client::Client;
use crate::support::gateway::patch;
use crate::support::program::Program;
use crate::support::recorder::Recorder;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

const GUARD: &str = include_str!("../../../policies/no-skip-password-checks.yaml");
const OTHER: &str = include_str!("../../../policies/no-skip-legal-checks.yaml");
/// Several times the interval and the pause for which files have to rest.
const LONG: Duration = Duration::from_millis(1800);

/// What a gateway reads every 100 ms.
fn gateway(upstream: SocketAddr, more: &str) -> String {
    format!(
        "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nadmin: {{ listen: 127.0.0.1:0 }}\n\
         upstream: {{ url: \"http://{upstream}\" }}\nworkers: 1\n{more}"
    )
}

const WATCHED: &str = "policies: [policies]\nreload: { interval: 100ms }\n";

struct Watched {
    folder: TempDir,
    configuration: PathBuf,
    upstream: Recorder,
    program: Program,
}

impl Watched {
    /// A program with the policy `guard.yaml`.
    async fn start(settings: &str, variables: &[(&str, String)]) -> Self {
        let upstream = Recorder::answering(200, "{}").await;
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("policies")).unwrap();
        fs::write(folder.path().join("policies/guard.yaml"), GUARD).unwrap();
        let configuration = folder.path().join("gateway.yaml");
        fs::write(&configuration, gateway(upstream.address(), settings)).unwrap();
        let program = Program::start(&configuration, variables).await;
        Self { folder, configuration, upstream, program }
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.folder.path().join(file), text).unwrap();
    }

    fn configure(&self, settings: &str) {
        fs::write(&self.configuration, gateway(self.upstream.address(), settings)).unwrap();
    }

    async fn line(&mut self, part: &str) -> String {
        self.program.stderr.line(part).await
    }

    async fn status(&self, body: &str) -> u16 {
        status(&self.program, body).await
    }

    async fn metrics(&self) -> String {
        Client::connect(self.program.admin).await.get("/metrics").await.text().to_owned()
    }
}

async fn status(program: &Program, body: &str) -> u16 {
    let mut client = Client::connect(program.listen).await;
    client.send(patch(body)).await;
    client.answer().await.expect("a response").status()
}

const SKIP: &str = r#"{"skip_password_checks":true}"#;
const LEGAL: &str = r#"{"skip_legal_checks":true}"#;

/// Replaces a volume as the kubelet does: a new folder, then one rename of the link to it.
fn publish(volume: &Path, version: &str, files: &[(&str, &str)]) {
    fs::create_dir(volume.join(version)).unwrap();
    for (name, text) in files {
        fs::write(volume.join(version).join(name), text).unwrap();
    }
    symlink(version, volume.join("..data_tmp")).unwrap();
    fs::rename(volume.join("..data_tmp"), volume.join("..data")).unwrap();
    for (name, _) in files {
        let link = volume.join(name);
        if link.symlink_metadata().is_err() {
            symlink(format!("..data/{name}"), link).unwrap();
        }
    }
}

#[tokio::test]
async fn the_swap_of_a_volume_is_loaded_as_one_version() {
    let upstream = Recorder::answering(200, "{}").await;
    let folder = tempfile::tempdir().unwrap();
    let volume = folder.path();
    let configured = gateway(upstream.address(), "policies: [guard.yaml, legal.yaml]\nreload: { interval: 100ms }\n");
    publish(volume, "..2026_1", &[("gateway.yaml", &configured), ("guard.yaml", GUARD), ("legal.yaml", OTHER)]);
    let mut program = Program::start(&volume.join("gateway.yaml"), &[]).await;
    assert_eq!((status(&program, SKIP).await, status(&program, LEGAL).await), (422, 200));
    let denying = OTHER.replace("[Audit]", "[Deny]");
    let version = [("gateway.yaml", &*configured), ("guard.yaml", GUARD), ("legal.yaml", &*denying)];
    publish(volume, "..2026_2", &version);
    fs::remove_dir_all(volume.join("..2026_1")).unwrap();
    program.stderr.line("policies reloaded").await;
    assert_eq!((status(&program, SKIP).await, status(&program, LEGAL).await), (422, 422));
}

#[tokio::test]
async fn what_is_invalid_is_reported_once_and_tried_again() {
    let mut watched = Watched::start(WATCHED, &[]).await;
    // the first half of a policy
    let half = OTHER.split_once("validations").unwrap().0;
    watched.write("policies/legal.yaml", half);
    watched.line("could not be reloaded").await;
    pingora_timeout::sleep(LONG).await;
    assert_eq!(watched.status(SKIP).await, 422);
    assert!(watched.metrics().await.contains("portcullis_reloads_total{outcome=\"rejected\"} 1\n"));
    watched.write("policies/legal.yaml", &OTHER.replace("[Audit]", "[Deny]"));
    watched.line("policies reloaded").await;
    assert_eq!(watched.status(LEGAL).await, 422);
    assert!(watched.metrics().await.contains("portcullis_last_reload_success 1\n"));
}

#[tokio::test]
async fn a_file_that_vanishes_leaves_its_rules_in_force() {
    let mut watched = Watched::start(WATCHED, &[]).await;
    watched.write("policies/legal.yaml", OTHER);
    watched.line("policies reloaded").await;
    let guard = watched.folder.path().join("policies/guard.yaml");
    fs::remove_file(&guard).unwrap();
    watched.line("which denies, is no longer in the files").await;
    assert_eq!(watched.status(SKIP).await, 422);
    assert!(watched.metrics().await.contains("portcullis_last_reload_outcome{outcome=\"refused\"} 1\n"));
    fs::write(guard, GUARD).unwrap();
    watched.line("policies reloaded").await;
    assert!(watched.metrics().await.contains("portcullis_last_reload_outcome{outcome=\"refused\"} 0\n"));
    let policies = watched.folder.path().join("policies");
    fs::rename(&policies, watched.folder.path().join("away")).unwrap();
    watched.line("there is no such file or folder").await;
    assert_eq!(watched.status(SKIP).await, 422);
}

#[tokio::test]
async fn a_configuration_that_changes_is_applied_or_waits() {
    let mut watched = Watched::start(WATCHED, &[]).await;
    watched.configure("policies: [policies]\nreload: { interval: 100ms }\nlimits: { inFlight: many }\n");
    let line = watched.line("gateway.yaml").await;
    assert!(line.contains("\"level\":\"ERROR\"") && line.contains("\"line\":9"), "{line}");
    watched.write("more.yaml", &OTHER.replace("[Audit]", "[Deny]"));
    let settings = "policies: [policies, more.yaml]\nreload: { interval: 100ms }\nlimits: { inFlight: 9 }\nlogs: { level: debug }\n";
    watched.configure(settings);
    let line = watched.line("require a restart").await;
    assert!(line.contains("\"keys\":\"limits.inFlight\""), "{line}");
    assert_eq!(watched.status(LEGAL).await, 422);
    let config = Client::connect(watched.program.admin).await;
    let config: serde_json::Value = serde_json::from_str(get(config, "/config").await.as_str()).unwrap();
    assert_eq!((&config["limits"]["inFlight"], &config["logs"]["level"]), (&4096.into(), &"debug".into()));
    // what would refuse less is a removal, too
    let lenient = "policies: [policies, more.yaml]\nreload: { interval: 100ms }\ncontract: { unknownFields: allow }\n";
    watched.configure(lenient);
    watched.line("`contract.unknownFields` would refuse fewer requests").await;
    assert_eq!(watched.status(r#"{"nickname":"ada"}"#).await, 422);
    watched.configure(&format!("{lenient}removed: [contract.unknownFields]\n"));
    watched.line("policies reloaded").await;
    assert_eq!(watched.status(r#"{"nickname":"ada"}"#).await, 200);
}

async fn get(mut client: Client, path: &str) -> String {
    client.send(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
    client.answer().await.expect("a response").text().to_owned()
}

#[tokio::test]
async fn without_watch_files_are_read_on_a_signal_only() {
    let unwatched = "policies: [policies]\nreload: { watch: false, interval: 100ms }\n";
    let mut watched = Watched::start(unwatched, &[]).await;
    watched.write("policies/legal.yaml", &OTHER.replace("[Audit]", "[Deny]"));
    pingora_timeout::sleep(LONG).await;
    assert_eq!(watched.status(LEGAL).await, 200);
    watched.configure(WATCHED);
    watched.program.signal("HUP");
    watched.line("policies reloaded").await;
    assert_eq!(watched.status(LEGAL).await, 422);
    // which it is from now on
    watched.write("policies/legal.yaml", &OTHER.replace("[Audit]", "[Deny]").replace("true", "false"));
    watched.line("policies reloaded").await;
}

#[tokio::test]
async fn a_variable_in_force_still_overrides_the_file() {
    let upstream = Recorder::answering(200, "{}").await;
    let variables = [("PORTCULLIS_UPSTREAM", format!("http://{}", upstream.address()))];
    let mut watched = Watched::start(WATCHED, &variables).await;
    watched.write("policies/legal.yaml", &OTHER.replace("[Audit]", "[Deny]"));
    let other = gateway(([127, 0, 0, 1], 1).into(), WATCHED);
    fs::write(&watched.configuration, other).unwrap();
    watched.line("policies reloaded").await;
    assert_eq!((watched.status(LEGAL).await, watched.status("{}").await), (422, 200));
    watched.program.signal("TERM");
    let stderr = watched.program.ended().await.stderr;
    assert!(!stderr.contains("require a restart"), "{stderr}");
}
