//! README.md is true: its tables are the code's, its files load, its commands print what it shows, its links lead somewhere.

use crate::cli::rollout::log::{Sent, lines};
use crate::support::client::Client;
use crate::support::gateway::{bundle, patch};
use crate::support::program::Program;
use crate::support::tail::Tail;
use portcullis::config::load::load;
use portcullis::config::overrides::Overrides;
use portcullis::contract::Contract;
use portcullis::contract::strictness::Strictness;
use portcullis::decision_log::LogEntry;
use portcullis::decision_log::chain::ChainEnd;
use portcullis::judge::{Bundle, PolicyText};
use portcullis::manifest;
use portcullis::reason::Reason;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const README: &str = include_str!("../../../README.md");
const GATEWAY: &str = include_str!("../../../config/gateway.yaml");
const SCHEMA: &str = include_str!("../../../policies/policy.schema.json");
const LIMIT_SCHEMA: &str = include_str!("../../../policies/request-limit.schema.json");

/// The folder that README.md is in.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The code blocks of a language, without their fences.
fn blocks(language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = README.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        if info == language {
            blocks.push(block.join("\n") + "\n");
        }
    }
    blocks
}

/// The YAML blocks of a kind, each with what it says.
fn manifests(kind: &str) -> Vec<(String, Value)> {
    let read = |text: String| {
        let mut documents = manifest::read::<Value>(Path::new("README.md"), &text).expect("YAML");
        (text, documents.remove(0).value)
    };
    let found: Vec<_> = blocks("yaml").into_iter().map(read).filter(|(_, value)| value["kind"] == kind).collect();
    assert!(!found.is_empty(), "README.md has no {kind}");
    found
}

/// The rows below the header `header`, by cells.
fn table(header: &str) -> Vec<Vec<&'static str>> {
    let below = README.lines().skip_while(|line| *line != header).skip(2).take_while(|line| line.starts_with('|'));
    let rows: Vec<_> = below.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect();
    assert!(!rows.is_empty(), "README.md has no table {header}");
    rows
}

/// A folder as a clone has it after the README's policies were written.
fn followed() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["config", "policies"] {
        fs::create_dir(folder.path().join(name)).unwrap();
        for file in yaml_files(name) {
            fs::copy(root().join(name).join(&file), folder.path().join(name).join(&file)).unwrap();
        }
    }
    let named = |kind: &str, end: &str| {
        let name = |value: &Value| value["metadata"]["name"].as_str().expect("a name").to_owned();
        let written = manifests(kind).into_iter();
        written.map(|(text, value)| (text, format!("policies/{}{end}", name(&value)))).collect::<Vec<_>>()
    };
    for (text, file) in [named("RequestPolicy", ".yaml"), named("PolicyTest", ".test.yaml")].concat() {
        assert!(README.contains(&format!("`{file}`")), "README.md does not say to save {file}");
        fs::write(folder.path().join(file), text).unwrap();
    }
    fs::write(folder.path().join("two-days.jsonl"), two_days(folder.path())).unwrap();
    fs::write(folder.path().join("config/fingerprint.key"), "0".repeat(32)).unwrap();
    fs::write(folder.path().join("decisions.jsonl"), decisions()).unwrap();
    folder
}

/// What the gateway of a clone wrote of two days.
fn two_days(folder: &Path) -> String {
    let files = yaml_files_in(&folder.join("policies")).into_iter().filter(|name| !name.contains(".test."));
    let mut files: Vec<_> = files.map(|name| folder.join("policies").join(name)).collect();
    files.sort();
    let texts = files.into_iter().map(|file| PolicyText { text: fs::read_to_string(&file).unwrap(), file });
    let bundle = bundle(&texts.collect::<Vec<_>>());
    let sent = |day, caller, body| Sent { body, caller, day, ..Sent::default() };
    let all = [
        sent(1, "signup", r#"{"first_name":"Ada"}"#),
        sent(1, "signup", r#"{"first_name":"Grace","skip_legal_checks":true}"#),
        sent(2, "signup", r#"{"first_name":"Edith","skip_legal_checks":true}"#),
        sent(2, "support", r#"{"external_id":"4711"}"#),
        sent(2, "support", r#"{"last_name":"Lovelace","skip_legal_checks":false}"#),
    ];
    lines(&bundle, &all)
}

/// A chained log, in which the decision that is shown stands twice.
fn decisions() -> String {
    let line = blocks("json")
        .into_iter()
        .find(|block| block.contains("\"decision_id\""))
        .expect("a decision")
        .replace('\n', "");
    let entry = LogEntry::read(&line).expect("an entry");
    let line = serde_json::to_string(&entry).expect("a line");
    let mut text = String::new();
    let first = ChainEnd::default().append(&line, &mut text);
    text.push('\n');
    let _ = first.append(&line, &mut text);
    text + "\n"
}

fn yaml_files(folder: &str) -> Vec<String> {
    yaml_files_in(&root().join(folder))
}

fn yaml_files_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| Path::new(name).extension().is_some_and(|end| end == "yaml")).collect()
}

/// The command as a person types it, in `folder`; what it prints.
fn typed(command: &str, folder: &Path) -> String {
    let programs = Path::new(env!("CARGO_BIN_EXE_portcullis")).parent().unwrap();
    let programs = format!("{}:/usr/bin:/bin", programs.display());
    let output = Command::new("/bin/sh")
        .args(["-c", command])
        .current_dir(folder)
        .env_clear()
        .env("PATH", programs)
        .output()
        .expect("a shell");
    assert!(output.stderr.is_empty(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What does not change with every policy text: the revision is a hash of them all.
fn lasting(text: &str) -> String {
    let lines = text.lines().map(|line| if line.trim_start().starts_with("revision ") { "revision" } else { line });
    lines.map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_table_of_reasons_is_the_codes() {
    let written = table("| reason | status | meaning |");
    let expected = Reason::ALL.map(|reason| {
        [format!("`{}`", reason.as_str()), reason.status().to_string(), reason.meaning().to_owned()].to_vec()
    });
    assert_eq!(written, expected);
}

#[test]
fn the_table_of_limits_has_every_limit_with_its_default() {
    let written = table("| option | default | why |");
    let gateway = manifest::read::<Value>(Path::new("gateway.yaml"), GATEWAY).unwrap().remove(0).value;
    for row in &written {
        let pointer = format!("/{}", row[0].trim_matches('`').replace('.', "/"));
        let default = gateway.pointer(&pointer).unwrap_or_else(|| panic!("no option {pointer}"));
        assert_eq!(default.to_string().trim_matches('"'), row[1], "{pointer}");
    }
    for limit in gateway["limits"].as_object().unwrap().keys() {
        assert!(written.iter().any(|row| row[0] == format!("`limits.{limit}`")), "{limit} is not in the table");
    }
}

#[test]
fn every_policy_compiles() {
    for (text, _) in manifests("RequestPolicy") {
        let policy = PolicyText { file: "README.md".into(), text };
        let contract = Contract::built_in("2026-05-12").expect("a sound contract");
        Bundle::compile(contract, &[policy], Strictness::default()).expect("a sound policy");
    }
}

#[test]
fn every_policy_and_those_that_ship_fit_the_schema_for_editors() {
    let shipped = yaml_files("policies").into_iter().filter(|name| !name.contains(".test."));
    let shipped = shipped.flat_map(|name| {
        let text = fs::read_to_string(root().join("policies").join(&name)).unwrap();
        let documents = manifest::read::<Value>(Path::new(&name), &text).unwrap();
        documents.into_iter().map(move |document| (text.clone(), document.value))
    });
    for (text, value) in shipped.chain(manifests("RequestPolicy")).chain(manifests("RequestLimit")) {
        let (name, schema) = match value["kind"].as_str() {
            Some("RequestLimit") => ("request-limit", LIMIT_SCHEMA),
            _ => ("policy", SCHEMA),
        };
        assert!(text.starts_with(&format!("# yaml-language-server: $schema=./{name}.schema.json\n")), "{text}");
        let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
        assert!(schema.is_valid(&value), "{text}");
        let mut wrong = value;
        wrong["spec"]["action"] = "Deny".into();
        assert!(!schema.is_valid(&wrong), "the schema takes keys that loading refuses");
    }
}

/// The policy files of a clone with what README.md says to save, and this.
fn check_with(file: &str, text: &str) -> std::process::Output {
    let folder = followed();
    fs::write(folder.path().join(format!("policies/{file}.yaml")), text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.arg("check").current_dir(folder.path()).env_clear().output().unwrap()
}

#[test]
fn the_schema_of_a_policy_decides_as_it_is_told() {
    let spec: Vec<_> = blocks("yaml").into_iter().filter(|block| block.starts_with("spec:\n  match:")).collect();
    let head = "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: { name: metadata-keys }\n";
    let text = format!("{head}{}", spec.concat());
    let schema = jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
    assert!(schema.is_valid(&manifest::read::<Value>(Path::new("README.md"), &text).unwrap()[0].value));
    let folder = followed();
    let cases = [("{ plan: pro, seats: 5 }", "allow"), ("{ plan: gold }", "deny"), ("{ role: admin }", "deny")];
    let cases = cases.map(|(metadata, decision)| {
        format!("    - name: '{metadata}'\n      request: {{ operation: UpdateUserMetadata, body: {{ public_metadata: {metadata} }} }}\n      expect: {{ decision: {decision} }}\n")
    });
    let head = "apiVersion: portcullis/v1\nkind: PolicyTest\nmetadata: { name: metadata-keys }\nspec:\n  cases:\n";
    fs::write(folder.path().join("policies/metadata-keys.yaml"), text).unwrap();
    fs::write(folder.path().join("policies/metadata-keys.test.yaml"), format!("{head}{}", cases.concat())).unwrap();
    let told = typed("portcullis test policies/metadata-keys.yaml", folder.path());
    assert!(told.starts_with("3 cases: 3 passed, 0 failed\ncoverage: 1 of 1 rules, 2 of 2 branches"), "{told}");
}

#[test]
fn the_waiver_is_sound_and_decides_as_it_is_told() {
    let [(text, value)] = &manifests("Waiver")[..] else { panic!("one waiver") };
    assert!(text.starts_with("# yaml-language-server: $schema=./waiver.schema.json\n"));
    let schema: Value = serde_json::from_str(include_str!("../../../policies/waiver.schema.json")).unwrap();
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(value));
    let folder = followed();
    let case = |name: &str, caller: &str, id: &str, expect: &str| {
        let client = format!("client: {{ spiffeId: 'spiffe://example.org/{caller}' }}");
        format!(
            "    - name: {name}\n      request: {{ operation: UpdateUser, {client}, body: {{ external_id: {id} }} }}\n      expect: {{ {expect} }}\n"
        )
    };
    let after = case("later", "crm-migration", "old_1", "decision: deny")
        .replace("UpdateUser,", "UpdateUser, time: '2027-06-30T00:00:00Z',");
    let cases = [
        case("waived", "crm-migration", "old_1", "decision: allow, waived: [crm-migration]"),
        case("another-id", "crm-migration", "new_1", "decision: deny"),
        case("another-caller", "billing", "old_1", "decision: deny"),
        after,
    ];
    let head = "apiVersion: portcullis/v1\nkind: PolicyTest\nmetadata: { name: crm-migration }\nspec:\n  policies: [external-id-from-crm]\n  cases:\n";
    fs::write(folder.path().join("policies/crm-migration.yaml"), text).unwrap();
    fs::write(folder.path().join("policies/crm-migration.test.yaml"), format!("{head}{}", cases.concat())).unwrap();
    let told = typed("portcullis test policies", folder.path());
    assert!(told.contains(", 0 failed\n"), "{told}");
}

#[test]
fn the_limit_is_sound_and_counts_as_it_is_told() {
    let [(text, _)] = &manifests("RequestLimit")[..] else { panic!("one limit") };
    assert!(README.contains("`policies/limit-password-guesses.yaml`"));
    let folder = followed();
    fs::write(folder.path().join("policies/limit-password-guesses.yaml"), text).unwrap();
    let shown = "expect: { decision: allow, limits: { limit-password-guesses: user_1 } }";
    assert!(README.contains(&format!("`{shown}`")));
    let case = format!(
        "    - name: one user\n      request: {{ operation: VerifyPassword, body: {{ password: x }} }}\n      {shown}\n"
    );
    let head = "apiVersion: portcullis/v1\nkind: PolicyTest\nmetadata: { name: guesses }\nspec:\n  cases:\n";
    fs::write(folder.path().join("policies/limit-password-guesses.test.yaml"), format!("{head}{case}")).unwrap();
    let told = typed("portcullis test policies/limit-password-guesses.yaml", folder.path());
    assert!(told.starts_with("1 case: 1 passed, 0 failed\n"), "{told}");
    let told = typed("portcullis check", folder.path());
    let row = told.lines().find(|line| line.starts_with("  limit-password-guesses ")).expect("a row");
    assert!(row.contains("  10 per 1m, 2 at once  all "), "{row}");
}

#[test]
fn check_shows_waivers_with_the_days_left() {
    let [(text, _)] = &manifests("Waiver")[..] else { panic!("one waiver") };
    let lasting = check_with("crm-migration", &text.replace("2027-06-30 ", "9999-12-31 "));
    let shown = String::from_utf8(lasting.stdout).unwrap();
    let row = shown.lines().find(|line| line.starts_with("  crm-migration ")).unwrap();
    assert!(
        row.starts_with("  crm-migration  external-id-from-crm  customer-data  CRM-311  9999-12-31T00:00:00Z  "),
        "{shown}"
    );
    assert!(row.ends_with(" days"), "{shown}");
    assert!(String::from_utf8(lasting.stderr).unwrap().contains("`expires` is more than a year away"));
    let over = check_with("crm-migration", &text.replace("2027-06-30 ", "2020-01-01 "));
    assert_eq!(over.status.code(), Some(0), "one that is over stops by itself, and nothing else does");
    assert!(String::from_utf8(over.stdout).unwrap().contains("2020-01-01T00:00:00Z  over\n"));
    assert!(String::from_utf8(over.stderr).unwrap().contains("the waiver is over since 2020-01-01T00:00:00Z"));
}

/// What is shown is what would be written, field by field.
#[test]
fn the_decision_is_one() {
    let shown = blocks("json").into_iter().find(|block| block.contains("\"decision_id\"")).expect("a decision");
    let entry = serde_json::to_value(LogEntry::read(&shown.replace('\n', "")).expect("an entry")).expect("JSON");
    assert_eq!(serde_json::from_str::<Value>(&shown).expect("JSON"), entry);
}

#[test]
fn the_table_of_policies_has_every_one_that_ships() {
    let shipped = yaml_files("policies").into_iter().filter(|name| !name.contains(".test."));
    let values = shipped.flat_map(|name| {
        let text = fs::read_to_string(root().join("policies").join(&name)).unwrap();
        manifest::read::<Value>(Path::new(&name), &text).unwrap().into_iter().map(|document| document.value)
    });
    let mut expected: Vec<Vec<String>> = values
        .map(|value| {
            let words = |pointer: &str| {
                let words = value.pointer(pointer).and_then(Value::as_array).unwrap().iter();
                words.map(|word| word.as_str().unwrap()).collect::<Vec<_>>().join(", ")
            };
            let name = format!("`{}`", value["metadata"]["name"].as_str().unwrap());
            vec![name, words("/spec/actions"), words("/spec/match/operations")]
        })
        .collect();
    expected.sort();
    let written = table("| policy | what it stops | action | operations |");
    assert!(written.iter().all(|row| row[1].len() > 10), "a policy stops nothing");
    let written: Vec<_> = written.iter().map(|row| [row[0], row[2], row[3]].map(str::to_owned).to_vec()).collect();
    assert_eq!(written, expected);
}

#[test]
fn the_expressions_to_copy_are_sound() {
    let below = README.lines().skip_while(|line| *line != "| what must be true | as an expression |").skip(2);
    let expressions = below.take_while(|line| line.starts_with('|')).filter_map(|row| row.rsplit('`').nth(1));
    let policies = expressions.enumerate().map(|(number, expression)| {
        let text = format!(
            "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: rule-{number} }}\nspec:\n  \
             match: {{ operations: [CreateUser] }}\n  params: {{ keys: [a], plans: [a], services: [spiffe://a/b], most: 3 }}\n  \
             actions: [Deny]\n  validations:\n    - message: no\n      expression: >-\n        {}\n",
            expression.replace("\\|", "|")
        );
        PolicyText { file: "README.md".into(), text }
    });
    let policies: Vec<_> = policies.collect();
    assert!(policies.len() > 3, "README.md shows {} expressions", policies.len());
    let contract = Contract::built_in("2026-05-12").expect("a sound contract");
    Bundle::compile(contract, &policies, Strictness::default()).expect("sound expressions");
}

#[test]
fn the_mistakes_are_told_as_written() {
    for row in table("| an expression | what `check` says |") {
        let [expression, said] = row[..] else { panic!("{row:?}") };
        let expression = expression.trim_matches('`');
        let text = format!(
            "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: rule }}\nspec:\n  \
             match: {{ operations: [CreateUser, UpdateUser], environments: [production] }}\n  actions: [Deny]\n  \
             validations:\n    - message: no\n      expression: >-\n        {expression}\n"
        );
        let policy = PolicyText { file: "README.md".into(), text };
        let contract = Contract::built_in("2026-05-12").expect("a sound contract");
        let mistakes = Bundle::compile(contract, &[policy], Strictness::default()).expect_err(expression).0;
        let help = mistakes[0].help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        assert_eq!(format!("{}{help}", mistakes[0].message), said, "{expression}");
    }
}

#[test]
fn every_gateway_loads() {
    let folder = followed();
    for (text, _) in manifests("Gateway") {
        let file = folder.path().join("config/readme.yaml");
        fs::write(&file, text).unwrap();
        load(&file, &Overrides::default(), &|_| None).expect("a sound configuration");
    }
}

#[test]
fn every_command_prints_what_is_shown() {
    let folder = followed();
    let mut commands = 0;
    for block in blocks("console") {
        for example in format!("\n{block}").split("\n$ ").skip(1) {
            let (command, shown) = example.split_once('\n').expect("what it prints");
            assert_eq!(lasting(&typed(command, folder.path())), lasting(shown), "$ {command}");
            commands += 1;
        }
    }
    assert!(commands >= 2, "README.md shows {commands} commands");
}

/// The headings, as links name them.
fn headings() -> impl Iterator<Item = String> {
    let titles =
        README.lines().filter_map(|line| line.strip_prefix("##")).map(|line| line.trim_start_matches('#').trim());
    titles.map(|title| {
        let kept = title.to_lowercase().replace(' ', "-");
        kept.chars().filter(|letter| letter.is_alphanumeric() || *letter == '-').collect()
    })
}

/// What does not change with every run: words without a digit. Ids, times, sizes and versions have one.
fn wordy(text: &str) -> Vec<String> {
    let word = |word: &str| if word.contains(|letter: char| letter.is_ascii_digit()) { "#" } else { word }.to_owned();
    text.split_whitespace().map(word).collect()
}

/// The command that begins with `begin`, and what it prints.
fn shown(begin: &str) -> (String, String) {
    let block = blocks("text").into_iter().find(|block| block.starts_with(&format!("$ {begin}"))).expect("a block");
    let (command, shown) = block.trim_start_matches("$ ").split_once('\n').expect("what it prints");
    (command.to_owned(), shown.to_owned())
}

/// A gateway as in the quickstart, on free ports.
async fn quickstart(folder: &TempDir) -> Program {
    let file = folder.path().join("config/quickstart.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace(":8787", ":0").replace(":9465", ":0")).unwrap();
    Program::start(&file, &[]).await
}

#[tokio::test]
async fn what_tail_shows_is_what_is_shown() {
    let folder = followed();
    let program = quickstart(&folder).await;
    let (command, shown) = shown("portcullis tail");
    let arguments: Vec<_> = command.split(' ').skip(2).collect();
    let mut tail = Tail::start(program.admin, &arguments).await;
    let mut client = Client::connect(program.listen).await;
    client.send(patch(r#"{"skip_password_checks":true}"#)).await;
    assert_eq!(client.answer().await.expect("an answer").status(), 422);
    tail.stdout.line("trace ").await;
    let told = format!("watching http://127.0.0.1:9465\n{}", tail.interrupted());
    assert_eq!(wordy(&told), wordy(&shown), "{told}");
}

#[tokio::test]
async fn the_level_changes_as_is_shown() {
    let folder = followed();
    let program = quickstart(&folder).await;
    let (command, shown) = shown("curl -X PUT");
    let quoted: Vec<_> = command.split('\'').collect();
    let (header, rest) = (quoted[1], quoted[2]);
    let words: Vec<_> = rest.split_whitespace().collect();
    assert_eq!((words[0], words[2]), ("--data", "http://127.0.0.1:9465/log-level"));
    let (admin, body, length) = (program.admin, words[1], words[1].len());
    let mut client = Client::connect(admin).await;
    client
        .send(format!("PUT /log-level HTTP/1.1\r\nhost: {admin}\r\n{header}\r\ncontent-length: {length}\r\n\r\n{body}"))
        .await;
    assert_eq!(client.answer().await.expect("an answer").text(), shown);
}

#[test]
fn every_link_leads_somewhere() {
    let targets = README.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let (outside, inside): (Vec<_>, Vec<_>) = targets.partition(|target| target.starts_with("https://"));
    assert!(!outside.is_empty() && inside.len() > 5);
    for target in inside {
        if let Some(anchor) = target.strip_prefix('#') {
            assert!(headings().any(|heading| heading == anchor), "{target}");
            continue;
        }
        assert!(root().join(target).exists(), "{target}");
    }
}
