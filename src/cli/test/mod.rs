//! `portcullis test`: run the cases written beside policies.

mod json;
mod junit;
mod sarif;
mod text;

use super::config_args::ConfigArgs;
use super::console;
use super::exit::{CommandError, Exit};
use crate::app;
use crate::policy_test::{CaseResult, MutationReport, PolicyCoverage, mutate};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct TestArgs {
    /// Policy files, their test files, or folders of both; the policies of the configuration where none is named
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Run only cases whose name, as it is reported (`SUITE: CASE`), holds this text
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    filter: String,
    /// Judge as if each policy and limit had this action, to see what its promotion would change
    #[arg(long = "as", value_name = "ACTION")]
    judge_as: Option<JudgeAs>,
    /// Fail if there is no case to run
    #[arg(long)]
    fail_on_empty: bool,
    /// Fail if cases show less than this percentage of the branches: each match condition and validation true, and false
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    coverage_threshold: Option<u8>,
    /// Judge small changes of each policy and limit, too: one by which every case passes is a part that is not tested
    #[arg(long)]
    mutate: bool,
    /// Fail if less than this percentage of the changes makes a case fail
    #[arg(long, value_name = "PERCENT", requires = "mutate", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_killed: Option<u8>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Print the report as XML, as `JUnit` does
    #[arg(long, conflicts_with = "json")]
    junit: bool,
    /// Write what fails to this file as SARIF, for code review
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
}

/// The action that all policies and limits are judged with.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum JudgeAs {
    /// Each violation refuses the request
    Deny,
}

/// The results of all cases.
struct TestReport<'s> {
    results: Vec<CaseResult<'s>>,
    coverage: PolicyCoverage,
    /// `None` if it was not asked for, or cases fail: by a case that fails anyway, no change is judged.
    mutation: Option<MutationReport>,
}

pub(super) fn test(args: &TestArgs, config: &ConfigArgs) -> Result<Exit, CommandError> {
    // a test file stands for the policy beside it: it cannot be compiled without
    let paths = args.paths.iter().map(|path| app::policy_of_test(path).unwrap_or_else(|| path.clone()));
    let configuration = config.load_with(&paths.collect::<Vec<_>>())?;
    let (bundle, texts) = app::compile_policies(&configuration)?;
    console::warn(&texts.unread);
    let bundle = match args.judge_as {
        Some(JudgeAs::Deny) => app::promote(&bundle)?,
        None => bundle,
    };
    let suites = app::load_suites(&bundle, &texts.tests)?;
    let results: Vec<_> = suites.iter().flat_map(|suite| suite.run(&args.filter)).collect();
    let coverage = PolicyCoverage::of(&results, &bundle);
    let is_judged = args.mutate && results.iter().all(CaseResult::passes);
    let mutation = is_judged.then(|| mutate(&bundle, &suites));
    let report = TestReport { results, coverage, mutation };
    // before the conditions below: a report is wanted most if they are not met
    console::print(&match (args.json, args.junit) {
        (true, _) => json::report(&report),
        (_, true) => junit::report(&report),
        (false, false) => text::report(&report, console::width()),
    })?;
    if let Some(file) = &args.sarif {
        sarif::log(&report)?.write(file)?;
    }
    let shortfalls = shortfalls(args, &report);
    for shortfall in &shortfalls {
        console::error(shortfall);
    }
    let is_fine = shortfalls.is_empty() && report.results.iter().all(CaseResult::passes);
    Ok(if is_fine { Exit::Ok } else { Exit::Refused })
}

/// The conditions of `--fail-on-empty`, `--coverage-threshold` and `--min-killed` that are not met.
fn shortfalls(args: &TestArgs, report: &TestReport<'_>) -> Vec<String> {
    let empty = args.fail_on_empty && report.results.is_empty();
    let empty = empty.then(|| "there is no case to run".to_owned());
    let percent = report.coverage.percent();
    let uncovered = args.coverage_threshold.filter(|threshold| percent < usize::from(*threshold));
    let uncovered =
        uncovered.map(|threshold| format!("cases show {percent} % of the branches, less than {threshold} %"));
    let killed = report.mutation.as_ref().map(MutationReport::percent);
    let unkilled = args.min_killed.zip(killed).filter(|(threshold, killed)| *killed < usize::from(*threshold));
    let unkilled =
        unkilled.map(|(threshold, killed)| format!("cases notice {killed} % of the changes, less than {threshold} %"));
    empty.into_iter().chain(uncovered).chain(unkilled).collect()
}
