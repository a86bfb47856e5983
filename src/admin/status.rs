//! `/status`: what the gateway runs by, since when, and what waits for its operator.

use super::AdminState;
use super::readiness::Phase;
use super::reload_report::ReloadReport;
use crate::config::gateway::UpstreamConfig;
use crate::contract::VersionSpec;
use crate::judge::Bundle;
use crate::telemetry::UpstreamStatus;
use axum::extract::State as Extract;
use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;
use jiff::{Timestamp, Unit};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

/// What was loaded, and how the last reload ended.
#[derive(Clone, Debug)]
pub struct LoadStatus {
    /// When the gateway started.
    pub started: SystemTime,
    /// When the bundle in force was loaded.
    pub since: SystemTime,
    /// The cases of policy tests that passed when it was loaded.
    pub tests: usize,
    /// When the last reload ended; the start counts as one.
    pub reloaded: SystemTime,
    /// How it ended.
    pub report: ReloadReport,
}

/// The state of the gateway, as JSON.
pub(super) async fn status(Extract(state): Extract<AdminState>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], format!("{:#}\n", to_json(&state, SystemTime::now())))
}

fn to_json(state: &AdminState, now: SystemTime) -> Value {
    let (load, config, bundle) = (state.status.load(), state.config.load(), state.gate.bundle.load());
    let LoadStatus { report, .. } = &**load;
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "phase": phase(state.readiness.phase()),
        "started": rfc3339(load.started),
        "revision": bundle.revision,
        "since": rfc3339(load.since),
        "policies": bundle.policies.all().len(),
        "limits": bundle.policies.limits().len(),
        "waivers": bundle.policies.waivers().count(),
        "tests": load.tests,
        "contract": contract(&bundle, now),
        "lastReload": { "at": rfc3339(load.reloaded), "outcome": report.outcome, "errors": report.errors },
        "restartRequired": report.restart_required,
        "watchInterval": config.reload.watch.then(|| format!("{}ms", config.reload.interval.as_millis())),
        "listen": &*state.listen,
        "upstream": upstream(&config.upstream, state.telemetry.upstream_status()),
    })
}

const fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Starting => "starting",
        Phase::Ready => "ready",
        Phase::Draining => "draining",
    }
}

/// The newest version of the contract in force, with the age of its spec.
fn contract(bundle: &Bundle, now: SystemTime) -> Value {
    let sources = bundle.contract.sources();
    let newest = sources.iter().max_by(|one, other| one.version.cmp(&other.version));
    newest.map_or(Value::Null, |VersionSpec { version, spec, .. }| {
        let days = spec.as_ref().map(|spec| Duration::from_secs_f64(spec.age(now)).as_secs() / SECONDS_OF_DAY);
        json!({ "version": version, "specDate": spec.as_ref().map(|spec| &spec.date), "ageDays": days })
    })
}

const SECONDS_OF_DAY: u64 = 24 * 60 * 60;

fn upstream(config: &UpstreamConfig, status: UpstreamStatus) -> Value {
    json!({
        "url": config.target.to_string(),
        "proxy": config.proxy.as_ref().map(ToString::to_string),
        "connections": { "active": status.active, "idle": status.idle },
        "lastResponse": status.last_response.map(rfc3339),
        "lastFailure": status.last_failure.map(rfc3339),
    })
}

/// In UTC, to the second.
fn rfc3339(time: SystemTime) -> Option<String> {
    Some(Timestamp::try_from(time).ok()?.round(Unit::Second).ok()?.to_string())
}
