//! `portcullis contract coverage`: the operations and fields of the contract that no policy governs, and the risky operations.

use super::field_name::field_name;
use super::version::{Version, find_version, schema_error};
use crate::app;
use crate::cli::config_args::ConfigArgs;
use crate::cli::console;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::page::Page;
use crate::contract::coverage::{ContractCoverage, CoveredField, CoveredOperation, coverage as find_coverage};
use crate::contract::operation_risk::{RiskyOperation, risky_operations};
use clap::Args;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write;

#[derive(Debug, Args)]
pub(in crate::cli) struct CoverageArgs {
    /// An API version, in place of the default one
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

pub(super) fn coverage(args: &CoverageArgs, config: &ConfigArgs) -> Result<Exit, CommandError> {
    let configuration = config.load()?;
    let bundle = app::load_bundle(&configuration)?;
    let version = find_version(&bundle.contract, args.version.as_deref())?;
    let readers = |id: &str, field: Option<&str>| bundle.policies.readers(id, field);
    let covering = |id: &str| {
        let limits = bundle.policies.limits_of_operation(id).iter().map(|limit| limit.name.clone());
        (bundle.policies.readers(id, None), limits.collect())
    };
    let risky = risky_operations(&version.operations, bundle.contract.risks(), &covering);
    let coverage = find_coverage(&version.operations, &readers).map_err(|error| schema_error(&error))?;
    if args.json {
        let (operations, fields) = (coverage.operations, coverage.fields);
        let json = json!({ "version": version.name, "risky": risky, "operations": operations, "fields": fields });
        console::print(&format!("{json:#}"))?;
    } else {
        console::print(&text(&version, &coverage, &risky))?;
    }
    Ok(Exit::Ok)
}

fn text(version: &Version, coverage: &ContractCoverage, risky: &[RiskyOperation]) -> String {
    let (governed, open): (Vec<_>, Vec<_>) =
        coverage.operations.iter().partition(|operation| !operation.policies.is_empty());
    let open_fields: Vec<_> = coverage.fields.iter().filter(|field| field.policies.is_empty()).collect();
    let (all, all_fields) = (coverage.operations.len(), coverage.fields.len());
    let mut page = Page::new(console::width());
    let governed_fields = all_fields - open_fields.len();
    let operations_text = format!("{}: policies name {} of {all} write operations", version.name, governed.len());
    page.paragraph(0, 2, &format!("{operations_text} and read {governed_fields} of {all_fields} risky fields"));
    let covered = risky.iter().filter(|operation| !operation.is_open()).count();
    page.paragraph(0, 2, &format!("policies or limits are for {covered} of {} risky operations", risky.len()));
    let (open_risks, covered_risks): (Vec<_>, Vec<_>) = risky.iter().partition(|operation| operation.is_open());
    risks(&mut page, "risky operations that no policy and no limit is for", &open_risks);
    let of_governed = |field: &&&CoveredField| governed.iter().any(|governed| governed.operation == field.operation);
    // apart from the others: for these a rule in an existing policy is enough
    let near: Vec<_> = open_fields.iter().filter(of_governed).copied().collect();
    let far: Vec<_> = open_fields.iter().filter(|field| !of_governed(field)).copied().collect();
    fields(&mut page, "risky fields that no policy reads, of operations that policies name", &near);
    fields(&mut page, "risky fields of operations that no policy names", &far);
    operations(&mut page, &open);
    risks(&mut page, "risky operations, and what is for them", &covered_risks);
    page.into_text()
}

/// A row for each operation: what it can do, and the policies and limits for it.
fn risks(page: &mut Page, title: &str, risky: &[&RiskyOperation]) {
    if risky.is_empty() {
        return;
    }
    let _ = writeln!(page, "\n{title}");
    let rows = risky.iter().map(|operation| {
        let reasons = comma(operation.risks.iter().map(|risk| risk.as_str()));
        let rules = comma(operation.policies.iter().chain(&operation.limits).map(AsRef::as_ref));
        vec![operation.operation.to_string(), reasons, rules]
    });
    page.table(2, &rows.collect::<Vec<_>>());
}

fn comma<'w>(words: impl Iterator<Item = &'w str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

fn fields(page: &mut Page, title: &str, fields: &[&CoveredField]) {
    if fields.is_empty() {
        return;
    }
    // one row a field, however many operations have it
    let mut by_risk: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for field in fields {
        by_risk.entry((field.risk, field_name(&field.field))).or_default().push(&field.operation);
    }
    let _ = writeln!(page, "\n{title}");
    let rows = by_risk
        .into_iter()
        .map(|((risk, field), operations)| vec![risk.as_str().to_owned(), field, operations.join(", ")]);
    page.table(2, &rows.collect::<Vec<_>>());
}

fn operations(page: &mut Page, open: &[&CoveredOperation]) {
    if open.is_empty() {
        return;
    }
    let mut by_resource: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for operation in open {
        // `/v1/RESOURCE/...`: the segment after the version
        let resource = operation.path.split('/').nth(2).unwrap_or_default();
        by_resource.entry(resource).or_default().push(&operation.operation);
    }
    let _ = writeln!(page, "\nwrite operations that no policy names");
    let rows = by_resource.into_iter().map(|(resource, ids)| vec![resource.to_owned(), ids.join(", ")]);
    page.table(2, &rows.collect::<Vec<_>>());
}
