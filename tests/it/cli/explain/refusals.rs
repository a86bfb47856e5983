//! `explain --decision` of a refusal just seen, which the running gateway still has.

use super::POLICIES;
use crate::support::client::{Answer, Client};
use crate::support::closed_port::ClosedPort;
use crate::support::gateway::{json, patch};
use crate::support::program::Program;
use crate::support::recorder::Recorder;
use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A running gateway with these policies in its own folder.
struct Running {
    folder: TempDir,
    program: Program,
}

impl Running {
    /// In front of `upstream`, with these lines more in the configuration.
    async fn start(upstream: SocketAddr, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nadmin: {{ listen: 127.0.0.1:0 }}\n\
             upstream: {{ url: \"http://{upstream}\" }}\npolicies: [policies.yaml]\nworkers: 1\n{more}"
        );
        fs::write(folder.path().join("gateway.yaml"), text).unwrap();
        fs::write(folder.path().join("policies.yaml"), POLICIES).unwrap();
        let program = Program::start(&folder.path().join("gateway.yaml"), &[]).await;
        Self { folder, program }
    }

    async fn send(&self, request: impl AsRef<[u8]>) -> Answer {
        let mut client = Client::connect(self.program.listen).await;
        client.send(request).await;
        client.answer().await.expect("an answer")
    }

    /// `explain` with the configuration and the variable that `run` has for its admin listener.
    fn explain(&self, arguments: &[&str]) -> Output {
        explain(&self.folder, self.program.admin, arguments)
    }
}

fn explain(folder: &TempDir, admin: SocketAddr, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.current_dir(folder.path()).args(["explain", "--config", "gateway.yaml"]).args(arguments).env_clear();
    command.env("PORTCULLIS_ADMIN_LISTEN", admin.to_string()).output().unwrap()
}

fn printed(output: &Output) -> (String, String, i32) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr), output.status.code().unwrap())
}

/// The id in the header of a refusal, which its text has, too.
fn id_of(refusal: &Answer) -> String {
    let header = refusal.header("portcullis-decision").expect("the header of a refusal");
    let id = header.split_once("id=\"").expect("an id").1.trim_end_matches('"').to_owned();
    assert!(refusal.text().contains(&id), "{}", refusal.text());
    id
}

#[tokio::test]
async fn a_refusal_just_seen_is_explained_without_a_log() {
    let upstream = Recorder::answering(200, "{}").await;
    let running = Running::start(upstream.address(), "").await;
    running.send(patch(r#"{"first_name":"Ada"}"#)).await;
    let body = r#"{"skip_password_checks":true,"external_id":"4711","password":"hunter2hunter2"}"#;
    let by_policy = id_of(&running.send(patch(body)).await);
    let by_contract = id_of(&running.send(json("POST /v1/users", "", r#"{"hunter2hunter2":1}"#)).await);
    let by_head = id_of(&running.send(json("PATCH /v1/%75sers/user_1", "", "{}")).await);

    let (text, error, code) = printed(&running.explain(&["--decision", &by_policy]));
    assert_eq!((error.as_str(), code), ("", 4));
    assert!(text.starts_with("refused: policy_denied (422)\n") && text.contains("from the running gateway"), "{text}");
    let found = "  deny by no-skip: skip_password_checks is not allowed in production\n    \
                 hint: use a compliant password\n    owner: identity\n";
    assert!(text.contains(found) && text.contains("external_id must come from the CRM"), "{text}");
    assert!(text.contains("operation    UpdateUser") && text.contains("warn by strong-secrets"), "{text}");
    for (id, reason) in [(&by_contract, "schema_violation (422)"), (&by_head, "ambiguous_path (400)")] {
        let (text, error, code) = printed(&running.explain(&["--decision", id, "--level", "full"]));
        assert!(text.contains(reason) && code == 4 && !text.contains("hunter2"), "{text}{error}");
    }
    // by the address of the listener, from a folder with another configuration, and as JSON
    let other = super::folder();
    let admin = format!("http://{}", running.program.admin);
    let closed = "127.0.0.1:1".parse().unwrap();
    let (text, error, _) = printed(&explain(&other, closed, &["--decision", &by_policy, "--admin", &admin, "--json"]));
    let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{error}"));
    assert_eq!(json["findings"][0]["hint"], "use a compliant password");
}

#[tokio::test]
async fn an_unreachable_upstream_is_explained_by_its_id_too() {
    let port = ClosedPort::bind();
    let closed = port.address();
    let running = Running::start(closed, "").await;
    let failed = id_of(&running.send("GET /v1/jwks HTTP/1.1\r\nhost: gateway\r\n\r\n").await);
    let (text, error, _) = printed(&running.explain(&["--decision", &failed]));
    assert!(text.starts_with("failed: upstream_unreachable (502)"), "{text}{error}");
}

#[tokio::test]
async fn with_a_decision_log_the_gateway_knows_as_much_as_the_log() {
    let upstream = Recorder::answering(200, "{}").await;
    let running = Running::start(upstream.address(), "decisionLog: { file: decisions.jsonl }\n").await;
    let id = id_of(&running.send(patch(r#"{"skip_password_checks":true,"external_id":"4711"}"#)).await);
    let (from_gateway, ..) = printed(&running.explain(&["--decision", &id, "--level", "full"]));
    running.program.signal("TERM");
    let Running { folder, program } = running;
    let admin = program.admin;
    program.ended().await;
    let arguments = ["--decision", &id, "--log", "decisions.jsonl", "--level", "full"];
    let (from_log, ..) = printed(&explain(&folder, admin, &arguments));
    assert!(from_gateway.contains("body.skip_password_checks"), "{from_gateway}");
    // another word breaks the lines elsewhere
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(&from_gateway.replace("the running gateway", "the decision log")), words(&from_log));
}

#[tokio::test]
async fn what_the_gateway_cannot_explain_names_the_way_out() {
    let upstream = Recorder::answering(200, "{}").await;
    let running = Running::start(upstream.address(), "").await;
    running.send(patch(r#"{"skip_password_checks":true}"#)).await;
    let (_, error, code) = printed(&running.explain(&["--decision", "0000000000000abc"]));
    let expected = "error: no refusal of this id is kept (1 now, at most 256 within 1024 KiB); a decision log \
                    (`decisionLog.file`) has every decision; `--log FILE` finds the decision there\n";
    assert_eq!((error.as_str(), code), (expected, 2));
    assert_eq!(printed(&running.explain(&["--decision", "../policies"])).2, 2);
    let url = ["--decision", "abc", "--admin", "127.0.0.1:9465"];
    assert!(printed(&running.explain(&url)).1.contains("`--admin` must be a URL"));
    let both = ["--decision", "abc", "--admin", "http://127.0.0.1:1", "--log", "x"];
    assert!(printed(&running.explain(&both)).1.contains("cannot be used with"));

    let port = ClosedPort::bind();
    let closed = port.address();
    let (_, error, code) = printed(&explain(&running.folder, closed, &["--decision", "abc"]));
    assert!(error.contains(&format!("no gateway responds at http://{closed}")) && code == 1, "{error}");
    assert!(error.contains("`--admin` names its admin listener, and `--log FILE` finds"), "{error}");
    let port = "127.0.0.1:0".parse().unwrap();
    let (_, error, code) = printed(&explain(&running.folder, port, &["--decision", "abc"]));
    assert!(error.contains("`admin.listen` takes any free port") && code == 2, "{error}");
}
