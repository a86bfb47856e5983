//! `portcullis test`: run the cases written beside policies.

mod json;
mod junit;
mod text;

use super::config_args::ConfigArgs;
use super::console;
use super::exit::{CommandError, Exit};
use crate::app;
use crate::policy_test::{CaseResult, PolicyCoverage};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct TestArgs {
    /// Policy files, their test files, or folders of both; the policies of the configuration where none is named
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Run only cases whose name, as it is reported (`SUITE: CASE`), holds this text
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    filter: String,
    /// Fail if there is no case to run
    #[arg(long)]
    fail_on_empty: bool,
    /// Fail if cases show less than this percentage of the branches: each match condition and validation true, and false
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    coverage_threshold: Option<u8>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Print the report as XML, as `JUnit` does
    #[arg(long, conflicts_with = "json")]
    junit: bool,
}

/// The results of all cases.
struct TestReport<'s> {
    results: Vec<CaseResult<'s>>,
    coverage: PolicyCoverage,
}

pub(super) fn test(args: &TestArgs, config: &ConfigArgs) -> Result<Exit, CommandError> {
    // a test file stands for the policy beside it: it cannot be compiled without
    let paths = args.paths.iter().map(|path| app::policy_of_test(path).unwrap_or_else(|| path.clone()));
    let configuration = config.load_with(&paths.collect::<Vec<_>>())?;
    let (bundle, texts) = app::compile_policies(&configuration)?;
    console::warn(&texts.unread);
    let suites = app::load_suites(&bundle, &texts)?;
    let results: Vec<_> = suites.iter().flat_map(|suite| suite.run(&args.filter)).collect();
    let coverage = PolicyCoverage::of(&results, &bundle);
    let report = TestReport { results, coverage };
    // before the conditions below: a report is wanted most if they are not met
    console::print(&match (args.json, args.junit) {
        (true, _) => json::report(&report),
        (_, true) => junit::report(&report),
        (false, false) => text::report(&report, console::width()),
    })?;
    let shortfalls = shortfalls(args, &report);
    for shortfall in &shortfalls {
        console::error(shortfall);
    }
    let is_fine = shortfalls.is_empty() && report.results.iter().all(CaseResult::passes);
    Ok(if is_fine { Exit::Ok } else { Exit::Refused })
}

/// The conditions of `--fail-on-empty` and `--coverage-threshold` that are not met.
fn shortfalls(args: &TestArgs, report: &TestReport<'_>) -> Vec<String> {
    let empty = args.fail_on_empty && report.results.is_empty();
    let empty = empty.then(|| "there is no case to run".to_owned());
    let percent = report.coverage.percent();
    let uncovered = args.coverage_threshold.filter(|threshold| percent < usize::from(*threshold));
    let uncovered =
        uncovered.map(|threshold| format!("cases show {percent} % of the branches, less than {threshold} %"));
    empty.into_iter().chain(uncovered).collect()
}
