//! Reads the policy files that the configuration names, and the tests beside them.

use super::policy_files::{Found, find, unreadable};
use crate::diagnostic::Diagnostic;
use crate::judge::PolicyText;
use crate::manifest;
use crate::policy_test::TestText;
use std::fs;
use std::path::{Path, PathBuf};

/// What people wrote.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// Policies.
    pub(super) policies: Vec<PolicyText>,
    /// The tests beside them.
    pub(super) tests: Vec<TestText>,
    /// What lies beside them and is not read.
    pub(super) unread: Vec<Diagnostic>,
}

/// The policies of `paths`, with the tests beside them, as [`find`] finds them; and everything that cannot be read, which does
/// not keep the rest from being looked at.
pub(super) fn read(paths: &[PathBuf], contract_folder: Option<&Path>) -> (Texts, Vec<Diagnostic>) {
    let Found { policies, tests, unread, mut mistakes, .. } = find(paths, contract_folder);
    let mut texts = Texts { unread: unread.iter().map(|file| not_read(file)).collect(), ..Texts::default() };
    for file in policies {
        match text(&file) {
            Ok(text) => texts.policies.push(PolicyText { file, text }),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    for file in tests {
        match text(&file) {
            Ok(text) => texts.tests.push(TestText { file, text }),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    (texts, mistakes)
}

fn text(file: &Path) -> Result<String, Diagnostic> {
    manifest::text(file, fs::read(file).map_err(|error| unreadable(file, &error))?)
}

fn not_read(file: &Path) -> Diagnostic {
    Diagnostic::of_file(file, "is not read: policies end in `.yaml` or `.yml`")
}
