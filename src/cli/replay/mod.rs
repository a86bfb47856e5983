//! `portcullis replay`: what other policies would have made of the requests of a decision log.

mod json;
mod text;

use super::args::ConfigArgs;
use super::columns::one_line;
use super::decisions::{self, Skipped};
use super::{Exit, Failure, console, load};
use crate::config::overrides::Overrides;
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
    #[command(flatten)]
    config: ConfigArgs,
    /// Fail if a decision would change; one of which that cannot be told does not count
    #[arg(long)]
    fail_on_change: bool,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
}

/// What came of it all.
struct Told<'t> {
    replay: &'t Replay<'t>,
    skipped: &'t Skipped,
    bundle: &'t Bundle,
}

pub(super) fn replay(args: &ReplayArgs) -> Result<Exit, Failure> {
    let in_force = if load::is_configured(&args.config) {
        Some(load::bundle(&load::configuration(&args.config, &Overrides::default())?)?)
    } else {
        None
    };
    let bundle = load::bundle(&load::configuration_of_policies(&args.config, &args.policies)?)?;
    let mut replay = Replay::new(&bundle, in_force.as_ref());
    let skipped = decisions::count(&args.log, &mut replay)?;
    let told = Told { replay: &replay, skipped: &skipped, bundle: &bundle };
    console::say(&if args.json { json::replay(&told) } else { text::replay(&told) })?;
    let changes = replay.refused.count + replay.allowed.count;
    Ok(if args.fail_on_change && changes > 0 { Exit::Refused } else { Exit::Fine })
}

/// An expression of the policy called `name`, for people.
fn expression(bundle: &Bundle, name: &str, part: PolicyPart) -> String {
    let policy = bundle.policies.all().iter().find(|policy| *policy.name == *name);
    match (part, policy) {
        (PolicyPart::Condition(position), Some(policy)) => format!("condition `{}`", policy.scope.condition(position)),
        (PolicyPart::Validation(position), Some(policy)) => {
            policy.validations.get(position).map(|it| one_line(&it.source)).unwrap_or_default()
        }
        (PolicyPart::Schema, _) => "`schema`".to_owned(),
        (_, None) => String::new(),
    }
}
