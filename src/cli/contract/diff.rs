//! `portcullis contract diff`: what changed between two versions, and which policies and overlays it affects.

use super::field_name::field_name;
use super::version::{Version, schema_error, version_or_file};
use crate::app;
use crate::cli::config_args::ConfigArgs;
use crate::cli::console;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::page::Page;
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
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

pub(super) fn diff(args: &DiffArgs, config: &ConfigArgs) -> Result<Exit, CommandError> {
    let configuration = config.load()?;
    let bundle = app::load_bundle(&configuration)?;
    let old = version_or_file(&configuration.gateway, &bundle.contract, &args.old)?;
    let new = version_or_file(&configuration.gateway, &bundle.contract, &args.new)?;
    let readers = |id: &str, field: Option<&str>| bundle.policies.readers(id, field);
    let changes = compare(&old.operations, &new.operations, &readers).map_err(|error| schema_error(&error))?;
    let affected = affected_policies(&changes);
    if args.json {
        let affected: Vec<_> = affected.keys().collect();
        let json = json!({ "old": old.name, "new": new.name, "operations": changes, "affected_policies": affected });
        console::print(&format!("{json:#}"))?;
    } else {
        console::print(&text(&old, &new, &changes, &affected))?;
    }
    // not 0: a pipeline must stop for a review before it updates the contract
    Ok(if affected.is_empty() { Exit::Ok } else { Exit::Refused })
}

/// The operations that affect a policy by changing, each with the fields that do; by the name of the policy.
type Affected = BTreeMap<Arc<str>, BTreeMap<Arc<str>, BTreeSet<String>>>;

fn affected_policies(changes: &[OperationChange]) -> Affected {
    let mut affected = Affected::new();
    for change in changes {
        let mut add = |policy: &Arc<str>, field: Option<&str>| {
            let fields = affected.entry(policy.clone()).or_default().entry(change.operation.clone()).or_default();
            fields.extend(field.map(str::to_owned));
        };
        // no field: the operation itself came, went or moved
        change.policies.iter().for_each(|policy| add(policy, None));
        for field in &change.fields {
            field.policies.iter().for_each(|policy| add(policy, Some(&field_name(&field.field))));
        }
    }
    affected
}

fn text(old: &Version, new: &Version, changes: &[OperationChange], affected: &Affected) -> String {
    let mut page = Page::new(console::width());
    let of = |wanted: ChangeKind| changes.iter().filter(move |change| change.change == wanted);
    let _ = write!(page, "{} -> {}: ", old.name, new.name);
    let counts = [(ChangeKind::Added, "added"), (ChangeKind::Removed, "removed"), (ChangeKind::Changed, "changed")];
    let counts = counts.map(|(change, word)| format!("{} {word}", of(change).count()));
    let _ = writeln!(page, "operations: {}", counts.join(", "));
    for (change, mark, title) in [(ChangeKind::Added, "+", "added"), (ChangeKind::Removed, "-", "removed")] {
        let rows = of(change).map(|it| {
            let id = format!("{mark} {}", it.operation);
            vec![id, it.route.clone(), affects(&it.policies, &it.overlays)]
        });
        let rows: Vec<_> = rows.collect();
        if !rows.is_empty() {
            let _ = writeln!(page, "\noperations {title}");
            page.table(2, &rows);
        }
    }
    for change in of(ChangeKind::Changed) {
        let _ = writeln!(page, "\n{}  {}", change.operation, change.route);
        let moved = change
            .route_before
            .iter()
            .map(|before| vec![format!("~ was {before}"), String::new(), affects(&change.policies, &change.overlays)]);
        let rows: Vec<_> = moved.chain(change.fields.iter().map(row)).collect();
        page.table(2, &rows);
    }
    let _ = writeln!(page);
    policies(&mut page, affected);
    page.into_text()
}

/// The row of a field: its mark and name, its change, and what the change affects.
fn row(change: &FieldChange) -> Vec<String> {
    let (mark, change_text) = match (&change.before, &change.after) {
        (Some(before), Some(after)) => ("~", differences(before, after)),
        (Some(removed), None) => ("-", removed.to_string()),
        (None, Some(added)) => ("+", added.to_string()),
        (None, None) => ("", String::new()),
    };
    vec![format!("{mark} {}", field_name(&change.field)), change_text, affects(&change.policies, &change.overlays)]
}

pub(super) fn differences(before: &FieldShape, after: &FieldShape) -> String {
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
    // a schema also has parts that no field shows
    if parts.is_empty() { "in a part that is not listed".to_owned() } else { parts.join(", ") }
}

pub(super) fn affects(policies: &BTreeSet<Arc<str>>, overlays: &BTreeSet<usize>) -> String {
    let overlays = overlays.iter().map(|line| format!("overlay line {line}"));
    let all: Vec<String> = policies.iter().map(|policy| format!("policy {policy}")).chain(overlays).collect();
    if all.is_empty() { String::new() } else { format!("<- {}", all.join(", ")) }
}

fn policies(page: &mut Page, affected: &Affected) {
    if affected.is_empty() {
        let _ = writeln!(page, "no policy is affected");
        return;
    }
    let _ = writeln!(page, "policies affected");
    let rows = affected.iter().flat_map(|(policy, operations)| {
        operations.iter().enumerate().map(move |(position, (operation, fields))| {
            let policy = if position == 0 { policy.to_string() } else { String::new() };
            let fields = fields.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            vec![policy, operation.to_string(), fields]
        })
    });
    page.table(2, &rows.collect::<Vec<_>>());
}
