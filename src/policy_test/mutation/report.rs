//! Judges each mutant by the cases of the suites that concern its rule.

use super::change::ChangedLines;
use super::mutant::Mutant;
use super::{difference, limit, policy};
use crate::judge::Bundle;
use crate::policy_test::Suite;
use crate::policy_test::compare::mismatches;

/// How many mutants of a bundle the cases of its tests kill.
#[derive(Debug, Default)]
pub struct MutationReport {
    /// Mutants by which a case fails.
    pub killed: usize,
    /// Mutants that are no policy, such as one that is never violated. None of them is judged.
    pub skipped: usize,
    /// Mutants by which every case passes, in the order of the files.
    pub survivors: Vec<Survivor>,
}

/// A mutant by which every case passes.
#[derive(Debug)]
pub struct Survivor {
    /// The name of the policy or limit.
    pub rule: String,
    /// The kind of the change, in words.
    pub what: &'static str,
    /// The lines that differ.
    pub lines: ChangedLines,
    /// A request that the mutant decides otherwise, as the `request` of a case. `None` if none was found.
    pub request: Option<String>,
}

impl MutationReport {
    /// How many mutants were judged.
    pub const fn count_judged(&self) -> usize {
        self.killed + self.survivors.len()
    }

    /// The percentage of judged mutants that were killed, rounded down so that only all of them are 100. Without any it is 100.
    pub fn percent(&self) -> usize {
        (self.killed * 100).checked_div(self.count_judged()).unwrap_or(100)
    }

    fn add(&mut self, other: Self) {
        self.killed += other.killed;
        self.skipped += other.skipped;
        self.survivors.extend(other.survivors);
    }
}

/// Each mutant of the policies and limits of `bundle` that compiles: the kind of the change, the name of the rule, and the bundle
/// with the mutant in its place.
#[cfg(test)]
pub(crate) fn mutant_bundles(bundle: &Bundle) -> impl Iterator<Item = (&'static str, String, Bundle)> + '_ {
    let documents = bundle.documents();
    let mutants = documents.policies.iter().flat_map(policy::mutants);
    mutants.chain(documents.limits.iter().flat_map(limit::mutants)).filter_map(|mutant| {
        let changed = mutant.document.put_into(&bundle.contract, &[bundle])?.pop()?;
        Some((mutant.what, mutant.document.name().to_owned(), changed))
    })
}

/// Judges the mutants of the policies and limits of `bundle` by the cases of `suites`, which pass.
pub fn mutate(bundle: &Bundle, suites: &[Suite]) -> MutationReport {
    let documents = bundle.documents();
    let policies = documents.policies.iter().map(policy::mutants);
    let limits = documents.limits.iter().map(limit::mutants);
    let rules: Vec<Vec<Mutant>> = policies.chain(limits).collect();
    let mut report = MutationReport::default();
    // A rule is judged on its own, so that the threads share nothing but what none of them changes.
    let threads = std::thread::available_parallelism().map_or(1, Into::into);
    let parts = rules.chunks(rules.len().div_ceil(threads).max(1));
    std::thread::scope(|scope| {
        let judges: Vec<_> = parts.map(|part| scope.spawn(move || judge_rules(part, bundle, suites))).collect();
        for judge in judges {
            match judge.join() {
                Ok(found) => report.add(found),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    report
}

fn judge_rules(rules: &[Vec<Mutant>], bundle: &Bundle, suites: &[Suite]) -> MutationReport {
    let mut report = MutationReport::default();
    for mutants in rules {
        let Some(name) = mutants.first().map(|mutant| mutant.document.name()) else { continue };
        let concerned: Vec<&Suite> = suites.iter().filter(|suite| suite.judges(name)).collect();
        for mutant in mutants {
            judge(mutant, bundle, &concerned, &mut report);
        }
    }
    report
}

fn judge(mutant: &Mutant, bundle: &Bundle, suites: &[&Suite], report: &mut MutationReport) {
    let originals: Vec<&Bundle> = suites.iter().map(|suite| &suite.bundle).collect();
    let Some(changed) = mutant.document.put_into(&bundle.contract, &originals) else {
        report.skipped += 1;
        return;
    };
    let fails = |(suite, changed): (&&Suite, &Bundle)| {
        suite.decisions(changed).any(|(case, actual)| !mismatches(&case.expected, &actual).is_empty())
    };
    if suites.iter().zip(&changed).any(fails) {
        report.killed += 1;
        return;
    }
    let request =
        suites.iter().zip(&changed).find_map(|(suite, changed)| difference::find(suite, changed, &mutant.lines));
    report.survivors.push(Survivor {
        rule: mutant.document.name().to_owned(),
        what: mutant.what,
        lines: mutant.lines.clone(),
        request,
    });
}

impl Suite {
    /// Whether the policy or limit called `name` judges its cases.
    pub(in crate::policy_test) fn judges(&self, name: &str) -> bool {
        let policies = self.bundle.policies.all().iter().map(|policy| policy.name.as_ref());
        policies.chain(self.bundle.policies.limits().iter().map(|limit| limit.name.as_ref())).any(|it| it == name)
    }
}
