//! `portcullis prove`: whether a change of policies is stricter or looser, with a request that shows it.

mod json;
mod sarif;
mod text;

use super::config_args::ConfigArgs;
use super::console;
use super::exit::{CommandError, Exit};
use crate::app;
use crate::policy_proof::{BundleProof, Finding, prove as prove_bundles};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct ProveArgs {
    /// The policies before the change: a file or folder
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The policies after the change: a file or folder
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Fail if a rule, or all of them together, are this; may be repeated
    #[arg(long, value_name = "VERDICT", value_delimiter = ',')]
    fail_on: Vec<FailOn>,
    /// Print the proof as JSON
    #[arg(long)]
    json: bool,
    /// Write the rules that are not equal to this file as SARIF, for code review
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
}

/// What a change may not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Stricter for some requests
    Stricter,
    /// Looser for some requests
    Looser,
    /// Stricter for some requests and looser for others
    Both,
    /// Neither shown nor proven not to be
    Undecided,
}

impl FailOn {
    /// Whether what was found is this. A direction that was shown counts, also if the other one is not decided.
    const fn is(self, stricter: &Finding, looser: &Finding) -> bool {
        let (is_stricter, is_looser) = (matches!(stricter, Finding::Shown(_)), matches!(looser, Finding::Shown(_)));
        match self {
            Self::Stricter => is_stricter,
            Self::Looser => is_looser,
            Self::Both => is_stricter && is_looser,
            Self::Undecided => {
                matches!(stricter, Finding::NotFound { .. }) || matches!(looser, Finding::NotFound { .. })
            }
        }
    }
}

pub(super) fn prove(args: &ProveArgs, config: &ConfigArgs) -> Result<Exit, CommandError> {
    let load = |path: &Path| -> Result<_, CommandError> {
        let (bundle, texts) = app::compile_policies(&config.load_with(&[path.to_owned()])?)?;
        console::warn(&texts.unread);
        let suites = app::load_suites(&bundle, &texts.tests)?;
        Ok((bundle, suites))
    };
    let ((old, mut suites), (new, new_suites)) = (load(&args.old)?, load(&args.new)?);
    suites.extend(new_suites);
    let proof = prove_bundles(&old, &new, &suites);
    console::print(&if args.json { json::proof(&proof) } else { text::proof(&proof, console::width()) })?;
    if let Some(file) = &args.sarif {
        sarif::log(&proof, &old, &new)?.write(file)?;
    }
    let fails = |fail_on: &FailOn| findings(&proof).any(|(stricter, looser)| fail_on.is(stricter, looser));
    Ok(if args.fail_on.iter().any(fails) { Exit::Refused } else { Exit::Ok })
}

/// What was found of each rule, and of the whole.
fn findings(proof: &BundleProof) -> impl Iterator<Item = (&Finding, &Finding)> {
    let of_rules = proof.rules.iter().map(|rule| (&rule.stricter, &rule.looser));
    of_rules.chain([(&proof.stricter, &proof.looser)])
}
