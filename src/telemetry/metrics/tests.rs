//! What requests count, and what is in the text formats.

use super::{Metrics, ReloadOutcome};
use crate::config::gateway::UpstreamTarget;
use crate::contract::UnknownVersion;
use crate::policy::Action;
use crate::telemetry::record::{Outcome, samples};

fn metrics() -> Metrics {
    Metrics::new(&UpstreamTarget::Url { tls: true, host: String::from("api.example.com"), port: 443 })
}

#[test]
fn what_the_shadow_bundle_cannot_judge_is_a_failure_and_no_decision() {
    let metrics = metrics();
    let mut record = samples::differing_request();
    metrics.add(&record, false);
    record.shadow.as_mut().unwrap().judgement = None;
    metrics.add(&record, false);
    let text = metrics.open_metrics();
    for line in [
        "portcullis_shadow_failures_total 1\n",
        "portcullis_shadow_duration_seconds_count 2\n",
        "portcullis_shadow_decisions_total{decision=\"would_refuse\"} 1\n",
        "portcullis_shadow_decisions_total{decision=\"same\"} 0\n",
        "policy=\"type\",action=\"audit\",shadow_action=\"none\"} 1\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
}

#[test]
fn a_request_is_counted_by_route_and_status_and_its_rules_by_name() {
    let metrics = metrics();
    metrics.add(&samples::allowed_request(), true);
    let mut denied = samples::denied_request();
    denied.violations = vec![denied.violations; 3].concat();
    metrics.add(&denied, false);
    let mut failed = samples::failed_request();
    failed.unknown_version = Some(UnknownVersion::Newer);
    metrics.add(&failed, false);
    metrics.add(&samples::unrouted_request(), false);
    let text = metrics.open_metrics();
    let lines: Vec<_> = text.lines().collect();
    for line in [
        r#"http_server_request_duration_seconds_count{http_request_method="PATCH",http_route="/v1/users/{user_id}",http_response_status_code="422",url_scheme="https",error_type=""} 1"#,
        r#"http_server_request_duration_seconds_count{http_request_method="PATCH",http_route="/v1/users/{user_id}",http_response_status_code="504",url_scheme="https",error_type="upstream_timeout"} 1"#,
        r#"http_server_request_duration_seconds_count{http_request_method="_OTHER",http_route="",http_response_status_code="405",url_scheme="http",error_type=""} 1"#,
        r#"http_client_request_duration_seconds_count{server_address="api.example.com",server_port="443",http_request_method="PATCH",http_response_status_code="200",network_protocol_version="1.1",error_type=""} 1"#,
        r#"http_client_request_duration_seconds_count{server_address="api.example.com",server_port="443",http_request_method="PATCH",http_response_status_code="",network_protocol_version="1.1",error_type="upstream_timeout"} 1"#,
        r#"http_client_open_connections{server_address="api.example.com",server_port="443",http_connection_state="idle"} 0"#,
        r#"portcullis_requests_total{operation="UpdateUser",decision="deny"} 1"#,
        r#"portcullis_decisions_total{operation="UpdateUser",policy="no-skip-password-checks",action="deny",reason="policy_denied"} 1"#,
        r#"portcullis_decisions_total{operation="UpdateUser",policy="additionalProperties",action="deny",reason="schema_violation"} 1"#,
        r#"portcullis_decisions_total{operation="UpdateUser",policy="",action="allow",reason=""} 1"#,
        r#"portcullis_decisions_total{operation="_OTHER",policy="",action="deny",reason="method_not_allowed"} 1"#,
        r#"portcullis_unknown_api_versions_total{asked="newer"} 1"#,
        "portcullis_judge_duration_seconds_count 3",
        r#"http_server_request_body_size_bytes_sum{http_request_method="PATCH",http_route="/v1/users/{user_id}",http_response_status_code="200",url_scheme="https",error_type=""} 30.0"#,
        r#"http_server_response_body_size_bytes_bucket{le="1024.0",http_request_method="PATCH",http_route="/v1/users/{user_id}",http_response_status_code="200",url_scheme="https",error_type=""} 1"#,
        "portcullis_upstream_connections_reused_total 1",
        r#"portcullis_upstream_connect_failures_total{reason="unfinished"} 1"#,
        r#"http_server_request_duration_seconds_bucket{le="0.0025",http_request_method="PATCH",http_route="/v1/users/{user_id}",http_response_status_code="200",url_scheme="https",error_type=""} 1 # {trace_id="11111111111111111111111111111111"} 0.001234 1778574600.126234"#,
        r#"portcullis_unknown_api_versions_total{asked="other"} 0"#,
        r#"portcullis_reloads_total{outcome="loaded"} 0"#,
        r#"portcullis_reloads_total{outcome="rejected"} 0"#,
        r#"portcullis_reloads_total{outcome="refused"} 0"#,
        "portcullis_log_lines_dropped_total 0",
        r#"portcullis_spans_dropped_total{reason="queue_full"} 0"#,
        r#"portcullis_decision_log_dropped_total{reason="write_failed"} 0"#,
        "# EOF",
    ] {
        assert!(lines.contains(&line), "{line} is not in\n{text}");
    }
    assert!(!text.contains(samples::CANARY));
    let unread = text.lines().find(|line| line.starts_with("http_server_request_body_size") && line.contains("405"));
    assert_eq!(unread, None, "nobody read a body");
}

#[test]
fn every_rule_is_counted_and_every_waiver_however_many_violations_there_are() {
    let metrics = metrics();
    let mut record = samples::denied_request();
    let (policy, mut keyword) = (record.violations.remove(0), record.violations.remove(0));
    keyword.action = Action::Warn;
    record.violations = vec![keyword; 40];
    record.violations.push(policy);
    record.violations.extend(samples::waived_request().violations);
    metrics.add(&record, false);
    let text = metrics.open_metrics();
    let named = r#"{operation="UpdateUser",policy="no-skip-password-checks",action="#;
    for line in [
        format!(r#"portcullis_decisions_total{named}"deny",reason="policy_denied"}} 1"#),
        format!(r#"portcullis_decisions_total{named}"audit",reason="policy_denied"}} 1"#),
        String::from(r#"portcullis_waived_total{waiver="migration",policy="no-skip-password-checks"} 1"#),
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
}

#[test]
fn a_connection_that_nobody_waited_for_any_more_did_not_fail() {
    let metrics = metrics();
    let mut record = samples::failed_request();
    record.outcome = Outcome::Aborted;
    metrics.add(&record, false);
    let text = metrics.open_metrics();
    assert!(!text.contains("portcullis_upstream_connect_failures_total{reason=\"unfinished\"} 1"), "{text}");
}

#[test]
fn who_has_no_answer_yet_is_told_by_method_and_scheme() {
    let metrics = metrics();
    metrics.http.active("PATCH", "https").inc();
    let text = metrics.open_metrics();
    assert!(
        text.contains("\nhttp_server_active_requests{http_request_method=\"PATCH\",url_scheme=\"https\"} 1\n"),
        "{text}"
    );
}

#[test]
fn only_the_bundle_that_judges_is_shown() {
    let metrics = metrics();
    metrics.bundle_loaded("one");
    metrics.bundle_loaded("two");
    metrics.reloads.add(ReloadOutcome::Rejected);
    metrics.reloads.add(ReloadOutcome::Refused);
    let text = metrics.open_metrics();
    assert!(text.contains("portcullis_bundle_info{revision=\"two\"} 1\n"), "{text}");
    assert!(!text.contains("\"one\""));
    assert!(text.contains("portcullis_reloads_total{outcome=\"loaded\"} 2\n"));
    assert!(text.contains("portcullis_reloads_total{outcome=\"rejected\"} 1\n"));
    assert!(text.contains("portcullis_reloads_total{outcome=\"refused\"} 1\n"));
    assert!(text.contains("portcullis_build_info{version=\""));
}

#[test]
fn a_rejected_reload_is_shown_until_one_is_loaded() {
    let metrics = metrics();
    let shown = |success: u8, outcome: &str| {
        let text = metrics.open_metrics();
        for other in ["loaded", "rejected", "refused"] {
            let value = u8::from(other == outcome);
            let line = format!("portcullis_last_reload_outcome{{outcome=\"{other}\"}} {value}\n");
            assert!(text.contains(&line), "{line}{text}");
        }
        assert!(text.contains(&format!("portcullis_last_reload_success {success}\n")), "{text}");
    };
    metrics.bundle_loaded("one");
    shown(1, "loaded");
    metrics.reloads.add(ReloadOutcome::Rejected);
    shown(0, "rejected");
    metrics.reloads.add(ReloadOutcome::Refused);
    shown(0, "refused");
    metrics.bundle_loaded("two");
    shown(1, "loaded");
}

#[test]
fn series_that_are_remembered_are_those_that_are_looked_up() {
    let (remembered, looked_up) = (metrics(), metrics());
    let records = samples::variations();
    // the series of another registry with the same records are in this thread's memory, too
    metrics().add(&samples::allowed_request(), true);
    for _ in 0..2 {
        for record in &records {
            remembered.add(record, false);
            // a thread that remembers nothing
            std::thread::scope(|scope| scope.spawn(|| looked_up.add(record, false)).join()).unwrap();
        }
    }
    let lines = |metrics: &Metrics| {
        let text = metrics.prometheus_text();
        // those of the process move between two scrapes, and no request counts in them
        let mut lines: Vec<_> = text.lines().filter(|line| !line.starts_with("process_")).map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(lines(&remembered), lines(&looked_up));
}
