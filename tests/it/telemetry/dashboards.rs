//! What operators watch with: the dashboard and the alerts ask for metrics that the program has, in a form that Prometheus
//! has nothing to complain about.

use crate::support::client::Client;
use crate::support::program::Program;
use std::collections::{BTreeMap, BTreeSet};

/// The metrics of a program that passed a request, refused one, passed one for a waiver that its shadow bundle lacks, and saw a
/// field it does not know.
pub(crate) async fn metrics() -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let policies = std::path::absolute("policies").expect("a folder");
    let text = format!(
        "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nadmin: {{ listen: 127.0.0.1:0 }}\n\
         upstream: {{ url: embedded }}\npolicies: [{policies:?}, waiver.yaml]\nshadow: {{ policies: [{policies:?}] }}\nworkers: 1\n"
    );
    let file = folder.path().join("gateway.yaml");
    std::fs::write(&file, text).expect("a file");
    let waiver = crate::admin::WAIVER.replace("client.unixUid == 1000", "body.last_name == 'moved'");
    std::fs::write(folder.path().join("waiver.yaml"), waiver).expect("a file");
    let program = Program::start(&file, &[]).await;
    let moved = r#"{"skip_password_checks":true,"last_name":"moved"}"#;
    for body in [r#"{"first_name":"Ada"}"#, r#"{"skip_password_checks":true}"#, moved, r#"{"shoe_size":42}"#] {
        let mut client = Client::connect(program.listen).await;
        let head = "PATCH /v1/users/user_1 HTTP/1.1\r\nhost: a\r\nauthorization: Bearer sk_live_a\r\n\
                    clerk-api-version: 2099-01-01\r\ncontent-type: application/json\r\n";
        client.send(format!("{head}content-length: {}\r\n\r\n{body}", body.len())).await;
        client.answer().await.expect("an answer");
    }
    loop {
        // as Prometheus says it
        let accept = "accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5\r\n";
        let text = Client::connect(program.admin).await.get_with("/metrics", accept).await.text().to_owned();
        if text.contains("http_server_active_requests{http_request_method=\"PATCH\",url_scheme=\"http\"} 0") {
            return text;
        }
        tokio::task::yield_now().await;
    }
}

/// The names of samples.
fn samples(metrics: &str) -> BTreeSet<&str> {
    let lines = metrics.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split(['{', ' ']).next()).collect()
}

/// The names of metrics in an expression: the words that begin as ours do.
fn asked(expression: &str) -> Vec<&str> {
    let words = expression.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words
        .filter(|word| {
            ["portcullis_", "process_", "http_server_", "http_client_"].iter().any(|own| word.starts_with(own))
        })
        .collect()
}

fn expressions(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(object) => {
            for (key, value) in object {
                match value.as_str() {
                    Some(text) if key == "expr" || key == "query" => found.push(text.to_owned()),
                    _ => expressions(value, found),
                }
            }
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| expressions(value, found)),
        _ => {}
    }
}

fn assert_asks_for_what_there_is(file: &str, value: &serde_json::Value, least: usize, metrics: &str) {
    let mut all = Vec::new();
    expressions(value, &mut all);
    let names: BTreeSet<&str> = all.iter().flat_map(|expression| asked(expression)).collect();
    assert!(names.len() >= least, "{file} asks for {names:?} only");
    let samples = samples(metrics);
    for name in names {
        // one that nothing is counted of here, such as days of waivers, is told of all the same
        let is_told = metrics.contains(&format!("# TYPE {name} "));
        assert!(is_told || samples.contains(name), "{file} asks for `{name}`, which is not in\n{metrics}");
    }
}

#[tokio::test]
async fn dashboard_and_alerts_ask_for_metrics_that_there_are() {
    let metrics = metrics().await;
    let dashboard = std::fs::read_to_string("config/grafana/portcullis.json").expect("the dashboard");
    let dashboard = serde_json::from_str(&dashboard).expect("JSON");
    assert_asks_for_what_there_is("the dashboard", &dashboard, 15, &metrics);
    let mut all = Vec::new();
    expressions(&dashboard, &mut all);
    for line in metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = line.split(' ').next().expect("a name");
        let is_shown = all.iter().any(|expression| asked(expression).iter().any(|word| word.starts_with(name)));
        assert!(is_shown, "the dashboard has no panel for `{name}`");
    }
    let alerts = std::fs::read_to_string("config/prometheus/alerts.yaml").expect("the alerts");
    let alerts = serde_saphyr::from_str(&alerts).expect("YAML");
    assert_asks_for_what_there_is("the alerts", &alerts, 8, &metrics);
}

/// A person who is woken sees at once what is wrong, and finds the rest under its heading.
#[test]
fn the_dashboard_begins_with_figures_and_has_rows() {
    let dashboard = std::fs::read_to_string("config/grafana/portcullis.json").expect("the dashboard");
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let kinds: Vec<&str> = panels.iter().map(|panel| panel["type"].as_str().expect("a type")).collect();
    assert_eq!(kinds[..2], ["row", "stat"]);
    let rows = kinds.iter().filter(|kind| **kind == "row").count();
    assert!(rows >= 6 && kinds.iter().filter(|kind| **kind == "stat").count() >= 8, "{kinds:?}");
    assert!(kinds.split(|kind| *kind == "row").all(|row| row.len() <= 12), "a row of more than a screen");
    let mut cells = BTreeSet::new();
    for panel in panels {
        let at = |side: &str| panel["gridPos"][side].as_u64().expect("a number");
        assert!(at("x") + at("w") <= 24, "{panel}");
        for (x, y) in (at("x")..at("x") + at("w")).flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y))) {
            assert!(cells.insert((x, y)), "two panels at {x}, {y}: {panel}");
        }
    }
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len());
}

#[test]
fn what_stops_service_or_policies_has_an_alert() {
    let alerts = std::fs::read_to_string("config/prometheus/alerts.yaml").expect("the alerts");
    for (alert, expression) in [
        ("PortcullisGone", "absent(portcullis_build_info)"),
        // by a gauge, which stays until the files are mended
        ("PortcullisReloadRejected", "portcullis_last_reload_outcome{outcome=\"rejected\"} == 1"),
        ("PortcullisReloadRefused", "portcullis_last_reload_outcome{outcome=\"refused\"} == 1"),
        ("PortcullisCertificateEnds", "portcullis_certificate_expiry_timestamp_seconds - time()"),
        ("PortcullisDecisionsLost", "portcullis_decision_log_dropped_total"),
        ("PortcullisMemoryNearBudget", "portcullis_memory_budget_used_bytes / portcullis_memory_budget_bytes"),
    ] {
        let rule = alerts.split("- alert: ").find(|rule| rule.lines().next() == Some(alert)).expect(alert);
        assert!(rule.contains(expression), "{rule}");
    }
}

/// What `promtool check metrics` looks at: help and type for every family, units and `_total` where they belong.
#[tokio::test]
async fn prometheus_has_nothing_to_complain_about() {
    let metrics = metrics().await;
    assert!(metrics.ends_with("# EOF\n"));
    let told = |what: &str| -> BTreeMap<String, String> {
        let lines = metrics.lines().filter_map(|line| line.strip_prefix(what)?.split_once(' '));
        lines.map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
    };
    let (help, types, units) = (told("# HELP "), told("# TYPE "), told("# UNIT "));
    for sample in samples(&metrics) {
        let suffix = |kind: &str| match kind {
            "counter" => vec!["_total"],
            "histogram" => vec!["_bucket", "_sum", "_count"],
            "info" => vec!["_info"],
            _ => vec![""],
        };
        let family = types.iter().find(|(name, kind)| {
            suffix(kind).iter().any(|suffix| sample.strip_suffix(suffix).is_some_and(|stem| stem == name.as_str()))
        });
        let (name, kind) = family.unwrap_or_else(|| panic!("`{sample}` has no type:\n{metrics}"));
        assert!(help.get(name).is_some_and(|help| help.len() > 5), "`{name}` has no help");
        let measures = name.ends_with("_seconds") || name.ends_with("_bytes");
        assert_eq!(units.contains_key(name), measures, "{name}");
        assert!(units.get(name).is_none_or(|unit| name.ends_with(unit)), "{name}");
        assert!(!name.ends_with("_total") && !name.contains("__") && *kind != "unknown", "{name}");
    }
    assert_eq!(metrics.lines().filter(|line| line.starts_with("# TYPE")).count(), types.len(), "each family once");
}
