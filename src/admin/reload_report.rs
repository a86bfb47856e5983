//! How a reload ended, as the admin listener returns it and the command line reads it.

use crate::diagnostic::Diagnostic;
use crate::policy::LostRule;
use crate::telemetry::ReloadOutcome;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// How a reload ended.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReloadReport {
    /// Whether the files are in force, or why they are not.
    pub outcome: ReloadOutcome,
    /// The revision of the bundle in force.
    pub revision: String,
    /// The keys of the configuration file that changed and take a restart.
    pub restart_required: Vec<String>,
    /// Every error for which the files are not in force. Empty if they are.
    pub errors: Vec<ReloadFault>,
}

/// An error of a file, or a rule that would be lost.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ReloadFault {
    /// The file; `None` if the error is of none.
    pub file: Option<String>,
    /// The line, from 1; `None` if the whole file is wrong.
    pub line: Option<usize>,
    /// The column in characters, from 1.
    pub column: Option<usize>,
    /// What is wrong. It holds no value of the file.
    pub message: String,
    /// How to fix it.
    pub help: Option<String>,
}

impl ReloadFault {
    /// An error of no file.
    pub fn new(message: impl Into<String>) -> Self {
        Self { file: None, line: None, column: None, message: message.into(), help: None }
    }

    /// The error as a diagnostic, which has no text of the file.
    pub fn to_diagnostic(&self) -> Diagnostic {
        let file = self.file.as_deref().unwrap_or("reload");
        let place = self.line.zip(self.column).map(|(line, column)| format!("{file}:{line}:{column}"));
        let diagnostic = Diagnostic::of_file(Path::new(place.as_deref().unwrap_or(file)), self.message.clone());
        Diagnostic { help: self.help.clone(), ..diagnostic }
    }
}

impl From<&Diagnostic> for ReloadFault {
    fn from(diagnostic: &Diagnostic) -> Self {
        let (line, column) = diagnostic.place().unzip();
        let Diagnostic { file, message, help, .. } = diagnostic;
        Self { file: Some(file.display().to_string()), line, column, message: message.clone(), help: help.clone() }
    }
}

impl From<&LostRule> for ReloadFault {
    fn from(rule: &LostRule) -> Self {
        let help = format!("to remove it, add `{}` to `removed` of the configuration file", rule.name);
        Self { help: Some(help), ..Self::new(rule.to_string()) }
    }
}
