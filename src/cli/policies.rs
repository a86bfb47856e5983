//! Reads the policy files that the configuration names.

use crate::judge::PolicyText;
use crate::span::Diagnostic;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The policy files of `paths`: a file is itself; a folder is every `*.yaml` and `*.yml` directly in it, by name, but for
/// the tests beside them (`*.test.yaml`).
///
/// # Errors
///
/// Every path that cannot be read.
pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<PolicyText>, Vec<Diagnostic>> {
    let (mut texts, mut mistakes) = (Vec::new(), Vec::new());
    for path in paths {
        match files(path) {
            Ok(files) => {
                for file in files {
                    match fs::read_to_string(&file) {
                        Ok(text) => texts.push(PolicyText { file, text }),
                        Err(error) => mistakes.push(unreadable(&file, &error)),
                    }
                }
            }
            Err(error) => mistakes.push(unreadable(path, &error)),
        }
    }
    if mistakes.is_empty() { Ok(texts) } else { Err(mistakes) }
}

fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    let mut files: Vec<PathBuf> = entries.into_iter().filter(|file| is_policy(file)).collect();
    files.sort();
    Ok(files)
}

fn is_policy(file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let (stem, end) = name.rsplit_once('.').unwrap_or((name, ""));
    let is_test = stem.rsplit_once('.').is_some_and(|(_, kind)| kind == "test");
    (end == "yaml" || end == "yml") && !is_test && !stem.is_empty()
}

fn unreadable(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::of_file(path, format!("`policies`: cannot be read: {error}"))
}
