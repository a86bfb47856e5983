//! SARIF 2.1.0, the form in which code review shows findings at their lines.

use super::exit::CommandError;
use crate::diagnostic::Diagnostic;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use std::path::{Component, Path, PathBuf};

/// A kind of finding. Code review tracks findings by its id, so ids do not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FindingRule {
    /// An error of `check`, which also stops a start.
    Invalid,
    /// A warning of `check`.
    Doubtful,
    /// A case of `test` that fails.
    FailedCase,
    /// A change of a policy that no case of `test --mutate` notices.
    UntestedChange,
    /// A rule that refuses more by a change, as `prove` shows.
    StricterRule,
    /// A rule that refuses less by a change.
    LooserRule,
    /// A rule of which `prove` shows neither.
    UndecidedRule,
}

impl FindingRule {
    const ALL: [Self; 7] = [
        Self::Invalid,
        Self::Doubtful,
        Self::FailedCase,
        Self::UntestedChange,
        Self::StricterRule,
        Self::LooserRule,
        Self::UndecidedRule,
    ];

    const fn id(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Doubtful => "doubtful",
            Self::FailedCase => "failed-case",
            Self::UntestedChange => "untested-change",
            Self::StricterRule => "stricter-rule",
            Self::LooserRule => "looser-rule",
            Self::UndecidedRule => "undecided-rule",
        }
    }

    const fn description(self) -> &'static str {
        match self {
            Self::Invalid => "the configuration or a policy is invalid",
            Self::Doubtful => "a policy may not do what its author means",
            Self::FailedCase => "a test case of a policy fails",
            Self::UntestedChange => "no test case notices a change of this line",
            Self::StricterRule => "the rule does more to some requests than before the change",
            Self::LooserRule => "the rule does less to some requests than before the change",
            Self::UndecidedRule => "whether the rule is stricter or looser than before the change is not known",
        }
    }

    const fn level(self) -> &'static str {
        match self {
            Self::Invalid | Self::FailedCase => "error",
            Self::Doubtful | Self::UntestedChange | Self::LooserRule | Self::UndecidedRule => "warning",
            Self::StricterRule => "note",
        }
    }
}

/// The findings of one command.
#[derive(Debug)]
pub(super) struct SarifLog {
    /// The current folder, to which the paths of files are relative.
    root: PathBuf,
    results: Vec<Value>,
}

impl SarifLog {
    /// A log without a finding.
    ///
    /// # Errors
    ///
    /// The current folder cannot be determined.
    pub(super) fn new() -> Result<Self, CommandError> {
        let root = std::env::current_dir().and_then(|folder| folder.canonicalize()).map_err(CommandError::failure)?;
        Ok(Self { root, results: Vec::new() })
    }

    pub(super) fn add(&mut self, rule: FindingRule, finding: &Diagnostic) {
        let region = finding.place().zip(finding.end()).map(|((line, column), (end_line, end_column))| {
            json!({ "startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column })
        });
        let help = finding.help.as_ref().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
        self.add_at(rule, &finding.file, region, &format!("{}{help}", finding.message));
    }

    pub(super) fn add_all(&mut self, rule: FindingRule, findings: &[Diagnostic]) {
        for finding in findings {
            self.add(rule, finding);
        }
    }

    /// Adds a finding at a one-based line.
    pub(super) fn add_at_line(&mut self, rule: FindingRule, file: &Path, line: usize, text: &str) {
        self.add_at(rule, file, Some(json!({ "startLine": line })), text);
    }

    fn add_at(&mut self, rule: FindingRule, file: &Path, region: Option<Value>, text: &str) {
        let mut place = json!({ "artifactLocation": { "uri": self.uri(file) } });
        if let (Some(region), Some(members)) = (region, place.as_object_mut()) {
            members.insert("region".to_owned(), region);
        }
        self.results.push(json!({
            "ruleId": rule.id(),
            "level": rule.level(),
            "message": { "text": text },
            "locations": [{ "physicalLocation": place }],
        }));
    }

    /// The file as a relative reference if it is below the current folder, as code review needs it, else as a URI.
    fn uri(&self, file: &Path) -> String {
        // `absolute` leaves `..`, by which code review finds no file
        let file = file.canonicalize().or_else(|_| std::path::absolute(file)).unwrap_or_else(|_| file.to_owned());
        match file.strip_prefix(&self.root) {
            Ok(relative) => encode(relative),
            Err(_) => format!("file:///{}", encode(&file)),
        }
    }

    /// Writes the log to `file`.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub(super) fn write(&self, file: &Path) -> Result<(), CommandError> {
        std::fs::write(file, format!("{:#}\n", self.to_json()))
            .map_err(|error| CommandError::Failed(format!("`--sarif`: {} cannot be written: {error}", file.display())))
    }

    fn to_json(&self) -> Value {
        let rules = FindingRule::ALL.map(|rule| {
            json!({
                "id": rule.id(),
                "shortDescription": { "text": rule.description() },
                "defaultConfiguration": { "level": rule.level() },
            })
        });
        json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": { "name": "portcullis", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
                "columnKind": "unicodeCodePoints",
                "results": self.results,
            }],
        })
    }
}

/// What a path of a URI holds as it is (RFC 3986, `unreserved`).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn encode(path: &Path) -> String {
    let names = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(utf8_percent_encode(&name.to_string_lossy(), SEGMENT).to_string()),
        _ => None,
    });
    names.collect::<Vec<_>>().join("/")
}
