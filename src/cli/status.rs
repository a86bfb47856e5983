//! `portcullis status`: show what a running gateway enforces, since when, and what waits for its operator.

use super::admin_address::AdminArgs;
use super::admin_client::AdminListener;
use super::config_args::ConfigArgs;
use super::console;
use super::exit::{CommandError, Exit};
use crate::admin::ReloadFault;
use crate::telemetry::ReloadOutcome;
use clap::Args;
use serde::Deserialize;

/// Longest status that is read, in bytes.
const LONGEST_STATUS: usize = 4 << 20;

#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    admin: AdminArgs,
    /// Print it as the gateway sends it, as JSON
    #[arg(long)]
    json: bool,
}

/// The part of `/status` that is shown to people.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct GatewayStatus {
    version: String,
    phase: String,
    started: String,
    revision: String,
    since: String,
    policies: usize,
    limits: usize,
    waivers: usize,
    tests: usize,
    contract: Option<ContractStatus>,
    last_reload: LastReload,
    restart_required: Vec<String>,
    watch_interval: Option<String>,
    listen: Vec<String>,
    upstream: UpstreamPart,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContractStatus {
    version: String,
    spec_date: Option<String>,
    age_days: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct LastReload {
    at: String,
    outcome: ReloadOutcome,
    errors: Vec<ReloadFault>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpstreamPart {
    url: String,
    proxy: Option<String>,
    connections: Connections,
    last_response: Option<String>,
    last_failure: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Connections {
    active: i64,
    idle: i64,
}

pub(super) fn status(args: &StatusArgs, config: &ConfigArgs) -> Result<Exit, CommandError> {
    let listener = AdminListener::at(args.admin.address(config)?).map_err(CommandError::failure)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CommandError::failure)?;
    let text = runtime.block_on(listener.get_text("/status", LONGEST_STATUS)).map_err(CommandError::failure)?;
    if args.json {
        console::print(text.trim_end())?;
        return Ok(Exit::Ok);
    }
    let status: GatewayStatus = serde_json::from_str(&text)
        .map_err(|_| CommandError::Failed(format!("{listener} is of another version: use `--json`")))?;
    console::print(status.to_text().trim_end())?;
    Ok(Exit::Ok)
}

impl GatewayStatus {
    fn to_text(&self) -> String {
        let Self { policies, limits, waivers, tests, .. } = self;
        let mut rows = vec![
            (format!("portcullis {}", self.version), format!("{}, started {}", self.phase, self.started)),
            ("revision".to_owned(), format!("{} since {}", self.revision, self.since)),
            (
                "enforces".to_owned(),
                format!("policies: {policies}, limits: {limits}, waivers: {waivers}, tests passed: {tests}"),
            ),
            ("contract".to_owned(), self.contract.as_ref().map_or_else(|| "none".to_owned(), ContractStatus::to_text)),
            ("last reload".to_owned(), format!("{} {}", self.last_reload.outcome.as_str(), self.last_reload.at)),
        ];
        let errors = self.last_reload.errors.iter().map(|error| (String::new(), error.to_diagnostic().to_string()));
        rows.extend(errors);
        if !self.restart_required.is_empty() {
            rows.push(("restart".to_owned(), format!("required for {}", self.restart_required.join(", "))));
        }
        let watch = self.watch_interval.as_ref().map(|interval| format!("files every {interval}"));
        rows.push(("watches".to_owned(), watch.unwrap_or_else(|| "nothing: files are read on request".to_owned())));
        rows.push(("listens on".to_owned(), self.listen.join(", ")));
        rows.push(("upstream".to_owned(), self.upstream.to_text()));
        rows.iter().map(|(name, text)| format!("{name:<17} {text}\n")).collect()
    }
}

impl ContractStatus {
    fn to_text(&self) -> String {
        match (&self.spec_date, self.age_days) {
            (Some(date), Some(days)) => format!("{}, of a spec of {date} ({days} days old)", self.version),
            _ => self.version.clone(),
        }
    }
}

impl UpstreamPart {
    fn to_text(&self) -> String {
        let Self { url, proxy, connections: Connections { active, idle }, last_response, last_failure } = self;
        let proxy = proxy.as_ref().map(|proxy| format!(" through {proxy}")).unwrap_or_default();
        let time = |time: &Option<String>| time.clone().unwrap_or_else(|| "never".to_owned());
        format!(
            "{url}{proxy}, connections: {active} active, {idle} idle; last response: {}, last failure: {}",
            time(last_response),
            time(last_failure)
        )
    }
}
