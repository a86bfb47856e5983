//! `portcullis contract check`: edited copies of a spec are classified without a miss, for every guarded operation.

use portcullis::contract::drift::{Drift, DriftClass, drifts};
use portcullis::contract::import::import;
use portcullis::contract::strictness::Strictness;
use portcullis::contract::{ANY_VERSION, Contract, ContractText, ContractTexts};
use portcullis::judge::{Bundle, PolicyText};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::LazyLock;

const VERSION: &str = "2026-05-12";
const PARTS: [&str; 3] = ["allOf", "anyOf", "oneOf"];

/// A spec from which `import` makes the committed file of the newest version.
static WHOLE: LazyLock<Value> = LazyLock::new(|| spec(|_| true));

/// The same with the guarded operations only, and what they refer to: each copy is read anew.
static SPEC: LazyLock<Value> = LazyLock::new(|| {
    let ids: BTreeSet<String> = guarded_operations().into_iter().map(|(id, ..)| id).collect();
    let mut spec = spec(|id| ids.contains(id));
    let mut wanted = BTreeSet::new();
    refer(&spec["paths"], &spec, &mut wanted);
    spec["components"]["schemas"].as_object_mut().unwrap().retain(|name, _| wanted.contains(name));
    spec
});

/// Collects the names of the shared schemas that `value` refers to.
fn refer(value: &Value, spec: &Value, wanted: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(target) = members.get("$ref").and_then(Value::as_str) {
                let name = target.rsplit('/').next().unwrap();
                if wanted.insert(name.to_owned()) {
                    refer(&spec["components"]["schemas"][name], spec, wanted);
                }
            }
            members.values().for_each(|member| refer(member, spec, wanted));
        }
        Value::Array(items) => items.iter().for_each(|item| refer(item, spec, wanted)),
        _ => {}
    }
}

/// States that objects are open that are: in a spec, one that lists its fields is closed.
fn open(schema: &mut Value) {
    if let Value::Array(items) = schema {
        items.iter_mut().for_each(open);
    }
    let Value::Object(members) = schema else { return };
    members.values_mut().for_each(open);
    let others = ["additionalProperties", "allOf", "anyOf", "oneOf", "not", "$ref"];
    if members.get("properties").is_some_and(Value::is_object) && !others.iter().any(|it| members.contains_key(*it)) {
        members.insert("additionalProperties".to_owned(), true.into());
    }
}

fn spec(is_wanted: impl Fn(&str) -> bool) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("policies/contract/clerk/{VERSION}.json"));
    let text = fs::read_to_string(file).unwrap().replace("#/$defs/", "#/components/schemas/");
    let mut file: Value = serde_json::from_str(&text).unwrap();
    open(&mut file["$defs"]);
    open(&mut file["operations"]);
    let mut paths = Map::new();
    let operations = file["operations"].as_array().unwrap().iter();
    for operation in operations.filter(|operation| is_wanted(operation["id"].as_str().unwrap())) {
        let path = operation["path"].as_str().unwrap().strip_prefix("/v1").unwrap();
        let method = operation["method"].as_str().unwrap().to_lowercase();
        let statuses = operation["statuses"].as_array().unwrap().iter();
        let responses: Map<String, Value> =
            statuses.map(|status| (status.to_string(), json!({ "description": "x" }))).collect();
        let mut described = json!({ "operationId": operation["id"], "responses": responses });
        if let Some(body) = operation.get("body") {
            let content = body["mediaTypes"].as_array().unwrap().iter().map(|media| {
                let schema = body.get("schema").cloned().unwrap_or_else(|| json!({}));
                (media.as_str().unwrap().to_owned(), json!({ "schema": schema }))
            });
            described["requestBody"] =
                json!({ "required": body["required"], "content": content.collect::<Map<_, _>>() });
        }
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[method.as_str()] = described;
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": "t", "version": VERSION },
        "servers": [{ "url": "https://api.clerk.com/v1" }],
        "paths": paths,
        "components": { "schemas": file["$defs"] },
    })
}

static IN_FORCE: LazyLock<Contract> = LazyLock::new(|| Contract::built_in(ANY_VERSION).unwrap());

/// Every operation with a body that a rule may refuse, with its path in the spec and its method there.
fn guarded_operations() -> Vec<(String, String, String)> {
    static GUARDED: LazyLock<Vec<(String, String, String)>> = LazyLock::new(find_guarded);
    GUARDED.clone()
}

fn find_guarded() -> Vec<(String, String, String)> {
    let files = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")).unwrap();
    let files = files.map(|entry| entry.unwrap().path()).filter(|file| {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        name.strip_suffix(".yaml").is_some_and(|name| !name.contains(".test"))
    });
    let texts: Vec<_> = files.map(|file| PolicyText { text: fs::read_to_string(&file).unwrap(), file }).collect();
    let bundle = Bundle::compile(Contract::built_in(ANY_VERSION).unwrap(), &texts, Strictness::default()).unwrap();
    let operations = IN_FORCE.operations_of(VERSION).into_iter();
    let guarded = operations
        .filter(|operation| operation.body.is_some() && !operation.is_added && bundle.inspection(operation).is_some());
    let guarded: Vec<_> = guarded
        .map(|it| (it.id.to_string(), it.path.strip_prefix("/v1").unwrap().to_owned(), it.method.to_lowercase()))
        .collect();
    assert!(guarded.len() >= 20, "{guarded:?}");
    guarded
}

fn differences(spec: &Value) -> Vec<Drift> {
    let made = import((Path::new("spec.json"), &spec.to_string()), "2026-09-01", None, None).expect("a spec");
    let text = ContractText { file: "spec.json".into(), text: made.text.into() };
    let spec = Contract::of_version(text, ContractTexts::built_in().overlay).expect("a contract");
    let ids: BTreeSet<String> = guarded_operations().into_iter().map(|(id, ..)| id).collect();
    let (mut old, mut new) = (IN_FORCE.operations_of(VERSION), spec.operations_of(VERSION));
    old.retain(|operation| ids.contains(operation.id.as_ref()));
    new.retain(|operation| !operation.is_added);
    drifts(&old, &new, &|_, _| BTreeSet::new()).expect("schemas")
}

/// The operation and field of each difference, all of which must be of `class`.
fn differing_fields(spec: &Value, class: DriftClass) -> BTreeSet<(String, String)> {
    let drifts = differences(spec).into_iter();
    let found = drifts.map(|drift| {
        assert_eq!(drift.class, class, "{drift:?}");
        (drift.operation.to_string(), drift.field.unwrap_or_default())
    });
    found.collect()
}

/// The schema of the fields of a body, with the pointer to them: references and lists are followed, into copies.
fn object<'s>(spec: &'s mut Value, path: &str, method: &str) -> (&'s mut Value, String) {
    let components = spec["components"]["schemas"].clone();
    let content = spec["paths"][path][method]["requestBody"]["content"]["application/json"].as_object_mut().unwrap();
    let (mut schema, mut pointer) = (content.get_mut("schema").unwrap(), String::new());
    loop {
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            *schema = components[target.rsplit('/').next().unwrap()].clone();
        } else if schema.get("items").is_some() && schema.get("properties").is_none() {
            pointer.push_str("/*");
            schema = schema.get_mut("items").unwrap();
        } else {
            return (schema, pointer);
        }
    }
}

/// The names of the fields of `schema` that it declares itself.
fn names(schema: &Value) -> Vec<String> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

#[test]
fn a_spec_that_is_only_reworded_is_harmless() {
    assert_eq!(differing_fields(&SPEC, DriftClass::Harmless), BTreeSet::new());
    let mut spec = SPEC.clone();
    reword(&mut spec["components"]);
    for (_, path, method) in guarded_operations() {
        let operation = &mut spec["paths"][&path][&method];
        operation["summary"] = "other words".into();
        operation["tags"] = json!(["Other"]);
        let (schema, _) = object(&mut spec, &path, &method);
        reword(schema);
    }
    assert_eq!(differing_fields(&spec, DriftClass::Harmless), BTreeSet::new());
}

/// Adds a description to every schema.
fn reword(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                if name != "enum" && name != "const" && name != "required" {
                    reword(member);
                }
            }
            let is_schema = ["type", "properties", "items", "anyOf"].iter().any(|name| members.contains_key(*name));
            // a field may be called `type`, whose value is then a schema and not a name
            let is_names = members.values().all(Value::is_object);
            if is_schema && !is_names {
                members.insert("description".to_owned(), "other words".into());
                members.insert("example".to_owned(), 1.into());
            }
        }
        Value::Array(items) => items.iter_mut().for_each(reword),
        _ => {}
    }
}

#[test]
fn a_new_operation_is_a_new_door() {
    let (mut spec, mut expected) = (SPEC.clone(), BTreeSet::new());
    for (id, path, method) in guarded_operations() {
        let mut operation = spec["paths"][&path][&method].clone();
        operation["operationId"] = format!("Extra{id}").into();
        spec["paths"][format!("{path}/extra_{method}")] = json!({ "post": operation });
        expected.insert((format!("Extra{id}"), String::new()));
    }
    assert_eq!(differing_fields(&spec, DriftClass::NewDoor), expected);
}

#[test]
fn a_new_field_is_a_new_field() {
    let (mut spec, mut expected) = (SPEC.clone(), BTreeSet::new());
    for (id, path, method) in guarded_operations() {
        let (schema, pointer) = object(&mut spec, &path, &method);
        let fields = schema.as_object_mut().unwrap().entry("properties").or_insert_with(|| json!({}));
        fields["brand_new"] = json!({ "type": "boolean" });
        expected.insert((id, format!("{pointer}/brand_new")));
    }
    assert_eq!(differing_fields(&spec, DriftClass::NewField), expected);
}

/// For each guarded operation the fields that it declares itself, of which `edit` changes one that it can change.
fn edit_each(edit: impl Fn(&mut Value, &str) -> bool, class: DriftClass) {
    let guarded = guarded_operations();
    let mut edited = BTreeSet::new();
    // another position of each operation in each round: an import for each of forty positions takes minutes
    for round in 0..2 {
        let (mut spec, mut expected) = (SPEC.clone(), BTreeSet::new());
        for (number, (id, path, method)) in guarded.iter().enumerate() {
            let (schema, pointer) = object(&mut spec, path, method);
            // what alternatives say of a field is a difference of the body as a whole
            if ["anyOf", "oneOf", "allOf"].iter().any(|keyword| schema.get(*keyword).is_some()) {
                continue;
            }
            let names = names(schema);
            let start = (number + round * 3) % names.len().max(1);
            let mut in_turn = names.iter().cycle().skip(start).take(names.len());
            if let Some(name) = in_turn.find(|name| edit(schema, name)) {
                expected.insert((id.clone(), format!("{pointer}/{name}")));
                edited.insert(id.clone());
            }
        }
        assert_eq!(differing_fields(&spec, class), expected, "round {round}");
    }
    // operations whose schema is one of alternatives declare no field themselves
    assert!(edited.len() * 10 >= guarded.len() * 8, "{} of {}", edited.len(), guarded.len());
}

#[test]
fn a_field_that_is_gone_is_a_lost_field() {
    edit_each(
        |schema, name| {
            schema["properties"].as_object_mut().unwrap().remove(name);
            if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
                required.retain(|known| known != name);
            }
            // an alternative could require it
            !PARTS.iter().any(|part| schema.get(part).is_some())
        },
        DriftClass::LostField,
    );
}

#[test]
fn a_wider_type_is_a_change() {
    edit_each(
        |schema, name| {
            let field = &mut schema["properties"][name];
            let was = field.take();
            let other = if was.to_string().contains("boolean") { "number" } else { "boolean" };
            *field = json!({ "anyOf": [was, { "type": other }] });
            true
        },
        DriftClass::Changed,
    );
}

#[test]
fn a_field_that_becomes_required_is_a_change() {
    edit_each(
        |schema, name| {
            let required = schema.as_object_mut().unwrap().entry("required").or_insert_with(|| json!([]));
            let required = required.as_array_mut().unwrap();
            let is_new = !required.iter().any(|known| known == name);
            if is_new {
                required.push(name.into());
            }
            is_new
        },
        DriftClass::Changed,
    );
}

#[test]
fn another_path_is_a_change() {
    let (mut spec, mut expected) = (SPEC.clone(), BTreeSet::new());
    for (id, path, method) in guarded_operations() {
        let operation = spec["paths"][&path].as_object_mut().unwrap().remove(&method).unwrap();
        spec["paths"][format!("{path}/moved_{method}")] = json!({ "post": operation });
        expected.insert((id, String::new()));
    }
    assert_eq!(differing_fields(&spec, DriftClass::Changed), expected);
}

fn check(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(["contract", "check"]).args(arguments).current_dir(folder).env_clear().output().unwrap()
}

#[test]
fn the_exit_code_is_4_if_a_difference_matters() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("same.json"), WHOLE.to_string()).unwrap();
    let mut spec = WHOLE.clone();
    let (schema, _) = object(&mut spec, "/users/{user_id}", "patch");
    schema["properties"]["skip_everything"] = json!({ "type": "boolean" });
    schema["properties"].as_object_mut().unwrap().remove("skip_password_checks");
    fs::write(folder.path().join("other.json"), spec.to_string()).unwrap();

    let output = check(&["same.json"], folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text, "same.json: 2026-05-12: differs in nothing that the gateway judges by\n");

    let output = check(&["same.json", "other.json", "--json"], folder.path());
    assert_eq!(output.status.code(), Some(4));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["differs"], &report["specs"][0]["result"]), (&true.into(), &"harmless".into()));
    let differences = report["specs"][1]["differences"].as_array().unwrap();
    let classes: Vec<_> = differences.iter().map(|it| (it["class"].as_str().unwrap(), &it["field"])).collect();
    assert_eq!(classes, [("new_field", &"/skip_everything".into()), ("lost_field", &"/skip_password_checks".into())]);
    let policies = differences[1]["policies"].as_array().unwrap();
    assert!(policies.contains(&"no-skip-password-checks".into()), "{policies:?}");

    let output = check(&["other.json"], folder.path());
    assert_eq!(output.status.code(), Some(4));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\nnew field\n") && text.contains("\nlost field\n"), "{text}");
    assert_eq!(check(&["missing.json"], folder.path()).status.code(), Some(3));
}
