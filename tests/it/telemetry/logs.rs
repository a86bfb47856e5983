//! What the gateway logs: where to, how much, at which level; that nothing of a request forges a line, and that no worker
//! waits for whoever reads them.

use crate::support::client::Client;
use crate::support::closed_port::ClosedPort;
use crate::support::gateway::{head, json, patch};
use crate::support::program::{Program, command, signal};
use crate::support::recorder::Recorder;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Policies with long names that audit one name, so that its access log line is long.
fn policies() -> String {
    let policy = |number: usize| {
        format!(
            "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: the-policy-{number}-{} }}\nspec:\n  \
             match: {{ operations: [UpdateUser] }}\n  validations: [{{ expression: body.first_name != 'found', message: no }}]\n  \
             actions: [Audit]\n",
            "long".repeat(11)
        )
    };
    (0..160).map(policy).collect::<Vec<_>>().join("---\n")
}

/// A folder with a configuration in front of `upstream`, and what it says of logs.
fn folder(upstream: SocketAddr, logs: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nadmin: {{ listen: 127.0.0.1:0 }}\n\
         upstream: {{ url: \"http://{upstream}\" }}\npolicies: [policy.yaml]\nworkers: 1\nlogs: {logs}\n"
    );
    fs::write(folder.path().join("gateway.yaml"), text).unwrap();
    fs::write(folder.path().join("policy.yaml"), policies()).unwrap();
    let configuration = folder.path().join("gateway.yaml");
    (folder, configuration)
}

async fn status(address: SocketAddr, request: impl AsRef<[u8]>) -> u16 {
    let mut client = Client::connect(address).await;
    client.send(request).await;
    client.answer().await.expect("an answer").status()
}

/// A metric, once it is at least `least`.
async fn counted(admin: SocketAddr, name: &str, least: u64) -> u64 {
    for _ in 0..500 {
        let metrics = Client::connect(admin).await.get("/metrics").await.text().to_owned();
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        if line.is_some_and(|count: u64| count >= least) {
            return line.unwrap();
        }
        pingora_timeout::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{name} never was {least}");
}

/// The decisions of a log's lines.
fn decisions(log: &str) -> Vec<String> {
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON"));
    lines.map(|line| line["decision"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_file_takes_the_lines_of_what_is_not_sampled_out_and_is_rotated_by_sighup() {
    let upstream = Recorder::answering(200, "{}").await;
    let (folder, configuration) = folder(upstream.address(), "{ access: { file: access.log }, sampleAllowed: 0 }");
    let mut program = Program::start(&configuration, &[]).await;
    let (now, before) = (folder.path().join("access.log"), folder.path().join("access.log.1"));
    assert_eq!(status(program.listen, patch("{}")).await, 200);
    assert_eq!(status(program.listen, patch(r#"{"first_name":"found"}"#)).await, 200);
    assert_eq!(status(program.listen, patch("no JSON")).await, 400);
    while fs::read_to_string(&now).unwrap().lines().count() < 2 {
        tokio::task::yield_now().await;
    }
    fs::rename(&now, &before).unwrap();
    program.signal("HUP");
    program.stderr.line("policies reloaded").await;
    assert_eq!(fs::read_to_string(&now).unwrap(), "");
    assert_eq!(status(program.listen, patch("no JSON")).await, 400);
    assert_eq!(counted(program.admin, "portcullis_log_lines_dropped_total", 0).await, 0);
    program.signal("TERM");
    let ended = program.ended().await;
    assert_eq!((ended.status.code(), ended.stdout.as_str()), (Some(0), ""));
    assert_eq!(decisions(&fs::read_to_string(&before).unwrap()), ["allow", "deny"]);
    assert_eq!(decisions(&fs::read_to_string(&now).unwrap()), ["deny"]);
}

#[test]
fn a_file_that_cannot_be_is_an_error_at_the_start_with_its_place() {
    let closed = ([127, 0, 0, 1], 1).into();
    for (file, what) in [
        ("missing/access.log", "`logs.access.file` is in a folder that does not exist"),
        (".", "`logs.access.file` is not a file"),
    ] {
        let (_folder, configuration) = folder(closed, &format!("{{ access: {{ file: {file} }} }}"));
        let output = command(&configuration, &[]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains(what) && said.contains("gateway.yaml:8:"), "{said}");
    }
}

/// A limit on the length of a file is as a full disk.
#[tokio::test]
async fn a_full_disk_is_counted_told_once_and_gone_on_from() {
    let upstream = Recorder::answering(200, "{}").await;
    let (folder, configuration) = folder(upstream.address(), "{ access: { file: access.log } }");
    let mut run = command(&configuration, &[]);
    let mut limited = Command::new("/bin/sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\""]).arg(run.get_program()).args(run.get_args());
    limited.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    run = limited;
    let mut program = Program::run(run).await;
    let mut client = Client::connect(program.listen).await;
    for _ in 0..60 {
        client.send(patch("{}")).await;
        assert_eq!(client.answer().await.expect("an answer").status(), 200);
    }
    program.stderr.line("access log lines are lost").await;
    let now = folder.path().join("access.log");
    // what waits to be written when the file is exchanged would go to the new one
    let whole = fs::read_to_string(&now).unwrap().matches('\n').count();
    counted(program.admin, "portcullis_log_lines_dropped_total", 60 - whole as u64).await;
    fs::rename(&now, folder.path().join("access.log.1")).unwrap();
    program.signal("HUP");
    program.stderr.line("policies reloaded").await;
    client.send(patch("no JSON")).await;
    assert_eq!(client.answer().await.expect("an answer").status(), 400);
    program.signal("TERM");
    let ended = program.ended().await;
    assert_eq!(decisions(&fs::read_to_string(&now).unwrap()), ["deny"]);
    assert_eq!(ended.stderr.matches("access log lines are lost").count(), 1, "{}", ended.stderr);
}

/// Everything that moves a line's reader, in every place of a request that takes it.
fn odd_requests() -> Vec<Vec<u8>> {
    let odd = "a\u{1b}[2J\u{1b}]0;x\u{7}\u{85}\u{9b}31m\u{2028}\u{2029}\u{202e}\u{2066}\u{feff}z";
    let escaped = r#"\u001b[2J\n{\"decision\":\"allow\"}\r\n\u2028\u202e\u009b\u0085"#;
    let encoded = "%0a%0d%1b[2J%e2%80%a8%e2%80%ae%c2%85";
    let mut requests = vec![
        patch(format!(r#"{{"first_name":"{escaped}"}}"#)),
        patch(format!(r#"{{"{escaped}":1}}"#)),
        patch(format!(r#"{{"{odd}":1}}"#)),
        patch(format!(r#"{{"public_metadata":{{"{escaped}":1,"{escaped}":2}}}}"#)),
        patch(format!(r#"{{"first_name":["{escaped}"],"locale":{{"{escaped}":"\n"}}}}"#)),
        patch(odd),
        json(&format!("PATCH /v1/users/{encoded}"), "", "{}"),
        head(&format!("GET /v1/users?query={encoded}"), "").into_bytes(),
        head(&format!("GET /{odd}"), "").into_bytes(),
        head(&format!("PATCH{} /v1/users/user_1", encoded.to_uppercase()), "").into_bytes(),
    ];
    for name in ["user-agent", "x-request-id", "x-forwarded-for", "authorization", "clerk-api-version", "traceparent"] {
        for value in [encoded, "\u{85}\u{2028}\u{202e}\u{9b}31m", "x\u{1b}[2J"] {
            requests.push(json("PATCH /v1/users/user_1", &format!("{name}: {value}\r\n"), "{}"));
        }
    }
    requests
}

const NAMES: &str = "timestamp method route operation api_version environment key status decision reason revision \
    policies keywords fields audited violations request_bytes response_bytes duration_us judge_us upstream_us \
    upstream_connect_us upstream_status upstream_reused trace_id span_id decision_id key_fingerprint clerk_trace_id cf_ray \
    client_address sample_rate";

#[tokio::test]
async fn nothing_of_a_request_forges_a_line_in_either_form() {
    let upstream = Recorder::answering(200, "{}").await;
    for form in ["json", "human"] {
        let (_folder, configuration) =
            folder(upstream.address(), &format!("{{ format: {form}, level: trace, sampleAllowed: 0.999 }}"));
        let program = Program::start(&configuration, &[]).await;
        let mut answered = 0;
        for request in odd_requests() {
            let mut client = Client::connect(program.listen).await;
            client.send(&request).await;
            // what hyper cannot read as HTTP has no line: it is no request yet
            let answer = client.answer().await.expect("an answer");
            answered += usize::from(answer.status() == 200 || answer.header("portcullis-decision").is_some());
        }
        program.signal("TERM");
        let ended = program.ended().await;
        assert!(answered > 20 && ended.stdout.lines().count() <= answered, "{answered}:\n{}", ended.stdout);
        let odd = |text: &str| text.chars().any(|letter| letter != '\n' && portcullis::redact::needs_escape(letter));
        assert!(!odd(&ended.stdout) && !odd(&ended.stderr), "{:?}{:?}", ended.stdout, ended.stderr);
        for line in ended.stdout.lines() {
            assert!(line.is_ascii(), "{line}");
            if form == "json" {
                let line: serde_json::Map<String, Value> = serde_json::from_str(line).expect("JSON");
                let names: BTreeSet<_> = NAMES.split_whitespace().collect();
                assert!(line.keys().all(|name| names.contains(name.as_str())), "{line:?}");
            } else {
                let words: Vec<_> = line.split_whitespace().collect();
                assert!(words[0].len() == 8 && ["ALLOW", "EXEMPT", "DENY"].contains(&words[1]), "{line}");
            }
        }
    }
}

/// Neither stream is read: the pipes fill, then the queues; requests go on, and refused ones keep their lines.
#[tokio::test]
async fn a_reader_that_stops_stops_no_request_and_refusals_outlive_the_rest() {
    let closed = ClosedPort::bind();
    let (_folder, configuration) = folder(closed.address(), "{ format: json, level: trace }");
    let mut child = command(&configuration, &[]).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut address = |before: &str| -> SocketAddr {
        let mut line = String::new();
        while !line.starts_with(before) {
            line.clear();
            assert!(stderr.read_line(&mut line).unwrap() > 0);
        }
        line.trim_end().split_once("://").unwrap().1.parse().unwrap()
    };
    let (listen, admin) = (address("  listens on   "), address("  admin        "));
    let mut client = Client::connect(listen).await;
    // no upstream: 600 warnings of 150 bytes on standard error, 800 reserved lines of 16 KB on standard output
    let found = patch(r#"{"first_name":"found"}"#);
    for _ in 0..800 {
        client.send(&found).await;
        assert_eq!(client.answer().await.expect("an answer").status(), 502);
    }
    assert!(counted(admin, "portcullis_log_lines_dropped_total", 100).await < 800);
    signal(&child, "TERM");
    let (read, log) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let _ = stdout.read_to_string(&mut text);
        let _ = read.send(text);
    });
    let mut said = String::new();
    stderr.read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success());
    let log = log.recv().unwrap();
    assert!(
        log.lines().count() > 40 && log.lines().all(|line| line.contains(r#""decision":"fail""#)),
        "{}",
        log.lines().count()
    );
    assert!(said.contains("access log lines are lost") && said.contains("stopped"));
}
