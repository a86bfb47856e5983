//! `portcullis replay`: how other policies would decide the requests of a decision log.

mod json;
mod text;

use super::config_args::ConfigArgs;
use super::console;
use super::decisions::{self, Skipped};
use super::exit::{CommandError, Exit};
use super::table::one_line;
use crate::app::{self, Configuration};
use crate::judge::Bundle;
use crate::policy::replay::PolicyPart;
use crate::rollout::Replay;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// Decision logs; `-` for standard input
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    log: Vec<PathBuf>,
    /// The policies to judge by: files or folders
    #[arg(long, value_name = "PATH", required = true, num_args = 1..)]
    policies: Vec<PathBuf>,
    /// Fail if a decision would change; undetermined ones do not count
    #[arg(long)]
    fail_on_change: bool,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
}

/// The replay with what both forms of its result show.
struct ReplayView<'t> {
    replay: &'t Replay<'t>,
    skipped: &'t Skipped,
    bundle: &'t Bundle,
}

pub(super) fn replay(args: &ReplayArgs, config: &ConfigArgs) -> Result<Exit, CommandError> {
    // recorded results may be used again only where the policies that made them are known
    let in_force = if Configuration::exists(config.file()) { Some(app::load_bundle(&config.load()?)?) } else { None };
    let bundle = app::load_bundle(&config.load_with(&args.policies)?)?;
    let mut replay = Replay::new(&bundle, in_force.as_ref());
    let skipped = decisions::count(&args.log, &mut replay)?;
    let view = ReplayView { replay: &replay, skipped: &skipped, bundle: &bundle };
    console::print(&if args.json { json::replay(&view) } else { text::replay(&view, console::width()) })?;
    let changes = replay.refused.count + replay.allowed.count;
    Ok(if args.fail_on_change && changes > 0 { Exit::Refused } else { Exit::Ok })
}

/// An expression of the policy called `name`, for people.
fn expression(bundle: &Bundle, name: &str, part: PolicyPart) -> String {
    let policy = bundle.policies.all().iter().find(|policy| *policy.name == *name);
    match (part, policy) {
        (PolicyPart::Condition(position), Some(policy)) => format!("condition `{}`", policy.scope.condition(position)),
        (PolicyPart::Validation(position), Some(policy)) => {
            policy.validations.get(position).map(|it| one_line(&it.source)).unwrap_or_default()
        }
        (PolicyPart::Waiver(position), Some(policy)) => {
            policy.waivers.get(position).map(|it| format!("waiver `{}`", it.name)).unwrap_or_default()
        }
        (PolicyPart::Schema, _) => "`schema`".to_owned(),
        (_, None) => String::new(),
    }
}
