//! A refusal that a running gateway still has: what a decision log would have, with the texts of the violations.

use super::args::ExplainArgs;
use super::explanation::Explanation;
use super::log_entry::{EntrySource, explain_line, require_id};
use crate::cli::admin_client::{AdminError, AdminListener};
use crate::cli::exit::CommandError;
use crate::config::gateway::Gateway;
use crate::judge::Bundle;
use serde::Deserialize;

/// Longest line that is read, in bytes; a gateway keeps none of this length.
const LONGEST: usize = 1 << 20;

/// The texts of the violations, in their order. Other keys of the line are those of a decision log.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ViolationTexts {
    details: Vec<ViolationText>,
}

/// The texts of one violation.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ViolationText {
    message: Option<String>,
    hint: Option<String>,
    owner: Option<String>,
}

/// What the gateway that `args` or else `gateway` names knows of the refusal called `id`.
pub(super) fn explain(
    id: &str,
    args: &ExplainArgs,
    gateway: &Gateway,
    bundle: &Bundle,
) -> Result<Explanation, CommandError> {
    // it goes into the path of a request
    require_id(id)?;
    let line = fetch(id, &listener(args, gateway)?)?;
    let mut explanation = explain_line(&line, bundle, EntrySource::Gateway)?;
    // an older or newer gateway may have other details; the entry alone is an explanation, too
    let texts = serde_json::from_str::<ViolationTexts>(&line).unwrap_or_default();
    for (found, text) in explanation.findings.iter_mut().zip(texts.details) {
        if let Some(message) = text.message {
            found.message = message;
        }
        found.hint = text.hint.or_else(|| found.hint.take());
        found.owner = text.owner.or_else(|| found.owner.take());
    }
    Ok(explanation)
}

/// The admin listener that is asked.
fn listener(args: &ExplainArgs, gateway: &Gateway) -> Result<AdminListener, CommandError> {
    let usage = |error: AdminError| CommandError::Usage(error.to_string());
    let elsewhere = "`--admin URL` names that of the gateway, and `--log FILE` reads a decision log";
    match (&args.admin, gateway.admin) {
        (Some(url), _) => AdminListener::parse(url).map_err(usage),
        (None, Some(address)) if address.port() != 0 => AdminListener::at(address).map_err(usage),
        (None, Some(_)) => Err(CommandError::Usage(format!(
            "`admin.listen` takes any free port, which only the gateway knows; {elsewhere}"
        ))),
        (None, None) => Err(CommandError::Usage(format!("`admin.listen` is off in the configuration; {elsewhere}"))),
    }
}

/// The line of the refusal.
fn fetch(id: &str, listener: &AdminListener) -> Result<String, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let target = format!("/decisions/{id}");
    let asked = listener.get_text(&target, LONGEST);
    runtime.map_err(CommandError::failure)?.block_on(asked).map_err(|error| match error {
        // without a text it is no gateway of this kind, or one of an older version
        AdminError::Refused { at, status: 404, why } if why.is_empty() => {
            CommandError::Failed(format!("{at} keeps no refusals; `--log FILE` finds the decision in a decision log"))
        }
        AdminError::Refused { status: 404, why, .. } => {
            CommandError::Usage(format!("{why}; `--log FILE` finds the decision there"))
        }
        AdminError::Unreachable { .. } => {
            CommandError::Failed(format!("{error}, and `--log FILE` finds the decision in a decision log"))
        }
        other => CommandError::Failed(other.to_string()),
    })
}
