//! The open files, and what a check finds in them and in the files beside them.

use super::SessionSettings;
use super::diagnostics::to_lsp;
use super::document::Knowledge;
use super::uri;
use crate::app::{CheckScope, CheckedConfiguration, Configuration, Error};
use crate::config::DEFAULT_API_VERSION;
use crate::contract::Contract;
use crate::diagnostic::Diagnostic;
use crate::files::UnsavedTexts;
use gen_lsp_types::{Diagnostic as LspDiagnostic, DiagnosticSeverity, Uri};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{self, Path, PathBuf};
use std::sync::{Arc, LazyLock};

/// The contract where none was loaded.
static BUILT_IN: LazyLock<Option<Contract>> = LazyLock::new(|| Contract::built_in(DEFAULT_API_VERSION).ok());

/// What every file of ours has in it.
const OURS: &str = "portcullis/v1";

/// A file that is open in the editor.
pub(super) struct EditorFile {
    /// As the editor spells it.
    pub(super) uri: Uri,
    pub(super) text: Arc<str>,
}

/// What a check found, by the real path of the file.
pub(super) type Findings = BTreeMap<PathBuf, Vec<LspDiagnostic>>;

/// The open files of a workspace, with the last valid state of what they belong to.
pub(super) struct Workspace {
    settings: SessionSettings,
    open: BTreeMap<PathBuf, EditorFile>,
    /// The last state without an error, by the configuration or folder that was checked.
    valid: BTreeMap<PathBuf, CheckedConfiguration>,
    /// The files with findings that the editor knows of.
    published: BTreeSet<PathBuf>,
}

/// Something that `check` can be run on.
struct Project {
    /// The configuration file or folder.
    path: PathBuf,
    scope: CheckScope,
    /// The file that shows what belongs to no file.
    anchor: PathBuf,
    /// Whether other programs may have files in it.
    is_shared: bool,
}

impl Workspace {
    pub(super) fn new(settings: SessionSettings) -> Self {
        Self { settings, open: BTreeMap::new(), valid: BTreeMap::new(), published: BTreeSet::new() }
    }

    /// Takes the text of a file from the editor. Files without a path, as unsaved ones without a name, are not checked.
    pub(super) fn set(&mut self, uri: Uri, text: String) {
        if let Some(path) = uri::to_path(&uri) {
            self.open.insert(real(&path), EditorFile { uri, text: text.into() });
        }
    }

    /// Forgets a file of the editor: what is on disk counts again.
    pub(super) fn close(&mut self, uri: &Uri) {
        if let Some(path) = uri::to_path(uri) {
            self.open.remove(&real(&path));
        }
    }

    /// The URI of a file, as the editor spells it if it is open.
    pub(super) fn uri(&self, path: &Path) -> Uri {
        self.open.get(path).map_or_else(|| uri::of_path(path), |open| open.uri.clone())
    }

    /// The real path and the text of an open file.
    pub(super) fn open_text(&self, uri: &Uri) -> Option<(PathBuf, &str)> {
        let path = real(&uri::to_path(uri)?);
        let text = &self.open.get(&path)?.text;
        Some((path, text))
    }

    /// What is known beside an open file: the contract and the policies of the last valid state that it is part of, or else the
    /// built-in contract.
    pub(super) fn knowledge(&self, file: &Path) -> Option<Knowledge<'_>> {
        let own = [Some(file), file.parent()].into_iter().flatten().find_map(|path| self.valid.get(path));
        match own.or_else(|| self.valid.values().next()) {
            Some(checked) => {
                Some(Knowledge { contract: &checked.bundle.contract, policies: Some(&checked.bundle.policies) })
            }
            None => Some(Knowledge { contract: BUILT_IN.as_ref()?, policies: None }),
        }
    }

    /// The last valid state that an open file is part of with the text that it has now.
    pub(super) fn valid_state(&self, file: &Path) -> Option<&CheckedConfiguration> {
        let text = &self.open.get(file)?.text;
        let has_file = |checked: &&CheckedConfiguration| {
            checked.texts.policies.iter().any(|policy| *policy.text == **text && real(&policy.file) == file)
        };
        self.valid.values().find(has_file)
    }

    /// The text of a file, in the editor or else on disk. `None` if there is no such file.
    pub(super) fn text_of(&self, file: &Path) -> Option<String> {
        let open = self.open.get(file).map(|open| open.text.to_string());
        open.or_else(|| std::fs::read_to_string(file).ok())
    }

    /// Checks everything. The result has each file with findings, each open file, and each file that had findings before.
    pub(super) fn check(&mut self) -> Findings {
        let unsaved: UnsavedTexts =
            self.open.iter().map(|(path, open)| (path.clone(), Arc::clone(&open.text))).collect();
        let unsaved = Arc::new(unsaved);
        let mut findings = Findings::new();
        let mut left: BTreeSet<PathBuf> = self.open.keys().cloned().collect();
        let mut projects = BTreeSet::new();
        if let Some(project) = self.configured_project() {
            let files = self.check_project(&project, &unsaved, &mut findings);
            left.retain(|open| !files.iter().any(|file| open.starts_with(file)));
            projects.insert(project.path);
        }
        while let Some(file) = left.pop_first() {
            let Some(project) = self.project_of(&file) else { continue };
            // the files of a folder are one project
            if projects.insert(project.path.clone()) {
                self.check_project(&project, &unsaved, &mut findings);
            }
        }
        self.valid.retain(|path, _| projects.contains(path));
        let with_findings = findings.keys().cloned().collect();
        for file in self.open.keys().cloned().chain(std::mem::replace(&mut self.published, with_findings)) {
            findings.entry(file).or_default();
        }
        findings
    }

    /// The configuration that `check` uses without arguments.
    fn configured_project(&self) -> Option<Project> {
        if !Configuration::exists(self.settings.config.as_deref()) {
            return None;
        }
        let scope = self.scope(self.settings.config.clone(), Vec::new());
        let configuration = scope.config.clone().unwrap_or_else(|| PathBuf::from(crate::app::QUICKSTART_FILE));
        let anchor = real(&configuration);
        Some(Project { path: anchor.clone(), scope, anchor, is_shared: false })
    }

    /// What to check for an open file that the configuration does not name. `None` for a file of another program.
    fn project_of(&self, file: &Path) -> Option<Project> {
        let text = &self.open.get(file)?.text;
        if !text.contains(OURS) {
            return None;
        }
        let anchor = file.to_owned();
        if text.lines().any(|line| line.trim_end() == "kind: Gateway") {
            let scope = self.scope(Some(anchor.clone()), Vec::new());
            return Some(Project { path: anchor.clone(), scope, anchor, is_shared: false });
        }
        let folder = file.parent()?.to_owned();
        let scope = self.scope(self.settings.config.clone(), vec![folder.clone()]);
        Some(Project { path: folder, scope, anchor, is_shared: true })
    }

    // certificates and keys are on the machine that runs the gateway, which is another than that of the editor
    fn scope(&self, config: Option<PathBuf>, policies: Vec<PathBuf>) -> CheckScope {
        CheckScope { config, overrides: self.settings.overrides.clone(), policies, opens_files: false }
    }

    /// Adds what is found in a project. Returns the files and folders that it consists of, as far as they are known.
    fn check_project(
        &mut self,
        project: &Project,
        unsaved: &Arc<UnsavedTexts>,
        findings: &mut Findings,
    ) -> Vec<PathBuf> {
        let mut files = vec![project.anchor.clone()];
        let before = self.valid.get(&project.path);
        let checked = project.scope.load(unsaved).and_then(|configuration| {
            files.extend(configuration.gateway.policies.iter().map(|path| real(path)));
            project.scope.check(configuration, unsaved, before)
        });
        match checked {
            Ok(checked) => {
                self.add(&checked.lints, DiagnosticSeverity::Warning, project, findings);
                self.valid.insert(project.path.clone(), checked);
            }
            Err(Error::Invalid(errors)) => self.add(&errors, DiagnosticSeverity::Error, project, findings),
            Err(Error::Environment(message)) => {
                let error = Diagnostic::of_file(&project.anchor, message);
                self.add(&[error], DiagnosticSeverity::Error, project, findings);
            }
        }
        files
    }

    fn add(&self, found: &[Diagnostic], severity: DiagnosticSeverity, project: &Project, findings: &mut Findings) {
        for diagnostic in found {
            let file = real(&diagnostic.file);
            let open = self.open.get(&file);
            // no configuration names this folder: what is not of ours in it is not ours to judge
            let is_foreign = diagnostic.source.as_deref().is_some_and(|text| !text.contains(OURS));
            if project.is_shared && is_foreign {
                continue;
            }
            if open.is_some() || file.is_file() {
                let shown = to_lsp(diagnostic, severity, open.map(|open| &*open.text));
                push(findings.entry(file).or_default(), shown);
            } else {
                // of a folder, a flag or a variable
                let message = format!("`{}`: {}", diagnostic.file.display(), diagnostic.message);
                let moved = Diagnostic { message, span: None, ..diagnostic.clone() };
                push(findings.entry(project.anchor.clone()).or_default(), to_lsp(&moved, severity, None));
            }
        }
    }
}

/// Two projects can share a file.
fn push(known: &mut Vec<LspDiagnostic>, found: LspDiagnostic) {
    if !known.contains(&found) {
        known.push(found);
    }
}

/// The absolute path without links; of a file that does not exist, the absolute path.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().or_else(|_| path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}
