//! `portcullis contract show`: the contract of one operation, with its overlays.

use super::field_name::field_name;
use super::version::{find_version, schema_error};
use crate::app;
use crate::cli::config_args::ConfigArgs;
use crate::cli::console;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::page::Page;
use crate::contract::shape::shapes;
use crate::contract::strictness::Mode;
use crate::contract::{Applied, BodySchema, Effective, Operation};
use crate::judge::Bundle;
use crate::suggest::nearest;
use clap::Args;
use std::fmt::Write;

#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArgs {
    /// An operation id, such as `UpdateUser`
    #[arg(value_name = "OPERATION")]
    operation: String,
    /// An API version, in place of the default one
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// The JSON Schema itself
    #[arg(long)]
    json: bool,
}

pub(super) fn show(args: &ShowArgs, config: &ConfigArgs) -> Result<Exit, CommandError> {
    let configuration = config.load()?;
    let bundle = app::load_bundle(&configuration)?;
    let mut version = find_version(&bundle.contract, args.version.as_deref())?;
    if args.version.is_none() && version.operations.iter().all(|operation| *operation.id != *args.operation) {
        // the ids of other families are theirs alone
        let families = bundle.contract.families().iter().map(|family| bundle.contract.operations_of(family));
        version.operations.extend(families.flatten());
    }
    let ids = || version.operations.iter().map(|operation| operation.id.as_ref());
    let Some(operation) = version.operations.iter().find(|operation| operation.id.as_ref() == args.operation) else {
        // an argument may hold control characters, which must not reach the terminal
        let named = args.operation.escape_debug();
        let meant = nearest(&args.operation, ids()).map(|meant| format!("; did you mean `{meant}`?"));
        let unknown = format!("`{named}` is not an operation of {}{}", version.name, meant.unwrap_or_default());
        return Err(CommandError::Usage(unknown));
    };
    let effective = operation.body.as_ref().map(BodySchema::effective).transpose();
    let effective = effective.map_err(|error| schema_error(&error))?;
    let text = match (&effective, args.json) {
        (Some(effective), true) => format!("{:#}", effective.schema),
        // valid JSON: a script need not know beforehand which operations have a body
        (None, true) => "null".to_owned(),
        (_, false) => text(&bundle, operation, effective.as_ref()),
    };
    console::print(&text)?;
    Ok(Exit::Ok)
}

fn text(bundle: &Bundle, operation: &Operation, effective: Option<&Effective>) -> String {
    let mut page = Page::new(console::width());
    let Operation { id, method, path, api_version, .. } = operation;
    let _ = writeln!(page, "{id}  {method} {path}  ({api_version})");
    let _ = writeln!(page, "  validated    {}", validation(bundle, operation));
    let policies = bundle.policies.readers(&operation.id, None);
    let policies =
        if policies.is_empty() { "none".to_owned() } else { page.list(15, policies.iter().map(AsRef::as_ref)) };
    let _ = writeln!(page, "  policies     {policies}");
    let Some(effective) = effective else {
        let _ = writeln!(page, "  body         none in JSON");
        return page.into_text();
    };
    let rows = shapes(&effective.schema)
        .into_iter()
        // almost every body is an object, so that only another type is worth a row
        .filter(|(pointer, shape)| !pointer.is_empty() || shape.types() != "object");
    let rows = rows.map(|(pointer, shape)| {
        let marks = shape.secret.then(|| "secret".to_owned()).into_iter();
        let overlays = effective.overlays.iter().filter(|applied| changes(applied, &pointer));
        let marks = marks.chain(overlays.map(|applied| format!("overlay line {}", applied.overlay.line)));
        let bounds = shape.bounds();
        let bounds = if bounds.is_empty() { "-".to_owned() } else { bounds };
        vec![field_name(&pointer), shape.types(), bounds, marks.collect::<Vec<_>>().join(", ")]
    });
    let head = ["field", "type", "bounds", "marks"].map(str::to_owned).to_vec();
    let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
    let _ = writeln!(page);
    page.table(2, &rows);
    overlays(&mut page, &effective.overlays);
    page.into_text()
}

fn validation(bundle: &Bundle, operation: &Operation) -> String {
    match bundle.inspection(operation) {
        None => "no: bodies are not validated".to_owned(),
        Some(inspection) => {
            let mode = match inspection.mode {
                Mode::Enforce => "enforce",
                Mode::Audit => "audit",
            };
            format!("{mode}, unknown fields: {}", format!("{:?}", inspection.unknown_fields).to_lowercase())
        }
    }
}

/// Whether the overlay changed just this field.
fn changes(applied: &Applied, pointer: &str) -> bool {
    let mut names = applied.fields.iter().filter_map(|position| applied.overlay.fields.get(*position));
    // an overlay names a field by its pointer, or by its bare name at any depth
    names.any(|name| if name.starts_with('/') { name == pointer } else { pointer.rsplit('/').next() == Some(name) })
}

fn overlays(page: &mut Page, overlays: &[Applied]) {
    for applied in overlays {
        let names = applied.fields.iter().filter_map(|position| applied.overlay.fields.get(*position));
        let names: Vec<String> = names.map(|name| overlay_name(name)).collect();
        let (line, change) = (applied.overlay.line, &applied.overlay.change);
        let _ = writeln!(page);
        page.paragraph(0, 2, &format!("overlay line {line}: {}: {change}", names.join(", ")));
        // without the line breaks that the YAML file has at its own width
        page.paragraph(2, 2, &applied.overlay.evidence.split_whitespace().collect::<Vec<_>>().join(" "));
    }
}

fn overlay_name(name: &str) -> String {
    if name.starts_with('/') { field_name(name) } else { name.to_owned() }
}
