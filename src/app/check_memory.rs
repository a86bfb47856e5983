//! What a check found and the next one need not find again: an editor checks after each change of one file.

use super::bundle::load_suites;
use super::{Error, SourceTexts};
use crate::diagnostic::Diagnostic;
use crate::judge::{Bundle, RuleLints};
use crate::policy_test::TestText;
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

/// What was found in rules and tests that are valid.
#[derive(Clone, Debug, Default)]
pub(super) struct CheckMemory {
    /// What linters find in each rule by itself.
    pub(super) lints: RuleLints,
    /// The test files whose cases pass.
    passed: HashMap<PathBuf, PassedTests>,
}

/// A test file whose cases pass.
#[derive(Clone, Debug)]
struct PassedTests {
    text: String,
    /// The policies and limits that judge its cases.
    rules: BTreeSet<String>,
}

impl CheckMemory {
    /// What of it, found in `before`, holds for `bundle` and the test files `tests`.
    pub(super) fn still_valid(&self, before: &Bundle, bundle: &Bundle, tests: &[TestText]) -> Self {
        let unchanged = bundle.unchanged_rules(before);
        let lints = self.lints.iter().filter(|(name, _)| unchanged.contains(*name));
        let passed = tests.iter().filter_map(|test| {
            let known = self.passed.get(&test.file)?;
            let is_same = known.text == test.text && known.rules.is_subset(&unchanged);
            is_same.then(|| (test.file.clone(), known.clone()))
        });
        Self { lints: lints.map(|(name, found)| (name.clone(), found.clone())).collect(), passed: passed.collect() }
    }

    /// Whether a test file with this text passed, by the rules of that time.
    pub(super) fn has_passed(&self, test: &TestText) -> bool {
        self.passed.get(&test.file).is_some_and(|known| known.text == test.text)
    }

    /// Runs the tests that are not known to pass. Returns each case that fails; if there is none, all are known to pass.
    ///
    /// # Errors
    ///
    /// Every error in those test files.
    pub(super) fn run_tests(&mut self, bundle: &Bundle, texts: &SourceTexts) -> Result<Vec<Diagnostic>, Error> {
        let is_due = |test: &&TestText| !self.passed.contains_key(&test.file);
        let due: Vec<TestText> = texts.tests.iter().filter(is_due).cloned().collect();
        let suites = load_suites(bundle, &due)?;
        let results = suites.iter().flat_map(|suite| suite.run(""));
        let failures: Vec<_> = results.filter(|result| !result.passes()).map(|result| result.failure()).collect();
        if failures.is_empty() {
            for TestText { file, text } in due {
                let own = suites.iter().filter(|suite| suite.source.file() == file);
                let rules = own.flat_map(|suite| suite.rules().map(str::to_owned)).collect();
                self.passed.insert(file, PassedTests { text, rules });
            }
        }
        Ok(failures)
    }
}
