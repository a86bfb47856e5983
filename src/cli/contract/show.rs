//! `portcullis contract show`: what the contract says of one operation, overlays included.

use super::diff::shown;
use super::version::{broken, known};
use crate::cli::args::ConfigArgs;
use crate::cli::columns::{columns, wrapped};
use crate::cli::{Exit, Failure, console, load};
use crate::config::overrides::Overrides;
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
    #[command(flatten)]
    config: ConfigArgs,
    /// The JSON Schema itself
    #[arg(long)]
    json: bool,
}

pub(super) fn show(args: &ShowArgs) -> Result<Exit, Failure> {
    let gateway = load::configuration(&args.config, &Overrides::default())?;
    let bundle = load::bundle(&gateway)?;
    let version = known(&bundle.contract, args.version.as_deref())?;
    let ids = || version.operations.iter().map(|operation| operation.id.as_ref());
    let Some(operation) = version.operations.iter().find(|operation| operation.id.as_ref() == args.operation) else {
        let named = args.operation.escape_debug();
        let meant = nearest(&args.operation, ids()).map(|meant| format!("; did you mean `{meant}`?"));
        let unknown = format!("`{named}` is no operation of {}{}", version.name, meant.unwrap_or_default());
        return Err(Failure::Usage(unknown));
    };
    let effective = operation.body.as_ref().map(BodySchema::effective).transpose();
    let effective = effective.map_err(|error| broken(&error))?;
    let text = match (&effective, args.json) {
        (Some(effective), true) => format!("{:#}", effective.schema),
        (None, true) => "null".to_owned(),
        (_, false) => told(&bundle, operation, effective.as_ref()),
    };
    console::say(text.trim_end())?;
    Ok(Exit::Fine)
}

fn told(bundle: &Bundle, operation: &Operation, effective: Option<&Effective>) -> String {
    let mut text = format!("{}  {} {}  ({})\n", operation.id, operation.method, operation.path, operation.api_version);
    let _ = writeln!(text, "  validated    {}", validated(bundle, operation));
    let policies = bundle.policies.readers(&operation.id, None);
    let policies =
        if policies.is_empty() { "none".to_owned() } else { wrapped(15, policies.iter().map(AsRef::as_ref)) };
    let _ = writeln!(text, "  policies     {policies}");
    let Some(effective) = effective else {
        text.push_str("  body         none in JSON\n");
        return text;
    };
    let rows = shapes(&effective.schema)
        .into_iter()
        .filter(|(pointer, shape)| !pointer.is_empty() || shape.types() != "object");
    let rows = rows.map(|(pointer, shape)| {
        let marks = shape.secret.then(|| "secret".to_owned()).into_iter();
        let overlays = effective.overlays.iter().filter(|applied| changes(applied, &pointer));
        let marks = marks.chain(overlays.map(|applied| format!("overlay line {}", applied.overlay.line)));
        let bounds = shape.bounds();
        let bounds = if bounds.is_empty() { "-".to_owned() } else { bounds };
        vec![shown(&pointer), shape.types(), bounds, marks.collect::<Vec<_>>().join(", ")]
    });
    let head = ["field", "type", "bounds", "marks"].map(str::to_owned).to_vec();
    let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
    let _ = writeln!(text, "\n{}", columns("  ", &rows));
    overlays(&mut text, &effective.overlays);
    text
}

fn validated(bundle: &Bundle, operation: &Operation) -> String {
    match bundle.inspection(operation) {
        None => "no: requests pass as they come".to_owned(),
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
    names.any(|name| if name.starts_with('/') { name == pointer } else { pointer.rsplit('/').next() == Some(name) })
}

fn overlays(text: &mut String, overlays: &[Applied]) {
    for applied in overlays {
        let names = applied.fields.iter().filter_map(|position| applied.overlay.fields.get(*position));
        let names: Vec<String> = names.map(|name| shown_name(name)).collect();
        let _ =
            writeln!(text, "\noverlay line {}: {}: {}", applied.overlay.line, names.join(", "), applied.overlay.change);
        let _ = writeln!(text, "  {}", words(applied.overlay.evidence.trim()));
    }
}

fn shown_name(name: &str) -> String {
    if name.starts_with('/') { shown(name) } else { name.to_owned() }
}

/// A text of several sentences, broken at word ends.
fn words(text: &str) -> String {
    let (mut out, mut column) = (String::new(), 2);
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if out.is_empty() {
            column += length;
        } else if column + 1 + length > 100 {
            out.push_str("\n  ");
            column = 2 + length;
        } else {
            out.push(' ');
            column += 1 + length;
        }
        out.push_str(word);
    }
    out
}
