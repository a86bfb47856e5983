//! What commands print of files and logs with names that would change the terminal, or the order of text on it.

use super::rollout::log::{Sent, lines};
use crate::support::gateway::{COUNTED_ON, bundle, shipped};
use crate::support::tail::Tail;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// Control characters of C0 and C1, one of them a sequence that clears the screen, and an override of direction. As they are
/// written in JSON and YAML, and as they have to be printed.
const ESCAPED: &str = r"x\u001b[2J\u009b31m\u202ey\u0007\u2066";

/// The name that [`ESCAPED`] is.
fn hostile() -> String {
    serde_json::from_str(&format!("\"{ESCAPED}\"")).unwrap()
}

/// A folder with a gateway, a contract, a policy test and a log that all have the name.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["policies", "new", "tested", "contract"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    for name in COUNTED_ON {
        for place in ["policies", "new"] {
            fs::copy(
                root.join(format!("policies/{name}.yaml")),
                folder.path().join(place).join(format!("{name}.yaml")),
            )
            .unwrap();
        }
    }
    let removed = folder.path().join("new/no-skip-password-checks.yaml");
    fs::rename(removed, folder.path().join("tested/no-skip-password-checks.yaml")).unwrap();
    for file in fs::read_dir(root.join("policies/contract/clerk")).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), folder.path().join("contract").join(file.file_name())).unwrap();
    }
    // a field of its name, which is a secret
    let known = "\"external_id\":{\"type\":[\"string\",\"null\"]}";
    let added = format!("{known},\"{ESCAPED}\":{{\"type\":\"string\",\"x-secret\":true}}");
    let newest = fs::read_to_string(folder.path().join("contract/2026-05-12.json")).unwrap();
    assert!(newest.contains(known), "the shipped file has another form");
    write("contract/2026-05-12.json", &newest.replace(known, &added));
    write(
        "gateway.yaml",
        "apiVersion: portcullis/v1\nkind: Gateway\nupstream: { url: embedded }\npolicies: [policies]\n",
    );
    let own = "contract: { folder: contract }\n";
    write("own.yaml", &(fs::read_to_string(folder.path().join("gateway.yaml")).unwrap() + own));
    write(
        "tested/no-skip-password-checks.test.yaml",
        &format!(
            "apiVersion: portcullis/v1\nkind: PolicyTest\nmetadata: {{ name: skip }}\nspec:\n  cases:\n    - name: \
             \"{ESCAPED}\"\n      request: {{ operation: UpdateUser, body: {{ skip_password_checks: true }} }}\n      expect: \
             {{ decision: allow }}\n"
        ),
    );
    let refused = Sent { body: r#"{"skip_password_checks":true}"#, caller: "billing", ..Sent::default() };
    let log = lines(&bundle(&shipped()), &[refused]);
    let id = "\"decision_id\":\"0000000000000000";
    assert!(log.contains("example.org/billing") && log.contains(id));
    let log = log.replace(id, &format!("\"decision_id\":\"{ESCAPED}"));
    write("decisions.jsonl", &log.replace("example.org/billing", &format!("example.org/{ESCAPED}")));
    folder
}

/// Fails unless `printed` has the name, and all of it escaped.
fn assert_escaped(command: &str, printed: &str) {
    // a table may cut the name, but not before its first character of each kind
    let forms = [r"x\u001b[2J\u009b31m", r"x\u{1b}[2J\u{9b}31m"];
    assert!(forms.iter().any(|form| printed.contains(form)), "{command} shows no name:\n{printed:?}");
    let is_harmful = |letter: char| letter.is_control() && letter != '\n' || "\u{202e}\u{2066}".contains(letter);
    assert!(!printed.contains(is_harmful), "{command}: {printed:?}");
}

#[test]
fn names_in_files_and_logs_reach_no_terminal_unescaped() {
    let folder = folder();
    let log = ["--log", "decisions.jsonl"];
    let own = ["--config", "own.yaml"];
    let commands: [(&[&str], &[&str]); 12] = [
        (&["report"], &log),
        (&["report", "--json"], &log),
        (&["replay", "--config", "gateway.yaml", "--policies", "new"], &log),
        (&["replay", "--config", "gateway.yaml", "--policies", "new", "--json"], &log),
        (&["test", "tested/no-skip-password-checks.yaml"], &["--config", "gateway.yaml"]),
        (&["test", "tested/no-skip-password-checks.test.yaml", "--json"], &["--config", "gateway.yaml"]),
        (&["contract", "show", "UpdateUser"], &own),
        (&["contract", "show", "UpdateUser", "--json"], &own),
        (&["contract", "coverage"], &own),
        (&["contract", "coverage", "--json"], &own),
        (&["contract", "diff", "2025-11-10", "2026-05-12"], &own),
        (&["contract", "diff", "2025-11-10", "2026-05-12", "--json"], &own),
    ];
    for (arguments, more) in commands {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        // in colour: else the sequences of a terminal are stripped anyway
        command.args(arguments).args(more).args(["--color", "always"]);
        command.current_dir(folder.path()).env_clear().env("COLUMNS", "400");
        let output = command.output().unwrap();
        let printed = [output.stdout, output.stderr].concat();
        assert_escaped(&arguments.join(" "), &without_styles(&String::from_utf8(printed).unwrap()));
    }
}

/// The text without the styles of the program: `ESC [`, numbers, `m`.
fn without_styles(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == ';');
        match rest.strip_prefix('m') {
            Some(rest) => plain.push_str(rest),
            None => plain.extend(["\u{1b}[", part]),
        }
    }
    plain
}

/// An admin listener that sends `lines` as decisions to the first who asks, and holds the connection.
fn sending(lines: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\nconnection: close\r\n\r\n";
        stream.write_all(format!("{head}{lines}").as_bytes()).unwrap();
        // until the reader ends
        let _ = stream.read(&mut [0]);
    });
    address
}

#[tokio::test]
async fn names_from_a_gateway_reach_no_terminal_unescaped() {
    let decision = serde_json::json!({
        "timestamp": "2026-05-01T08:30:00Z", "decision": "deny", "method": hostile(), "route": hostile(), "status": 422,
        "reason": hostile(), "policies": [{ "name": hostile() }], "violations": 1, "key": hostile(),
        "details": [{ "rule": hostile(), "action": "deny", "reason": hostile(), "message": hostile(), "hint": hostile() }],
        "decision_id": hostile(), "trace_id": hostile(), "revision": hostile(),
    });
    let end = serde_json::json!({ "decision": "allow", "route": "/the/end" });
    for arguments in [&["--color", "always", "-v"][..], &["--color", "always", "--json"]] {
        // in JSON the sender may leave all but C0 as it is
        let mut tail = Tail::start(sending(format!("{decision}\n{end}\n")), arguments).await;
        tail.stdout.line("/the/end").await;
        assert_escaped("tail", &without_styles(&tail.interrupted()));
    }
}
