//! `portcullis contract check`: whether specs differ from the contract in force, and what follows.

use super::diff::differences;
use super::field_name::field_name;
use super::version::schema_error;
use crate::app;
use crate::cli::config_args::ConfigArgs;
use crate::cli::console;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::page::Page;
use crate::contract::drift::{Drift, DriftClass, drifts};
use crate::contract::import::{Imported, import};
use crate::contract::{Contract, ContractError, ContractText};
use crate::diagnostic::Diagnostic;
use crate::judge::Bundle;
use clap::Args;
use serde_json::{Value, json};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The day of a spec that is not kept.
const NO_DAY: &str = "1970-01-01";

#[derive(Debug, Args)]
pub(in crate::cli) struct SpecCheckArgs {
    /// OpenAPI 3.0 or 3.1 specs, in YAML or JSON
    #[arg(value_name = "OPENAPI", required = true)]
    specs: Vec<PathBuf>,
    /// The path that the paths of the specs are below, if it is not the `/v1` of their server
    #[arg(long, value_name = "PATH")]
    base: Option<String>,
    /// The specs are of another API on the same host, such as `platform`
    #[arg(long, value_name = "NAME")]
    family: Option<String>,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

/// A spec, compared with the contract in force.
struct SpecComparison<'a> {
    file: &'a Path,
    version: Box<str>,
    sha256: String,
    /// The version that it was compared with; `None` if the contract has none of its family.
    with: Option<Arc<str>>,
    /// Whether that version was made from the same bytes.
    is_same: bool,
    drifts: Vec<Drift>,
}

impl SpecComparison<'_> {
    fn matters(&self) -> bool {
        self.drifts.iter().any(|drift| drift.class != DriftClass::Harmless)
    }

    const fn result(&self, matters: bool) -> &'static str {
        match (self.is_same, matters) {
            (_, true) => "differs",
            (true, false) => "same",
            (false, false) => "harmless",
        }
    }
}

pub(super) fn check(args: &SpecCheckArgs, config: &ConfigArgs) -> Result<Exit, CommandError> {
    let configuration = config.load()?;
    let bundle = app::load_bundle(&configuration)?;
    // with the overlay in force, a spec is compared as it would be judged by
    let overlay = app::load_contract_texts(&configuration.gateway)?.overlay;
    let (mut comparisons, mut errors) = (Vec::new(), Vec::new());
    for spec in &args.specs {
        match read(spec, args).and_then(|imported| compare(spec, imported, &bundle, overlay.clone())) {
            Ok(comparison) => comparisons.push(comparison),
            Err(CommandError::Invalid(found)) => errors.extend(found),
            Err(other) => return Err(other),
        }
    }
    if !errors.is_empty() {
        return Err(CommandError::Invalid(errors));
    }
    let matters = comparisons.iter().any(SpecComparison::matters);
    if args.json {
        let specs: Vec<Value> = comparisons.iter().map(to_json).collect();
        console::print(&format!("{:#}", json!({ "differs": matters, "specs": specs })))?;
    } else {
        let pages: Vec<String> = comparisons.iter().map(text).collect();
        console::print(pages.join("\n").trim_end())?;
    }
    // not 0: a pipeline must stop for a review
    Ok(if matters { Exit::Refused } else { Exit::Ok })
}

fn read(spec: &Path, args: &SpecCheckArgs) -> Result<Imported, CommandError> {
    let text = fs::read_to_string(spec)
        .map_err(|error| CommandError::Invalid(vec![Diagnostic::of_file(spec, format!("cannot be read: {error}"))]))?;
    let base = args.base.as_deref().map(|base| base.trim_end_matches('/'));
    import((spec, &text), NO_DAY, base, args.family.as_deref()).map_err(CommandError::Invalid)
}

fn compare<'a>(
    file: &'a Path,
    imported: Imported,
    bundle: &Bundle,
    overlay: Option<ContractText>,
) -> Result<SpecComparison<'a>, CommandError> {
    let in_force = bundle.contract.counterpart(&imported.api_version);
    let old = in_force.as_ref().map(|source| bundle.contract.operations_of(&source.version)).unwrap_or_default();
    let text = ContractText { file: file.to_owned(), text: imported.text.into() };
    let spec = Contract::of_version(text, overlay).map_err(|error| match error {
        ContractError::Files(errors) => CommandError::Invalid(errors),
        ContractError::Default { .. } => CommandError::Invalid(vec![Diagnostic::of_file(file, error.to_string())]),
    })?;
    let new = spec.operations_of(&imported.api_version);
    let readers = |id: &str, field: Option<&str>| bundle.policies.readers(id, field);
    let drifts = drifts(&old, &new, &readers).map_err(|error| schema_error(&error))?;
    let known = in_force.as_ref().and_then(|source| source.spec.as_ref());
    Ok(SpecComparison {
        file,
        is_same: known.is_some_and(|known| *known.sha256 == *imported.sha256),
        version: imported.api_version,
        sha256: imported.sha256,
        with: in_force.map(|source| source.version),
        drifts,
    })
}

fn to_json(comparison: &SpecComparison<'_>) -> Value {
    json!({
        "file": comparison.file.display().to_string(),
        "version": comparison.version,
        "sha256": comparison.sha256,
        "compared_with": comparison.with,
        "result": comparison.result(comparison.matters()),
        "differences": comparison.drifts,
    })
}

fn text(comparison: &SpecComparison<'_>) -> String {
    let mut page = Page::new(console::width());
    let _ = write!(page, "{}: {}", comparison.file.display(), comparison.version);
    match &comparison.with {
        Some(with) if **with == *comparison.version => {}
        Some(with) => drop(write!(page, ", a version that the contract does not have, compared with {with}")),
        None => drop(write!(page, ", of an API that the contract does not have")),
    }
    let result = match comparison.result(comparison.matters()) {
        "same" => "the spec that the contract was made from",
        "harmless" => "differs in nothing that the gateway judges by",
        _ => "differs",
    };
    let _ = writeln!(page, ": {result}");
    for class in DriftClass::ALL {
        let rows: Vec<_> = comparison.drifts.iter().filter(|drift| drift.class == class).map(row).collect();
        if !rows.is_empty() {
            let _ = writeln!(page, "\n{}", class.as_str());
            page.table(2, &rows);
        }
    }
    page.into_text()
}

fn row(drift: &Drift) -> Vec<String> {
    let subject = match &drift.field {
        None => drift.route.clone(),
        Some(field) => field_name(field),
    };
    let detail = match (&drift.before, &drift.after) {
        _ if !drift.detail.is_empty() => drift.detail.clone(),
        (Some(before), Some(after)) => differences(before, after),
        (Some(shape), None) | (None, Some(shape)) => shape.to_string(),
        (None, None) => String::new(),
    };
    vec![drift.operation.to_string(), subject, detail, super::diff::affects(&drift.policies, &drift.overlays)]
}
