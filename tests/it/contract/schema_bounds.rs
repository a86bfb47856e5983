//! Schemas whose validation could take unbounded work are refused wherever they come from, and before any of it is done.

use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Far longer than any of the commands takes on a busy machine, and far shorter than the work that is refused.
const LONG: Duration = Duration::from_secs(60);
/// The error, for schemas that apply too many keywords to one value.
const KEYWORDS: &str = "keywords";

/// Forty schemas of which each refers twice to the next: 3 KB of text, and 2^40 keywords for one value.
fn doubling(prefix: &str) -> (Vec<(String, Value)>, Value) {
    let reference = |level: usize| json!({ "$ref": format!("{prefix}Level{level}") });
    let level = |at: usize| match at {
        39 => json!({ "type": "string" }),
        _ => json!({ "anyOf": [reference(at + 1), reference(at + 1)] }),
    };
    ((0..40).map(|at| (format!("Level{at}"), level(at))).collect(), reference(0))
}

/// Alternatives in alternatives: `width` to the power of `depth` for one value.
fn nested(width: usize, depth: usize) -> Value {
    match depth {
        0 => json!({ "type": "string" }),
        _ => json!({ "anyOf": vec![nested(width, depth - 1); width] }),
    }
}

/// Runs the program in `folder`, in a time and a memory that what is refused would exceed.
fn run(folder: &Path, arguments: &str) -> (Option<i32>, String) {
    let script = format!("ulimit -v 2000000; exec timeout 120 {} {arguments}", env!("CARGO_BIN_EXE_portcullis"));
    let begun = Instant::now();
    let Output { status, stdout, stderr } =
        Command::new("sh").args(["-c", &script]).current_dir(folder).output().unwrap();
    assert!(begun.elapsed() < LONG, "{arguments} took {:?}", begun.elapsed());
    (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

/// A configuration with the files of the built-in contract in a folder of its own.
fn configured() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("contract")).unwrap();
    let text = "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nupstream: { url: embedded }\npolicies: []\n\
                contract: { folder: contract }\n";
    fs::write(folder.path().join("gateway.yaml"), text).unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/contract/clerk");
    for file in fs::read_dir(shipped).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), folder.path().join("contract").join(file.file_name())).unwrap();
    }
    folder
}

#[track_caller]
fn assert_refused(folder: &TempDir, arguments: &str, file: &str) {
    let (code, text) = run(folder.path(), arguments);
    assert_eq!(code, Some(3), "{arguments}: {text}");
    assert!(text.contains(KEYWORDS) && text.contains(file), "{arguments}: {text}");
}

#[test]
fn a_spec_with_an_explosive_schema_is_not_imported() {
    let folder = tempfile::tempdir().unwrap();
    let (schemas, first) = doubling("#/components/schemas/");
    let schemas: serde_json::Map<String, Value> = schemas.into_iter().collect();
    let spec = json!({
        "openapi": "3.1.0", "info": { "version": "2030-01-02" }, "servers": [{ "url": "/v1" }],
        "components": { "schemas": schemas },
        "paths": { "/things": { "post": {
            "operationId": "CreateThing", "responses": {},
            "requestBody": { "content": { "application/json": {
                "schema": { "type": "object", "properties": { "a": first } },
            } } },
        } } },
    });
    fs::write(folder.path().join("spec.json"), spec.to_string()).unwrap();
    assert_refused(&folder, "contract import --accept-removed spec.json --out contract", "spec.json");
    assert!(!folder.path().join("contract").exists(), "something was written");
}

#[test]
fn a_contract_folder_with_an_explosive_schema_is_refused() {
    let folder = configured();
    let file = folder.path().join("contract/2026-05-12.json");
    let text = fs::read_to_string(&file).unwrap();
    let (schemas, first) = doubling("#/$defs/");
    let schemas: String = schemas.iter().map(|(name, schema)| format!("\"{name}\":{schema},\n")).collect();
    let known = "\"external_id\":{\"type\":[\"string\",\"null\"]}";
    assert!(text.contains(known) && text.contains("\"$defs\":{"), "the shipped file has another form");
    let text = text.replacen("\"$defs\":{", &format!("\"$defs\":{{{schemas}"), 1);
    fs::write(&file, text.replace(known, &format!("\"external_id\":{first}"))).unwrap();
    assert_refused(&folder, "check --config gateway.yaml", "2026-05-12.json");
}

#[test]
fn an_overlay_with_an_explosive_schema_is_refused() {
    let shipped =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/contract/clerk/overlay.yaml"));
    let shipped = shipped.unwrap();
    let schema = nested(8, 3);
    let entry = format!(
        "overlays:\n- operations: [UpdateUser]\n  fields: [/odd]\n  change: {{ add: {schema} }}\n  evidence: none at all\n"
    );
    let operation = format!(
        "operations:\n- id: CreateOdd\n  method: POST\n  path: /v1/odd\n  body: {{ type: object, properties: {{ odd: {schema} }} }}\n  \
         evidence: none at all\n"
    );
    for (section, more) in [("overlays:\n", entry), ("operations:\n", operation)] {
        let folder = configured();
        assert!(shipped.matches(section).count() == 1, "the shipped file has another form");
        fs::write(folder.path().join("contract/overlay.yaml"), shipped.replace(section, &more)).unwrap();
        assert_refused(&folder, "check --config gateway.yaml", "contract/overlay.yaml:");
        let (_, text) = run(folder.path(), "check --config gateway.yaml");
        assert_eq!(text.matches(KEYWORDS).count(), 1, "{text}");
    }
}

#[test]
fn a_policy_with_an_explosive_schema_is_refused() {
    let folder = configured();
    let schema = json!({ "properties": { "external_id": nested(8, 3) } });
    let policy = format!(
        "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: odd }}\nspec:\n  match: {{ operations: [UpdateUser] }}\n  \
         schema: {schema}\n  actions: [Deny]\n"
    );
    fs::write(folder.path().join("odd.yaml"), policy).unwrap();
    let gateway = fs::read_to_string(folder.path().join("gateway.yaml")).unwrap();
    let gateway =
        gateway.replace("policies: []", "policies: [odd.yaml]").replace("contract: { folder: contract }\n", "");
    fs::write(folder.path().join("gateway.yaml"), gateway).unwrap();
    assert_refused(&folder, "check --config gateway.yaml", "odd.yaml:");
}
