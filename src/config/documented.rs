//! Holds `config/gateway.yaml` and `config/gateway.schema.json` to the code.

use super::load::load;
use super::overrides::Overrides;
use crate::manifest;
use serde_json::Value;
use std::path::Path;

const GATEWAY: &str = include_str!("../../config/gateway.yaml");
const QUICKSTART: &str = include_str!("../../config/quickstart.yaml");
const SCHEMA: &str = include_str!("../../config/gateway.schema.json");

/// One key of the configuration file, by JSON Pointer, and its default.
struct Key {
    pointer: String,
    name: String,
    default: Option<Value>,
}

/// Every key, however deep.
fn keys_of(schema: &Value) -> Vec<Key> {
    let mut keys = Vec::new();
    collect(schema, schema, "", &mut keys);
    keys
}

fn collect(root: &Value, schema: &Value, pointer: &str, keys: &mut Vec<Key>) {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return collect(root, root.pointer(reference.trim_start_matches('#')).unwrap(), pointer, keys);
    }
    for branch in ["anyOf", "oneOf"].iter().filter_map(|word| schema.get(word)).filter_map(Value::as_array).flatten() {
        collect(root, branch, pointer, keys);
    }
    if let Some(items) = schema.get("items") {
        collect(root, items, &format!("{pointer}/0"), keys);
    }
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let pointer = format!("{pointer}/{name}");
        let default = property.get("default").filter(|default| !default.is_null()).cloned();
        keys.push(Key { pointer: pointer.clone(), name: name.clone(), default });
        collect(root, property, &pointer, keys);
    }
}

#[test]
fn every_option_is_in_gateway_yaml() {
    let keys = keys_of(&super::schema());
    assert!(keys.len() > 30, "the schema was not walked: {} keys", keys.len());
    let written = |name: &str| {
        GATEWAY.lines().any(|line| line.trim_start_matches([' ', '#', '-']).starts_with(&format!("{name}:")))
    };
    let missing: Vec<_> = keys.iter().filter(|key| !written(&key.name)).map(|key| &key.pointer).collect();
    assert!(missing.is_empty(), "config/gateway.yaml does not explain {missing:?}");
}

#[test]
fn every_default_in_gateway_yaml_is_the_codes() {
    let written = manifest::read::<Value>(Path::new("gateway.yaml"), GATEWAY).unwrap().remove(0).value;
    let keys = keys_of(&super::schema());
    for Key { pointer, default, .. } in &keys {
        let Some(default) = default.as_ref().filter(|default| !default.is_object()) else { continue };
        assert_eq!(written.pointer(pointer), Some(default), "config/gateway.yaml has another default for {pointer}");
    }
    assert!(keys.iter().filter(|key| key.default.is_some()).count() > 20, "the schema tells no defaults");
}

#[test]
fn the_schema_for_editors_is_the_codes() {
    let generated = format!("{:#}\n", super::schema());
    assert!(
        SCHEMA == generated,
        "config/gateway.schema.json is out of date; run `cargo run -- schema gateway > config/gateway.schema.json`"
    );
}

#[test]
fn both_files_load_and_name_the_schema_on_their_first_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("policies")).unwrap();
    std::fs::create_dir(folder.path().join("config")).unwrap();
    for (name, text) in [("gateway.yaml", GATEWAY), ("quickstart.yaml", QUICKSTART)] {
        assert!(text.starts_with("# yaml-language-server: $schema=./gateway.schema.json\n"), "{name}");
        let file = folder.path().join("config").join(name);
        std::fs::write(&file, text).unwrap();
        let gateway = load(&file, &Overrides::default(), &|_| None).unwrap_or_else(|found| panic!("{found:?}"));
        assert!(gateway.workers > 0);
        assert_eq!(gateway.policies, [folder.path().join("config/../policies")]);
    }
}
