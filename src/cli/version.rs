//! `portcullis version`: which build this is.

use super::console;
use super::exit::{CommandError, Exit};
use clap::Args;
use serde_json::json;
use std::env::consts::{ARCH, OS};

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Debug, Args)]
pub(super) struct VersionArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn version(args: &VersionArgs) -> Result<Exit, CommandError> {
    let has_sandbox = cfg!(feature = "sandbox");
    let text = if args.json {
        let features = if has_sandbox { vec!["sandbox"] } else { Vec::new() };
        format!("{:#}", json!({ "version": VERSION, "target": format!("{ARCH}-{OS}"), "features": features }))
    } else {
        let features = if has_sandbox { "sandbox" } else { "none: the hardened build" };
        format!("portcullis {VERSION}\n  target    {ARCH}-{OS}\n  features  {features}")
    };
    console::print(&text)?;
    Ok(Exit::Ok)
}
