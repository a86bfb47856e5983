//! Reloads that are asked for by the admin listener and the command line, and the state that both show.

use crate::support::client::{Answer, Client};
use crate::support::gateway::patch;
use crate::support::program::Program;
use crate::support::recorder::Recorder;
use serde_json::Value;
use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Output};
use tempfile::TempDir;

const GUARD: &str = include_str!("../../../policies/no-skip-password-checks.yaml");
const GUARD_TEST: &str = include_str!("../../../policies/no-skip-password-checks.test.yaml");
const DENYING: &str = include_str!("../../../policies/no-skip-legal-checks.yaml");
const LEGAL: &str = r#"{"skip_legal_checks":true}"#;

struct Gateway {
    folder: TempDir,
    upstream: Recorder,
    program: Program,
}

impl Gateway {
    async fn start() -> Self {
        let upstream = Recorder::answering(200, "{}").await;
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("policies")).unwrap();
        fs::write(folder.path().join("policies/guard.yaml"), GUARD).unwrap();
        fs::write(folder.path().join("policies/guard.test.yaml"), GUARD_TEST).unwrap();
        configure(&folder, upstream.address(), "");
        let program = Program::start(&folder.path().join("gateway.yaml"), &[]).await;
        Self { folder, upstream, program }
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.folder.path().join("policies").join(file), text).unwrap();
    }

    fn configure(&self, more: &str) {
        configure(&self.folder, self.upstream.address(), more);
    }

    async fn ask(&self, line: &str, headers: &str) -> Answer {
        let mut client = Client::connect(self.program.admin).await;
        client.send(format!("{line} HTTP/1.1\r\n{headers}\r\n")).await;
        client.answer().await.expect("a response")
    }

    async fn reload(&self) -> (u16, Value) {
        let response = self.ask("POST /reload", "host: localhost\r\n").await;
        (response.status(), serde_json::from_str(response.text()).unwrap())
    }

    async fn status(&self) -> Value {
        serde_json::from_str(self.ask("GET /status", "host: localhost\r\n").await.text()).unwrap()
    }

    async fn metrics(&self) -> String {
        self.ask("GET /metrics", "host: localhost\r\n").await.text().to_owned()
    }

    async fn judge(&self, body: &str) -> u16 {
        let mut client = Client::connect(self.program.listen).await;
        client.send(patch(body)).await;
        client.answer().await.expect("a response").status()
    }

    fn command(&self, verb: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        let admin = self.program.admin.to_string();
        command.args([verb, "--admin-listen", &admin]).args(arguments).env_clear().output().unwrap()
    }
}

fn configure(folder: &TempDir, upstream: SocketAddr, more: &str) {
    let text = format!(
        "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nadmin: {{ listen: 127.0.0.1:0 }}\n\
         upstream: {{ url: \"http://{upstream}\" }}\npolicies: [policies]\nworkers: 1\nreload: {{ watch: false }}\n{more}"
    );
    fs::write(folder.path().join("gateway.yaml"), text).unwrap();
}

fn denying() -> String {
    DENYING.replace("[Audit]", "[Deny]")
}

#[tokio::test]
async fn a_request_reloads_at_once_and_returns_the_result() {
    let gateway = Gateway::start().await;
    let before = gateway.status().await;
    assert_eq!((&before["lastReload"]["outcome"], &before["policies"]), (&"loaded".into(), &1.into()));
    assert!(before["tests"].as_u64() > Some(3), "{before}");
    gateway.write("legal.yaml", &denying());
    gateway.configure("limits: { inFlight: 9 }\n");
    let (status, report) = gateway.reload().await;
    assert_eq!((status, &report["outcome"]), (200, &"loaded".into()), "{report}");
    assert_eq!(report["restartRequired"], serde_json::json!(["limits.inFlight"]));
    assert_eq!(gateway.judge(LEGAL).await, 422);
    let now = gateway.status().await;
    assert_eq!((&now["revision"], &now["restartRequired"]), (&report["revision"], &report["restartRequired"]));
    assert_ne!(now["revision"], before["revision"]);
    assert_eq!((&now["policies"], &now["watchInterval"]), (&2.into(), &Value::Null));
    // those of the files that did not change are counted, although they did not run again
    assert_eq!(now["tests"], before["tests"]);
    assert_eq!(now["listen"], serde_json::json!([format!("http://{}", gateway.program.listen)]));
    assert!(gateway.metrics().await.contains("portcullis_restart_required 1\n"));
    // back to what it runs by
    gateway.configure("");
    assert_eq!(gateway.reload().await.1["restartRequired"], serde_json::json!([]));
    assert!(gateway.metrics().await.contains("portcullis_restart_required 0\n"));
}

#[tokio::test]
async fn a_test_that_did_not_change_judges_the_policy_that_did() {
    let gateway = Gateway::start().await;
    let guard = fs::read_to_string(gateway.folder.path().join("policies/guard.yaml")).unwrap();
    gateway.write("legal.yaml", &denying());
    assert_eq!(gateway.reload().await.0, 200);
    let milder = guard.replace("skip_password_checks", "skip_legal_checks");
    assert_ne!(milder, guard);
    gateway.write("guard.yaml", &milder);
    let (status, report) = gateway.reload().await;
    assert_eq!(status, 422, "{report}");
    assert!(report["errors"][0]["file"].as_str().unwrap().ends_with("guard.test.yaml"), "{report}");
}

#[tokio::test]
async fn what_is_not_loaded_is_in_the_response_and_the_status() {
    let gateway = Gateway::start().await;
    let revision = gateway.status().await["revision"].clone();
    gateway.write("legal.yaml", &denying().replace("body.skip_legal_checks", "body.skip_lgeal_checks"));
    let (status, report) = gateway.reload().await;
    assert_eq!((status, &report["outcome"], &report["revision"]), (422, &"rejected".into(), &revision));
    let error = &report["errors"][0];
    assert!(error["file"].as_str().unwrap().ends_with("policies/legal.yaml"), "{report}");
    assert_eq!((&error["line"], error["column"].as_u64() > Some(1)), (&14.into(), true));
    assert!(error["message"].as_str().unwrap().contains("skip_lgeal_checks"), "{report}");
    let now = gateway.status().await;
    assert_eq!((&now["lastReload"]["errors"], &now["revision"]), (&report["errors"], &revision));
    // a rule that would be lost
    gateway.write("legal.yaml", &denying());
    for file in ["guard.yaml", "guard.test.yaml"] {
        fs::remove_file(gateway.folder.path().join("policies").join(file)).unwrap();
    }
    let (status, report) = gateway.reload().await;
    assert_eq!((status, &report["outcome"]), (409, &"refused".into()));
    assert!(report["errors"][0]["help"].as_str().unwrap().contains("`removed`"), "{report}");
    // and a configuration that is broken, with the errors of policies beside it
    gateway.write("broken.yaml", "kind: RequestPolicy\n");
    gateway.configure("limits: { inFlight: many }\n");
    let (status, report) = gateway.reload().await;
    let files: Vec<&str> = report["errors"].as_array().unwrap().iter().map(|it| it["file"].as_str().unwrap()).collect();
    assert_eq!(status, 422);
    for name in ["gateway.yaml", "policies/broken.yaml"] {
        assert!(files.iter().any(|file| file.ends_with(name)), "{name}: {files:?}");
    }
    assert_eq!((gateway.judge(r#"{"skip_password_checks":true}"#).await, gateway.judge(LEGAL).await), (422, 200));
}

#[tokio::test]
async fn no_web_page_can_ask_for_a_reload() {
    let gateway = Gateway::start().await;
    gateway.write("legal.yaml", &denying());
    for headers in [
        "host: localhost\r\norigin: http://evil.example\r\n",
        "host: localhost\r\nsec-fetch-site: cross-site\r\n",
        "host: rebound.example\r\n",
    ] {
        for line in ["POST /reload", "GET /status"] {
            assert_eq!(gateway.ask(line, headers).await.status(), 403, "{line} {headers}");
        }
    }
    assert_eq!(gateway.ask("GET /reload", "host: localhost\r\n").await.status(), 405);
    assert_eq!(gateway.judge(LEGAL).await, 200);
    assert_eq!(gateway.reload().await.0, 200);
    assert_eq!(gateway.judge(LEGAL).await, 422);
}

#[tokio::test]
async fn many_requests_have_few_reloads_in_common() {
    let gateway = Gateway::start().await;
    gateway.write("legal.yaml", &denying());
    let admin = gateway.program.admin;
    let request = async move || {
        let mut client = Client::connect(admin).await;
        client.send("POST /reload HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        client.answer().await.expect("a response").status()
    };
    let all: Vec<_> = (0..40).map(|_| tokio::spawn(async move { request().await })).collect();
    for one in all {
        assert_eq!(one.await.unwrap(), 200);
    }
    let metrics = gateway.metrics().await;
    let loaded = metrics.lines().find_map(|line| line.strip_prefix("portcullis_reloads_total{outcome=\"loaded\"} "));
    let loaded: u32 = loaded.unwrap().parse().unwrap();
    assert!((2..8).contains(&loaded), "{loaded} with the start");
}

#[tokio::test]
async fn the_commands_report_what_the_gateway_does() {
    let mut gateway = Gateway::start().await;
    gateway.write("legal.yaml", &denying());
    gateway.configure("limits: { inFlight: 9 }\n");
    let output = gateway.command("reload", &[]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stdout}");
    assert!(stdout.contains(" is in force\n") && stdout.ends_with("restarts: limits.inFlight\n"), "{stdout}");
    gateway.write("legal.yaml", &denying().replace("body.skip_legal_checks", "body.skip_lgeal_checks"));
    let output = gateway.command("reload", &[]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(3), &b""[..]), "{stderr}");
    assert!(stderr.contains("policies/legal.yaml:14:") && stderr.ends_with("1 error\n"), "{stderr}");
    let output = gateway.command("reload", &["--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &report["outcome"]), (Some(3), &"rejected".into()));

    let output = gateway.command("status", &[]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    for part in [
        "ready, started 2",
        "policies: 2, ",
        "rejected 2",
        "legal.yaml:14:",
        "required for limits.inFlight",
        "nothing: files",
    ] {
        assert!(stdout.contains(part), "{part}: {stdout}");
    }
    let status: Value = serde_json::from_slice(&gateway.command("status", &["--json"]).stdout).unwrap();
    assert_eq!(status["phase"], "ready");
    gateway.program.signal("TERM");
    gateway.program.stderr.line("stopped").await;
    for verb in ["reload", "status"] {
        let output = gateway.command(verb, &[]);
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8(output.stderr).unwrap().starts_with("error: no gateway responds at "));
    }
}
