//! Reads the policy files that the configuration names, and the tests beside them.

use crate::judge::PolicyText;
use crate::policy_test::TestText;
use crate::span::Diagnostic;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What people wrote.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// Policies.
    pub(super) policies: Vec<PolicyText>,
    /// The tests beside them.
    pub(super) tests: Vec<TestText>,
}

/// The policy files of `paths`, with the tests beside them: a file is itself, and the `NAME.test.yaml` of a `NAME.yaml`; a
/// folder is every `*.yaml` and `*.yml` directly in it, by name.
///
/// # Errors
///
/// Every path that cannot be read.
pub(super) fn read(paths: &[PathBuf]) -> Result<Texts, Vec<Diagnostic>> {
    let (mut texts, mut mistakes) = (Texts::default(), Vec::new());
    for path in paths {
        match files(path) {
            Ok(Files { policies, tests }) => {
                for file in policies {
                    match fs::read_to_string(&file) {
                        Ok(text) => texts.policies.push(PolicyText { file, text }),
                        Err(error) => mistakes.push(unreadable(&file, &error)),
                    }
                }
                for file in tests {
                    match fs::read_to_string(&file) {
                        Ok(text) => texts.tests.push(TestText { file, text }),
                        Err(error) => mistakes.push(unreadable(&file, &error)),
                    }
                }
            }
            Err(error) => mistakes.push(unreadable(path, &error)),
        }
    }
    if mistakes.is_empty() { Ok(texts) } else { Err(mistakes) }
}

/// Policy files and the tests beside them.
struct Files {
    policies: Vec<PathBuf>,
    tests: Vec<PathBuf>,
}

fn files(path: &Path) -> io::Result<Files> {
    if !path.is_dir() {
        let twins = ["test.yaml", "test.yml"].map(|end| path.with_extension(end));
        let tests = twins.into_iter().filter(|twin| twin.is_file()).collect();
        return Ok(Files { policies: vec![path.to_owned()], tests });
    }
    let entries = fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    let mut files: Vec<PathBuf> = entries.into_iter().filter(|file| is_yaml(file)).collect();
    files.sort();
    let (tests, policies) = files.into_iter().partition(|file| policy_of(file).is_some());
    Ok(Files { policies, tests })
}

fn is_yaml(file: &Path) -> bool {
    file.extension().is_some_and(|end| end == "yaml" || end == "yml")
}

/// The policy file that the test file `file` is beside: `NAME.yaml` for `NAME.test.yaml`; none where it is no test file.
pub(super) fn policy_of(file: &Path) -> Option<PathBuf> {
    let (name, end) = (file.file_stem()?.to_str()?.strip_suffix(".test")?, file.extension()?.to_str()?);
    is_yaml(file).then(|| file.with_file_name(format!("{name}.{end}")))
}

fn unreadable(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::of_file(path, format!("`policies`: cannot be read: {error}"))
}
