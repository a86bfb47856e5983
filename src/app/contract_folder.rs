//! Reads the contract files that the configuration names.

use crate::contract::{ContractText, ContractTexts};
use crate::diagnostic::Diagnostic;
use crate::files::FileView;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

/// The file name of the overlay.
const OVERLAY: &str = "overlay.yaml";

/// The texts in `folder`: each `*.json` directly in it is an API version, `overlay.yaml` corrects them.
///
/// # Errors
///
/// Every file that cannot be read; or the folder has no API version.
pub(super) fn read(folder: &Path, view: &FileView) -> Result<ContractTexts, Vec<Diagnostic>> {
    let real = view.resolve(folder).map_err(|error| vec![unreadable(folder, &error)])?;
    let files = names(&real).map_err(|error| vec![unreadable(folder, &error)])?;
    let (mut texts, mut errors) = (Vec::new(), Vec::new());
    for name in files {
        let file = folder.join(&name);
        match view.resolve(&real.join(&name)).and_then(fs::read_to_string) {
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

fn names(folder: &Path) -> io::Result<Vec<OsString>> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    let is_version = |file: &Path| file.extension().is_some_and(|extension| extension == "json");
    let mut names: Vec<_> =
        names.into_iter().filter(|name| is_version(Path::new(name)) || is_overlay(Path::new(name))).collect();
    // `read_dir` has no order, and the errors of a folder must not change theirs from start to start
    names.sort();
    Ok(names)
}

fn is_overlay(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name == OVERLAY)
}

fn unreadable(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::of_file(path, format!("`contract.folder`: cannot be read: {error}"))
}
