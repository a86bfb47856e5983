//! `portcullis contract add`: an operation that no spec has, as an entry of the overlay.

use crate::app::load_contract_texts;
use crate::cli::config_args::ConfigArgs;
use crate::cli::console;
use crate::cli::exit::{CommandError, Exit};
use crate::contract::overlay::NewOperation;
use crate::contract::{Contract, ContractError, ContractText};
use crate::diagnostic::Diagnostic;
use clap::Args;
use std::fs;

#[derive(Debug, Args)]
pub(in crate::cli) struct AddArgs {
    /// The HTTP method, such as `POST`
    #[arg(value_name = "METHOD")]
    method: String,
    /// The path, with parameters in braces, such as `/v1/email/{email_id}`
    #[arg(value_name = "PATH")]
    path: String,
    /// Why it is added, for reviewers: what was read, measured or sent
    #[arg(long, value_name = "TEXT")]
    evidence: String,
    /// The operation id, by which policies name it; made of method and path by default
    #[arg(long, value_name = "ID")]
    id: Option<String>,
}

pub(super) fn add(args: &AddArgs, config: &ConfigArgs) -> Result<Exit, CommandError> {
    let gateway = config.load()?.gateway;
    let Some(folder) = &gateway.contract.folder else {
        let fix = "copy policies/contract/clerk, set `contract.folder` to the copy, and run this again";
        return Err(CommandError::Usage(format!("the built-in contract cannot be changed; {fix}")));
    };
    let new = NewOperation { id: args.id.as_deref(), method: &args.method, path: &args.path, evidence: &args.evidence };
    let mut texts = load_contract_texts(&gateway)?;
    let overlay = texts.overlay.take();
    let file = overlay.as_ref().map_or_else(|| folder.join("overlay.yaml"), |overlay| overlay.file.clone());
    let text = new.added_to(overlay.as_ref().map(|overlay| overlay.text.as_ref()).unwrap_or_default());
    let text = text.map_err(|error| CommandError::Invalid(vec![Diagnostic::of_file(&file, error.to_string())]))?;
    // with the new entry, before anything is written: a broken overlay would stop the next start
    texts.overlay = Some(ContractText { file: file.clone(), text: text.clone().into() });
    Contract::load(&texts, &gateway.contract.default_api_version).map_err(|error| match error {
        ContractError::Files(errors) => CommandError::Invalid(errors),
        ContractError::Default { .. } => CommandError::failure(error),
    })?;
    fs::write(&file, text)
        .map_err(|error| CommandError::Failed(format!("{}: cannot be written: {error}", file.display())))?;
    console::print(&format!("{}: `{}` added; `portcullis check` and a reload follow", file.display(), new.id()))?;
    Ok(Exit::Ok)
}
