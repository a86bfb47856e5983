//! A scripted editor, with the real program behind it.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// Longest time until the server sends what a test waits for. Far longer than any takes on a busy machine.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

pub(super) struct Editor {
    child: Child,
    input: Option<ChildStdin>,
    messages: Receiver<Value>,
    folder: PathBuf,
    requests: i64,
    /// The last diagnostics of each file.
    shown: BTreeMap<String, Vec<Value>>,
    versions: BTreeMap<String, i64>,
}

/// How the program ended, and what it wrote beside messages.
pub(super) struct Left {
    pub(super) status: ExitStatus,
    pub(super) stderr: String,
}

impl Editor {
    /// Starts the server in `folder`, and opens a session.
    pub(super) fn start(folder: &Path, args: &[&str]) -> Self {
        let mut editor = Self::connect(folder, args);
        let root = uri(folder);
        let answer = editor.request("initialize", &json!({ "processId": null, "rootUri": root, "capabilities": {} }));
        assert_eq!(answer["serverInfo"]["name"], "portcullis");
        editor.notify("initialized", &json!({}));
        editor
    }

    /// Starts the server in `folder`, without a session.
    pub(super) fn connect(folder: &Path, args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.arg("lsp").args(args).env_clear().current_dir(folder);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, messages) = channel();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            while let Some(message) = next_message(&mut output) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let input = child.stdin.take();
        let folder = folder.canonicalize().unwrap();
        Self { child, input, messages, folder, requests: 0, shown: BTreeMap::new(), versions: BTreeMap::new() }
    }

    pub(super) fn send_bytes(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().unwrap();
        input.write_all(bytes).unwrap();
        input.flush().unwrap();
    }

    pub(super) fn send(&mut self, message: &Value) {
        let body = message.to_string();
        self.send_bytes(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }

    pub(super) fn notify(&mut self, method: &str, params: &Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// The next message, whatever it is.
    pub(super) fn next(&mut self) -> Value {
        let message = self.messages.recv_timeout(LONGEST_WAIT).expect("a message of the server");
        assert_eq!(message["jsonrpc"], "2.0");
        if message["method"] == "textDocument/publishDiagnostics" {
            let params = &message["params"];
            let found = params["diagnostics"].as_array().unwrap().clone();
            self.shown.insert(params["uri"].as_str().unwrap().to_owned(), found);
        }
        message
    }

    /// The response to a request.
    pub(super) fn respond_to(&mut self, method: &str, params: &Value) -> Value {
        self.requests += 1;
        let id = self.requests;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let message = self.next();
            if message["id"] == id {
                return message;
            }
        }
    }

    /// The result of a request.
    pub(super) fn request(&mut self, method: &str, params: &Value) -> Value {
        let response = self.respond_to(method, params);
        assert!(response.get("error").is_none(), "{method}: {response}");
        response["result"].clone()
    }

    pub(super) fn uri(&self, file: &str) -> String {
        uri(&self.folder.join(file))
    }

    pub(super) fn open(&mut self, file: &str, text: &str) {
        let uri = self.uri(file);
        let document = json!({ "uri": uri, "languageId": "yaml", "version": 1, "text": text });
        self.notify("textDocument/didOpen", &json!({ "textDocument": document }));
    }

    pub(super) fn change(&mut self, file: &str, text: &str) {
        let uri = self.uri(file);
        let version = self.versions.entry(file.to_owned()).or_insert(1);
        *version += 1;
        let document = json!({ "uri": uri, "version": *version });
        let changes = json!([{ "text": text }]);
        self.notify("textDocument/didChange", &json!({ "textDocument": document, "contentChanges": changes }));
    }

    pub(super) fn close(&mut self, file: &str) {
        let uri = self.uri(file);
        self.notify("textDocument/didClose", &json!({ "textDocument": { "uri": uri } }));
    }

    /// The diagnostics of a file, once they are as `wanted`.
    pub(super) fn diagnostics(&mut self, file: &str, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let uri = self.uri(file);
        loop {
            if let Some(found) = self.shown.get(&uri).filter(|found| wanted(found)) {
                return found.clone();
            }
            self.next();
        }
    }

    /// Waits until the diagnostics of a file have `part` in a message.
    pub(super) fn diagnostic(&mut self, file: &str, part: &str) -> Value {
        let is_it = |found: &Value| found["message"].as_str().unwrap().contains(part);
        let found = self.diagnostics(file, |found| found.iter().any(is_it));
        found.into_iter().find(is_it).unwrap()
    }

    /// Ends the session as the protocol has it.
    pub(super) fn leave(mut self) -> Left {
        assert_eq!(self.request("shutdown", &Value::Null), Value::Null);
        self.notify("exit", &Value::Null);
        self.left()
    }

    /// Waits for the end of the program.
    pub(super) fn left(mut self) -> Left {
        drop(self.input.take());
        let mut stderr = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        Left { status: self.child.wait().unwrap(), stderr }
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The next message of the server. `None` at its end. Bytes that are no message fail the test.
fn next_message(output: &mut impl std::io::BufRead) -> Option<Value> {
    let mut header = String::new();
    if output.read_line(&mut header).unwrap() == 0 {
        return None;
    }
    let length = header.strip_prefix("Content-Length: ").expect("a header").trim_end().parse().unwrap();
    let mut end = String::new();
    output.read_line(&mut end).unwrap();
    assert_eq!(end, "\r\n");
    let mut body = vec![0; length];
    output.read_exact(&mut body).unwrap();
    Some(serde_json::from_slice(&body).unwrap())
}

pub(super) fn uri(path: &Path) -> String {
    format!("file://{}", path.display())
}

/// The message of a diagnostic without its help, and its place as `check` prints it.
pub(super) fn as_printed(file: &str, diagnostic: &Value) -> (String, String) {
    let message = diagnostic["message"].as_str().unwrap().split("\nhelp: ").next().unwrap().to_owned();
    let start = &diagnostic["range"]["start"];
    let (line, column) = (start["line"].as_i64().unwrap() + 1, start["character"].as_i64().unwrap() + 1);
    (message, format!("{file}:{line}:{column}"))
}
