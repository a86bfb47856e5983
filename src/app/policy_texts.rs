//! The texts of the policy files that a configuration names, and of the tests beside them.

use super::policy_files::{FoundFile, PolicyFiles, find, unreadable};
use crate::contract::{self, ContractTexts};
use crate::diagnostic::Diagnostic;
use crate::files::FileView;
use crate::judge::PolicyText;
use crate::manifest;
use crate::policy_test::TestText;
use std::fs;
use std::path::{Path, PathBuf};

/// The texts of policies and of their tests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceTexts {
    /// The policy files.
    pub policies: Vec<PolicyText>,
    /// The test files beside them.
    pub tests: Vec<TestText>,
    /// A warning for each file in a policy folder that is not read.
    pub unread: Vec<Diagnostic>,
    /// For each path that was named the policy files that it stands for.
    pub(super) named: Vec<(PathBuf, Vec<PathBuf>)>,
}

impl SourceTexts {
    /// An error for each named path without a policy file.
    //
    // A volume that is not mounted, or a mistyped path: a gateway that starts would let everything pass.
    pub(super) fn empty_paths(&self) -> impl Iterator<Item = Diagnostic> {
        let empty = self.named.iter().filter(|(path, files)| files.is_empty() && path.exists());
        empty.map(|(path, _)| {
            let error = Diagnostic::of_file(path, "there is no policy in it: nothing of it would be enforced");
            error.with_help("name another path in `policies`, or remove it: `policies: []` enforces the contract alone")
        })
    }
}

/// The texts of the files that [`find`] finds, and an error for each that cannot be read; the others are read all the same.
pub(super) fn read(
    paths: &[PathBuf],
    contract_folder: Option<&Path>,
    view: &FileView,
) -> (SourceTexts, Vec<Diagnostic>) {
    let PolicyFiles { policies, tests, unread, hidden, mut errors, named } = find(paths, view);
    let mut texts = SourceTexts { named, ..SourceTexts::default() };
    let contract = KnownContract::new(contract_folder, view);
    for file in policies {
        match text(&file, view) {
            Ok(text) if contract::is_overlay_file(&file.shown, &text) => {
                texts.unread.extend(contract.warning(&file, &text));
                texts.named.iter_mut().for_each(|(_, files)| files.retain(|it| *it != file.shown));
            }
            Ok(text) => texts.policies.push(PolicyText { file: file.shown, text }),
            Err(error) => errors.push(error),
        }
    }
    for file in tests {
        match text(&file, view) {
            Ok(text) => texts.tests.push(TestText { file: file.shown, text }),
            Err(error) => errors.push(error),
        }
    }
    texts.unread.extend(unread.iter().filter_map(|file| match text(file, view) {
        Ok(text) if contract::is_contract_file(&text) => contract.warning(file, &text),
        _ => Some(Diagnostic::of_file(&file.shown, "is not read: policies end in `.yaml` or `.yml`")),
    }));
    let hidden = hidden.iter().map(|path| {
        let warning = Diagnostic::of_file(path, "is not read: its name begins with a dot");
        warning.with_help("rename it if its policies are to be in force, or else move it away")
    });
    texts.unread.extend(hidden);
    (texts, errors)
}

/// The contract that is in force, whose files may be among the policies.
struct KnownContract {
    folder: Option<PathBuf>,
    built_in: ContractTexts,
}

impl KnownContract {
    fn new(folder: Option<&Path>, view: &FileView) -> Self {
        Self { folder: folder.and_then(|folder| view.resolve(folder).ok()), built_in: ContractTexts::built_in() }
    }

    /// A warning of a contract file among policies, unless it is in force: in the configured folder, or as it is built in.
    fn warning(&self, file: &FoundFile, text: &str) -> Option<Diagnostic> {
        let in_force = match &self.folder {
            Some(folder) => file.real.starts_with(folder),
            None => self.built_in.versions.iter().chain(&self.built_in.overlay).any(|known| known.text == text),
        };
        let message = "is not read: it belongs to a contract, which is not the one in force";
        let warning = || Diagnostic::of_file(&file.shown, message).with_help("name its folder in `contract.folder`");
        (!in_force).then(warning)
    }
}

fn text(file: &FoundFile, view: &FileView) -> Result<String, Diagnostic> {
    if let Some(text) = view.unsaved_text(&file.real) {
        return Ok(text.to_owned());
    }
    manifest::text(&file.shown, fs::read(&file.real).map_err(|error| unreadable(&file.shown, &error))?)
}
