//! `portcullis contract suggest`: overlay entries for what a decision log shows clients to send and no spec has.

use crate::cli::console;
use crate::cli::decisions;
use crate::cli::exit::{CommandError, Exit};
use crate::contract::ANY_VERSION;
use crate::decision_log::LogEntry;
use crate::redact::MASKED_NAME;
use crate::rollout::Accumulator;
use clap::Args;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;

/// Most fields and versions that are kept: a log can have any names.
const MOST: usize = 1_000;

#[derive(Debug, Args)]
pub(in crate::cli) struct SuggestArgs {
    /// Decision logs; `-` for standard input
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    log: Vec<PathBuf>,
}

/// What requests had that the contract does not have.
#[derive(Debug, Default)]
struct UnknownUse {
    /// By operation and field: in how many requests, and the API versions by which they were judged.
    fields: BTreeMap<(String, String), (u64, BTreeSet<String>)>,
    /// By API version: how many requests asked for it.
    versions: BTreeMap<String, u64>,
}

impl UnknownUse {
    fn add_field(&mut self, key: (String, String), count: u64, versions: BTreeSet<String>) {
        if self.fields.len() < MOST || self.fields.contains_key(&key) {
            let known = self.fields.entry(key).or_default();
            known.0 += count;
            known.1.extend(versions);
        }
    }

    fn add_version(&mut self, version: String, count: u64) {
        if self.versions.len() < MOST || self.versions.contains_key(&version) {
            *self.versions.entry(version).or_default() += count;
        }
    }
}

impl Accumulator for UnknownUse {
    fn fresh(&self) -> Self {
        Self::default()
    }

    fn take(&mut self, entry: &LogEntry<'_>) {
        if let Some(asked) = &entry.asked_api_version {
            self.add_version(asked.to_string(), 1);
        }
        let (Some(operation), Some(version)) = (&entry.operation, &entry.api_version) else { return };
        let fields: BTreeSet<String> = entry.unknown_fields.iter().map(ToString::to_string).collect();
        for field in fields {
            self.add_field((operation.to_string(), field), 1, BTreeSet::from([version.to_string()]));
        }
    }

    fn merge(&mut self, later: Self) {
        for (key, (count, versions)) in later.fields {
            self.add_field(key, count, versions);
        }
        for (version, count) in later.versions {
            self.add_version(version, count);
        }
    }
}

pub(super) fn suggest(args: &SuggestArgs) -> Result<Exit, CommandError> {
    let mut found = UnknownUse::default();
    let skipped = decisions::count(&args.log, &mut found)?;
    for line in skipped.summary() {
        console::note(&format!("note: {line}"));
    }
    console::print(text(&found).trim_end())?;
    Ok(Exit::Ok)
}

/// The overlay, to be reviewed.
fn text(found: &UnknownUse) -> String {
    let mut text = String::new();
    for (version, count) in &found.versions {
        // writing to a `String` cannot fail
        let _ = writeln!(
            text,
            "# {count} requests asked for API version {version:?}, which the contract does not have: import its spec"
        );
    }
    let is_shown = |field: &str| !field.split('/').any(|step| step == MASKED_NAME);
    for ((operation, field), (count, _)) in found.fields.iter().filter(|((_, field), _)| !is_shown(field)) {
        let _ = writeln!(
            text,
            "# {count} requests to {operation} had {field:?}: a name that could be a secret is not shown"
        );
    }
    let mut shown = found.fields.iter().filter(|((_, field), _)| is_shown(field)).peekable();
    if shown.peek().is_none() {
        text.push_str("# no request had an unknown field whose name is shown\n");
        return text;
    }
    text.push_str("# Review each entry: whether Clerk takes the field, and what it may be. The log has no values, so each takes any.\n");
    text.push_str("apiVersion: portcullis/v1\nkind: ContractOverlay\noverlays:\n");
    for ((operation, field), (count, versions)) in shown {
        let pointer = if field.starts_with('/') { field.clone() } else { format!("/{field}") };
        let _ = writeln!(text, "- operations: [{operation:?}]");
        // a request that names no version may be for any
        if !versions.contains(ANY_VERSION) {
            let versions: Vec<String> = versions.iter().map(|version| format!("{version:?}")).collect();
            let _ = writeln!(text, "  versions: [{}]", versions.join(", "));
        }
        let _ = writeln!(text, "  fields: [{pointer:?}]");
        text.push_str("  change: { add: {} }\n");
        let _ = writeln!(text, "  evidence: \"{count} requests in the decision log had it; to be reviewed\"");
    }
    text
}
