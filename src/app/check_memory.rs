//! What a check or a load found and the next one need not find again: an editor checks after each change of one file, and a reload
//! brings few changes.

use super::Error;
use super::bundle::load_suites;
use crate::diagnostic::Diagnostic;
use crate::judge::{Bundle, RuleLints};
use crate::policy_test::{Suite, TestText, rules_beside};
use aws_lc_rs::digest::{Digest, SHA256, digest};
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

/// What was found in rules and tests that are valid.
#[derive(Clone, Debug, Default)]
pub(super) struct CheckMemory {
    /// What linters find in each rule by itself.
    pub(super) lints: RuleLints,
    /// The test files whose cases pass.
    passed: HashMap<PathBuf, PassedTests>,
    /// The number of cases of the shadow bundle that pass.
    // its tests are run each time: a candidate is there for days, with few policies
    shadow_cases: usize,
}

/// A test file whose cases pass.
#[derive(Clone, Debug)]
struct PassedTests {
    /// The digest of its text, which a gateway need not keep.
    text: Digest,
    /// The policies and limits that judge its cases.
    rules: BTreeSet<String>,
    /// The number of its cases.
    cases: usize,
}

impl PassedTests {
    fn is_of(&self, text: &str) -> bool {
        self.text.as_ref() == text_digest(text).as_ref()
    }
}

fn text_digest(text: &str) -> Digest {
    digest(&SHA256, text.as_bytes())
}

impl CheckMemory {
    /// What of it, found in `before`, holds for `bundle` and the test files `tests`.
    pub(super) fn still_valid(&self, before: &Bundle, bundle: &Bundle, tests: &[TestText]) -> Self {
        let unchanged = bundle.unchanged_rules(before);
        let lints = self.lints.iter().filter(|(name, _)| unchanged.contains(*name));
        let passed = tests.iter().filter_map(|test| {
            let known = self.passed.get(&test.file)?;
            // a new file beside the test can bring more rules
            let is_same = known.is_of(&test.text)
                && known.rules.is_subset(&unchanged)
                && rules_beside(&test.file, bundle).is_subset(&known.rules);
            is_same.then(|| (test.file.clone(), known.clone()))
        });
        Self {
            lints: lints.map(|(name, found)| (name.clone(), found.clone())).collect(),
            passed: passed.collect(),
            shadow_cases: 0,
        }
    }

    /// Whether a test file with this text passed, by the rules of that time.
    pub(super) fn has_passed(&self, test: &TestText) -> bool {
        self.passed.get(&test.file).is_some_and(|known| known.is_of(&test.text))
    }

    /// The number of cases that pass.
    pub(super) fn count_cases(&self) -> usize {
        self.passed.values().map(|tests| tests.cases).sum::<usize>() + self.shadow_cases
    }

    /// Runs those of `tests` that are not known to pass. Returns each case that fails; if there is none, all are known to pass.
    ///
    /// # Errors
    ///
    /// Every error in those test files.
    pub(super) fn run_tests(&mut self, bundle: &Bundle, tests: &[TestText]) -> Result<Vec<Diagnostic>, Error> {
        let is_due = |test: &&TestText| !self.passed.contains_key(&test.file);
        let due: Vec<TestText> = tests.iter().filter(is_due).cloned().collect();
        let suites = load_suites(bundle, &due)?;
        let failures = failures(&suites);
        if failures.is_empty() {
            for TestText { file, text } in due {
                let own = || suites.iter().filter(|suite| suite.source.file() == file);
                let rules = own().flat_map(|suite| suite.rules().map(str::to_owned)).collect();
                let cases = own().map(|suite| suite.cases.len()).sum();
                self.passed.insert(file, PassedTests { text: text_digest(&text), rules, cases });
            }
        }
        Ok(failures)
    }

    /// Runs all `tests` of a shadow bundle. Returns each case that fails.
    ///
    /// # Errors
    ///
    /// Every error in the test files.
    pub(super) fn run_shadow_tests(&mut self, shadow: &Bundle, tests: &[TestText]) -> Result<Vec<Diagnostic>, Error> {
        let suites = load_suites(shadow, tests)?;
        self.shadow_cases = suites.iter().map(|suite| suite.cases.len()).sum();
        Ok(failures(&suites))
    }
}

fn failures(suites: &[Suite]) -> Vec<Diagnostic> {
    let results = suites.iter().flat_map(|suite| suite.run(""));
    results.filter(|result| !result.passes()).map(|result| result.failure()).collect()
}
