//! The texts of the policy files that a configuration names, and of the tests beside them.

use super::policy_files::{PolicyFiles, find, unreadable};
use crate::diagnostic::Diagnostic;
use crate::judge::PolicyText;
use crate::manifest;
use crate::policy_test::TestText;
use std::fs;
use std::path::{Path, PathBuf};

/// The texts of policies and of their tests.
#[derive(Debug, Default)]
pub struct SourceTexts {
    /// The policy files.
    pub policies: Vec<PolicyText>,
    /// The test files beside them.
    pub tests: Vec<TestText>,
    /// A warning for each file in a policy folder that is not read.
    pub unread: Vec<Diagnostic>,
}

/// The texts of the files that [`find`] finds, and an error for each that cannot be read; the others are read all the same.
pub(super) fn read(paths: &[PathBuf], contract_folder: Option<&Path>) -> (SourceTexts, Vec<Diagnostic>) {
    let PolicyFiles { policies, tests, unread, mut errors, .. } = find(paths, contract_folder);
    let mut texts =
        SourceTexts { unread: unread.iter().map(|file| unread_warning(file)).collect(), ..SourceTexts::default() };
    for file in policies {
        match text(&file) {
            Ok(text) => texts.policies.push(PolicyText { file, text }),
            Err(error) => errors.push(error),
        }
    }
    for file in tests {
        match text(&file) {
            Ok(text) => texts.tests.push(TestText { file, text }),
            Err(error) => errors.push(error),
        }
    }
    (texts, errors)
}

fn text(file: &Path) -> Result<String, Diagnostic> {
    manifest::text(file, fs::read(file).map_err(|error| unreadable(file, &error))?)
}

fn unread_warning(file: &Path) -> Diagnostic {
    Diagnostic::of_file(file, "is not read: policies end in `.yaml` or `.yml`")
}
