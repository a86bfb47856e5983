//! Commands print what the pages show, and every YAML block is a file that loads.

use super::page::{Page, pages};
use super::update::settle;
use super::workspace::{Workspace, root, yaml_files};
use portcullis::config::load::load;
use portcullis::config::overrides::Overrides;
use portcullis::contract::Contract;
use portcullis::contract::strictness::Strictness;
use portcullis::judge::{Bundle, PolicyText};
use portcullis::manifest;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// The kinds of file, each with its schema for editors.
const SCHEMAS: [(&str, &str); 7] = [
    ("Gateway", "config/gateway.schema.json"),
    ("RequestPolicy", "policies/policy.schema.json"),
    ("RequestLimit", "policies/request-limit.schema.json"),
    ("Waiver", "policies/waiver.schema.json"),
    ("Params", "policies/params.schema.json"),
    ("PolicyTest", "policies/policy-test.schema.json"),
    ("ContractOverlay", "policies/contract/overlay.schema.json"),
];

fn schema_of(kind: &str) -> &'static str {
    SCHEMAS.iter().find(|(name, _)| *name == kind).unwrap_or_else(|| panic!("no kind {kind}")).1
}

/// Whatever a page has its reader save is valid, too.
#[test]
fn every_command_prints_what_its_page_shows() {
    for page in pages() {
        let workspace = Workspace::new();
        for session in workspace.follow(&page) {
            settle(&page.path, &session.documented, &session.actual);
        }
        if page.blocks().iter().any(|block| block.file().is_some()) {
            for verb in ["check", "test"] {
                let output = workspace.portcullis(&[verb]);
                let text = String::from_utf8_lossy(&output.stderr);
                assert_eq!(output.status.code(), Some(0), "{}: {verb}: {text}", page.path);
            }
        }
    }
}

#[test]
fn every_yaml_block_is_read() {
    for page in pages() {
        for block in page.blocks().into_iter().filter(|block| block.info.starts_with("yaml")) {
            let value = page.read(&block.text);
            match block.info.as_str() {
                "yaml" => assert!(value["kind"].is_string(), "{}: mark as `yaml fragment`:\n{}", page.path, block.text),
                info => assert_eq!(info, "yaml fragment", "{}", page.path),
            }
        }
    }
}

#[test]
fn policies_and_limits_compile() {
    for page in pages() {
        for (text, _) in ["RequestPolicy", "RequestLimit"].map(|kind| page.manifests(kind)).concat() {
            let shared = page.manifests("Params").into_iter().map(|(text, _)| text);
            let texts = std::iter::once(text).chain(shared);
            let texts: Vec<_> = texts.map(|text| PolicyText { file: page.path.clone().into(), text }).collect();
            let contract = Contract::built_in("2026-05-12").expect("a valid contract");
            Bundle::compile(contract, &texts, Strictness::default()).expect("a valid policy");
        }
    }
}

#[test]
fn configurations_load() {
    for page in pages() {
        let workspace = Workspace::new();
        for (text, _) in page.manifests("Gateway") {
            let file = workspace.path().join("config/page.yaml");
            fs::write(&file, text).unwrap();
            if let Err(error) = load(&file, &Overrides::default(), &|_| None) {
                panic!("{}: {error:?}", page.path);
            }
        }
    }
}

/// The documents of the policies that ship.
fn shipped() -> Vec<(String, Value)> {
    let read = |file: &Path| {
        let text = fs::read_to_string(file).unwrap();
        let documents = manifest::read::<Value>(file, &text).unwrap();
        documents.into_iter().map(|document| (text.clone(), document.value)).collect::<Vec<_>>()
    };
    yaml_files(&root().join("policies")).iter().flat_map(|file| read(file)).collect()
}

fn documents(pages: &[Page]) -> Vec<(String, Value)> {
    let of_page = |page: &Page| SCHEMAS.iter().flat_map(|(kind, _)| page.manifests(kind)).collect::<Vec<_>>();
    pages.iter().flat_map(of_page).collect()
}

#[test]
fn every_document_fits_the_schema_that_editors_use() {
    for (text, value) in shipped().into_iter().chain(documents(&pages())) {
        let path = schema_of(value["kind"].as_str().expect("a kind"));
        let name = Path::new(path).file_name().unwrap().to_str().unwrap();
        let first = format!("# yaml-language-server: $schema=./{name}\n");
        assert!(text.starts_with(&first), "does not begin with {first}{text}");
        let schema: Value = serde_json::from_str(&fs::read_to_string(root().join(path)).unwrap()).unwrap();
        let schema = jsonschema::validator_for(&schema).unwrap();
        assert!(schema.is_valid(&value), "{text}");
        let mut wrong = value;
        wrong["spec"]["surplus"] = "x".into();
        assert!(!schema.is_valid(&wrong), "the schema takes keys that loading refuses: {path}");
    }
}

/// `--help` is read after the flags before it, so that a flag which is not known fails.
#[test]
fn command_lines_have_verbs_and_flags_that_there_are() {
    let workspace = Workspace::new();
    for page in pages() {
        for block in page.blocks_of("sh") {
            for line in block.text.lines() {
                let Some((_, rest)) =
                    format!(" {line}").split_once(" portcullis ").map(|(a, b)| (a.len(), b.to_owned()))
                else {
                    continue;
                };
                let words = shell_words::split(rest.split(" #").next().unwrap()).unwrap();
                let end = words.iter().position(|word| ["|", ">", "2>", "&&", "&"].contains(&word.as_str()));
                let mut words: Vec<_> = words.iter().take(end.unwrap_or(words.len())).map(String::as_str).collect();
                words.push("--help");
                let output = workspace.portcullis(&words);
                assert!(output.status.success(), "{}: {line}\n{}", page.path, String::from_utf8_lossy(&output.stderr));
            }
        }
    }
}
