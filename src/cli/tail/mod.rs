//! `portcullis tail`: watch the decisions of a running gateway as they are made.

mod line;
mod source;

use super::admin_client::AdminError;
use super::console;
use super::exit::{CommandError, Exit};
use crate::config::DEFAULT_ADMIN_LISTEN;
use crate::telemetry::watch::DecisionKind;
use clap::Args;
use line::DecisionLine;
use source::{DecisionLines, DecisionSource};
use std::time::Duration;
use tokio::signal::ctrl_c;

/// Between two tries to reach a gateway that went away.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(super) struct TailArgs {
    /// The gateway's admin listener
    #[arg(long, value_name = "URL", default_value_t = format!("http://{DEFAULT_ADMIN_LISTEN}"))]
    admin: String,
    /// Only these decisions; `warn` and `audit` are what a rule did that refused nothing
    #[arg(long, value_name = "DECISION", value_delimiter = ',', value_parser = DecisionKind::ALL.map(DecisionKind::as_str))]
    decision: Vec<String>,
    /// Only where a rule of these policies did not hold
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    policy: Vec<String>,
    /// Only these operations, such as `UpdateUser`
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    operation: Vec<String>,
    /// Show below each line the violations, their hints, and the ids in logs and traces
    #[arg(long, short)]
    verbose: bool,
    /// Print the lines as the gateway sends them: one JSON object each
    #[arg(long, conflicts_with = "verbose")]
    json: bool,
}

/// Ends with Ctrl-C, or when standard output is closed. A gateway that is not there is an error; one that goes away is waited
/// for, because what is watched most is a gateway that is being started anew.
pub(super) fn tail(args: &TailArgs) -> Result<Exit, CommandError> {
    let source = DecisionSource::new(args).map_err(|error| CommandError::Usage(error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(CommandError::failure)?.block_on(async {
        tokio::select! {
            ended = watch(&source, args) => ended.map_err(CommandError::failure),
            stopped = ctrl_c() => stopped.map(|()| Exit::Ok).map_err(CommandError::failure),
        }
    })
}

async fn watch(source: &DecisionSource, args: &TailArgs) -> Result<Exit, AdminError> {
    let mut lines = source.open().await?;
    console::note(&format!("watching {source}"));
    loop {
        while let Some(line) = lines.next().await {
            // a reader such as `head` has seen enough, which is no failure
            if show(&line, args).is_err() {
                return Ok(Exit::Ok);
            }
        }
        lines = again(source).await?;
    }
}

/// Waits until a gateway that went away is back.
async fn again(source: &DecisionSource) -> Result<DecisionLines, AdminError> {
    console::note(&format!("{source} went away; waiting until it is back"));
    loop {
        // first, too: what answers and goes away at once must not be asked without end
        pingora_timeout::sleep(PAUSE).await;
        match source.open().await {
            Err(AdminError::Unreachable { .. }) => {}
            opened => {
                console::note(&format!("{source} is back"));
                return opened;
            }
        }
    }
}

fn show(line: &str, args: &TailArgs) -> std::io::Result<()> {
    if args.json {
        return console::print_line(line);
    }
    // what is no decision comes from a gateway that knows more than this program
    let Ok(decision) = serde_json::from_str::<DecisionLine>(line) else { return Ok(()) };
    console::print_line(&decision.line())?;
    if args.verbose {
        decision.details().iter().try_for_each(|line| console::print_line(line))?;
    }
    Ok(())
}
