//! `portcullis tail`: watch the decisions of a running gateway as they are made.

mod line;
mod source;

use super::args::TailArgs;
use super::{Exit, Failure, console};
use line::Told;
use source::{Lines, Source, SourceError};
use std::time::Duration;
use tokio::signal::ctrl_c;

/// Between two tries to reach a gateway that went away.
const PAUSE: Duration = Duration::from_secs(1);

/// Ends with Ctrl-C, or when nobody reads any more. A gateway that is not there is an error; one that goes away is waited
/// for, because what is watched most is a gateway that is being started anew.
pub(super) fn tail(args: &TailArgs) -> Result<Exit, Failure> {
    let source = Source::new(args).map_err(|error| Failure::Usage(error.to_string()))?;
    let trouble = |error: &dyn std::fmt::Display| Failure::Trouble(error.to_string());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| trouble(&error))?.block_on(async {
        tokio::select! {
            ended = watch(&source, args) => ended.map_err(|error| trouble(&error)),
            stopped = ctrl_c() => stopped.map(|()| Exit::Fine).map_err(|error| trouble(&error)),
        }
    })
}

async fn watch(source: &Source, args: &TailArgs) -> Result<Exit, SourceError> {
    let mut lines = source.open().await?;
    console::tell(&format!("watching {source}"));
    let color = console::color_on_stdout();
    loop {
        while let Some(line) = lines.next().await {
            if show(&line, args, color).is_err() {
                return Ok(Exit::Fine);
            }
        }
        lines = again(source).await?;
    }
}

/// Waits until a gateway that went away is back.
async fn again(source: &Source) -> Result<Lines, SourceError> {
    console::tell(&format!("{source} went away; waiting until it is back"));
    loop {
        match source.open().await {
            Err(SourceError::Unreachable { .. }) => pingora_timeout::sleep(PAUSE).await,
            opened => {
                console::tell(&format!("{source} is back"));
                return opened;
            }
        }
    }
}

fn show(line: &str, args: &TailArgs, color: bool) -> std::io::Result<()> {
    if args.json {
        return console::stream(line);
    }
    // what is no decision comes from a gateway that knows more than this program
    let Ok(told) = serde_json::from_str::<Told>(line) else { return Ok(()) };
    console::stream(&told.line(color))?;
    if args.verbose {
        told.details().iter().try_for_each(|line| console::stream(line))?;
    }
    Ok(())
}
