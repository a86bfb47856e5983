//! Compares `config/gateway.yaml`, `config/gateway.schema.json` and the documentation with the code.

use super::defaults::{self, DefaultLimit};
use super::load::{load, of_text};
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
    assert!(keys.iter().filter(|key| key.default.is_some()).count() > 20, "the schema has no defaults");
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
        let loaded = load(&file, &Overrides::default(), &|_| None);
        if name == "quickstart.yaml" && cfg!(not(feature = "sandbox")) {
            let errors = loaded.expect_err("a build without the stand-in");
            assert!(errors.iter().any(|error| error.message.contains("this build has no stand-in")), "{errors:?}");
            continue;
        }
        let gateway = loaded.unwrap_or_else(|found| panic!("{found:?}"));
        assert!(gateway.workers > 0);
        assert_eq!(gateway.policies, [folder.path().join("config/../policies")]);
    }
}

/// Key, default and reason of each limit, in the order of the documentation.
fn default_limits() -> Vec<[String; 3]> {
    fn row<T: ToString>(limit: &DefaultLimit<T>) -> [String; 3] {
        [limit.key.to_owned(), limit.value.to_string(), limit.reason.to_owned()]
    }
    vec![
        row(&defaults::BODY_BYTES),
        row(&defaults::BODY_TIMEOUT),
        row(&defaults::HEADER_BYTES),
        row(&defaults::HEADER_TIMEOUT),
        row(&defaults::IDLE_TIMEOUT),
        row(&defaults::REQUEST_TIMEOUT),
        row(&defaults::CONNECTION_AGE),
        row(&defaults::CONNECTIONS),
        row(&defaults::IN_FLIGHT),
        row(&defaults::PER_CLIENT_SHARE),
        row(&defaults::CONNECT_TIMEOUT),
        row(&defaults::RESPONSE_TIMEOUT),
        row(&defaults::UPLOAD_TIMEOUT),
    ]
}

#[test]
fn the_table_of_defaults_has_every_limit_of_the_schema() {
    let defaults = default_limits();
    let known: Vec<_> = defaults.iter().map(|[key, default, _]| (key.as_str(), default.as_str())).collect();
    let limits = keys_of(&super::schema()).into_iter().filter_map(|Key { pointer, default, .. }| {
        let key = pointer.trim_start_matches('/').replace('/', ".");
        let is_limit = key.starts_with("limits.") || key.starts_with("upstream.") && key.ends_with("Timeout");
        let default = default.map(|default| default.as_str().map_or(default.to_string(), str::to_owned));
        // without a default of its own: that depends on the machine
        let default = default?;
        is_limit.then_some((key, default))
    });
    for (key, default) in limits {
        assert!(known.contains(&(&*key, &*default)), "`{key}` has the default {default}: not in config/defaults.rs");
    }
}

#[test]
fn the_documented_table_of_limits_is_the_table_of_defaults() {
    let pages =
        std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/docs")).unwrap().map(|page| page.unwrap().path());
    let pages = pages.chain([concat!(env!("CARGO_MANIFEST_DIR"), "/README.md").into()]);
    let texts: String = pages.map(|page| std::fs::read_to_string(page).unwrap()).collect();
    let rows = texts.lines().skip_while(|line| *line != "| option | default | why |").skip(2);
    let rows: Vec<[String; 3]> = rows
        .map_while(|line| {
            let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.splitn(3, " | ");
            let mut cell = || cells.next().map(str::to_owned);
            let (key, default, reason) = (cell()?, cell()?, cell()?);
            Some([key.replace('`', ""), default.replace('`', ""), reason])
        })
        .collect();
    assert_eq!(rows, default_limits(), "the table of limits in docs/ and src/config/defaults.rs differ");
}

#[test]
fn one_word_of_fallthrough_is_for_reads_and_writes() {
    use crate::contract::fallthrough::{Fallthrough, ReadFallthrough, WriteFallthrough};
    let fallthrough = |written: &str| {
        let text = format!("apiVersion: portcullis/v1\nkind: Gateway\npolicies: []\ncontract: {{ {written} }}\n");
        let loaded = of_text(Path::new("gateway.yaml"), &text, &Overrides::default(), &|_| None);
        loaded.unwrap_or_else(|errors| panic!("{errors:?}")).contract.strictness.fallthrough
    };
    let each = |reads, writes| Fallthrough { reads, writes };
    for (written, expected) in [
        ("fallthrough: forward", Fallthrough::FORWARD),
        ("fallthrough: deny", Fallthrough::DENY),
        ("", each(ReadFallthrough::Forward, WriteFallthrough::Deny)),
        ("fallthrough: {}", each(ReadFallthrough::Forward, WriteFallthrough::Deny)),
        ("fallthrough: { writes: audit }", each(ReadFallthrough::Forward, WriteFallthrough::Audit)),
        ("fallthrough: { reads: deny }", Fallthrough::DENY),
        ("fallthrough: { reads: forward, writes: forward }", Fallthrough::FORWARD),
    ] {
        assert_eq!(fallthrough(written), expected, "{written}");
    }
}
