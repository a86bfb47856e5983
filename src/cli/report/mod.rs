//! `portcullis report`: what policies said by a decision log.

mod json;
mod text;

use super::args::ConfigArgs;
use super::decisions::{self, Skipped};
use super::{Exit, Failure, console, load};
use crate::config::overrides::Overrides;
use crate::judge::Bundle;
use crate::policy::Policy;
use crate::rollout::{Advice, LimitUse, PolicyUse, PromotionCriteria, RolloutReport, Tally};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Decision logs; `-` for standard input
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    log: Vec<PathBuf>,
    /// The configuration file, whose policies are told even where the log has nothing of them; without it, those of the log
    #[arg(long, value_name = "FILE", env = "PORTCULLIS_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    /// A caller whose requests policies are meant to refuse, as the report names it; may be given more than once
    #[arg(long, value_name = "CALLER")]
    expect: Vec<String>,
    /// How many requests a policy must have applied to before it is called safe to promote
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    enough: u64,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// What came of it all.
struct Told<'t> {
    report: &'t RolloutReport,
    skipped: &'t Skipped,
    policies: Vec<PolicyTold<'t>>,
}

/// What is told of a policy.
struct PolicyTold<'t> {
    name: &'t str,
    said: &'t PolicyUse,
    advice: Advice,
    /// The policy as it is configured; none where that is not known, or there is none any more.
    configured: Option<&'t Policy>,
    /// Whether the configuration is known and does not have it.
    is_gone: bool,
}

pub(super) fn report(args: &ReportArgs) -> Result<Exit, Failure> {
    let bundle = match &args.config {
        Some(file) => {
            let config = ConfigArgs { config: Some(file.clone()) };
            Some(load::bundle(&load::configuration(&config, &Overrides::default())?)?)
        }
        None => None,
    };
    let mut report = RolloutReport::default();
    let skipped = decisions::count(&args.log, &mut report)?;
    for policy in bundle.iter().flat_map(|bundle| bundle.policies.all()) {
        let said = report.policies.entry(policy.name.as_ref().into());
        said.or_insert_with(|| PolicyUse::new(policy.action)).action = policy.action;
    }
    for limit in bundle.iter().flat_map(|bundle| bundle.policies.limits()) {
        let used = report.limits.entry(limit.name.as_ref().into());
        used.or_insert_with(|| LimitUse::new(limit.action)).action = limit.action;
    }
    for caller in args.expect.iter().filter(|caller| !is_known(&report, caller)) {
        console::tell(&format!("note: `--expect {caller}`: no policy failed for a caller of that name"));
    }
    let expected = PromotionCriteria { enough: args.enough, callers: args.expect.iter().cloned().collect() };
    let policies = policies(&report, bundle.as_ref(), &expected);
    let told = Told { report: &report, skipped: &skipped, policies };
    console::say(&if args.json { json::report(&told) } else { text::report(&told) })?;
    Ok(Exit::Fine)
}

/// Whether a policy did not hold for `caller`, as far as that is known.
fn is_known(report: &RolloutReport, caller: &str) -> bool {
    let is_known = |callers: &Tally| callers.others() > 0 || callers.by_name().iter().any(|(name, _)| *name == caller);
    report.policies.values().any(|said| is_known(&said.callers))
}

/// Those to act on first come first.
fn policies<'t>(
    report: &'t RolloutReport,
    bundle: Option<&'t Bundle>,
    expected: &PromotionCriteria,
) -> Vec<PolicyTold<'t>> {
    let told = report.policies.iter().map(|(name, said)| {
        let configured = bundle.and_then(|bundle| bundle.policies.all().iter().find(|policy| *policy.name == **name));
        PolicyTold {
            name,
            said,
            advice: Advice::of(said, expected),
            configured: configured.map(AsRef::as_ref),
            is_gone: bundle.is_some() && configured.is_none(),
        }
    });
    let mut told: Vec<_> = told.collect();
    told.sort_by_key(|policy| Advice::ALL.iter().position(|advice| *advice == policy.advice));
    told
}
