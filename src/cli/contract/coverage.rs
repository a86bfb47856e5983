//! `portcullis contract coverage`: what of the contract no policy governs.

use super::diff::shown;
use super::version::{Version, broken, known};
use crate::cli::args::ConfigArgs;
use crate::cli::columns::{columns, wrapped};
use crate::cli::{Exit, Failure, console, load};
use crate::config::overrides::Overrides;
use crate::contract::coverage::{ContractCoverage, CoveredField, CoveredOperation, coverage as covered};
use clap::Args;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write;

#[derive(Debug, Args)]
pub(in crate::cli) struct CoverageArgs {
    /// An API version, in place of the default one
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

pub(super) fn coverage(args: &CoverageArgs) -> Result<Exit, Failure> {
    let gateway = load::configuration(&args.config, &Overrides::default())?;
    let bundle = load::bundle(&gateway)?;
    let version = known(&bundle.contract, args.version.as_deref())?;
    let readers = |id: &str, field: Option<&str>| bundle.policies.readers(id, field);
    let coverage = covered(&version.operations, &readers).map_err(|error| broken(&error))?;
    if args.json {
        let told = json!({ "version": version.name, "operations": coverage.operations, "fields": coverage.fields });
        console::say(&format!("{told:#}"))?;
    } else {
        console::say(told(&version, &coverage).trim_end())?;
    }
    Ok(Exit::Fine)
}

fn told(version: &Version, coverage: &ContractCoverage) -> String {
    let (governed, open): (Vec<_>, Vec<_>) =
        coverage.operations.iter().partition(|operation| !operation.policies.is_empty());
    let open_fields: Vec<_> = coverage.fields.iter().filter(|field| field.policies.is_empty()).collect();
    let (all, all_fields) = (coverage.operations.len(), coverage.fields.len());
    let mut text = format!("{}: policies name {} of {all} write operations", version.name, governed.len());
    let _ = writeln!(text, " and read {} of {all_fields} risky fields", all_fields - open_fields.len());
    let of_governed = |field: &&&CoveredField| governed.iter().any(|governed| governed.operation == field.operation);
    let near: Vec<_> = open_fields.iter().filter(of_governed).copied().collect();
    let far: Vec<_> = open_fields.iter().filter(|field| !of_governed(field)).copied().collect();
    fields(&mut text, "risky fields that no policy reads, of operations that policies name", &near);
    fields(&mut text, "risky fields of operations that no policy names", &far);
    operations(&mut text, &open);
    text
}

fn fields(text: &mut String, title: &str, fields: &[&CoveredField]) {
    if fields.is_empty() {
        return;
    }
    let mut by_risk: BTreeMap<_, BTreeMap<String, Vec<&str>>> = BTreeMap::new();
    for field in fields {
        let operations = by_risk.entry(field.risk).or_default().entry(shown(&field.field)).or_default();
        operations.push(&field.operation);
    }
    let _ = writeln!(text, "\n{title}");
    let width = fields.iter().map(|field| shown(&field.field).chars().count()).max().unwrap_or_default();
    for (risk, fields) in by_risk {
        let rows = fields.into_iter().map(|(field, operations)| {
            let indent = 2 + 13 + 2 + width + 2;
            vec![format!("{:<13}", risk.as_str()), format!("{field:<width$}"), wrapped(indent, operations.into_iter())]
        });
        let _ = writeln!(text, "{}", columns("  ", &rows.collect::<Vec<_>>()));
    }
}

fn operations(text: &mut String, open: &[&CoveredOperation]) {
    if open.is_empty() {
        return;
    }
    let mut by_resource: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for operation in open {
        let resource = operation.path.split('/').nth(2).unwrap_or_default();
        by_resource.entry(resource).or_default().push(&operation.operation);
    }
    let _ = writeln!(text, "\nwrite operations that no policy names");
    let width = by_resource.keys().map(|resource| resource.len()).max().unwrap_or_default();
    for (resource, ids) in by_resource {
        let _ = writeln!(text, "  {resource:<width$}  {}", wrapped(width + 4, ids.into_iter()));
    }
}
