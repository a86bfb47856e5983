//! The session itself: its begin, its end, and what is no part of it.

use super::client::Editor;
use serde_json::{Value, json};

#[test]
fn a_session_that_shuts_down_ends_with_zero() {
    let folder = tempfile::tempdir().unwrap();
    let left = Editor::start(folder.path(), &[]).leave();
    assert_eq!((left.status.code(), left.stderr.as_str()), (Some(0), ""));
}

#[test]
fn an_exit_without_shutdown_ends_with_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut editor = Editor::start(folder.path(), &[]);
    editor.notify("exit", &Value::Null);
    assert_eq!(editor.left().status.code(), Some(1));
    // an editor that crashed
    assert_eq!(Editor::start(folder.path(), &[]).left().status.code(), Some(1));
    // before the session began
    let mut early = Editor::connect(folder.path(), &[]);
    early.notify("exit", &Value::Null);
    assert_eq!(early.left().status.code(), Some(1));
}

#[test]
fn requests_have_their_phase() {
    let folder = tempfile::tempdir().unwrap();
    let mut editor = Editor::connect(folder.path(), &[]);
    let code = |response: &Value| response["error"]["code"].as_i64();
    assert_eq!(code(&editor.respond_to("textDocument/hover", &json!({}))), Some(-32002));
    editor.request("initialize", &json!({ "capabilities": {} }));
    editor.notify("initialized", &json!({}));
    assert_eq!(code(&editor.respond_to("initialize", &json!({}))), Some(-32600));
    assert_eq!(code(&editor.respond_to("textDocument/unheardOf", &json!({}))), Some(-32601));
    assert_eq!(editor.request("shutdown", &Value::Null), Value::Null);
    assert_eq!(code(&editor.respond_to("textDocument/hover", &json!({}))), Some(-32600));
    editor.notify("exit", &Value::Null);
    assert_eq!(editor.left().status.code(), Some(0));
}

#[test]
fn garbage_gets_an_error_and_the_session_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut editor = Editor::start(folder.path(), &[]);
    editor.send_bytes(b"hello\r\n\r\nContent-Length: 3\r\n\r\n{{{");
    let response = editor.next();
    assert_eq!((&response["id"], &response["error"]["code"]), (&Value::Null, &json!(-32700)));
    editor.send_bytes(b"Content-Length: 2\r\n\r\n\xff\xfe");
    assert_eq!(editor.next()["error"]["code"], -32700);
    for (message, id) in [(json!([]), Value::Null), (json!(7), Value::Null), (json!({ "id": "a" }), json!("a"))] {
        editor.send(&message);
        let response = editor.next();
        assert_eq!((&response["id"], &response["error"]["code"]), (&id, &json!(-32600)), "{message}");
    }
    // none of these has a response
    for method in ["$/cancelRequest", "$/setTrace", "unheard/of", "textDocument/didOpen", "textDocument/didChange"] {
        editor.notify(method, &json!({ "textDocument": 7, "contentChanges": {} }));
    }
    editor.notify("textDocument/didOpen", &json!([]));
    editor.send(&json!({ "jsonrpc": "2.0", "id": 99, "result": null }));
    let unnamed = json!({ "uri": "untitled:1", "languageId": "yaml", "version": 1, "text": "kind: RequestPolicy" });
    editor.notify("textDocument/didOpen", &json!({ "textDocument": unnamed }));
    let left = editor.leave();
    assert_eq!((left.status.code(), left.stderr.as_str()), (Some(0), ""));
}
