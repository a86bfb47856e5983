//! `portcullis selftest`: send the corpus of attacks to a running gateway, and report which passed.

use super::console;
use super::exit::{CommandError, Exit};
use crate::selftest::{Recording, SelftestReport, Target, run};
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct SelftestArgs {
    /// The gateway, such as `http://127.0.0.1:8787`; it is tried over HTTP/1.1, and over HTTP/2 where it speaks it
    #[arg(long, value_name = "URL")]
    target: String,
    /// PEM file with the authorities to trust for a gateway at `https://`, in place of the platform's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Where to listen as the upstream that the gateway is configured with
    #[arg(long, value_name = "ADDRESS")]
    upstream_listen: SocketAddr,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn selftest(args: &SelftestArgs) -> Result<Exit, CommandError> {
    let target = Target::new(&args.target, args.ca_file.as_deref());
    let target = target.map_err(|error| CommandError::Usage(error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CommandError::failure)?;
    let report = runtime.block_on(async {
        // before the gateway is asked, which needs its upstream to respond
        let upstream = Recording::listen(args.upstream_listen).await;
        let upstream = upstream
            .map_err(|error| CommandError::Failed(format!("cannot listen on {}: {error}", args.upstream_listen)))?;
        // before the corpus: one error in place of hundreds of failed cases
        let reached = target.reach().await;
        reached.map_err(|error| CommandError::Failed(format!("there is no gateway at {}: {error}", args.target)))?;
        console::note(&format!("the upstream of the gateway must be http://{}", upstream.address()));
        run(&target, &upstream).await.map_err(CommandError::failure)
    })?;
    console::print(&if args.json { as_json(&report).map_err(CommandError::failure)? } else { report.to_string() })?;
    Ok(if report.is_clean() { Exit::Ok } else { Exit::Refused })
}

fn as_json(report: &SelftestReport) -> serde_json::Result<String> {
    serde_json::to_string_pretty(report)
}
