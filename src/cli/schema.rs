//! `portcullis schema`: print the JSON Schema of a kind of file.

use super::console;
use super::exit::{CommandError, Exit};
use crate::{config, contract, policy, policy_test};
use clap::{Args, ValueEnum};
use serde_json::Value;

#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// The kind of file
    kind: SchemaKind,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum SchemaKind {
    /// The configuration file
    Gateway,
    /// A policy file
    Policy,
    /// A limit in a policy file: how many requests are allowed in a period
    RequestLimit,
    /// An exception to a policy, until a day
    Waiver,
    /// Values that several policies share
    Params,
    /// The tests of policies: NAME.test.yaml beside NAME.yaml
    PolicyTest,
    /// Corrections of the vendor's specs: overlay.yaml beside contract files
    ContractOverlay,
}

pub(super) fn schema(args: &SchemaArgs) -> Result<Exit, CommandError> {
    console::print(&format!("{:#}", schema_of(args.kind)))?;
    Ok(Exit::Ok)
}

pub(super) fn schema_of(kind: SchemaKind) -> Value {
    match kind {
        SchemaKind::Gateway => config::schema(),
        SchemaKind::Policy => policy::policy_schema(),
        SchemaKind::RequestLimit => policy::limit_schema(),
        SchemaKind::Waiver => policy::waiver_schema(),
        SchemaKind::Params => policy::params_schema(),
        SchemaKind::PolicyTest => policy_test::schema(),
        SchemaKind::ContractOverlay => contract::overlay::schema(),
    }
}
