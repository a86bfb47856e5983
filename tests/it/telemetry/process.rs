//! Metrics of the process, its certificates and its reloads, as an operator scrapes them.

use crate::support::authority::Authority;
use crate::support::client::Client;
use crate::support::program::Program;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const SETTINGS: &str = "apiVersion: portcullis/v1\nkind: Gateway\npolicies: []\nupstream: { url: embedded }\n\
    admin: { listen: 127.0.0.1:0 }\nlimits: { memoryBytes: 33554432 }\n\
    listen: [{ address: 127.0.0.1:0, tls: { certificateFile: tls.crt, privateKeyFile: tls.key } }]\n";

async fn metrics(program: &Program) -> String {
    Client::connect(program.admin).await.get("/metrics").await.text().to_owned()
}

/// The value of the series that begins so; `None` without one.
fn value(metrics: &str, series: &str) -> Option<f64> {
    let line = metrics.lines().find(|line| line.starts_with(series))?;
    line.rsplit(' ').next()?.parse().ok()
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// Writes a certificate that ends after `days`. Returns when that is.
fn certify(folder: &Path, days: u64) -> f64 {
    let validity = Duration::from_secs(days * 86_400);
    let (certificate, key) = Authority::new("ours").issue_for(&["localhost"], validity);
    fs::write(folder.join("tls.crt"), certificate).unwrap();
    fs::write(folder.join("tls.key"), key).unwrap();
    now() + validity.as_secs_f64()
}

/// Waits until the metrics are as expected.
async fn wait_for(program: &Program, is_expected: impl Fn(&str) -> bool) {
    let waiting = async {
        while !is_expected(&metrics(program).await) {
            pingora_timeout::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = pingora_timeout::timeout(Duration::from_secs(60), waiting).await;
    assert!(waited.is_ok(), "{}", metrics(program).await);
}

#[tokio::test]
async fn the_process_has_the_metrics_of_prometheus_clients() {
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path(), 1);
    let file = folder.path().join("gateway.yaml");
    fs::write(&file, SETTINGS).unwrap();
    let program = Program::start(&file, &[]).await;
    let metrics = metrics(&program).await;
    let of = |name: &str| value(&metrics, &format!("{name} ")).unwrap_or_else(|| panic!("no `{name}` in\n{metrics}"));
    assert!(metrics.contains("# TYPE process_cpu_seconds_total counter\n"), "{metrics}");
    assert!(of("process_cpu_seconds_total") >= 0.0);
    let (resident, address_space) = (of("process_resident_memory_bytes"), of("process_virtual_memory_bytes"));
    assert!(resident > 1e6 && address_space >= resident, "{resident} {address_space}");
    let (open, most) = (of("process_open_fds"), of("process_max_fds"));
    assert!(open > 5.0 && open < most, "{open} {most}");
    assert!(of("process_threads") >= 2.0);
    let age = now() - of("process_start_time_seconds");
    // the clock of a virtual machine may have been set since its boot
    assert!(age.abs() < 3600.0, "{age}");
    assert!((of("portcullis_memory_budget_bytes") - 33_554_432.0).abs() < 1.0);
    assert!(of("portcullis_memory_budget_used_bytes") >= 0.0);
}

#[tokio::test]
async fn the_end_of_a_certificate_follows_its_file() {
    const END: &str = "portcullis_certificate_expiry_timestamp_seconds{certificate=\"listen[0].tls.certificateFile\"";
    const CURRENT: &str = "portcullis_certificate_reload_success{certificate=\"listen[0].tls.certificateFile\"";
    let folder = tempfile::tempdir().unwrap();
    let (file, first) = (folder.path().join("gateway.yaml"), certify(folder.path(), 3));
    fs::write(&file, SETTINGS).unwrap();
    let mut program = Program::start(&file, &[]).await;
    let is_near = |metrics: &str, end: f64| value(metrics, END).is_some_and(|shown| (shown - end).abs() < 60.0);
    assert!(is_near(&metrics(&program).await, first), "{}", metrics(&program).await);
    // by itself, within the interval
    let second = certify(folder.path(), 30);
    wait_for(&program, |metrics| is_near(metrics, second) && value(metrics, CURRENT) == Some(1.0)).await;
    fs::write(folder.path().join("tls.key"), "no key").unwrap();
    wait_for(&program, |metrics| is_near(metrics, second) && value(metrics, CURRENT) == Some(0.0)).await;
    let line = program.stderr.line("a certificate could not be reloaded").await;
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert!(line["file"].as_str().unwrap().ends_with("gateway.yaml") && line["line"] == 7, "{line}");
    assert!(line["help"].is_string() && line["error"].as_str().unwrap().contains("`tls.privateKeyFile`"), "{line}");
}

#[tokio::test]
async fn a_rejected_reload_is_shown_until_it_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path(), 1);
    let (file, policy) = (folder.path().join("gateway.yaml"), folder.path().join("policy.yaml"));
    fs::write(&file, SETTINGS.replace("[]", "[policy.yaml]")).unwrap();
    let valid = include_str!("../../../policies/no-skip-legal-checks.yaml");
    fs::write(&policy, valid).unwrap();
    let program = Program::start(&file, &[]).await;
    let at_start = metrics(&program).await;
    assert_eq!(value(&at_start, "portcullis_last_reload_success "), Some(1.0));
    let time = |metrics: &str| value(metrics, "portcullis_last_reload_timestamp_seconds ").unwrap();
    assert!((time(&at_start) - now()).abs() < 3600.0);
    for (text, success) in [("broken", 0.0), (valid, 1.0)] {
        fs::write(&policy, text).unwrap();
        program.signal("HUP");
        wait_for(&program, |metrics| value(metrics, "portcullis_last_reload_success ") == Some(success)).await;
        assert!(time(&metrics(&program).await) >= time(&at_start));
    }
}
