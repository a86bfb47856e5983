//! The tables of docs/observability.md have the names that operators see, and no others.

use super::page::page;
use super::workspace::Workspace;
use crate::support::client::Client;
use crate::support::gateway::patch;
use crate::support::program::Program;
use crate::support::source::src;
use crate::telemetry::dashboards::metrics;
use crate::telemetry::span_tree::spans_of_json;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

const PAGE: &str = "docs/observability.md";

/// The names in the first cells of a table.
fn documented(header: &str) -> BTreeSet<String> {
    let page = page(PAGE);
    let cells = page.table(header);
    let names = cells.iter().flat_map(|row| row[0].split('`').skip(1).step_by(2));
    names.map(str::to_owned).collect()
}

/// Fails if a name that operators see is not documented, or if one is that no source file has.
fn assert_documents(header: &str, seen: &BTreeSet<String>) {
    let documented = documented(header);
    let missing: Vec<_> = seen.difference(&documented).collect();
    assert!(missing.is_empty(), "{PAGE}, {header}: {missing:?} are missing");
    let sources = src();
    for name in documented {
        let literal = format!("\"{name}\"");
        assert!(sources.iter().any(|file| file.text.contains(&literal)), "{PAGE}: no source file has {literal}");
    }
}

#[tokio::test]
async fn the_table_of_metrics_is_that_of_the_program() {
    let text = metrics().await;
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let families: BTreeSet<_> = types
        .map(|(name, kind)| match kind {
            "counter" => format!("{name}_total"),
            "info" => format!("{name}_info"),
            _ => name.to_owned(),
        })
        .collect();
    assert_eq!(documented("| metric | of |"), families);
}

#[tokio::test]
async fn the_table_of_log_fields_is_that_of_the_program() {
    let workspace = Workspace::new();
    let text = "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nadmin: { listen: 127.0.0.1:0 }\n\
                upstream: { url: embedded }\npolicies: [../policies]\nlogs: { sampleAllowed: 0.999999 }\n\
                contract: { validate: all }\n";
    let file = workspace.path().join("config/fields.yaml");
    fs::write(&file, text).unwrap();
    let mut program = Program::start(&file, &[]).await;
    let mut fields = BTreeSet::new();
    for body in [r#"{"first_name":"Ada"}"#, r#"{"skip_password_checks":true}"#, r#"{"first_name":1}"#] {
        let mut client = Client::connect(program.listen).await;
        client.send(patch(body)).await;
        client.answer().await.expect("a response");
        let line: Value = serde_json::from_str(&program.stdout.line("{").await).expect("JSON");
        fields.extend(line.as_object().expect("an object").keys().cloned());
    }
    assert!(fields.len() > 20, "{fields:?}");
    assert_documents("| field | what it is |", &fields);
}

#[tokio::test]
async fn the_table_of_span_attributes_is_that_of_the_program() {
    let mut attributes = BTreeSet::new();
    for (line, body) in [
        ("PATCH /v1/users/user_1", r#"{"first_name":"Ada"}"#),
        ("PATCH /v1/users/user_1", r#"{"skip_password_checks":true}"#),
        ("PATCH /v1/users/close", r#"{"first_name":"Ada"}"#),
    ] {
        for span in spans_of_json(line, body).await {
            let events = span.events.into_iter().flat_map(|event| event.attributes);
            attributes.extend(span.attributes.into_iter().chain(events).map(|attribute| attribute.key));
        }
    }
    assert_documents("| attribute | of |", &attributes);
}
