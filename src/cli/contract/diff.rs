//! `portcullis contract diff`: what changed between two versions, and whom it concerns.

use super::version::{Version, broken, known_or_file};
use crate::cli::args::ConfigArgs;
use crate::cli::columns::columns;
use crate::cli::{Exit, Failure, console, load};
use crate::config::overrides::Overrides;
use crate::contract::diff::{ChangeKind, FieldChange, OperationChange, diff as compare};
use crate::contract::shape::FieldShape;
use clap::Args;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

#[derive(Debug, Args)]
pub(in crate::cli) struct DiffArgs {
    /// The version before: one of the contract's, or a contract file
    #[arg(value_name = "OLD")]
    old: String,
    /// The version after: one of the contract's, or a contract file
    #[arg(value_name = "NEW")]
    new: String,
    #[command(flatten)]
    config: ConfigArgs,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

pub(super) fn diff(args: &DiffArgs) -> Result<Exit, Failure> {
    let gateway = load::configuration(&args.config, &Overrides::default())?;
    let bundle = load::bundle(&gateway)?;
    let old = known_or_file(&gateway, &bundle.contract, &args.old)?;
    let new = known_or_file(&gateway, &bundle.contract, &args.new)?;
    let readers = |id: &str, field: Option<&str>| bundle.policies.readers(id, field);
    let changes = compare(&old.operations, &new.operations, &readers).map_err(|error| broken(&error))?;
    let affected = affected(&changes);
    if args.json {
        let affected: Vec<_> = affected.keys().collect();
        let told = json!({ "old": old.name, "new": new.name, "operations": changes, "affected_policies": affected });
        console::say(&format!("{told:#}"))?;
    } else {
        console::say(told(&old, &new, &changes, &affected).trim_end())?;
    }
    Ok(if affected.is_empty() { Exit::Fine } else { Exit::Refused })
}

/// What each affected policy is affected by: operations, and fields of them.
type Affected = BTreeMap<Arc<str>, BTreeMap<Arc<str>, BTreeSet<String>>>;

fn affected(changes: &[OperationChange]) -> Affected {
    let mut affected = Affected::new();
    for change in changes {
        let mut note = |policy: &Arc<str>, field: Option<&str>| {
            let fields = affected.entry(policy.clone()).or_default().entry(change.operation.clone()).or_default();
            fields.extend(field.map(str::to_owned));
        };
        change.policies.iter().for_each(|policy| note(policy, None));
        for field in &change.fields {
            field.policies.iter().for_each(|policy| note(policy, Some(&shown(&field.field))));
        }
    }
    affected
}

fn told(old: &Version, new: &Version, changes: &[OperationChange], affected: &Affected) -> String {
    let of = |wanted: ChangeKind| changes.iter().filter(move |change| change.change == wanted);
    let mut text = format!("{} -> {}: ", old.name, new.name);
    let counts = [(ChangeKind::Added, "added"), (ChangeKind::Removed, "removed"), (ChangeKind::Changed, "changed")];
    let counts = counts.map(|(change, word)| format!("{} {word}", of(change).count()));
    let _ = writeln!(text, "operations: {}", counts.join(", "));
    for (change, mark, title) in [(ChangeKind::Added, "+", "added"), (ChangeKind::Removed, "-", "removed")] {
        let rows = of(change).map(|it| {
            let id = format!("{mark} {}", it.operation);
            vec![id, it.route.clone(), concerns(&it.policies, &it.overlays)]
        });
        let rows: Vec<_> = rows.collect();
        if !rows.is_empty() {
            let _ = writeln!(text, "\noperations {title}\n{}", columns("  ", &rows));
        }
    }
    for change in of(ChangeKind::Changed) {
        let _ = writeln!(text, "\n{}  {}", change.operation, change.route);
        let moved = change
            .route_before
            .iter()
            .map(|before| vec![format!("~ was {before}"), String::new(), concerns(&change.policies, &change.overlays)]);
        let rows: Vec<_> = moved.chain(change.fields.iter().map(row)).collect();
        let _ = writeln!(text, "{}", columns("  ", &rows));
    }
    text.push('\n');
    policies(&mut text, affected);
    text
}

/// The line of a field: what became of it, what it is, whom it concerns.
fn row(change: &FieldChange) -> Vec<String> {
    let (mark, what) = match (&change.before, &change.after) {
        (Some(before), Some(after)) => ("~", differences(before, after)),
        (Some(gone), None) => ("-", gone.to_string()),
        (None, Some(come)) => ("+", come.to_string()),
        (None, None) => ("", String::new()),
    };
    vec![format!("{mark} {}", shown(&change.field)), what, concerns(&change.policies, &change.overlays)]
}

fn differences(before: &FieldShape, after: &FieldShape) -> String {
    let mut parts = Vec::new();
    if before.types() != after.types() {
        parts.push(format!("{} -> {}", before.types(), after.types()));
    }
    let flags = [(before.required, after.required, "required"), (before.secret, after.secret, "secret")];
    parts.extend(
        flags
            .iter()
            .filter(|(old, new, _)| old != new)
            .map(|(_, new, word)| if *new { format!("now {word}") } else { format!("no longer {word}") }),
    );
    let keywords: BTreeSet<&String> = before.rules.keys().chain(after.rules.keys()).collect();
    for keyword in keywords {
        match (before.rules.get(keyword), after.rules.get(keyword)) {
            (Some(old), Some(new)) if old != new => parts.push(format!("{keyword} {old} -> {new}")),
            (Some(old), None) => parts.push(format!("no longer {keyword} {old}")),
            (None, Some(new)) => parts.push(format!("now {keyword} {new}")),
            _ => {}
        }
    }
    parts.join(", ")
}

fn concerns(policies: &BTreeSet<Arc<str>>, overlays: &BTreeSet<usize>) -> String {
    let overlays = overlays.iter().map(|line| format!("overlay line {line}"));
    let all: Vec<String> = policies.iter().map(|policy| format!("policy {policy}")).chain(overlays).collect();
    if all.is_empty() { String::new() } else { format!("<- {}", all.join(", ")) }
}

fn policies(text: &mut String, affected: &Affected) {
    if affected.is_empty() {
        text.push_str("no policy is affected\n");
        return;
    }
    text.push_str("policies affected\n");
    let rows = affected.iter().flat_map(|(policy, operations)| {
        operations.iter().enumerate().map(move |(position, (operation, fields))| {
            let policy = if position == 0 { policy.to_string() } else { String::new() };
            let fields = fields.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            vec![policy, operation.to_string(), fields]
        })
    });
    text.push_str(&columns("  ", &rows.collect::<Vec<_>>()));
}

/// The field for people: a bare name at the top, a JSON Pointer below.
pub(super) fn shown(pointer: &str) -> String {
    match pointer.strip_prefix('/') {
        None => "the body".to_owned(),
        Some(name) if !name.contains('/') => name.to_owned(),
        Some(_) => pointer.to_owned(),
    }
}
