//! `portcullis report`: how policies decided the requests of a decision log.

mod json;
mod shadow;
mod text;

use super::config_args::ConfigArgs;
use super::console;
use super::decisions::{self, Skipped};
use super::exit::{CommandError, Exit};
use crate::app;
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

/// The report with what both forms of it show.
struct ReportView<'t> {
    report: &'t RolloutReport,
    skipped: &'t Skipped,
    policies: Vec<PolicyView<'t>>,
}

/// A policy of the report.
struct PolicyView<'t> {
    name: &'t str,
    usage: &'t PolicyUse,
    advice: Advice,
    /// The configured policy; `None` without a configuration, or if it was removed.
    configured: Option<&'t Policy>,
    /// Whether there is a configuration, which does not have it.
    is_gone: bool,
}

pub(super) fn report(args: &ReportArgs, config: &ConfigArgs) -> Result<Exit, CommandError> {
    // not the quickstart: a report without a configuration is about the policies of the log
    let bundle = match config.file() {
        Some(_) => Some(app::load_bundle(&config.load()?)?),
        None => None,
    };
    let mut report = RolloutReport::default();
    let skipped = decisions::count(&args.log, &mut report)?;
    for policy in bundle.iter().flat_map(|bundle| bundle.policies.all()) {
        let usage = report.policies.entry(policy.name.as_ref().into());
        // the configured action counts: the log may begin before it was changed
        usage.or_insert_with(|| PolicyUse::new(policy.action)).action = policy.action;
    }
    for limit in bundle.iter().flat_map(|bundle| bundle.policies.limits()) {
        let usage = report.limits.entry(limit.name.as_ref().into());
        usage.or_insert_with(|| LimitUse::new(limit.action)).action = limit.action;
    }
    for caller in args.expect.iter().filter(|caller| !is_known(&report, caller)) {
        console::note(&format!("note: `--expect {caller}`: no policy failed for a caller of that name"));
    }
    let expected = PromotionCriteria { enough: args.enough, callers: args.expect.iter().cloned().collect() };
    let policies = policies(&report, bundle.as_ref(), &expected);
    let view = ReportView { report: &report, skipped: &skipped, policies };
    console::print(&if args.json { json::report(&view) } else { text::report(&view, console::width()) })?;
    Ok(Exit::Ok)
}

/// Whether a policy failed for `caller`; also true if the log has too many callers to know.
fn is_known(report: &RolloutReport, caller: &str) -> bool {
    let is_known = |callers: &Tally| callers.others() > 0 || callers.by_name().iter().any(|(name, _)| *name == caller);
    report.policies.values().any(|usage| is_known(&usage.callers))
}

/// Sorted so that those to act on come first.
fn policies<'t>(
    report: &'t RolloutReport,
    bundle: Option<&'t Bundle>,
    expected: &PromotionCriteria,
) -> Vec<PolicyView<'t>> {
    let views = report.policies.iter().map(|(name, usage)| {
        let configured = bundle.and_then(|bundle| bundle.policies.all().iter().find(|policy| *policy.name == **name));
        PolicyView {
            name,
            usage,
            advice: Advice::of(usage, expected),
            configured: configured.map(AsRef::as_ref),
            is_gone: bundle.is_some() && configured.is_none(),
        }
    });
    let mut views: Vec<_> = views.collect();
    // a stable sort: within an advice they stay in the order of their names
    views.sort_by_key(|policy| Advice::ALL.iter().position(|advice| *advice == policy.advice));
    views
}
