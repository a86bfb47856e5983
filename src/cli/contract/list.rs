//! `portcullis contract list`: the operations of the contract in force.

use super::version::find_version;
use crate::app;
use crate::cli::config_args::ConfigArgs;
use crate::cli::console;
use crate::cli::exit::{CommandError, Exit};
use crate::cli::page::Page;
use crate::contract::Operation;
use crate::contract::glob::matches;
use crate::contract::strictness::Mode;
use crate::judge::Bundle;
use crate::suggest::nearest;
use clap::Args;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    /// Operation ids, such as `*User*`; `*` stands for any letters. All, if there are none
    #[arg(value_name = "OPERATION")]
    operations: Vec<String>,
    /// An API version, in place of the default one and of the other families
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

pub(super) fn list(args: &ListArgs, config: &ConfigArgs) -> Result<Exit, CommandError> {
    let configuration = config.load()?;
    let bundle = app::load_bundle(&configuration)?;
    let version = find_version(&bundle.contract, args.version.as_deref())?;
    let mut operations = version.operations;
    if args.version.is_none() {
        let families = bundle.contract.families().iter().map(|family| bundle.contract.operations_of(family));
        operations.extend(families.flatten());
    }
    let known = || operations.iter().map(|operation| operation.id.as_ref());
    if let Some(glob) = args.operations.iter().find(|glob| !known().any(|id| matches(glob, id))) {
        // an argument may hold control characters, which must not reach the terminal
        let named = glob.escape_debug();
        let meant = nearest(glob, known()).map(|meant| format!("; did you mean `{meant}`?"));
        let unknown = format!("`{named}` matches no operation of {}{}", version.name, meant.unwrap_or_default());
        return Err(CommandError::Usage(unknown));
    }
    let is_listed = |id: &str| args.operations.is_empty() || args.operations.iter().any(|glob| matches(glob, id));
    // by id, as policies name them; an operation of two families is listed once
    let listed: BTreeMap<Arc<str>, Arc<Operation>> = operations
        .iter()
        .filter(|operation| is_listed(&operation.id))
        .map(|operation| (operation.id.clone(), operation.clone()))
        .collect();
    let rows: Vec<Row> = listed.values().map(|operation| Row::of(&bundle, operation)).collect();
    if args.json {
        let operations: Vec<Value> = rows.iter().map(Row::to_json).collect();
        console::print(&format!("{:#}", json!({ "version": version.name, "operations": operations })))?;
    } else {
        console::print(&text(&rows))?;
    }
    Ok(Exit::Ok)
}

/// One operation.
struct Row {
    operation: Arc<Operation>,
    /// `enforce` or `audit`; `None` if requests to it are not inspected.
    inspected: Option<&'static str>,
    policies: usize,
    limits: usize,
}

impl Row {
    fn of(bundle: &Bundle, operation: &Arc<Operation>) -> Self {
        let inspected = bundle.inspection(operation).map(|inspection| match inspection.mode {
            Mode::Enforce => "enforce",
            Mode::Audit => "audit",
        });
        let policies = bundle.policies.of_operation(&operation.id).len();
        let limits = bundle.policies.limits_of_operation(&operation.id).len();
        Self { operation: operation.clone(), inspected, policies, limits }
    }

    fn to_json(&self) -> Value {
        let Operation { id, method, path, .. } = &*self.operation;
        json!({
            "operation": id, "method": method, "path": path, "inspected": self.inspected,
            "policies": self.policies, "limits": self.limits,
        })
    }

    fn cells(&self) -> Vec<String> {
        let Operation { id, method, path, .. } = &*self.operation;
        let inspected = self.inspected.unwrap_or("no").to_owned();
        vec![
            id.to_string(),
            method.to_string(),
            inspected,
            self.policies.to_string(),
            self.limits.to_string(),
            path.to_string(),
        ]
    }
}

fn text(rows: &[Row]) -> String {
    let mut page = Page::new(console::width());
    let head = ["operation", "method", "inspected", "policies", "limits", "path"].map(str::to_owned).to_vec();
    page.table(0, &std::iter::once(head).chain(rows.iter().map(Row::cells)).collect::<Vec<_>>());
    let inspected = rows.iter().filter(|row| row.inspected.is_some()).count();
    let _ = writeln!(page, "\n{} operations, {inspected} inspected", rows.len());
    page.into_text()
}
