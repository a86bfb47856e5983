//! `portcullis prove`: whether a change of policies is stricter or looser, with a request that shows it.

mod json;
mod text;

use super::config_args::ConfigArgs;
use super::console;
use super::exit::{CommandError, Exit};
use crate::app;
use crate::policy_proof::{BundleProof, ChangeVerdict, prove as prove_bundles};
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
    fn is(self, verdict: ChangeVerdict) -> bool {
        match self {
            Self::Stricter => matches!(verdict, ChangeVerdict::Stricter | ChangeVerdict::Both),
            Self::Looser => matches!(verdict, ChangeVerdict::Looser | ChangeVerdict::Both),
            Self::Both => verdict == ChangeVerdict::Both,
            Self::Undecided => verdict == ChangeVerdict::Undecided,
        }
    }
}

pub(super) fn prove(args: &ProveArgs, config: &ConfigArgs) -> Result<Exit, CommandError> {
    let load = |path: &Path| -> Result<_, CommandError> {
        let (bundle, texts) = app::compile_policies(&config.load_with(&[path.to_owned()])?)?;
        console::warn(&texts.unread);
        let suites = app::load_suites(&bundle, &texts)?;
        Ok((bundle, suites))
    };
    let ((old, mut suites), (new, new_suites)) = (load(&args.old)?, load(&args.new)?);
    suites.extend(new_suites);
    let proof = prove_bundles(&old, &new, &suites);
    console::print(&if args.json { json::proof(&proof) } else { text::proof(&proof, console::width()) })?;
    let fails = |fail_on: &FailOn| verdicts(&proof).any(|verdict| fail_on.is(verdict));
    Ok(if args.fail_on.iter().any(fails) { Exit::Refused } else { Exit::Ok })
}

/// The verdicts of all rules, and of the whole.
fn verdicts(proof: &BundleProof) -> impl Iterator<Item = ChangeVerdict> {
    proof.rules.iter().map(crate::policy_proof::RuleProof::verdict).chain([proof.verdict()])
}
