//! `portcullis selftest`: fire the corpus at a running gateway and tell what got through.

use super::args::SelftestArgs;
use super::{Exit, Failure, console};
use crate::selftest::{Recording, SelftestReport, Target, run};

pub(super) fn selftest(args: &SelftestArgs) -> Result<Exit, Failure> {
    let target = Target::new(&args.target, args.ca_file.as_deref());
    let target = target.map_err(|error| Failure::Usage(error.to_string()))?;
    let trouble = |error: &dyn std::fmt::Display| Failure::Trouble(error.to_string());
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| trouble(&error))?;
    let report = runtime.block_on(async {
        let upstream = Recording::listen(args.upstream_listen).await;
        let upstream =
            upstream.map_err(|error| trouble(&format!("cannot listen on {}: {error}", args.upstream_listen)))?;
        let reached = target.reach().await;
        reached.map_err(|error| trouble(&format!("there is no gateway at {}: {error}", args.target)))?;
        console::tell(&format!("the upstream of the gateway must be http://{}", upstream.address()));
        run(&target, &upstream).await.map_err(|error| trouble(&error))
    })?;
    console::say(&if args.json { as_json(&report).map_err(|error| trouble(&error))? } else { report.to_string() })?;
    Ok(if report.is_clean() { Exit::Fine } else { Exit::Refused })
}

fn as_json(report: &SelftestReport) -> serde_json::Result<String> {
    serde_json::to_string_pretty(report)
}
