//! What editors are told of the files that people write: each key means something, and what an editor takes, loading takes.

use crate::support::gateway::{contract, text};
use portcullis::contract::strictness::Strictness;
use portcullis::judge::Bundle;
use portcullis::manifest;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// What stands before the path of the schema in a file's first line.
const LINE: &str = "# yaml-language-server: $schema=";

/// The files in the folders that ship whose name ends so.
fn shipped(end: &str) -> Vec<PathBuf> {
    let mut folders = vec![PathBuf::from("config"), PathBuf::from("policies")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(end) {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn json(file: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

fn is_valid(schema: &Path, file: &Path, text: &str) -> bool {
    let validator = jsonschema::validator_for(&json(schema)).expect("a sound schema");
    let documents = manifest::read::<Value>(file, text).expect("YAML");
    documents.iter().all(|document| validator.is_valid(&document.value))
}

/// Every declared key below `schema`, by where it stands, with what is said of it.
fn properties<'s>(schema: &'s Value, place: &str, found: &mut Vec<(String, &'s Value)>) {
    match schema {
        Value::Object(members) => {
            // what has no type only narrows what is declared elsewhere
            let declared = members.get("properties").filter(|_| members.contains_key("type"));
            let declared = declared.and_then(Value::as_object).into_iter().flatten();
            // of one of several shapes that has but one key, the shape's meaning is the key's
            let is_shape = members.get("required").and_then(Value::as_array).is_some_and(|keys| keys.len() == 1);
            let meaning = |of: &'s Value| if is_shape && of.is_boolean() { schema } else { of };
            found.extend(declared.map(|(name, of)| (format!("{place}: `{name}`"), meaning(of))));
            members.iter().for_each(|(name, member)| properties(member, &format!("{place}/{name}"), found));
        }
        Value::Array(items) => items.iter().for_each(|item| properties(item, place, found)),
        _ => {}
    }
}

#[test]
fn every_key_has_a_meaning_that_editors_show() {
    for file in shipped(".schema.json") {
        let (schema, mut found) = (json(&file), Vec::new());
        properties(&schema, &file.to_string_lossy(), &mut found);
        assert!(found.len() > 5, "{}", file.display());
        for (place, of) in found {
            let description = of["description"].as_str().unwrap_or_default();
            assert!(description.len() > 5, "{place} has no description");
        }
    }
}

#[test]
fn every_file_that_ships_names_the_schema_that_it_fits() {
    let foreign = ["config/kubernetes", "config/helm", "config/compose", "config/prometheus"];
    for file in shipped(".yaml").into_iter().filter(|file| !foreign.iter().any(|folder| file.starts_with(folder))) {
        let text = fs::read_to_string(&file).unwrap();
        let named = text.lines().next().and_then(|line| line.strip_prefix(LINE));
        let schema = file.with_file_name(named.unwrap_or_else(|| panic!("{} names no schema", file.display())));
        assert!(schema.exists() && is_valid(&schema, &file, &text), "{}", file.display());
    }
}

/// A policy with which nothing is wrong.
const SOUND: &str = "\
apiVersion: portcullis/v1
kind: RequestPolicy
metadata: { name: rule }
spec:
  match: { operations: [CreateUser, UpdateUser], environments: [production] }
  variables: [{ name: is_long, expression: size(body.first_name) > 3 }]
  validations:
    - expression: variables.is_long
      message: first_name is short
  actions: [Deny]
";

/// A part of it, and in its place what is wrong by its shape alone.
const BROKEN: [(&str, &str); 21] = [
    ("portcullis/v1", "portcullis/v2"),
    ("kind: RequestPolicy", "kind: Policy"),
    ("kind: RequestPolicy", "Kind: RequestPolicy"),
    ("metadata: { name: rule }", "metadata: rule"),
    ("name: rule", "name: Rule"),
    ("name: rule", "name: \"\""),
    ("name: rule", "name: rule, owner: us"),
    ("name: rule", "name: rule, labels: { owner: [us] }"),
    ("[CreateUser, UpdateUser]", "[]"),
    ("[CreateUser, UpdateUser]", "UpdateUser"),
    ("[CreateUser, UpdateUser]", "[UpdateUser, UpdateUser]"),
    ("[production]", "[Prod]"),
    ("name: is_long", "name: is-long"),
    ("size(body.first_name) > 3", "true"),
    ("    - expression: variables.is_long\n      message", "    expression: variables.is_long\n    message"),
    ("- expression: variables.is_long", "- expression:"),
    ("message: first_name is short", "message: \" \""),
    ("message: first_name is short", "mesage: first_name is short"),
    ("actions: [Deny]", "actions: []"),
    ("actions: [Deny]", "actions: Deny"),
    ("actions: [Deny]", "actions: [deny]"),
];

#[test]
fn an_editor_refuses_what_loading_refuses() {
    let schema = Path::new("policies/policy.schema.json");
    let loads = |policy: &str| Bundle::compile(contract(), &[text("rule.yaml", policy)], Strictness::default()).is_ok();
    assert!(is_valid(schema, Path::new("rule.yaml"), SOUND) && loads(SOUND));
    for (part, planted) in BROKEN {
        assert!(SOUND.contains(part), "{part}");
        let policy = SOUND.replace(part, planted);
        assert!(!loads(&policy), "loading takes {planted}");
        assert!(!is_valid(schema, Path::new("rule.yaml"), &policy), "an editor takes {planted}");
    }
}
