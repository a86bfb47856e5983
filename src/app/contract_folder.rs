//! Reads the contract files that the configuration names.

use crate::contract::{ContractText, ContractTexts};
use crate::diagnostic::Diagnostic;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The file name of the overlay.
const OVERLAY: &str = "overlay.yaml";

/// The texts in `folder`: each `*.json` directly in it is an API version, `overlay.yaml` corrects them.
///
/// # Errors
///
/// Every file that cannot be read; or the folder has no API version.
pub(super) fn read(folder: &Path) -> Result<ContractTexts, Vec<Diagnostic>> {
    let files = files(folder).map_err(|error| vec![unreadable(folder, &error)])?;
    let (mut texts, mut errors) = (Vec::new(), Vec::new());
    for file in files {
        match fs::read_to_string(&file) {
            Ok(text) => texts.push(ContractText { file, text: text.into() }),
            Err(error) => errors.push(unreadable(&file, &error)),
        }
    }
    let (overlays, versions): (Vec<_>, Vec<_>) = texts.into_iter().partition(|text| is_overlay(&text.file));
    // a version that cannot be read is reported as such, not as missing
    if versions.is_empty() && errors.is_empty() {
        errors.push(Diagnostic::of_file(folder, "`contract.folder`: there is no contract file (`*.json`) in it"));
    }
    if errors.is_empty() { Ok(ContractTexts { versions, overlay: overlays.into_iter().next() }) } else { Err(errors) }
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    let is_version = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "json");
    let mut files: Vec<PathBuf> = entries.into_iter().filter(|file| is_version(file) || is_overlay(file)).collect();
    // `read_dir` has no order, and the errors of a folder must not change theirs from start to start
    files.sort();
    Ok(files)
}

fn is_overlay(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name == OVERLAY)
}

fn unreadable(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::of_file(path, format!("`contract.folder`: cannot be read: {error}"))
}
