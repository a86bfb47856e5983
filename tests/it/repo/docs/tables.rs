//! Tables are those of the code.

use super::page::page;
use super::update::settle;
use super::workspace::{root, yaml_files};
use portcullis::contract::Contract;
use portcullis::contract::strictness::Strictness;
use portcullis::judge::{Bundle, PolicyText};
use portcullis::manifest;
use portcullis::reason::Reason;
use serde_json::Value;
use std::fs;

#[test]
fn the_table_of_reasons_is_that_of_the_code() {
    let page = page("docs/refusals.md");
    let rows = page.rows("| reason | status | meaning | fix |");
    assert_eq!(rows.len(), Reason::ALL.len());
    for (row, reason) in rows.into_iter().zip(Reason::ALL) {
        let (word, status, meaning, fix) = (reason.as_str(), reason.status(), reason.meaning(), reason.fix());
        settle(&page.path, row, &format!("| [`{word}`](#{word}) | {status} | {meaning} | {fix} |"));
    }
}

/// What config/gateway.yaml documents: every option by its path, with its default.
fn options(prefix: &str, value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(object) if !object.is_empty() => {
            for (key, value) in object {
                let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                options(&path, value, found);
            }
        }
        Value::String(text) => found.push((prefix.to_owned(), text.clone())),
        other => found.push((prefix.to_owned(), other.to_string().replace(',', ", ").replace('"', ""))),
    }
}

#[test]
fn the_tables_of_options_have_each_with_its_default() {
    let file = root().join("config/gateway.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let gateway = manifest::read::<Value>(&file, &text).unwrap().remove(0).value;
    let mut expected = Vec::new();
    options("", &gateway, &mut expected);
    expected.retain(|(path, _)| path != "apiVersion" && path != "kind");
    let page = page("docs/configuration.md");
    let mut documented: Vec<_> = ["| option | default | what |", "| option | default | why |"]
        .into_iter()
        .flat_map(|header| page.table(header))
        .map(|row| (row[0].trim_matches('`').to_owned(), row[1].trim_matches('`').to_owned()))
        .collect();
    // `none` is no default, unless it is one
    for (path, default) in documented.extract_if(.., |row| row.1 == "none" && !expected.contains(row)) {
        assert_eq!(default, "none");
        let key = path.rsplit('.').next().unwrap();
        assert!(text.contains(&format!("# {key}: ")), "config/gateway.yaml has no {path}");
    }
    documented.sort();
    expected.sort();
    assert_eq!(documented, expected);
}

#[test]
fn the_table_of_policies_has_every_one_that_ships() {
    let mut expected = Vec::new();
    let files = yaml_files(&root().join("policies"));
    for file in files.iter().filter(|file| !file.to_string_lossy().contains(".test.")) {
        let text = fs::read_to_string(file).unwrap();
        for document in manifest::read::<Value>(file, &text).unwrap() {
            let value = document.value;
            let words = |pointer: &str| {
                let words = value.pointer(pointer).and_then(Value::as_array).unwrap().iter();
                words.map(|word| word.as_str().unwrap()).collect::<Vec<_>>().join(", ")
            };
            let name = format!("`{}`", value["metadata"]["name"].as_str().unwrap());
            expected.push([name, words("/spec/actions"), words("/spec/match/operations")]);
        }
    }
    expected.sort();
    let page = page("docs/policy-library.md");
    let documented = page.table("| policy | what it prevents | action | operations |");
    assert!(documented.iter().all(|row| row[1].len() > 10), "a policy prevents nothing");
    let documented: Vec<_> = documented.iter().map(|row| [row[0], row[2], row[3]].map(str::to_owned)).collect();
    assert_eq!(documented, expected);
}

fn policy(name: &str, expression: &str, params: &str) -> PolicyText {
    let text = format!(
        "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: {name} }}\nspec:\n  \
         match: {{ operations: [CreateUser, UpdateUser], environments: [production] }}\n{params}  actions: [Deny]\n  \
         validations:\n    - message: no\n      expression: >-\n        {expression}\n"
    );
    PolicyText { file: "docs/policies.md".into(), text }
}

#[test]
fn the_expressions_to_copy_compile() {
    let page = page("docs/policies.md");
    let rows = page.table("| what must be true | as an expression |");
    let params = "  params: { keys: [a], plans: [a], services: [spiffe://a/b], most: 3 }\n";
    let policies: Vec<_> = rows
        .iter()
        .enumerate()
        .map(|(number, row)| policy(&format!("rule-{number}"), &row[1].trim_matches('`').replace("\\|", "|"), params))
        .collect();
    assert!(policies.len() > 3, "{} expressions only", policies.len());
    let contract = Contract::built_in("2026-05-12").expect("a valid contract");
    if let Err(errors) = Bundle::compile(contract, &policies, Strictness::default()) {
        panic!("{errors:?}");
    }
}

#[test]
fn the_table_of_errors_has_the_messages_of_check() {
    let page = page("docs/policies.md");
    for row in page.rows("| expression | what `check` reports |") {
        let expression = row.split('`').nth(1).expect("an expression");
        let contract = Contract::built_in("2026-05-12").expect("a valid contract");
        let errors = Bundle::compile(contract, &[policy("rule", expression, "")], Strictness::default());
        let errors = errors.expect_err(expression).0;
        let help = errors[0].help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        settle(&page.path, row, &format!("| `{expression}` | {}{help} |", errors[0].message));
    }
}

/// Names that CEL's standard library and the gateway give to expressions.
#[test]
fn the_names_of_expressions_are_known() {
    let page = page("docs/policies.md");
    let rows = page.table("| name | what it is |");
    let names: Vec<_> = rows.iter().map(|row| row[0]).collect();
    assert!(names.len() > 5, "{names:?}");
    for name in names.iter().filter(|name| !name.contains('(') && !name.contains(',')) {
        let name = name.trim_matches('`');
        let contract = Contract::built_in("2026-05-12").expect("a valid contract");
        let expression = format!("{name}.nothing_of_this_name == null");
        let errors = Bundle::compile(contract, &[policy("rule", &expression, "")], Strictness::default());
        let message = errors.expect_err("there is no such name").0[0].message.clone();
        assert!(!message.starts_with(&format!("`{name}` is not a name")), "{message}");
    }
}

/// The messages of `src/upstream/error.rs`, up to what they advise.
#[test]
fn every_cause_of_a_502_is_in_the_page_of_symptoms() {
    let source = fs::read_to_string(root().join("src/upstream/error.rs")).unwrap();
    let causes = source.split_once("pub enum Unreachable").unwrap().1;
    let messages = causes.split("#[error(\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    let page = page("docs/troubleshooting.md").text.replace('`', "");
    let mut found = 0;
    for message in messages {
        let message = message.replace('`', "");
        let cause = message.split(['{', ';', ':', ',']).next().unwrap().trim();
        assert!(page.contains(cause), "docs/troubleshooting.md has no `{cause}`");
        found += 1;
    }
    assert!(found > 15, "{found} messages only");
}
