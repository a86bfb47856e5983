//! The session with an editor: requests and notifications, one after the other, and checks while it is quiet.

use super::SessionSettings;
use super::code_action::{self, ActionSupport};
use super::features::{self, complete, find_definition, hover};
use super::transport::{self, Received};
use super::uri;
use super::workspace::Workspace;
use gen_lsp_types::{
    DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams, ErrorCodes,
    PublishDiagnosticsParams, TextDocumentContentChangeEvent, Uri,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::io::{self, BufReader, Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long the editor must be quiet before a check begins.
const QUIET: Duration = Duration::from_millis(40);
/// The longest time that a check waits while a person types.
const LONGEST_DELAY: Duration = Duration::from_millis(400);
/// Messages that are read ahead.
const READ_AHEAD: usize = 64;

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// As the protocol has it: `shutdown`, then `exit`.
    Orderly,
    /// `exit` without `shutdown`, or the editor went away.
    Abrupt,
}

/// Where a session is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SessionPhase {
    Uninitialized,
    Running,
    ShutDown,
}

/// Serves one editor until it leaves.
///
/// # Errors
///
/// Messages cannot be written.
pub fn serve(
    input: impl Read + Send + 'static,
    output: impl Write,
    settings: SessionSettings,
) -> io::Result<SessionEnd> {
    let (sender, receiver) = sync_channel(READ_AHEAD);
    // a thread of its own: what a person typed meanwhile replaces a check that has not begun
    thread::spawn(move || {
        let mut input = BufReader::new(input);
        while let Ok(Some(received)) = transport::read(&mut input) {
            if sender.send(received).is_err() {
                break;
            }
        }
    });
    let workspace = Workspace::new(settings);
    Session {
        output,
        workspace,
        phase: SessionPhase::Uninitialized,
        changes: None,
        watches: false,
        support: ActionSupport::default(),
    }
    .run(&receiver)
}

struct Session<W> {
    output: W,
    workspace: Workspace,
    phase: SessionPhase,
    /// The first and last of the changes that were not checked yet.
    changes: Option<(Instant, Instant)>,
    /// Whether the editor can report changes of files that are not open.
    watches: bool,
    support: ActionSupport,
}

/// Why a request has no result.
struct RequestError(ErrorCodes, String);

type RequestResult = Result<Value, RequestError>;

impl<W: Write> Session<W> {
    fn run(mut self, messages: &Receiver<Received>) -> io::Result<SessionEnd> {
        loop {
            let received = match self.wait() {
                None => messages.recv().map_err(RecvTimeoutError::from),
                Some(wait) => messages.recv_timeout(wait),
            };
            match received {
                Ok(Received::Message(message)) => {
                    if let Some(end) = self.receive(message)? {
                        return Ok(end);
                    }
                }
                Ok(Received::Garbage(why)) => {
                    self.respond(&Value::Null, Err(RequestError(ErrorCodes::ParseError, why.to_owned())))?;
                }
                Err(RecvTimeoutError::Timeout) => self.publish()?,
                Err(RecvTimeoutError::Disconnected) => return Ok(self.end()),
            }
        }
    }

    /// How long to wait for a message before the changes are checked. `None` if there are no changes.
    fn wait(&self) -> Option<Duration> {
        let (first, last) = self.changes?;
        Some((last + QUIET).min(first + LONGEST_DELAY).saturating_duration_since(Instant::now()))
    }

    fn change(&mut self) {
        let now = Instant::now();
        self.changes = Some((self.changes.map_or(now, |(first, _)| first), now));
    }

    const fn end(&self) -> SessionEnd {
        match self.phase {
            SessionPhase::ShutDown => SessionEnd::Orderly,
            SessionPhase::Uninitialized | SessionPhase::Running => SessionEnd::Abrupt,
        }
    }

    /// Handles one message. Returns the end of the session if it is that.
    fn receive(&mut self, mut message: Value) -> io::Result<Option<SessionEnd>> {
        let params = message.get_mut("params").map(Value::take).unwrap_or_default();
        let id = message.get("id").filter(|id| id.is_string() || id.is_number()).cloned();
        match (message.get("method").and_then(Value::as_str), id) {
            (Some("exit"), None) => return Ok(Some(self.end())),
            (Some(method), None) => self.notice(method, params)?,
            (Some(method), Some(id)) => {
                let result = self.answer(method, &params);
                self.respond(&id, result)?;
            }
            // the response to a request of ours, which needs none
            (None, Some(_)) if message.get("result").is_some() || message.get("error").is_some() => {}
            (None, id) => {
                let error = RequestError(ErrorCodes::InvalidRequest, "the message is no request".to_owned());
                self.respond(&id.unwrap_or_default(), Err(error))?;
            }
        }
        Ok(None)
    }

    fn answer(&mut self, method: &str, params: &Value) -> RequestResult {
        match (self.phase, method) {
            (SessionPhase::Uninitialized, "initialize") => Ok(self.initialize(params)),
            (SessionPhase::Uninitialized, _) => {
                Err(RequestError(ErrorCodes::ServerNotInitialized, "the first request is `initialize`".to_owned()))
            }
            (SessionPhase::ShutDown, _) => {
                Err(RequestError(ErrorCodes::InvalidRequest, "the server is shut down".to_owned()))
            }
            (SessionPhase::Running, "initialize") => {
                Err(RequestError(ErrorCodes::InvalidRequest, "the server is initialized already".to_owned()))
            }
            (SessionPhase::Running, "shutdown") => {
                self.phase = SessionPhase::ShutDown;
                self.changes = None;
                Ok(Value::Null)
            }
            (SessionPhase::Running, _) => self.ask(method, params),
        }
    }

    /// The result of a request about the open files.
    fn ask(&self, method: &str, params: &Value) -> RequestResult {
        let invalid = |message| RequestError(ErrorCodes::InvalidParams, message);
        let result = match method {
            "textDocument/completion" => {
                serde_json::to_value(complete(&self.workspace, &features::read(params).map_err(invalid)?))
            }
            "textDocument/hover" => {
                serde_json::to_value(hover(&self.workspace, &features::read(params).map_err(invalid)?))
            }
            "textDocument/codeAction" => {
                let params = features::read(params).map_err(invalid)?;
                serde_json::to_value(code_action::list(&self.workspace, &params, self.support))
            }
            "codeAction/resolve" => {
                let failed = || {
                    RequestError(ErrorCodes::InvalidRequest, "no request was found that takes the branch".to_owned())
                };
                return code_action::resolve(&self.workspace, params.clone(), self.support).ok_or_else(failed);
            }
            "textDocument/definition" => {
                serde_json::to_value(find_definition(&self.workspace, &features::read(params).map_err(invalid)?))
            }
            _ => return Err(RequestError(ErrorCodes::MethodNotFound, "there is no such method".to_owned())),
        };
        result.map_err(|error| RequestError(ErrorCodes::InternalError, error.to_string()))
    }

    fn initialize(&mut self, params: &Value) -> Value {
        self.phase = SessionPhase::Running;
        let folder =
            params.pointer("/workspaceFolders/0/uri").or_else(|| params.get("rootUri")).and_then(Value::as_str);
        // so that relative paths mean what they mean to `portcullis check` in that folder
        if let Some(folder) = folder.and_then(|folder| uri::to_path(&Uri(folder.to_owned()))) {
            let _ = std::env::set_current_dir(folder);
        }
        let watches = params.pointer("/capabilities/workspace/didChangeWatchedFiles/dynamicRegistration");
        self.watches = watches.and_then(Value::as_bool).unwrap_or_default();
        self.support = params.get("capabilities").map(ActionSupport::of).unwrap_or_default();
        json!({
            "capabilities": {
                "positionEncoding": "utf-16",
                "textDocumentSync": { "openClose": true, "change": 1, "save": true },
                // the letters after which names follow in expressions, keys and lists
                "completionProvider": { "triggerCharacters": [".", "\"", "'", "[", "{", " "] },
                "hoverProvider": true,
                "definitionProvider": true,
                "codeActionProvider": { "codeActionKinds": ["refactor"], "resolveProvider": true },
            },
            "serverInfo": { "name": "portcullis", "version": env!("CARGO_PKG_VERSION") },
        })
    }

    fn notice(&mut self, method: &str, params: Value) -> io::Result<()> {
        if self.phase != SessionPhase::Running {
            return Ok(());
        }
        // a notification has no response: what cannot be read is left out
        match method {
            "initialized" => {
                self.watch()?;
                self.change();
            }
            "textDocument/didOpen" => {
                if let Some(DidOpenTextDocumentParams { text_document }) = read(params) {
                    self.workspace.set(text_document.uri, text_document.text);
                    self.change();
                }
            }
            "textDocument/didChange" => {
                if let Some(DidChangeTextDocumentParams { text_document, content_changes }) = read(params) {
                    let uri = text_document.text_document_identifier.uri;
                    if let Some(text) = content_changes.into_iter().filter_map(whole_text).next_back() {
                        self.workspace.set(uri, text);
                        self.change();
                    }
                }
            }
            "textDocument/didClose" => {
                if let Some(DidCloseTextDocumentParams { text_document }) = read(params) {
                    self.workspace.close(&text_document.uri);
                    self.change();
                }
            }
            "textDocument/didSave" | "workspace/didChangeWatchedFiles" => self.change(),
            _ => {}
        }
        Ok(())
    }

    /// Asks to be notified when a file changes that is not open.
    fn watch(&mut self) -> io::Result<()> {
        if !self.watches {
            return Ok(());
        }
        let options = json!({ "watchers": [{ "globPattern": "**/*.{yaml,yml,json}" }] });
        let method = "workspace/didChangeWatchedFiles";
        let registration = json!({ "id": "files", "method": method, "registerOptions": options });
        let params = json!({ "registrations": [registration] });
        let request =
            json!({ "jsonrpc": "2.0", "id": "watch", "method": "client/registerCapability", "params": params });
        transport::write(&mut self.output, &request)
    }

    /// Checks, and sends what was found.
    fn publish(&mut self) -> io::Result<()> {
        self.changes = None;
        for (file, diagnostics) in self.workspace.check() {
            let params = PublishDiagnosticsParams { uri: self.workspace.uri(&file), version: None, diagnostics };
            let message = json!({ "jsonrpc": "2.0", "method": "textDocument/publishDiagnostics", "params": params });
            transport::write(&mut self.output, &message)?;
        }
        Ok(())
    }

    fn respond(&mut self, id: &Value, result: RequestResult) -> io::Result<()> {
        let response = match result {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
            Err(RequestError(code, message)) => {
                json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
            }
        };
        transport::write(&mut self.output, &response)
    }
}

/// The parameters as their type; `None` if they are not of it.
fn read<P: DeserializeOwned>(params: Value) -> Option<P> {
    serde_json::from_value(params).ok()
}

/// The text of a change of a whole file, which is the only kind that the server asks for.
fn whole_text(change: TextDocumentContentChangeEvent) -> Option<String> {
    match change {
        TextDocumentContentChangeEvent::TextDocumentContentChangeWholeDocument(whole) => Some(whole.text),
        TextDocumentContentChangeEvent::TextDocumentContentChangePartial(_) => None,
    }
}
