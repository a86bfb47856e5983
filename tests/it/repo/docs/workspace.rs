//! A clone of the repository in which a page is followed: its files are saved and its commands typed, in the page's order.

use super::page::{Block, Page, page};
use crate::cli::rollout::log::{Sent, lines};
use portcullis::contract::strictness::Strictness;
use portcullis::contract::{ANY_VERSION, Contract};
use portcullis::decision_log::LogEntry;
use portcullis::decision_log::chain::ChainEnd;
use portcullis::decision_log::marker::MarkerEvent;
use portcullis::judge::{Bundle, PolicyText};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// The folder. Dropping it removes it.
pub(super) struct Workspace(TempDir);

/// A `console` block, and the same block with what the commands print today.
pub(super) struct Session {
    pub(super) documented: String,
    pub(super) actual: String,
}

impl Workspace {
    /// The configuration and the policies, as a clone has them.
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["config", "policies"] {
            fs::create_dir(folder.path().join(name)).unwrap();
            for file in yaml_files(&root().join(name)) {
                fs::copy(&file, folder.path().join(name).join(file.file_name().unwrap())).unwrap();
            }
        }
        fs::write(folder.path().join("config/fingerprint.key"), "0".repeat(32)).unwrap();
        Self(folder)
    }

    /// A clone in which a reader saved the files of `page`.
    pub(super) fn with_files_of(page: &Page) -> Self {
        let workspace = Self::new();
        for block in page.blocks() {
            workspace.save(&block);
        }
        workspace
    }

    fn save(&self, block: &Block) {
        if let Some(file) = block.file() {
            self.write(&file, &block.text);
        }
    }

    /// Saves the files of the page and types its commands.
    pub(super) fn follow(&self, page: &Page) -> Vec<Session> {
        self.add_logs(page);
        let mut sessions = Vec::new();
        for block in page.blocks() {
            self.save(&block);
            if block.info == "console" {
                sessions.push(self.session(&block));
            }
        }
        sessions
    }

    fn session(&self, block: &Block) -> Session {
        let mut actual = String::new();
        for (command, documented) in block.commands() {
            let printed = self.shell(command);
            let shown = if stable(&printed) == stable(documented) { documented } else { &printed };
            actual.extend(["$ ", command, "\n", shown]);
            if !actual.ends_with('\n') {
                actual.push('\n');
            }
        }
        Session { documented: block.text.clone(), actual }
    }

    /// What a command prints that a person types here.
    pub(super) fn shell(&self, command: &str) -> String {
        let programs = Path::new(env!("CARGO_BIN_EXE_portcullis")).parent().unwrap();
        let programs = format!("{}:/usr/bin:/bin", programs.display());
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", command]).current_dir(self.path()).env_clear().env("PATH", programs);
        let output = shell.output().expect("a shell");
        assert!(output.stderr.is_empty(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// `portcullis` with these arguments.
    pub(super) fn portcullis(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.args(arguments).current_dir(self.path()).env_clear().output().unwrap()
    }

    pub(super) fn write(&self, file: &str, text: &str) {
        fs::write(self.path().join(file), text).unwrap();
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The logs that the page's commands read.
    fn add_logs(&self, followed: &Page) {
        if followed.text.contains("two-days.jsonl") {
            self.write("two-days.jsonl", &self.two_days());
        }
        if followed.text.contains("decisions.jsonl") {
            self.write("decisions.jsonl", &chained(&decision()));
        }
    }

    /// What the gateway of a clone logged in two days.
    fn two_days(&self) -> String {
        let mut files = yaml_files(&self.path().join("policies"));
        files.retain(|file| !file.to_string_lossy().contains(".test."));
        let texts = files.into_iter().map(|file| PolicyText { text: fs::read_to_string(&file).unwrap(), file });
        // with the default of the configuration, as the program replays it: another bundle has another revision
        let contract = Contract::built_in(ANY_VERSION).expect("a valid contract");
        let bundle =
            Bundle::compile(contract, &texts.collect::<Vec<_>>(), Strictness::default()).expect("sound policies");
        let sent = |day, caller, body| Sent { body, caller, day, ..Sent::default() };
        let all = [
            sent(1, "signup", r#"{"first_name":"Ada"}"#),
            sent(1, "signup", r#"{"first_name":"Grace","skip_legal_checks":true}"#),
            sent(2, "signup", r#"{"first_name":"Edith","skip_legal_checks":true}"#),
            sent(2, "support", r#"{"external_id":"4711"}"#),
            sent(2, "support", r#"{"last_name":"Lovelace","skip_legal_checks":false}"#),
        ];
        lines(&bundle, &all)
    }
}

/// The entry of a decision log that docs/decision-log.md shows, on one line.
pub(super) fn decision() -> String {
    let page = page("docs/decision-log.md");
    let block = page.blocks_of("json").into_iter().find(|block| block.text.contains("\"decision_id\""));
    block.expect("a decision").text.replace('\n', "")
}

/// The chained log of a run with this decision alone.
fn chained(line: &str) -> String {
    let entry = LogEntry::read(line).expect("an entry");
    let line = serde_json::to_string(&entry).expect("a line");
    let mut text = String::new();
    let first = ChainEnd::default().append(&line, &mut text);
    text.push('\n');
    let run = entry.run.expect("a run");
    let end = MarkerEvent::Shutdown.head("2026-11-23T12:00:00.000Z") + &format!(r#","run":"{run}","number":1}}"#);
    let _ = first.append(&end, &mut text);
    text + "\n"
}

/// The root of the repository.
pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The YAML files of a folder, by name.
pub(super) fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    files.sort();
    files
}

/// What does not change with the text of any policy: the revision is a hash of them all.
fn stable(text: &str) -> String {
    let lines = text.lines().map(|line| if line.trim_start().starts_with("revision ") { "revision" } else { line });
    lines.map(str::trim_end).collect::<Vec<_>>().join("\n")
}
